"""What openpyxl does not say of a sheet that it reads row by row: merged, hidden, raised and missing."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from disc_lite.documents.archive import child, local_name
from disc_lite.documents.numbering import number_text


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
    """The parts of the XML of one sheet."""
    from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries

    parts, row = SheetParts(), -1
    for _, element in ElementTree.iterparse(io.BytesIO(content)):
        match local_name(element.tag):
            case "row":
                row, column = int(element.get("r", row + 2)) - 1, -1
                parts.hidden_rows |= {row} if _is_on(element, "hidden", "0") else set()
                for cell in element:
                    name = cell.get("r")
                    column = coordinate_to_tuple(name)[1] - 1 if name else column + 1
                    within = {local_name(e.tag): e for e in cell}
                    if "f" in within and not ("v" in within and within["v"].text):
                        parts.without_value.append(f"{number_text('A', column + 1)}{row + 1}")
                    if "is" in within and (rich := _rich_text(within["is"])):
                        parts.rich[row, column] = rich
                element.clear()  # or a large sheet would be held in memory
            case "col" if _is_on(element, "hidden", "0"):
                parts.hidden_columns.append((int(element.attrib["min"]) - 1, int(element.attrib["max"]) - 1))
            case "mergeCell":
                left, top, _, bottom = range_boundaries(element.attrib["ref"])
                parts.merged.append((top - 1, bottom - 1, left - 1))
    return parts


def _is_on(element: Element, attribute: str, default: str) -> bool:
    return element.get(attribute, default) not in ("0", "false", "none")


def _rich_text(inline: Element) -> str:
    """The runs of a text in a cell as HTML; empty where none is raised, lowered or struck."""
    runs = []
    for run in (e for e in inline if local_name(e.tag) == "r"):
        properties = child(run, "rPr")
        is_struck = any(local_name(e.tag) == "strike" and _is_on(e, "val", "1") for e in properties)
        tags = ("s" if is_struck else "", child(properties, "vertAlign").get("val", "")[:3])
        runs.append((child(run, "t").text or "", [tag for tag in tags if tag in ("s", "sup", "sub")]))
    return "".join(marked(text, *tags) for text, tags in runs) if any(tags for _, tags in runs) else ""


def marked(text: str, *tags: str) -> str:
    """A run of letters as HTML."""
    return "".join([*(f"<{tag}>" for tag in tags), escape(text), *(f"</{tag}>" for tag in reversed(tags))])
