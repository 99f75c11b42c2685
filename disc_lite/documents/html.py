"""HTML -> plain Markdown: web pages, and the HTML that other readers make of office files, mail and books.

Headings become `#` lines, list items `- ` or `1. ` lines, table rows lines of cells with ` | ` between, <pre> fenced
code; blank lines separate paragraphs. Elements that are not text of the page are left out (`noise`), superscripts and
subscripts keep their meaning (`formulas`), and a line that only looks like a heading is escaped with a backslash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from disc_lite.documents.blocks import is_marker
from disc_lite.documents.decoding import decode_page
from disc_lite.documents.folded import title_of_tab
from disc_lite.documents.formulas import math_text, script_text
from disc_lite.documents.headings import escaped, fenced, quoted
from disc_lite.documents.htmlnodes import Tag, TextApart
from disc_lite.documents.htmltree import around, children, parsed, within
from disc_lite.documents.htmlwriter import Writer
from disc_lite.documents.listings import code_in_a_line, code_of
from disc_lite.documents.noise import is_noise, is_note_mark, main_part
from disc_lite.documents.numbering import LABEL_TAG, item_number
from disc_lite.documents.source import Converted, Source
from disc_lite.documents.tables import as_value, is_layout, rows_of
from disc_lite.documents.ticks import tick_of_box, tick_of_item

_BLOCK_TAGS = """
    address article aside blockquote body caption center details div dt fieldset figcaption figure footer form
    header hgroup hr main ol p section summary table tbody td tfoot th thead tr ul
