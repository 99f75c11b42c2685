"""Detects answers from a table that do not say from which row, or are from another row. Does not import torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from disc_lite.qa import language_of, words_of
from disc_lite.qa.details import cells_of
from disc_lite.synthesis.terms import Term, missing, terms_of

# Fewest columns of a table that surely has one thing per row. A table of two columns can have the properties of one
# thing, for which questions use other words: "How heavy is it?" asks for "Weight | 3 kg". It has one thing per row if
# the question names what all its rows have, the title of the second column: "What is the fee?" asks for "Fee".
COLUMNS = 3

# Words of questions that compare a row with others, or ask for others.
_COMPARES = frozenset(
    "than other others another besides except unlike instead before after next als andere anderen außer statt vor nach "
    "que autre autres otro otra otros más altro altra più outro outra mais dan ander "
    "чем другой другая кроме 比 除 其".split()
)

_Cell = tuple[Term, ...]
_Row = tuple[_Cell, ...]


def names_no_row(question: str, answer: str, passage: str) -> bool:
    """Whether a number of the answer occurs only in a table, and question and answer do not show which row is meant.

    "The ceiling is 187 euros" does not say for which region, if every region has a ceiling.
    """
    language = language_of(passage)
    mentioned = terms_of(f"{question}\n{answer}", language)
    titled, elsewhere = _rows(passage, language)
    rows = [row for row, title in titled if len(row) >= COLUMNS or (title and not missing(title, mentioned))]
    if not rows:
        return False
    numbers = [term for term in terms_of(answer, language) if term.number]
    only_in_table = missing(numbers, (*terms_of(question, language), *elsewhere))
    return any(_has_no_row(number, rows, mentioned) for number in only_in_table)


def takes_another_row(question: str, answer: str, passage: str) -> bool:
    """Whether a question names one row of a table, and the answer has facts that only another row has.

    "What causes S-307?" is not answered by the cause of S-512. A question that compares rows can be.
    """
    language = language_of(passage)
    rows, elsewhere = _rows(passage, language)
    asked = terms_of(question, language)
    named = [number for number, (row, _) in enumerate(rows) if _is_named(row, rows, asked)]
    if len(named) != 1 or not _COMPARES.isdisjoint(words_of(question)):
        return False
    own = _terms_in(rows[named[0]][0])
    foreign = missing(terms_of(answer, language), [*asked, *elsewhere, *own])
    others = [_terms_in(other) for other, _ in rows if len(other) == len(rows[named[0]][0])]
    # A question with a word of another row can be about that one too: "Is Eskerholm paid as home coast?"
    others = [other for other in others if missing(asked, missing(other, own)) == list(asked)]
    return bool(foreign) and any(not missing(foreign, other) for other in others)


def _terms_in(row: _Row) -> list[Term]:
    return [term for cell in row for term in cell]


def _is_named(row: _Row, rows: Sequence[tuple[_Row, _Cell]], asked: Sequence[Term]) -> bool:
    """Whether a question has all terms of a cell that no other row has."""
    cells = [cell for cell in row if cell and not missing(cell, asked)]
    others = [other for other, _ in rows if other is not row]
    return any(all(missing(cell, other_cell) for other in others for other_cell in other) for cell in cells)


def _has_no_row(number: Term, rows: Sequence[_Row], mentioned: Sequence[Term]) -> bool:
    places = [(row, n) for row in rows for n, cell in enumerate(row) if not missing([number], cell)]
    return bool(places) and all(any(_may_be_meant(other, row, n, mentioned) for other in rows) for row, n in places)


def _may_be_meant(other: _Row, row: _Row, column: int, mentioned: Sequence[Term]) -> bool:
    """Whether `other` has another number of the same kind in this column, and no mentioned term is only in `row`."""
    if len(other) != len(row) or not _are_alike(row[column], other[column]):
        return False
    rest, rest_of_other = ([term for cell in (*r[:column], *r[column + 1 :]) for term in cell] for r in (row, other))
    distinctive = missing(rest, rest_of_other)
    return len(missing(distinctive, mentioned)) == len(distinctive)


def _are_alike(cell: _Cell, other: _Cell) -> bool:
    """Whether two cells have different numbers and the same words: 108 euros, 187 euros."""
    words, other_words = ([term for term in c if not term.number] for c in (cell, other))
    numbers = [term for term in other if term.number]
    return bool(missing(numbers, cell)) and not missing(words, other_words) and not missing(other_words, words)


@lru_cache(maxsize=64)  # many drafts are compared with the same passage
def _rows(passage: str, language: str) -> tuple[Sequence[tuple[_Row, _Cell]], Sequence[Term]]:
    """Return the rows of a passage's tables, each with the title of its last column, and the terms of its other lines.

    The headers of tables are other lines.
    """
    lines = passage.splitlines()
    rows, others, title = list[tuple[_Row, _Cell]](), list[str](), _Cell()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        cells = cells_of(line)
        is_header = "-" in following and not following.strip("|-: ")
        is_rule = "-" in line and not line.strip("|-: ")
        if is_header or not (cells or is_rule):
            title = terms_of(cells[-1], language) if cells else ()
        if len(cells) >= 2 and not (is_header or is_rule):
            rows.append((tuple(terms_of(cell, language) for cell in cells), title))
        else:
            others.append(line)
    return rows, terms_of("\n".join(others), language)
