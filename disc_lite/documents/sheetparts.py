"""What openpyxl does not say of a sheet that it reads row by row: merged, hidden, raised and missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from xml.parsers import expat

_CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_OFF = ("0", "false", "none")

Place = tuple[int, int]  # row and column, both from 0


@dataclass
class SheetParts:
    """Parts of one sheet; rows and columns are counted from 0.

    Attributes:
        merged: First and last place of each merged range.
        hidden_rows: Rows that are not shown.
        hidden_columns: First and last of each run of columns that are not shown.
        without_value: Formulas whose result is not stored, as `B6`.
        rich: Texts with raised, lowered or struck letters that stand in their cells, as HTML.
    """

    merged: list[tuple[Place, Place]] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    without_value: list[str] = field(default_factory=list)
    rich: dict[Place, str] = field(default_factory=dict)

    def seen(self, rows: Sequence[list[str]]) -> tuple[list[list[str]], Counter[str]]:
        """The cells that are shown, a merged one in each of its rows, and how many rows and columns are not."""
        filled = [any(row) for row in rows]
        for (top, left), (bottom, _) in self.merged:
            value = rows[top][left] if top < len(rows) and left < len(rows[top]) else ""
            for number in range(top + 1, min(bottom + 1, len(rows)) if value else 0):
                row = rows[number]
                row += [""] * (left + 1 - len(row))
                row[left] = value if filled[number] else ""
        used = {column for row in rows for column, cell in enumerate(row) if cell}
        gone = {column for column in used if any(first <= column <= last for first, last in self.hidden_columns)}
        hidden = Counter(row=sum(filled[n] for n in self.hidden_rows if n < len(rows)), column=len(gone))
        shown = (row for number, row in enumerate(rows) if number not in self.hidden_rows)
        return [[cell for column, cell in enumerate(row) if column not in gone] for row in shown], hidden


def sheet_parts(content: bytes) -> SheetParts:
    """The parts of the XML of one sheet.

    Raises:
        ExpatError: It is no XML.
    """
    scan = _Scan()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    parser.CharacterDataHandler = scan.text
    parser.Parse(content, True)
    return scan.parts


class _Scan:
    """The handlers of the parser, and where it is."""

    def __init__(self) -> None:
        self.parts = SheetParts()
        self._row, self._column = -1, -1
        self._within: set[str] = set()  # elements of the cell that have been opened
        self._run: set[str] = set()
        self._value: list[str] = []
        self._rich: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(" ")[2]
        match name:
            case "row":
                self._row = int(attributes.get("r", self._row + 2)) - 1
                self._column = -1
                if attributes.get("hidden", "0") not in _OFF:
                    self.parts.hidden_rows.add(self._row)
            case "c":
                place = _place(attributes.get("r", ""))
                self._column = place[1] if place else self._column + 1
                self._within, self._rich, self._run = set(), [], set()
            case "col" if attributes.get("hidden", "0") not in _OFF:
                self.parts.hidden_columns.append((int(attributes["min"]) - 1, int(attributes["max"]) - 1))
            case "mergeCell":
                places = [_place(cell) for cell in attributes.get("ref", "").split(":")]
                self.parts.merged += [(a, b) for a, b in [(places[0], places[-1])] if a and b]
            case "f" | "is":
                self._within.add(name)
            case "v" | "t":
                self._value = []
            case "r":
                self._run = set()
            case "strike":
                self._run |= {"s"} if attributes.get("val", "1") not in _OFF else set()
            case "vertAlign":
                self._run |= {attributes.get("val", "")[:3]} & {"sup", "sub"}

    def text(self, data: str) -> None:
        self._value.append(data)

    def end(self, name: str) -> None:
        name = name.rpartition(" ")[2]
        if name == "v" and "".join(self._value):
            self._within.add("value")
        elif name == "r" and "is" in self._within:
            self._rich.append(marked("".join(self._value), *self._run))
            self._within |= {"rich"} if self._run else set()
        elif name == "c":
            if "f" in self._within and "value" not in self._within:
                self.parts.without_value.append(_name(self._row, self._column))
            if "rich" in self._within:
                self.parts.rich[self._row, self._column] = "".join(self._rich)


def marked(text: str, *tags: str) -> str:
    """A run of letters as HTML."""
    return "".join([*(f"<{tag}>" for tag in tags), escape(text), *(f"</{tag}>" for tag in reversed(tags))])


def _place(cell: str) -> Place | None:
    found = _CELL.fullmatch(cell)
    if found is None:
        return None
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]) - 1, column - 1


def _name(row: int, column: int) -> str:
    return "".join(reversed(list(_letters(column + 1)))) + str(row + 1)


def _letters(number: int) -> Iterator[str]:
    while number:
        number, letter = divmod(number - 1, 26)
        yield chr(ord("A") + letter)
