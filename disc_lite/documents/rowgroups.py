"""Rows of a table -> their groups: a lone cell such as `Pumps` names the rows below it, up to the next lone cell.

Article | Price | Stock
Pumps
P-1     | 120   | 4
P-2     | 130   | 2
Valves
V-1     | 12    | 9
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from disc_lite.documents.cells import stands_out
from disc_lite.documents.rowheaders import Row, cell_at, is_label

_LEAST_COLUMNS = 3  # with fewer, a lone cell can be a row without its value
_LEAST_MEMBERS = 2  # rows of a group, on average
_TOTAL = re.compile(
    r"(?:grand |sub-?)?totals?\b|sum\b|(?:zwischen|gesamt)?summe\b|gesamt|insgesamt|(?:sous-)?total|totale\b|totaal\b"
    r"|somme\b|suma\b|итого|合计|合計",
    re.IGNORECASE,
)


def groups_of(rows: Sequence[Row], first: int, is_note: Sequence[bool]) -> list[str | None]:
    """For each row, the name of its group; empty if it is in no group, None if it only names a group.

    Args:
        rows: The rows below the header.
        first: The column that has the names of groups.
        is_note: For each row, whether it is a sentence about the table.
    """
    names = [_name_in(row, first) if not note else "" for row, note in zip(rows, is_note, strict=True)]
    if not any(names):
        return [""] * len(rows)
    names = names if _are_groups(rows, first, names) else _names_standing_out(rows, first, names)
    groups: list[str | None] = []
    group, is_open = "", False
    last = max((number for number, name in enumerate(names) if not name), default=0)
    for number, name in enumerate(names):
        if name and number < last:
            group, is_open = f"{group}: {name}" if is_open else name, True
            groups.append(None)
        else:
            is_open = False
            groups.append("" if is_note[number] else group)
    _take_out_total(rows, groups)
    return groups


def _name_in(row: Row, first: int) -> str:
    name = row[first] if sum(map(bool, row)) == 1 and first < len(row) else ""
    return name if is_label(name) else ""


def _are_groups(rows: Sequence[Row], first: int, names: Sequence[str]) -> bool:
    """Whether all lone cells name groups: there are several, one in the first row, and enough rows below them."""
    if not names[0] or names[-1]:
        return False
    columns = {column for row in rows for column, cell in enumerate(row) if cell}
    runs = [(is_name, len([*run])) for is_name, run in groupby(map(bool, names))]
    members = [length for is_name, length in runs if not is_name]
    return len(columns) >= _LEAST_COLUMNS and len(members) > 1 and sum(members) >= _LEAST_MEMBERS * len(members)


def _names_standing_out(rows: Sequence[Row], first: int, names: Sequence[str]) -> list[str]:
    """For each row, its lone cell if that stands out and most other cells of the column do not; else empty.

    If the first group does not begin right below the header, the groups need enough rows on average: a lone cell can
    be a remark about the row above.
    """
    found = [name if stands_out(name) else "" for name in names]
    others = [cell_at(row, first) for row, name in zip(rows, names, strict=True) if not name]
    begin = next((number for number, name in enumerate(found) if name), 0)
    count = sum(map(bool, found))
    are_few = begin > 0 and len(found) - begin - count < _LEAST_MEMBERS * count
    return [""] * len(names) if are_few or 2 * sum(map(stands_out, others)) > len(others) else found


def _take_out_total(rows: Sequence[Row], groups: list[str | None]) -> None:
    """Take the total of the table out of the last group, in place, unless it is the group's own total."""
    last = max((n for n, group in enumerate(groups) if group), default=0)
    if not groups or not groups[last] or not _is_total(rows[last]):
        return
    ends = [n - 1 for n, group in enumerate(groups) if group is None and n and groups[n - 1] is not None]
    if not ends or _is_total(rows[last - 1]) or not _is_total(rows[ends[-1]]):
        groups[last] = ""


def _is_total(row: Row) -> bool:
    return any(map(_TOTAL.match, filter(None, row)))