"""
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = ("ul", "ol")
_WITHIN_LINES = ("br", "img", "sub", "sup", LABEL_TAG)
_NOTE_TITLES = ("h3", "h4", "h5", "h6")  # the headings that DocBook gives to notes
_ADMONITIONS = frozenset("admonition caution danger important note tip warning".split())
_NO_DIGITS = re.compile(r"\D")
_SPACES = re.compile(r"\s+")
# An alternative text of fewer words names a logo or a badge.
_MIN_ALT_WORDS = 3


def html_text(source: Source) -> Converted:
    """The text of an HTML page."""
    return page_text(decode_page(source.raw))


def page_text(markup: str, is_mail: bool = False) -> Converted:
    """The text of a web page, without navigation, banner and asides, and its <title>, which may be empty.

    Args:
        markup: The HTML of the page.
        is_mail: Whether it is a mail, whose quotations are marked with `>`.

    Raises:
        RecursionError: Elements are nested some hundred deep.
    """
    page = parsed(markup)
    writer = Writer(is_page=True, is_mail=is_mail)
    _write_children(main_part(page), writer, depth=0)
    writer.close_all()
    writer.drop_banner()
    title = next(within(page, ("title",)), None)
    return Converted(writer.text() + "\n", title=" ".join(title.get_text().split()) if title else "")


def markup_text(markup: str) -> str:
    """The text of HTML that is part of another document or was converted from one; only what is hidden is left out.

    Raises:
        RecursionError: Elements are nested some hundred deep.
    """
    writer = Writer(is_page=False)
    _write_children(parsed(markup), writer, depth=0)
    writer.close_all()
    return writer.text()


def _write_children(parent: Tag, writer: Writer, depth: int) -> None:
    for child in parent.contents:
        if isinstance(child, Tag):
            if formula := _formula(child):
                writer.inline.append(f" {formula} ")
            elif not is_noise(child, writer.is_page):
                _write_tag(child, writer, depth)
        elif not isinstance(child, TextApart):
            # A soft hyphen is visible only where a line breaks at it.
            writer.inline.append(_SPACES.sub(" ", child).replace("\u00ad", ""))


def _write_tag(tag: Tag, writer: Writer, depth: int) -> None:
    match tag.name:
        case name if name in _WITHIN_LINES:
            writer.inline.append(_inline_text(tag, writer))
        case "q":
            writer.inline.append("“")
            _write_children(tag, writer, depth)
            writer.inline.append("”")
        case "a":
            _write_link(tag, writer, depth)
        case "li":
            _write_item(tag, writer, depth)
        case _ if _is_term(tag):
            writer.close()
            writer.term = ", ".join(filter(None, [writer.term, _text_within(tag, writer)]))
        case "dl" | "dd":
            writer.close()
            _write_children(tag, writer, depth)
            writer.close_all()
        case "pre" | "div" if code := code_of(tag):
            writer.close_all()
            writer.blocks.append(("paragraph", fenced(code)))
        case "blockquote" if writer.is_mail and _is_quotation(tag):
            _write_quotation(tag, writer)
        case "table" if not is_layout(tag):
            _write_table(tag, writer, depth)
        case _ if tag.attrs and (tick := tick_of_box(tag, writer.is_page)):
            writer.tick(tick)
            _write_children(tag, writer, depth)
        case name if name in _HEADINGS:
            _write_prefixed("#" * _HEADINGS[name] + " ", tag, writer, depth)
        case name if name in _BLOCKS:
            writer.close()
            if tag.get("role") == "tabpanel":
                writer.term = title_of_tab(tag)
            term_above = writer.term
            _write_children(tag, writer, depth + (name in _LISTS))
            writer.close()
            if writer.term != term_above:
                writer.close_all()  # a term inside the block does not apply to the text after it
        case _:
            _write_children(tag, writer, depth)


def _inline_text(tag: Tag, writer: Writer) -> str:
    match tag.name:
        case "br":
            return "\n"
        case "img":
            return _image_text(tag)
        case "sup" | "sub":
            return script_text(tag, writer.before())
        case _:
            return f"{tag.get_text()} "


def _write_link(tag: Tag, writer: Writer, depth: int) -> None:
    if is_note_mark(tag, writer.before()):
        return
    _write_children(tag, writer, depth)
    scheme, _, address = tag.get("href").partition(":")
    address = unquote(address.split("?")[0])
    shown = _NO_DIGITS.sub("", tag.get_text()) if scheme == "tel" else tag.get_text()
    if (scheme == "tel" and _NO_DIGITS.sub("", address) not in shown) or (scheme == "mailto" and address not in shown):
        writer.inline.append(f" ({address})")


def _write_item(tag: Tag, writer: Writer, depth: int) -> None:
    within_list = around(tag, _LISTS)
    label = next(iter(children(tag, (LABEL_TAG,))), None)
    marker = "-"
    if label is not None:
        marker = label.extract().get_text()
    elif within_list is not None and within_list.name == "ol":
        marker = f"{item_number(tag, within_list, writer.numbers)}."
    indent = "  " * max(depth - 1, 0)
    if not is_marker(marker):  # such a label is text, and a stop after it would end a sentence
        indent, marker = "", marker.rstrip(".")
    _write_prefixed(f"{indent}{marker} " if marker else "", tag, writer, depth, tick_of_item(tag))


def _write_prefixed(prefix: str, tag: Tag, writer: Writer, depth: int, tick: str = "") -> None:
    writer.close_all()
    writer.prefix = prefix
    writer.tick(tick)
    _write_children(tag, writer, depth)
    writer.close_all()
    writer.prefix = ""


def _is_quotation(tag: Tag) -> bool:
    """Whether a <blockquote> of a mail is a quotation; some programs only indent text with it."""
    is_cited = tag.get("type") == "cite" or "cite" in tag.attrs or "border-left" in tag.get("style")
    return is_cited or any("quote" in name for name in tag.classes)


def _write_quotation(tag: Tag, writer: Writer) -> None:
    writer.close_all()
    inner = Writer(is_page=writer.is_page, is_mail=True)
    _write_children(tag, inner, depth=0)
    inner.close_all()
    writer.blocks.append(("paragraph", quoted(inner.text())))


def _write_table(table: Tag, writer: Writer, depth: int) -> None:
    writer.close_all()
    caption = next(within(table, ("caption",)), None)
    if caption is not None:
        _write_children(caption, writer, depth)
        writer.close()
    if rows := list(rows_of(table, lambda cell: _text_within(cell, writer))):
        writer.blocks.append(("table", "\n".join(map(escaped, rows))))


def _text_within(tag: Tag, writer: Writer) -> str:
    """The text of an element as one line, for a table cell or a term."""
    inner = Writer(is_page=writer.is_page)
    _write_children(tag, inner, depth=1)
    inner.close_all()
    items = "; ".join(block.lstrip(" -") for kind, block in inner.blocks if kind == "item")
    blocks = [
        as_value(block.split("\n")) if kind == "table" else code_in_a_line(block)
        for kind, block in inner.blocks
        if kind != "item"
    ]
    return _in_a_line([*blocks, items]).strip()


def _in_a_line(blocks: Sequence[str]) -> str:
    """The blocks in one line; a `;` separates a block without a stop from one with a capital or a digit after it."""
    line = ""
    for block in filter(None, blocks):
        is_entry = line[-1:].isalnum() and (block[0].isupper() or block[0].isdigit())
        line += f"; {block}" if is_entry else f" {block}"
    return line


def _is_term(tag: Tag) -> bool:
    """Whether an element names the subject of the text after it: a defined term, or the title of a note."""
    if tag.name == "dt":
        return around(tag, ("dl",)) is not None and not any(within(tag, _HEADINGS))
    if "admonition-title" in tag.classes:
        return True
    note = tag.parent
    if tag.name not in _NOTE_TITLES or note is None or _ADMONITIONS.isdisjoint(note.classes):
        return False
    # It must be the first element and the only heading; else the class is that of an article with sections.
    is_first = next(one for one in note.contents if isinstance(one, Tag)) is tag
    return is_first and len(list(within(note, _HEADINGS))) == 1


def _formula(tag: Tag) -> str:
    """The text of an element that is a formula; empty for any other element."""
    if tag.name == "math":
        return math_text(tag)
    # In MathJax 2 the script holds the formula, and what is displayed is a copy of it.
    is_tex = tag.name == "script" and tag.get("type").startswith("math/tex")
    return " ".join(tag.get_text().split()) if is_tex else ""


def _image_text(tag: Tag) -> str:
    text = " ".join(tag.get("alt").split())
    if re.search(r"(?:^|[ -])(?:math|tex|latex)", " ".join(tag.classes)):
        return f" {text} "
    return f" [image: {text}] " if len(text.split()) >= _MIN_ALT_WORDS and not around(tag, ("a",)) else ""
