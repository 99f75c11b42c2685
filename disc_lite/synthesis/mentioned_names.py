"""The names of a passage that questions should contain. Does not import torch.

"What does Ada Brink run?" is not learned from "Who runs the mill?" alone. Numbers and dates are no such names: a small
model hardly ever puts one into a question, and people ask what somebody runs, not what costs four pounds.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from disc_lite.qa.details import UNSPACED_NUMBER, cells_of, details_of
from disc_lite.qa.function_words import ORDINARY
from disc_lite.qa.mentions import is_number
from disc_lite.qa.vocabulary import ARTICLES, MONTHS
from disc_lite.qa.weekdays import is_weekday
from disc_lite.qa.words import is_unspaced, normalise, read_words, words_of
from disc_lite.synthesis.terms import Term, forms_of, terms_of

_OF_DATES = {*MONTHS, *"anfang beginn mitte ende".split()}
# Function words, without those that names can have: Bank of Ardel.
_OF_STATEMENTS = ORDINARY - ARTICLES.union("of and de di da do du del della van von und et y e en".split())
_OF_CODE = re.compile(r"[()=_`]")


def places_of_names(sentences: Sequence[str], language: str) -> dict[str, int]:
    """Return the names in these sentences, each with the index of the first sentence that has it among its details.

    A cell that several rows of a table have is left out: "What is billed monthly?" has several answers.
    """
    names, cells, seen = dict[str, int](), Counter[str](), set[str]()
    details = [details_of(sentence, language) for sentence in sentences]
    is_row = [bool(cells_of(sentence)) for sentence in sentences]
    for number, of_sentence in enumerate(details):
        cells.update(of_sentence if is_row[number] else ())
    for number, of_sentence in enumerate(details):
        for detail in of_sentence:
            key = normalise(detail)  # "the Company" and "Company" are one name
            if key not in seen and is_name(detail, language) and not (is_row[number] and cells[detail] > 1):
                names[detail] = number
                seen.add(key)
    return names


def is_name(detail: str, language: str) -> bool:
    """Whether a detail of a sentence is a name or code: not a date, a statement, or something that a number counts."""
    if is_unspaced(detail):
        return not (detail[0].isdigit() or UNSPACED_NUMBER.fullmatch(detail))
    words, terms = read_words(detail), terms_of(detail, language)
    if not terms or words[0].number or terms[0].number or _begins_with_number_word(detail, language):
        return False
    return not _is_statement(detail) and not all(map(_is_of_date, terms))


def _is_of_date(term: Term) -> bool:
    return term.number or any(map(is_weekday, term.forms)) or not _OF_DATES.isdisjoint(term.forms)


def _begins_with_number_word(detail: str, language: str) -> bool:
    """Whether the first word is a number in this language, also one that is among its function words: deux euros."""
    first = words_of(detail)[0]
    return first.isalpha() and is_number(first, language)


def _is_statement(detail: str) -> bool:
    """Whether a cell or quotation has function words and only its first word has a capital: "how long data is kept"."""
    words = [word for word in detail.split() if any(map(str.isalpha, word))]
    has_capital = any(not word.islower() for word in words[1:])
    is_prose = len(words) > 1 and not has_capital and not _OF_CODE.search(detail)
    return is_prose and not _OF_STATEMENTS.isdisjoint(words_of(detail))


def contains(question: str, name: str, language: str) -> bool:
    """Whether a question in this language contains a name, in any form of its words and numbers.

    A third of the words can be missing: "What did Ruth Avenarius draw?" contains "Architektin Ruth Avenarius".
    """
    return not still_lacking([name], [question], language, 1)


def still_lacking(names: Collection[str], questions: Sequence[str], language: str, wanted: int) -> dict[str, int]:
    """Return the names that fewer than `wanted` questions contain, each with the number of questions that it lacks."""
    having = defaultdict[str, set[int]](set)  # form -> the questions that have it; there can be a thousand of them
    for number, question in enumerate(questions if names else ()):
        for form in forms_of(terms_of(question, language)):
            having[form].add(number)
    lacking = dict[str, int]()
    for name in names:
        terms = terms_of(name, language)
        with_term = (set[int]().union(*(having.get(form, ()) for form in term.forms)) for term in terms)
        counts = Counter(question for questions_with in with_term for question in questions_with)
        fewest = len(terms) - len(terms) // 3
        found = sum(number >= fewest for number in counts.values()) if terms else wanted
        if found < wanted:
            lacking[name] = wanted - found
    return lacking
