"""The facts of an answer (words, names, numbers), and whether another text has them too. Does not import torch.

A small model answers a question in a full sentence, in which one word is the fact. So two answers differ if each has a
word that the other lacks, even if it is one of twenty: "blue" and "red". If only one answer has such words, it says
more. "Not" is a fact as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from disc_lite.qa import language_of, words_of
from disc_lite.qa.function_words import TELLING
from disc_lite.qa.matching import opening_yes_no
from disc_lite.qa.mentions import mentions
from disc_lite.qa.negation import is_negator
from disc_lite.qa.vocabulary import MONTHS
from disc_lite.qa.words import is_unspaced, read_words
from disc_lite.synthesis.names import names_in
from disc_lite.synthesis.terms import Term, has_another_unit, missing, terms_of

# Negation inside a word or after it, in languages that negate so.
_NEGATES_INSIDE = re.compile("[没沒未无無]|ไม่|มิใช่|ない|なか[っろ]|ません|않|아니|아닙|değil")
FACTS = 0.75  # smallest share of the facts of an answer that counts as giving it; all names and numbers are needed
SAID = 0.5  # the same for a sentence: answers use other words ("lasted four nights", "were stranded for four nights")
# What is forbidden is not allowed.
_FORBIDDEN = re.compile(
    r"\b(?:forbidden|prohibited|banned|barred|verboten|untersagt|interdite?s?|prohibid[oa]s?|vietat[oiae]|proibid[oa]s?"
    r"|verboden|запрещен\w*|запрещён\w*)\b|ممنوع|禁止|严禁|嚴禁",
    re.IGNORECASE,
)
_OR = {"Dutch": "of", "Italian": "o", "Spanish": "o"}  # words that mean something else in other languages
_CLAUSES = re.compile(r"[,;:.!?()|—–，；：。！？、]\s*(?!\d)|\s-\s")


def is_yes_no(answer: str) -> bool:
    return opening_yes_no(answer)[0] != ""


def says_something(question: str, answer: str) -> bool:
    """Whether an answer has facts or denies the question; a lone yes or no has no facts."""
    language, rest = language_of(f"{question} {answer}"), opening_yes_no(answer)[1]
    choices = _choices(question, language)
    is_choice = 0 < len(missing(choices, terms_of(rest, language))) < len(choices)  # "with", to "with or without?"
    return is_choice or bool(_facts(question, answer, language)) or _negators(rest) > _negators(question)


def recalls(question: str, expected: str, answer: str) -> bool:
    """Whether `answer` has the facts of the expected answer that are not in the question.

    It needs all names and numbers and most of the other words, and must not have other words instead.
    """
    language = language_of(f"{question} {expected} {answer}")
    if _negations(question, expected, language) != _negations(question, answer, language):
        return False
    facts, answer_terms = _facts(question, expected, language), terms_of(answer, language)
    if not facts and _denies_something_else(f"{question} {expected}", answer, language):
        return False
    lacking = missing(facts, answer_terms)
    if _has_critical(lacking, expected) or (lacking and missing(_facts(question, answer, language), facts)):
        return False
    if _choose_otherwise(expected, answer, language):
        return False
    return len(lacking) <= (1 - FACTS) * len(facts)


def _denies_something_else(asked: str, answer: str, language: str) -> bool:
    """Whether an answer has words, but none that are in `asked`: "I do not know.", not "They can't."."""
    known, answer_terms = terms_of(asked, language), terms_of(answer, language)
    content = [term for term in answer_terms if term.written.lower() not in TELLING]
    return bool(content) and not is_yes_no(answer) and len(missing(known, answer_terms)) == len(known)


def states(sentence: str, question: str, answer: str) -> bool:
    """Whether a sentence states the answer: all its names and numbers, half of its other words, and "not".

    A number must not have another unit there. If an answer has no facts of its own ("Yes.", "It is open."), the words
    of the question are looked for instead.
    """
    language = language_of(f"{question} {answer} {sentence}")
    facts, share, text = _facts(question, answer, language), SAID, answer
    if not facts:
        facts, share, text = list(terms_of(question, language)), FACTS, question
    sentence_terms = terms_of(sentence, language)
    lacking = missing(facts, sentence_terms)
    if has_another_unit(answer, sentence):
        return False
    names = _last_names(text) if language == "German" else names_in(text)
    if any(term.number or term.written.lower() in names for term in lacking) or len(lacking) == len(facts):
        return False
    clauses = [c for c in _CLAUSES.split(sentence) if len(missing(facts, terms_of(c, language))) < len(facts)]
    bans = [sentence] if is_yes_no(answer) else clauses  # "forbidden in the hall, even for a night"
    is_ban = not _FORBIDDEN.search(f"{question} {answer}") and any(map(_FORBIDDEN.search, bans))
    is_denied = (any(map(_negators, clauses)) or is_ban) != (_negations(question, answer, language) > 0)
    # A sentence can answer "On which day is he not at work?" without a "not": "Off on Monday".
    return len(facts) - len(lacking) >= share * len(facts) and (not is_denied or _negators(question) > 0)


def _last_names(text: str) -> set[str]:
    """Return the last words of the names in a German text, in lower case; single nouns have capitals too."""
    return {name.split()[-1].lower() for name in mentions(text, "German") if " " in name}


def has_none(text: str, question: str, answer: str) -> bool:
    """Whether an answer has facts that the question lacks, and `text` has none of these facts."""
    language = language_of(text)
    facts = _facts(question, answer, language)
    return bool(facts) and len(missing(facts, terms_of(text, language))) == len(facts)


def gives(detail: str, question: str, answer: str) -> bool:
    """Whether an answer gives a detail of a sentence (its numbers, if it has any) and the question does not.

    Of a detail without numbers a third can be missing: "Ruth Avenarius" gives "Architektin Ruth Avenarius".
    """
    language = language_of(f"{question} {answer}")
    terms = terms_of(detail, language)
    if not terms:  # "A", or "" for any fact
        whole, question_words, answer_words = (set(words_of(text)) for text in (detail, question, answer))
        return not detail or (whole <= answer_words and not whole <= question_words)
    numbers = [term for term in terms if term.number]
    wanted, few = (numbers, 0) if numbers else (terms, 0 if is_unspaced(detail) else len(terms) // 3)
    return len(missing(wanted, terms_of(answer, language))) <= few < len(missing(wanted, terms_of(question, language)))


def gives_part_of_date(detail: str, question: str, answer: str) -> bool:
    """Whether a detail is a date, and an answer gives its year, month or day, which the question lacks."""
    language = language_of(f"{question} {answer}")
    terms = terms_of(detail, language)
    is_date = all(term.number for term in terms) and any(not MONTHS.keys().isdisjoint(term.forms) for term in terms)
    lacking = missing(terms, terms_of(question, language))
    return is_date and len(missing(lacking, terms_of(answer, language))) < len(lacking)


def same_facts(question: str, first: str, second: str) -> bool:
    """Whether two answers to a question have the same facts, or both say yes, or both no.

    One can say a little more: "Ada Brink" and "The mill is run by Ada Brink" are the same.
    """
    language = language_of(f"{question} {first} {second}")
    if _are_opposed(question, first, second, language):
        return False
    facts, others = _facts(question, first, language), _facts(question, second, language)
    more, less = missing(facts, others), missing(others, facts)
    if (more and less) or any(term.number for term in more + less):
        return False
    sizes = len(facts), len(others)
    open_alike = opening_yes_no(first)[0] == opening_yes_no(second)[0] != ""
    return open_alike or min(sizes) >= max(sizes) / 2


def says_no_more(question: str, answer: str, other: str) -> bool:
    """Whether `other` has all facts of `answer`, which has at least one, and perhaps more."""
    language = language_of(f"{question} {answer} {other}")
    facts, others = _facts(question, answer, language), _facts(question, other, language)
    is_within = bool(facts) and not missing(facts, others)
    open_alike = opening_yes_no(answer)[0] == opening_yes_no(other)[0]
    return is_within and open_alike and not _are_opposed(question, answer, other, language)


def exclude_each_other(question: str, first: str, second: str) -> bool:
    """Whether two answers to an open question cannot both be true, as far as their words show.

    They differ in one word, or they have a fact in common and either one denies it or each has another number or name.
    """
    language = language_of(f"{question} {first} {second}")
    if _choose_otherwise(first, second, language):
        return True
    facts, others = _facts(question, first, language), _facts(question, second, language)
    more, less = missing(facts, others), missing(others, facts)
    if len(more) == len(facts):
        return False
    is_other = _has_critical(more, first) and _has_critical(less, second)
    return is_other or _negations(question, first, language) != _negations(question, second, language)


def _are_opposed(question: str, first: str, second: str, language: str) -> bool:
    """Whether one of two answers affirms what the other denies, or the two differ in one word."""
    if _negations(question, first, language) != _negations(question, second, language):
        return True
    says, other_says = opening_yes_no(first)[0], opening_yes_no(second)[0]
    return bool(says and other_says and says != other_says) or _choose_otherwise(first, second, language)


def _choose_otherwise(first: str, second: str, language: str) -> bool:
    """Whether two answers differ in one word: "It is red.", "It is blue."; the question can contain both."""
    terms, others = terms_of(first, language), terms_of(second, language)
    return len(missing(terms, others)) == len(missing(others, terms)) == 1 and len(terms) == len(others)


def _facts(question: str, answer: str, language: str) -> list[Term]:
    """Return the terms of an answer that are not in the question, each once, without a yes or no at its beginning.

    Choices that a question offers ("before or after?") do not count as being in the question.
    """
    choices = _choices(question, language)
    question_terms = [term for term in terms_of(question, language) if term not in choices]
    return list(dict.fromkeys(missing(terms_of(opening_yes_no(answer)[1], language), question_terms)))


def _choices(question: str, language: str) -> set[Term]:
    """Return the terms next to an "or" and before its commas: red, green and blue in "red, green or blue?"."""
    either = re.compile(rf"\b(?:or|oder|ou|или|أو|أم|{_OR.get(language, 'or')})\b|还是|還是|或", re.IGNORECASE)
    sides = either.split(question)
    if len(sides) < 2:
        return set()
    last = [terms_of(part, language)[-1:] for side in sides[:-1] for part in re.split("[,，、]", side)]
    return {term for terms in (*last, terms_of(sides[-1], language)[:1]) for term in terms}


def _negations(question: str, answer: str, language: str) -> int:
    """Count the negators of an answer ("no" alone is one), and of its question if the answer has none of its words."""
    opening, rest = opening_yes_no(answer)
    if not words_of(rest):
        return int(opening == "no")
    question_terms = terms_of(question, language)
    return _negators(rest) + _negators(question) * (
        len(missing(question_terms, terms_of(rest, language))) == len(question_terms)
    )


def _negators(text: str) -> int:
    """Count the words of a text that negate."""
    return sum(map(is_negator, read_words(text))) + len(_NEGATES_INSIDE.findall(text))


def _has_critical(terms: Sequence[Term], text: str) -> bool:
    """Whether the terms include a number or a name of the text."""
    names = names_in(text)
    return any(term.number or term.written.lower() in names for term in terms)
