"""Notes and comments of office files: a note on a cell belongs to the cell, comments are a discussion of the file."""

from __future__ import annotations

from zipfile import ZipFile

from disc_lite.documents.archive import attribute, local_name, number_of, read_xml, relations

_THREAD = "tc="  # how the author begins of the note that older versions of Excel show instead of a comment


def unread_comments(count: int) -> str:
    """The ledger's warning about comments in a file; empty if there are none."""
    return f"{count} comment{'s' if count > 1 else ''} not read: put into the text what belongs there" if count else ""


def notes_on(archive: ZipFile, path: str) -> tuple[dict[tuple[int, int], str], int]:
    """The notes on the cells of a sheet of Excel by row and column (from 0), and the number of its comments."""
    from openpyxl.utils.cell import coordinate_to_tuple

    notes: dict[tuple[int, int], str] = {}
    count = 0
    there = set(archive.namelist())
    for kind, part in relations(archive, path).values():
        if kind not in ("comments", "threadedComment") or part not in there:
            continue
        elements = [*read_xml(archive, part).iter()]
        count += sum(local_name(element.tag) == "threadedComment" for element in elements)
        authors = dict(enumerate(e.text or "" for e in elements if local_name(e.tag) == "author"))
        for element in elements:
            author = authors.get(number_of(element, "authorId", -1), "")
            if local_name(element.tag) == "comment" and not author.startswith(_THREAD):
                text = "".join(e.text or "" for e in element.iter() if local_name(e.tag) == "t")
                # Excel writes the name of its author in the first line.
                note = " ".join(text.removeprefix(f"{author}:").split())
                row, column = coordinate_to_tuple(attribute(element, "ref"))
                notes |= {(row - 1, column - 1): note} if note else {}
    return notes, count
