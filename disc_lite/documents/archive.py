"""Opens formats that are a zip of XML (Office, EPUB), after checking how large their text is, and reads their parts.

A zip of 40 kB can unpack to gigabytes. Python reads no more of a part than the size that the
archive's directory declares, so the sum of these sizes can be checked before anything is
unpacked. Pictures and other media are neither read nor counted.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from typing import TypeVar
from xml.etree import ElementTree

from disc_lite.documents.source import RefusedFile

T = TypeVar("T")
MAX_UNPACKED_BYTES = 128 << 20
MAX_PARTS = 20_000
_ENCRYPTED = 0x1
_TEXT_PARTS = (".xml", ".rels", ".html", ".htm", ".xhtml", ".opf", ".ncx", ".vml", ".txt", ".css")


def open_archive(raw: bytes, suffix: str) -> zipfile.ZipFile:
    """Open the archive in the bytes of a file, after checking that its text is within the limits.

    Args:
        raw: The bytes of the file.
        suffix: Its suffix, for messages.

    Raises:
        RefusedFile: Not a zip, damaged, encrypted, or too large when unpacked.
    """
    if not raw.startswith(b"PK"):
        raise RefusedFile(f"not a {suffix} file, perhaps an older format or encrypted; save it as {suffix}")
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except zipfile.BadZipFile:
        raise RefusedFile("damaged: its zip archive is cut off or broken; save it again") from None
    parts = archive.infolist()
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise RefusedFile("encrypted; save it without a password")
    unpacked = sum(part.file_size for part in parts if part.filename.lower().endswith(_TEXT_PARTS))
    if unpacked > MAX_UNPACKED_BYTES:
        limit = f"{MAX_UNPACKED_BYTES >> 20} MB"
        raise RefusedFile(f"its text unpacks to {unpacked >> 20} MB, more than {limit}; split it")
    if len(parts) > MAX_PARTS:
        raise RefusedFile(f"it has {len(parts)} parts, more than {MAX_PARTS}; split it")
    return archive


def read_part(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of one part.

    Raises:
        RefusedFile: The archive has no such part, so it is of another format.
    """
    try:
        return archive.read(name)
    except KeyError:
        raise RefusedFile(f"not what its extension says: it holds no {name}") from None


def read_xml(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    """The root element of one part, which must be XML.

    Raises:
        RefusedFile: The archive has no such part.
        ParseError: The part is not XML, or its entities expand too far (expat has a limit of its own).
    """
    return ElementTree.fromstring(read_part(archive, name))


def relations(archive: zipfile.ZipFile, path: str) -> dict[str, tuple[str, str]]:
    """The parts that a part of an Office file refers to, as a mapping of id -> (kind, path)."""
    folder, name = posixpath.split(path)
    listed = f"{folder}/_rels/{name}.rels"
    if listed not in archive.namelist():
        return {}
    return {
        attribute(e, "Id"): (
            attribute(e, "Type").rpartition("/")[2],
            posixpath.normpath(posixpath.join(folder, attribute(e, "Target"))).lstrip("/"),
        )
        for e in read_xml(archive, listed)
    }


def related_parts(archive: zipfile.ZipFile, path: str, name: str) -> list[tuple[ElementTree.Element, str]]:
    """The elements with this local name that refer to other parts, each with the path of the part it refers to."""
    targets = relations(archive, path)
    elements = read_xml(archive, path).iterfind(f".//{{*}}{name}")
    ids = ((e, value) for e in elements for key, value in e.attrib.items() if key.endswith("}id"))
    return [(e, targets[id_][1]) for e, id_ in ids if id_ in targets]


def local_name(tag: object) -> str:
    """The name of an element or attribute without its namespace; empty for a comment."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def child(element: ElementTree.Element, name: str) -> ElementTree.Element:
    """The first child with this local name, or an empty element if there is none."""
    return next((e for e in element if local_name(e.tag) == name), ElementTree.Element("none"))


def attribute(element: ElementTree.Element, name: str) -> str:
    """The value of an attribute, whatever its namespace; empty if it is missing."""
    return next((value for key, value in element.attrib.items() if local_name(key) == name), "")


def number_of(element: ElementTree.Element, name: str, default: T) -> int | T:
    """The number in an attribute, or the default if the attribute holds no number."""
    value = attribute(element, name)
    return int(value) if value.isdecimal() else default
