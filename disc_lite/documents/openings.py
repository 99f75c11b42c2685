"""Lines of a section -> whether each one opens a paragraph or a unit, and the header of the table that it is in.

A unit is a list item, a row of a table or a block of code. `passages` cuts at these places.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from disc_lite.documents.blocks import Line, cells_of, names_columns

_DASHES = r":?-+:?[^\S\n]*"
# Two runs of white space are never adjacent in the pattern, or matching would take time quadratic in their length.
RULE_BELOW = re.compile(
    rf"(?:[^\S\n]*\n)?[^\S\n]*(?:\|[^\S\n]*)?{_DASHES}\|[^\S\n]*(?:{_DASHES}\|[^\S\n]*)*(?:{_DASHES})?(?:\n|$)"
)


@dataclass
class Openings:
    """Classifies the lines of a section, read in order, by what stands above them: a heading, list item or table."""

    text: str
    after_heading: bool = True
    after_unit: bool = False
    in_item: bool = False
    header: str | None = None  # of the table that is open

    def read(self, start: int, line: Line) -> tuple[bool, bool, str]:
        """Whether the sentence at the start of a line opens a paragraph, whether it opens a unit, and its table header.

        Args:
            start: Where the white space in front of the line begins.
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
    """The cells of a table's first row, joined by `|`, if they name the columns; else empty."""
    has_names = RULE_BELOW.match(text, row.solid_end) or names_columns(text, row.start, row.solid_end)
    return " | ".join(cells_of(text[row.start : row.solid_end])) if has_names else ""
