"""The names of a passage that questions should contain. Does not import torch.

"What does Ada Brink run?" is not learned from "Who runs the mill?" alone. Numbers and dates are no such names: a small
model hardly ever puts one into a question, and people ask what somebody runs, not what costs four pounds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from disc_lite.qa.details import UNSPACED_NUMBER, cells_of, details_of
from disc_lite.qa.vocabulary import ALL_WEEKDAYS, MONTHS
from disc_lite.qa.words import is_unspaced, read_words
from disc_lite.synthesis.terms import forms_of, terms_of

_OF_DATES = ALL_WEEKDAYS | MONTHS.keys()


def places_of_names(sentences: Sequence[str], language: str) -> dict[str, int]:
    """Return the names in these sentences, each with the index of the first sentence that has it among its details.

    A cell that several rows of a table have is left out: "What is billed monthly?" has several answers.
    """
    names, cells = dict[str, int](), Counter[str]()
    details = [details_of(sentence, language) for sentence in sentences]
    is_row = [bool(cells_of(sentence)) for sentence in sentences]
    for number, of_sentence in enumerate(details):
        cells.update(of_sentence if is_row[number] else ())
    for number, of_sentence in enumerate(details):
        for detail in of_sentence:
            if is_name(detail, language) and not (is_row[number] and cells[detail] > 1):
                names.setdefault(detail, number)
    return names


def is_name(detail: str, language: str) -> bool:
    """Whether a detail of a sentence is a name or code: it does not begin with a number, and is not only a date."""
    if is_unspaced(detail):
        return not (detail[0].isdigit() or UNSPACED_NUMBER.fullmatch(detail))
    words, terms = read_words(detail), terms_of(detail, language)
    if not terms or words[0].number or terms[0].number:
        return False
    return not all(term.number or not _OF_DATES.isdisjoint(term.forms) for term in terms)


def contains(question: str, name: str, language: str) -> bool:
    """Whether a question in this language contains a name, in any form of its words and numbers."""
    return not still_lacking([name], [question], language, 1)


def still_lacking(names: Collection[str], questions: Sequence[str], language: str, wanted: int) -> dict[str, int]:
    """Return the names that fewer than `wanted` questions contain, each with the number of questions that it lacks."""
    having = defaultdict[str, set[int]](set)  # form -> the questions that have it; there can be a thousand of them
    for number, question in enumerate(questions if names else ()):
        for form in forms_of(terms_of(question, language)):
            having[form].add(number)
    lacking = dict[str, int]()
    for name in names:
        with_term = [set[int]().union(*(having.get(f, ()) for f in t.forms)) for t in terms_of(name, language)]
        found = len(set.intersection(*with_term)) if with_term else wanted
        if found < wanted:
            lacking[name] = wanted - found
    return lacking
