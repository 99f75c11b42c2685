"""Decides whether a table has no header, since its first row states a fact like the rows below it.

Tables of two columns with names and values (a form, the facts about a company) seldom have a header; those of words
alone are judged in `wordheaders`. In doubt the first row is taken for a header, as it is in most tables. `rowheaders`
uses this for sheets and CSV files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from disc_lite.documents.cells import stands_out
from disc_lite.documents.wordheaders import is_row_of_words, may_be_row_of_words

YEAR = r"(?:19|20)\d\d"
# A number with at most a currency or a short unit next to it, but not the code of a room.
NUMBER = r"[-+−–(]?(?:[^\w\s]|[A-Z]{3})?\s?\d[\d.,'’\s]*(?:[^\w\s]|[^\W\d_]{1,3})?\)?"
_KIND = re.compile(
    r"(?P<address>\S+@\S+\.\S+|https?://\S+|www\.\S+)"
    r"|(?P<date>\d{4}-\d\d?-\d\d?(?:[ T]\d\d:\d\d(?::\d\d)?)?|\d{1,2}[./]\d{1,2}[./](?:\d{2}){1,2}|\d{1,2}:\d\d)"
    r"|(?P<phone>(?:\+|00?[1-9])[\d\s()/–-]{6,})"
    rf"|(?P<year>{YEAR})|(?P<number>{NUMBER})|(?P<sentence>(?=.{{61}}).*[^.][.。])|(?P<code>.*\d.*)",
    re.DOTALL,
)
_FACTS = ("address", "date", "phone", "year", "sentence")
# Headers of columns that hold values of all kinds.
_ANY_VALUE = re.compile(
    r"(?:.*\W)?(?:answer|content|data|default|description|details?|example|info|information|meaning|note|setting|value"
    r"|angabe|beschreibung|inhalt|standard|wert|valeur|contenu|valor|contenido|valore|waarde)s?",
    re.IGNORECASE,
)


def begins_with_a_row(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether the first row of a table is a row like those below it, and not their header."""
    if not any(first) or (below and _stand_out(first) and not _stand_out(below[0])):
        return False
    if not first[0] and any(row[0] for row in below):
        return False  # an empty corner above a column of names
    is_like_below = any(_is_as_below(first, below, column) for column in range(len(first)))
    return is_like_below or are_fields([first, *below]) or is_row_of_words(first, below)


def doubt_about_header(header: Sequence[str], below: Sequence[Sequence[str]]) -> str:
    """The ledger's warning about a header that is worded like the rows below it; empty if it surely is one."""
    if (_stand_out(header) and not any(map(_stand_out, below[:1]))) or not may_be_row_of_words(header, below):
        return ""
    first, second, *_ = filter(None, header)
    return f"“{first}, {second}” is read as a header: if it is a row, put a header above it"


def _stand_out(cells: Sequence[str]) -> bool:
    """Whether all cells with text are set off, as names and titles are."""
    return all(stands_out(cell) for cell in cells if cell)


def _is_as_below(first: Sequence[str], below: Sequence[Sequence[str]], column: int) -> bool:
    """Whether a cell of the first row is of one kind with those below it, such as a date above dates.

    Growing numbers in the first row are names of columns instead: `5 km | 10 km`.
    """
    kind = kind_of(first[column])
    if kind == "number":
        numbers = [cell for cell in first if kind_of(cell) == "number"]
        sizes = [float(digits[0]) for cell in numbers if (digits := re.search(r"\d+(?:\.\d+)?", cell))]
        if len(sizes) > 1 and sizes == sorted(set(sizes)):
            return False
    elif kind not in _FACTS:
        return False
    return _most(kind_of(row[column]) for row in below if column < len(row) and row[column]) == kind


def are_fields(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows are pairs of name and value: the names stand out or have colons, or the values are of many kinds."""
    columns = sorted({column for row in rows for column, cell in enumerate(row) if cell})
    pairs = [(row[columns[0]], row[columns[-1]]) for row in rows if len(row) > columns[-1] and row[columns[-1]]]
    names = [name for name, _ in pairs]
    if len(columns) != 2 or not pairs or len(set(names)) < len(pairs) or "" in names:
        return False
    if _stand_out(names) and not stands_out(pairs[0][1]):
        return True
    if names[0].endswith(":") and _most(name[-1] for name in names) == ":":
        return True
    kinds = [kind_of(value) for _, value in pairs]
    if kinds[0] in ("address", "date", "phone", "number", "sentence"):
        return True
    if _most(kinds[1:]):
        return False
    return kinds[0] in ("year", "code") or (len(set(kinds)) > 2 and not any(map(_ANY_VALUE.fullmatch, pairs[0])))


def stand_apart(rows: Sequence[Sequence[str]]) -> bool:
    """Whether pairs above a wider table are names and values; the values can be words, but not a list of numbers."""
    values = [row[-1] for row in ([cell for cell in row if cell] for row in rows) if len(row) > 1]
    if len(values) == 1:
        return are_fields(rows)
    return len(values) == 2 or _most(map(kind_of, values[1:])) not in ("number", "code")


def kind_of(value: str) -> str:
    """The kind of a cell's value: `address`, `date`, `phone`, `year`, `number`, `sentence`, `code`, or else `words`."""
    found = _KIND.fullmatch(value)
    return (found and found.lastgroup) or "words"


def _most(values: Iterable[str]) -> str:
    """The value that more than half of `values` are; empty if there is none."""
    counts = Counter(values)
    value, count = counts.most_common(1)[0] if counts else ("", 0)
    return value if 2 * count > counts.total() else ""
