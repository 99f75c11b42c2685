"""EPUB -> plain Markdown: the chapters in reading order, each read by the HTML reader.

An EPUB is a zip of XHTML pages with a list of its parts. The libraries for it are under the AGPL (EbookLib) or only
give HTML. So this module itself reads the container, the package document (metadata and order of the pages) and the
table of contents.
"""

from __future__ import annotations

import posixpath
import zipfile
from urllib.parse import unquote
from xml.etree import ElementTree

from disc_lite.documents.archive import attribute, local_name, open_archive, read_part, read_xml
from disc_lite.documents.decoding import decode_page
from disc_lite.documents.html import markup_text
from disc_lite.documents.source import Converted, RefusedFile, Source

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = (".xhtml", ".html", ".htm", ".xml")


def epub_text(source: Source) -> Converted:
    """The text of a book under its title, each chapter under its own heading or its entry in the table of contents."""
    with open_archive(source.raw, ".epub") as archive:
        if _is_protected(archive):
            raise RefusedFile("protected by DRM; only an unprotected copy can be read")
        package = next(filter(None, (attribute(e, "full-path") for e in read_xml(archive, _CONTAINER).iter())), "")
        if not package:
            raise RefusedFile("not what its extension says: its container names no book")
        root = read_xml(archive, package)
        folder = posixpath.dirname(package)
        labels = _labels(archive, root, folder)
        parts = []
        for path in _spine(root, folder):
            source.on_step()
            text = markup_text(decode_page(read_part(archive, path)))
            if text and not text.startswith("#") and path in labels:
                text = f"# {labels[path]}\n\n{text}"
            parts += [text] if text else []
    title = next((" ".join(e.text.split()) for e in root.iter() if local_name(e.tag) == "title" and e.text), "")
    if not parts:
        raise RefusedFile("no text in its chapters (a book of pictures?); run OCR over it first")
    head = [f"# {title}"] if title and not parts[0].startswith(f"# {title}\n") else []
    return Converted("\n\n".join([*head, *parts]) + "\n", title=title)


def _is_protected(archive: zipfile.ZipFile) -> bool:
    # A book without DRM may have scrambled fonts, but no encrypted pages.
    if _ENCRYPTION not in archive.namelist():
        return False
    names = (attribute(e, "URI") for e in read_xml(archive, _ENCRYPTION).iter())
    return any(name.lower().endswith(_PAGES) for name in names)


def _spine(package: ElementTree.Element, folder: str) -> list[str]:
    """The paths of the pages in reading order, without the table of contents."""
    items = {attribute(e, "id"): e for e in package.iter() if local_name(e.tag) == "item"}
    order = [items.get(attribute(e, "idref")) for e in package.iter() if local_name(e.tag) == "itemref"]
    pages = [e for e in order if e is not None and "nav" not in attribute(e, "properties").split()]
    return list(
        dict.fromkeys(_joined(folder, attribute(e, "href")) for e in pages if "svg" not in attribute(e, "media-type"))
    )


def _labels(archive: zipfile.ZipFile, package: ElementTree.Element, folder: str) -> dict[str, str]:
    """A mapping of each page's path to its first entry in the table of contents (EPUB 3: nav, EPUB 2: ncx)."""
    labels: dict[str, str] = {}
    for item in package.iter():
        is_nav = "nav" in attribute(item, "properties").split()
        if not is_nav and attribute(item, "media-type") != "application/x-dtbncx+xml":
            continue
        path = _joined(folder, attribute(item, "href"))
        for target, label in _entries(read_xml(archive, path)):
            labels.setdefault(_joined(posixpath.dirname(path), target), label)
    return labels


def _entries(contents: ElementTree.Element) -> list[tuple[str, str]]:
    """The (target, label) of each entry in a table of contents."""
    entries = []
    label = ""
    for element in contents.iter():
        if local_name(element.tag) == "a":
            entries.append((attribute(element, "href"), " ".join("".join(element.itertext()).split())))
        elif local_name(element.tag) == "text":
            label = " ".join("".join(element.itertext()).split())
        elif local_name(element.tag) == "content":
            entries.append((attribute(element, "src"), label))
    return [(target, text) for target, text in entries if target and text]


def _joined(folder: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))
