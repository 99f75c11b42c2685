"""What openpyxl does not say of a sheet that it reads row by row: merged, hidden, raised and missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from xml.parsers import expat

from disc_lite.documents.numbering import number_text

_OFF = ("0", "false", "none")


@dataclass
class SheetParts:
    """Parts of one sheet; rows and columns are counted from 0.

    Attributes:
        merged: First row, last row and first column of each merged range.
        hidden_rows: Rows that are not shown.
        hidden_columns: First and last of each run of columns that are not shown.
        without_value: Formulas whose result is not stored, as `B6`.
        rich: Texts with raised, lowered or struck letters that stand in their cells, as HTML, by row and column.
    """

    merged: list[tuple[int, int, int]] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    without_value: list[str] = field(default_factory=list)
    rich: dict[tuple[int, int], str] = field(default_factory=dict)

    def seen(self, rows: Sequence[list[str]]) -> tuple[list[list[str]], Counter[str]]:
        """The cells that are shown, a merged one in each of its rows, and how many rows and columns are not."""
        filled = [any(row) for row in rows]
        for top, bottom, left in self.merged:
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
        from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries

        name = name.rpartition(" ")[2]
        match name:
            case "row":
                self._row = int(attributes.get("r", self._row + 2)) - 1
                self._column = -1
                if attributes.get("hidden", "0") not in _OFF:
                    self.parts.hidden_rows.add(self._row)
            case "c":
                cell = attributes.get("r")
                self._column = coordinate_to_tuple(cell)[1] - 1 if cell else self._column + 1
                self._within, self._rich, self._run = set(), [], set()
            case "col" if attributes.get("hidden", "0") not in _OFF:
                self.parts.hidden_columns.append((int(attributes["min"]) - 1, int(attributes["max"]) - 1))
            case "mergeCell":
                left, top, _, bottom = range_boundaries(attributes["ref"])
                self.parts.merged.append((top - 1, bottom - 1, left - 1))
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
                self.parts.without_value.append(f"{number_text('A', self._column + 1)}{self._row + 1}")
            if "rich" in self._within:
                self.parts.rich[self._row, self._column] = "".join(self._rich)


def marked(text: str, *tags: str) -> str:
    """A run of letters as HTML."""
    return "".join([*(f"<{tag}>" for tag in tags), escape(text), *(f"</{tag}>" for tag in reversed(tags))])
