"""`SheetCell`: the text of a cell, with its note and whether it stands out; a `str` where only the text counts."""

from __future__ import annotations


class SheetCell(str):
    """The text of a cell.

    Attributes:
        stands_out: Whether it is set off as names and titles are: in bold, across columns, or below an empty row.
        note: What a reader sees when pointing at the cell; empty if it has no note.
    """

    __slots__ = ("note", "stands_out")
    note: str
    stands_out: bool

    def __new__(cls, text: str, *, stands_out: bool = False, note: str = "") -> SheetCell:
        """A cell with its text."""
        cell = super().__new__(cls, text)
        cell.stands_out, cell.note = stands_out, note
        return cell


def stands_out(cell: str) -> bool:
    """Whether a cell is set off from the others; a cell of a format that cannot tell is not."""
    return isinstance(cell, SheetCell) and cell.stands_out


def note_of(cell: str) -> str:
    """The note of a cell, which can be empty."""
    return cell.note if isinstance(cell, SheetCell) else ""


def standing_out(cell: str) -> SheetCell:
    """The cell, set off from the others."""
    return SheetCell(cell, stands_out=True, note=note_of(cell))


def in_a_line(cell: str) -> str:
    """The cell with its white space as single spaces."""
    text = " ".join(cell.split())
    return SheetCell(text, stands_out=cell.stands_out, note=cell.note) if isinstance(cell, SheetCell) else text


def with_note(cell: str) -> str:
    """The text of a cell with its note: `12 (net of tax)`; only the note if the cell is empty."""
    note = note_of(cell)
    return f"{cell} ({note})" if cell and note else note or cell
