"""Classifies what starts at a line of text: a heading, a rule, a table row, a block of code or a list item.

`sentences` cuts at these units. In source code none are recognised: its comments begin like headings, and `a | b` is
not a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from disc_lite.documents.escapes import CODE_SPAN
from disc_lite.documents.headings import ATX_HEADING, FENCE, IN_LIST, RULE, end_of_fence, end_of_title
from disc_lite.documents.records import Markup

_NUMBER = r"\d{1,3}(?:\.\d{1,3})*"
_BULLET = rf"(?P<bullet>[-*+•–]|[⁃•](?=\d))(?:[ \t]*{_NUMBER}[.)](?=[ \t]))?"
_LABEL = rf"(?P<label>{_NUMBER}|[a-z])(?P<style>[.)]{{1,2}})"
_ITEM = re.compile(rf"(?P<indent>[ \t]*)(?P<marker>{_BULLET}|{_LABEL})[ \t]+\S")
_LAST_LABEL = re.compile(rf"{_LABEL}$")
# After these words a number is not a list marker: `1. Go to step 2. Then stop.`
_COUNTED = frozenset(
    """
    a about and at by chapter figure from in is level line no of on or page part section step table than the to until
    """.split()
)
_RULE_LINE = re.compile(RULE.format("rule"), re.MULTILINE)
# How a fence, a heading or a rule begins; most lines do not match and need no further look.
_MARKED = re.compile(rf"{IN_LIST}(?:`{{3}}|~{{3}})| {{0,3}}\#{{1,6}}[ \t]|([!-/:-@\[-`{{-~])\1\1")
_ATX = re.compile(ATX_HEADING)
_FENCE = re.compile(FENCE)
_CODE_SPAN = re.compile(CODE_SPAN)
_CELL_END = re.compile(r"(?<=\S)[ \t]\|(?=[ \t]|$)")
# A block of code is one sentence; a longer one is cut into runs of lines.
_CODE_CHARS = 400
_NUMBERED = re.compile(r"(?=[\w.,]*\d)[^\W_](?:[\w.,]*\w)?")  # such as 1,300 and U+007E
_YEAR = re.compile(r"(?:1[89]|20)\d\d")
_NAME_WORDS = 4  # a cell with more words and a stop at its end is a sentence
# How far ahead the next item of a list is searched for; without a limit the splitter would be quadratic.
_LIST_CHARS = 2000
_ENDS = re.compile(r"[.!?…:;。！？।॥۔؟።։][\"'”’“‘»«›‹)\]}*_`]*$")


Kind = Literal["", "heading", "rule", "row", "code"]


class Line(NamedTuple):  # no dataclass, since a text of 50 MB has a million lines
    """A line, and what starts at it.

    Attributes:
        kind: The kind of the uncut unit that starts here; empty if ordinary text does.
        solid_end: The end of that unit, or 0 without one.
        is_item: Whether the line opens a list item.
        items: The places of further items in the same line, `1) Open it 2) Close it`, each of which is a cut.
        is_code: Whether it is a line of source code, in which `...` ends no sentence.
    """

    start: int
    kind: Kind = ""
    solid_end: int = 0
    is_item: bool = False
    items: tuple[int, ...] = ()
    is_code: bool = False

    @property
    def opens_unit(self) -> bool:
        """Whether a list item or an uncut unit starts here."""
        return self.is_item or self.solid_end > self.start


@dataclass
class Lines:
    """Reads the lines of `text[start:end]`, which must be read in order, and keeps track of open lists."""

    text: str
    start: int
    end: int
    markup: Markup
    # (indent, style of the markers) -> the last item of each open list; lists can be nested.
    _open: dict[tuple[str, str], re.Match[str]] = field(default_factory=dict)
    _has_cells: bool = False

    def __post_init__(self) -> None:
        self._has_cells = self.text.find("|", self.start, self.end) >= 0

    def read(self, start: int, opens_block: bool) -> Line:
        """The line that starts at `start`; `opens_block`: whether a blank line or a block is above it."""
        if self.markup == "code":
            return Line(start, is_code=True)
        if opens_block:
            self._open = {}
        item = _ITEM.match(self.text, start, self.end)
        items: tuple[int, ...] = ()
        if item:
            indent, marker, bullet, _, style = item.groups()
            siblings = indent, style or bullet
            if opens_block or (bullet and siblings in self._open) or self._opens_item(item, start):
                self._open[siblings] = item
                items = tuple(_items_in_line(self.text, item, self.end)) if marker != bullet else ()
            else:
                item = None
        return Line(start, *self._solid(start, opens_block), item is not None, items)

    def cuts_within(self, line: Line) -> Iterator[tuple[int, None]]:
        """Yield the cuts before further items in a line, and between the lines of a long block of code."""
        for cut in line.items:
            yield cut, None
        start, end = line.start, line.solid_end
        while line.kind == "code" and end - start > _CODE_CHARS:
            cut = self.text.rfind("\n", start + 1, start + _CODE_CHARS)
            # At a line longer than the limit, or at blank lines that fill it, the rest of the block stays whole.
            if cut <= start or not self.text[start:cut].strip():
                return
            yield cut, None
            start = cut

    def _opens_item(self, item: re.Match[str], start: int) -> bool:
        """Whether a line inside a paragraph opens a list item; `am\\n3. Oktober` and `5\\n- 10 bar` are wrapped lines.

        It opens an item below the end of a sentence, below the previous item of its list, or above the next one.
        """
        label, others = item["label"], self._open.values()
        if label is None and any(style == item["bullet"] for _, style in self._open):
            return True
        if _ENDS.search(self.text[max(self.start, start - 20) : start].rstrip()):
            return True
        if label is None:
            siblings = re.escape(item["indent"] + item["bullet"])
        else:
            # In Markdown every item may be `1.`; a nested list is indented deeper.
            is_first = label in ("1", "a") and all(len(other["indent"]) < len(item["indent"]) for other in others)
            labels = {other["label"] for other in others if other["label"]}
            if labels and (label == "1" or is_first or any(label in _following(other) for other in labels)):
                return True
            following = "|".join(map(re.escape, [label, *_following(label)]))
            siblings = f"{re.escape(item['indent'])}(?:{following}){re.escape(item['style'])}"
        sibling = re.compile(rf"\n(?:[ \t]*\n|(?P<sibling>{siblings}[ \t]))")
        found = sibling.search(self.text, item.end(), min(self.end, item.end() + _LIST_CHARS))
        return found is not None and found["sibling"] is not None

    def _solid(self, start: int, opens_block: bool) -> tuple[Kind, int]:
        """The (kind, end) of the uncut unit that starts at `start`, or ("", 0)."""
        text, end = self.text, self.end
        is_marked = _MARKED.match(text, start, end) is not None
        if is_marked and (fence := _FENCE.match(text, start, end)):
            return "code", end_of_fence(text, fence, end) or start + len(text[start:end].rstrip())
        # An underlined title needs a paragraph of its own, or any text above a rule would be one.
        if opens_block and (title_end := end_of_title(text, start, end, self.markup)):
            return "heading", title_end
        if is_marked and self.markup != "rst" and (atx := _ATX.match(text, start, end)):
            return "heading", start + len(atx.group().rstrip())
        if is_marked and (rule := _RULE_LINE.match(text, start, end)):
            return "rule", start + len(rule.group().rstrip())
        row_end = _end_of_row(text, start, end, self.start) if self._has_cells else 0
        return ("row", row_end) if row_end else ("", 0)


def _following(label: str) -> list[str]:
    """The labels that can follow a label: `b` after `a`; 2.4, 3 and 2.3.1 after 2.3."""
    if label.isalpha():
        return [chr(ord(label) + 1)]
    parts = label.split(".")
    return [*(".".join([*parts[:n], str(int(parts[n]) + 1)]) for n in reversed(range(len(parts)))), f"{label}.1"]


def _items_in_line(text: str, first: re.Match[str], end: int) -> Iterator[int]:
    """Yield the cuts before the second and further items of a numbered list that is written in one line."""
    numbered = _LAST_LABEL.search(first["marker"])
    if not numbered:
        return
    line_end = text.find("\n", first.end(), end)
    line_end = end if line_end < 0 else line_end
    bullet = rf"{re.escape(first['bullet'])}[ \t]*" if first["bullet"] else ""
    style = re.escape(numbered["style"])
    current, place = numbered["label"], first.end("marker")
    while current != "z":
        current = _following(current)[0]
        marker = re.compile(rf"(?<!\S)(?P<before>\S+)[ \t]+{bullet}{re.escape(current)}{style}(?=[ \t]+[^\W\d_])")
        following = marker.search(text, place, line_end)
        if following is None or following["before"].lower() in _COUNTED:
            return
        yield following.end("before")
        place = following.end()


def _end_of_row(text: str, start: int, end: int, first: int) -> int:
    """The end of the table row that starts at a line of `text[first:end]`, or 0.

    A row begins with `|`, or it has ` | ` outside code and so has the line above or below it.
    """
    line_end = _line_end(text, start, end)
    line = text[start:line_end]
    if not line.lstrip().startswith("|"):
        if " | " not in line or not _has_cells(line):
            return 0
        above = text[text.rfind("\n", first, max(first, start - 1)) + 1 or first : max(first, start - 1)]
        below = text[line_end + 1 : _line_end(text, line_end + 1, end)]
        if not (_has_cells(above) or _has_cells(below)):
            return 0
    return start + len(line.rstrip())


def names_columns(text: str, start: int, end: int) -> bool:
    """Whether the first row of a table names its columns.

    It does not if it is a field like the row below it (`Author: | Ada`, `Ada | 84 crowns`), or if it has a sentence
    above a sentence. In more than two columns a name can contain a number: `Distance | 5 km | 10 km`.
    """
    start_below = _line_end(text, end, len(text)) + 1
    row, below = cells_of(text[start:end]), cells_of(text[start_below : _line_end(text, start_below, len(text))])
    if (row[0].endswith(":") and below[0].endswith(":")) or any(map(_is_sentence, row, below)):
        return False
    return not (len(row) == len(below) == 2 and _is_value(row[1], below[1]))


def cells_of(row: str) -> list[str]:
    """The cells of a table row, without the spaces and bars around them."""
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def _is_value(cell: str, below: str) -> bool:
    """Whether a cell contains a number and has the same form as the cell below it, and is not a year."""
    shape = _NUMBERED.sub("0", cell)
    return "0" in shape and shape == _NUMBERED.sub("0", below) and not _YEAR.fullmatch(cell)


def _is_sentence(cell: str, below: str) -> bool:
    """Whether a cell is a sentence, and the cell below it ends with the same stop."""
    return len(cell.split()) > _NAME_WORDS and cell[-1] in ".。।" and below[-1:] == cell[-1]


def _line_end(text: str, start: int, end: int) -> int:
    line_end = text.find("\n", start, end)
    return end if line_end < 0 else line_end


def _has_cells(line: str) -> bool:
    return "|" in line and _CELL_END.search(_CODE_SPAN.sub("``", line)) is not None


def is_marker(text: str) -> bool:
    """Whether a text is the marker of a list item, indented or not, and nothing else."""
    return _ITEM.fullmatch(f"{text} .") is not None
