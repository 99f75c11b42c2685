"""Detects answers that take a number from a table without saying from which row. Does not import torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from disc_lite.qa import language_of
from disc_lite.qa.details import cells_of
from disc_lite.synthesis.terms import Term, missing, terms_of

# Fewest columns of a table with one thing per row. A table of two columns has the properties of one thing, for which
# questions use other words: "How heavy is it?" asks for "Weight | 3 kg".
COLUMNS = 3

_Cell = tuple[Term, ...]
_Row = tuple[_Cell, ...]


def names_no_row(question: str, answer: str, passage: str) -> bool:
    """Whether a number of the answer occurs only in a table, and question and answer do not show which row is meant.

    "The ceiling is 187 euros" does not say for which region, if every region has a ceiling.
    """
    language = language_of(passage)
    rows, elsewhere = _rows(passage, language)
    if not rows:
        return False
    mentioned = terms_of(f"{question}\n{answer}", language)
    numbers = [term for term in terms_of(answer, language) if term.number]
    only_in_table = missing(numbers, (*terms_of(question, language), *elsewhere))
    return any(_has_no_row(number, rows, mentioned) for number in only_in_table)


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
def _rows(passage: str, language: str) -> tuple[Sequence[_Row], Sequence[Term]]:
    """Return the rows of a passage's tables, and the terms of its other lines, table headers included."""
    lines = passage.splitlines()
    rows, others = list[_Row](), list[str]()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        cells = cells_of(line)
        is_header = "-" in following and not following.strip("|-: ")
        if len(cells) >= COLUMNS and not is_header:
            rows.append(tuple(terms_of(cell, language) for cell in cells))
        else:
            others.append(line)
    return rows, terms_of("\n".join(others), language)
