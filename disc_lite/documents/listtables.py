"""Tables that are directives in reStructuredText (`csv-table`, `list-table`, `flat-table`) -> one line per row."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from disc_lite.documents.tables import MAX_SPAN, Cell, line_of, lines_of, spread

# In the Linux kernel's `flat-table`: how many further columns or rows a cell spans.
_SPAN = re.compile(r":([cr])span:`(\d{1,3})`\s*")


def listed_rows(name: str, block: list[str], options: dict[str, str]) -> list[str]:
    """The rows of a table directive, as lines of cells with ` | ` between them; none for any other directive.

    Args:
        name: The name of the directive.
        block: The lines of its content.
        options: Its options, by name.
    """
    if name == "csv-table":
        return _csv_rows(block, options)
    if name not in ("list-table", "flat-table"):
        return []
    rows = [[_spanning(cell) for cell in row] for row in _list_rows(block)]
    top = min(int(number), len(rows)) if (number := options.get("header-rows", "")).isdecimal() else 0
    return list(lines_of(spread(rows, top), top))


def _csv_rows(block: list[str], options: dict[str, str]) -> list[str]:
    delimiters = {"tab": "\t", "space": " "}
    delimiter = delimiters.get(options.get("delim", ","), options.get("delim", ","))
    lines = [options["header"]] if options.get("header") else []
    rows = csv.reader([*lines, *dedented(block, "")], delimiter=delimiter[:1] or ",", skipinitialspace=True)
    return [line_of(row) for row in rows if any(row)]


def _spanning(cell: str) -> Cell:
    """The cell of a `flat-table`, whose text says how many further columns and rows it spans."""
    further = dict.fromkeys("cr", 0) | {span[1]: int(span[2]) for span in _SPAN.finditer(cell)}
    columns, rows = (min(1 + further[kind], MAX_SPAN) for kind in "cr")
    return Cell(_SPAN.sub("", cell), columns, rows)


def _list_rows(block: list[str]) -> Iterator[list[str]]:
    """The rows of a list of lists: `* - ` opens a row, `- ` a cell, and a line indented deeper continues the cell.

    Any bullet is accepted.
    """
    rows: list[list[str]] = []
    for line in dedented([line.expandtabs() for line in block], ""):
        if re.match(r"[-*+](?:\s|$)", line):
            rows.append([])
        cell = re.match(r"(?:[-*+] | {2})[-*+](?:\s+(.*)|$)", line)
        margin = len(line) - len(line.lstrip())
        if cell and rows:
            rows[-1].append(cell[1] or "")
        elif line.strip() and rows and rows[-1] and margin > 2:
            rows[-1][-1] += f" {line.strip()}"
    return filter(any, rows)


def dedented(block: list[str], indent: str) -> list[str]:
    """The lines of a block with `indent` in place of the indent that they have in common."""
    shown = [len(line) - len(line.lstrip()) for line in block if line.strip()]
    depth = min(shown, default=0)
    return [indent + line[depth:] if line.strip() else "" for line in block]
