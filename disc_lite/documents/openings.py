"""Classifies the lines of a section: beginnings of paragraphs, of units that are not cut, and of table rows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from disc_lite.documents.blocks import Line, cells_of, names_columns

_DASHES = r":?-+:?[^\S\n]*"
# Two runs of white space never stand side by side in it, or trying them would take the square of their length.
RULE_BELOW = re.compile(
    rf"(?:[^\S\n]*\n)?[^\S\n]*(?:\|[^\S\n]*)?{_DASHES}\|[^\S\n]*(?:{_DASHES}\|[^\S\n]*)*(?:{_DASHES})?(?:\n|$)"
)


@dataclass
class Openings:
    """The context of a section's lines, read in order: after a heading, in a list item, in a table."""

    text: str
    after_heading: bool = True
    after_unit: bool = False
    in_item: bool = False
    header: str | None = None  # of the table that is open

    def read(self, start: int, line: Line) -> tuple[bool, bool, str]:
        """Whether the sentence that begins with a line opens a paragraph, whether a unit, and the header of its table.

        Args:
            start: Where the white space begins that belongs to it.
            line: The line.
        """
        newlines = self.text.count("\n", start, line.start)
        is_row, is_code, is_item = line.kind == "row", line.kind == "code", line.is_item
        # A further paragraph of a list item is indented.
        goes_on = self.in_item and self.text.startswith("  ", line.start) and not is_item
        opens_paragraph = newlines > 1 and not self.after_heading and not goes_on
        opens_unit = (is_row or is_item or is_code or self.after_unit) and not goes_on
        header = self.header if is_row and newlines < 2 else None
        self.header = None if not is_row else _header(self.text, line) if header is None else header
        self.after_heading, self.after_unit = line.kind == "heading", is_row or is_code
        self.in_item = is_item or goes_on
        return opens_paragraph, opens_unit, header or ""


def _header(text: str, row: Line) -> str:
    """The first row of a table, where it names the columns; else empty."""
    has_names = RULE_BELOW.match(text, row.solid_end) or names_columns(text, row.start, row.solid_end)
    return " | ".join(cells_of(text[row.start : row.solid_end])) if has_names else ""
