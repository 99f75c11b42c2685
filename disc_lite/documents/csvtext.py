"""CSV -> a section for each row of its tables (`rows`); the delimiter is `,` `;` `|` or a tab, whichever fits."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from disc_lite.documents.decoding import decode
from disc_lite.documents.rowheaders import SAMPLE_ROWS, Row
from disc_lite.documents.rows import tables_of, text_of_tables
from disc_lite.documents.source import QUESTIONS, Converted, RefusedFile, Source

_DELIMITERS = "\t|;,"  # in doubt the first: there are commas in prose and in `3,50`
_SAMPLE_CHARS = 1 << 16
# The columns that `qa.files` reads from a file for --questions or --pairs. A table with other columns too, such as a
# FAQ with a column of subjects, is text.
_ASKING, _ANSWERING = {"question", "completion", "text"}, {"answer", "answers"}
_BESIDE = {"id", "kind", "choices", "document", "passage", "passage_index", "passage_sha256", "source"}
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])\r?\n", re.IGNORECASE)


def csv_text(source: Source) -> Converted:
    """The text of a CSV file."""
    text = decode(source.raw)
    said = _SEPARATOR_LINE.match(text)  # an instruction to Excel, which does not show this line
    text = text[said.end() :] if said else text
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))  # raised only, since the whole process shares it
    rows, unclosed = quoted_rows(text, said[1] if said else _delimiter(text))
    columns = {cell.strip().lower() for cell in next(filter(any, rows), [])}
    has_questions = "question" in columns or (_ASKING & columns and _ANSWERING & columns)
    if has_questions and columns <= _ASKING | _ANSWERING | _BESIDE:
        raise RefusedFile(QUESTIONS)
    tables, doubt = tables_of(rows)
    warning = "; ".join(filter(None, [_warning(unclosed), doubt]))
    return replace(text_of_tables([("", table) for table in tables]), warning=warning)


def _warning(unclosed: Sequence[int]) -> str:
    if not unclosed:
        return ""
    warning = f"the quotation mark in line {unclosed[0]} is not closed and is read as part of its cell"
    return warning + (f"; also in {len(unclosed) - 1} more" if unclosed[1:] else "")


def quoted_rows(text: str, delimiter: str) -> tuple[list[Row], list[int]]:
    """The rows of a CSV text, and the numbers (from 1) of lines with a quotation mark that is opened and never closed.

    Such a mark is read as text (`5" bolt`); as a mark of CSV it would join all rows below into one cell.
    """
    lines = text.splitlines(keepends=True) if "\n" not in text else re.findall(r"[^\n]*\n|[^\n]+", text)
    rows: list[Row] = []
    unclosed: list[int] = []
    start = 0
    while start < len(lines):
        reader = csv.reader(_lines_from(lines, start), delimiter=delimiter, strict=True)
        ended = 0
        try:
            for row in reader:
                rows.append(row)
                ended = reader.line_num
            return rows, unclosed
        except csv.Error:
            start += ended
        spelled = next(csv.reader([lines[start]], delimiter=delimiter, quoting=csv.QUOTE_NONE))
        below = next(csv.reader(lines[start + 1 : start + 2], delimiter=delimiter, quoting=csv.QUOTE_NONE), [])
        width = len(rows[0] if rows else spelled)
        is_whole = len(spelled) == width > 1 and not spelled[-1].startswith('"')
        if is_whole or len(below) == len(spelled) == width > 1:
            rows.append(spelled)
            unclosed.append(start + 1)
            start += 1
            continue
        # Some programs do not double the quotation marks inside a cell.
        lenient = csv.reader(_lines_from(lines, start), delimiter=delimiter)
        rows.append(next(lenient))
        start += lenient.line_num
    return rows, unclosed


def _lines_from(lines: Sequence[str], start: int) -> Iterator[str]:
    return (lines[number] for number in range(start, len(lines)))


def _delimiter(text: str) -> str:
    """The delimiter that gives most of the first rows the same number of columns: a tab, or the most columns."""
    sample = text[:_SAMPLE_CHARS]
    if len(text) > _SAMPLE_CHARS:
        sample = sample[: sample.rfind("\n") + 1] or sample

    def columns(delimiter: str) -> tuple[float, bool, int]:
        rows = [row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if any(row)]
        widths = Counter(map(len, islice(rows, SAMPLE_ROWS)))
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        return (count / max(1, len(rows)) if width > 1 else 0, delimiter == "\t", width)

    return max(_DELIMITERS, key=columns)
