"""Whether a prediction gives an answer: exact match, containment and word F1.

`exact`: the prediction has the same words as the answer. `contains`: the words of the answer occur in the prediction,
in the same order and without a gap, and are not negated there (`negation`).

Two words are the same if
- they are spelled alike; accents can be missing but not differ (peche is pêche, péché is not);
- they are the same number, time, date, unit or ordinal;
- one is the plain plural of the other, and one of them is in lower case or counted (Adams is not Adam).

If the answer is yes or no, the prediction gives the first yes or no that ends its clause, or that begins the prediction
and precedes a pronoun or the like. "No, it is not", "No it is not" and "The answer is no" give the answer no; "There is
no rule", "No rule is known" and "yes or no" do not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from disc_lite.qa.negation import is_negated_after, is_negated_before
from disc_lite.qa.operators import goes_on, operators_agree
from disc_lite.qa.records import Word
from disc_lite.qa.spelling import accents_agree, singulars
from disc_lite.qa.vocabulary import (
    AFTER_YES_NO,
    AND,
    BECAUSE,
    CHOICE,
    OPENS_AS_ANSWER,
    THERE_IS_NONE,
    WEEKDAYS,
    YES,
    YES_NO,
)
from disc_lite.qa.words import read_words

_QUOTES = "\"'“”‘’«»„`.,;:()"
_NUMBER_SIGN = re.compile(r"\W*no\.\s*\d", re.IGNORECASE)  # No. 7


@dataclass(frozen=True)
class Grade:
    """The result of comparing a prediction with an answer, or with the best fitting of several, by each rule."""

    exact: bool
    contains: bool
    f1: float  # harmonic mean of precision and recall of the words (Rajpurkar et al., arXiv 1606.05250)

    def right(self, grading: str) -> bool:
        """Whether the prediction is right by `grading`, which is `exact` or `contains`."""
        return self.exact if grading == "exact" else self.contains


def is_right(prediction: str, answers: Iterable[str], grading: str) -> bool:
    """Whether a prediction gives one of `answers`, by `exact` or `contains`."""
    return any(compare(prediction, answer).right(grading) for answer in answers)


def compare(prediction: str, answer: str) -> Grade:
    """Compare a prediction with an answer by words, without articles; an answer of marks only ("#") by its marks."""
    read = read_words(prediction)
    predicted, expected = _without_skipped(read), _without_skipped(read_words(answer))
    predicted, expected = _with_compounds(predicted, expected), _with_compounds(expected, predicted)
    if not expected:
        exact, contains = _compare_marks(prediction, answer)
        return Grade(exact, contains, float(exact))
    linked = _with_links(predicted, expected), _with_links(expected, predicted)
    if _are_same(*linked):  # only the whole: "apples and pears" is not in "It sells apples. Pears are not sold."
        predicted, expected = linked
    known = frozenset().union(*map(_names, expected))
    candidates = [i for i, word in enumerate(predicted) if not known.isdisjoint(_names(word))]
    exact = len(candidates) == len(predicted) and _are_same(predicted, expected)
    shared = len(expected) if exact else _count_shared([predicted[i] for i in candidates], expected)
    contains = exact or _contains(read, predicted, expected, candidates)
    return Grade(exact, contains, 2 * shared / (len(predicted) + len(expected)))


def opening_yes_no(text: str) -> tuple[str, str]:
    """("yes" or "no", the rest) if a text begins with one of them, in any language; else ("", the text)."""
    words = read_words(text)
    end = next((end for end in (1, 2, 3) if _answers_yes_or_no(words, 0, end)), 0)
    if end == 0 or _NUMBER_SIGN.match(text):
        return "", text
    rest = text
    for word in words[:end]:
        rest = rest.partition(word.written)[2]
    return "yes" if _joined(words[:end]) in YES else "no", rest


def _contains(
    read: Sequence[Word], predicted: Sequence[Word], expected: Sequence[Word], candidates: Sequence[int]
) -> bool:
    """Whether `expected` occurs in `predicted` at one of the indices `candidates` and is not negated there."""
    if _joined(expected) in YES_NO:
        return _yes_or_no(read).removesuffix("的") == _joined(expected).removesuffix("的")  # 是的
    if len(expected) == 1:
        letter = expected[0].written
        if len(letter) == 1 and letter.isupper() and any(w.skipped and w.written == letter for w in read):
            return True  # "A is right"
    runs = ((predicted[i : i + len(expected)], i, i + len(expected)) for i in candidates)
    texts = [*(word.text for word in predicted), ""]
    return any(
        _are_same(run, expected)
        and not goes_on(run, expected, texts[min(end, len(predicted))])
        and not (is_negated_before(predicted, start) or is_negated_after(predicted, end))
        for run, start, end in runs
    )


def _joined(words: Sequence[Word]) -> str:
    return "".join(word.text for word in words)


def _yes_or_no(words: Sequence[Word]) -> str:
    """The first yes or no that counts as an answer; "" if there is none."""
    for start in range(len(words)):
        end = next((end for end in (start + 1, start + 2, start + 3) if _answers_yes_or_no(words, start, end)), 0)
        if end:
            return _joined(words[start:end])
    return ""


def _answers_yes_or_no(words: Sequence[Word], start: int, end: int) -> bool:
    """Whether `words[start:end]` (several in scripts without spaces) answer yes or no: not "no dogs", "yes or no"."""
    if end > len(words) or _joined(words[start:end]) not in YES_NO | THERE_IS_NONE:
        return False
    if any(word.opens for word in words[start + 1 : end]) or is_negated_before(words, start):
        return False
    near = [word.text for word in (*words[max(0, start - 2) : start], *words[end : end + 2])]
    if not YES_NO.isdisjoint(near) and not CHOICE.isdisjoint(near):
        return False
    ends = end == len(words) or words[end].opens
    if ends or words[end].text in BECAUSE:
        return True
    return start == 0 and (_joined(words[:end]) in OPENS_AS_ANSWER or words[end].text in AFTER_YES_NO)


def _are_same(first: Sequence[Word], second: Sequence[Word]) -> bool:
    return len(first) == len(second) and all(map(_is_same, first, second)) and operators_agree(first, second)


def _count_shared(predicted: Sequence[Word], expected: Sequence[Word]) -> int:
    """The number of words that both have, each counted once; words of the same form are matched first."""
    left = list(expected)
    for word in predicted:
        same = [other for other in left if _is_same(word, other)]
        if same:
            left.remove(min(same, key=lambda other: other.text != word.text))
    return len(expected) - len(left)


def _compare_marks(prediction: str, answer: str) -> tuple[bool, bool]:
    """Whether the marks are equal, and whether they occur in the prediction as a word of their own."""
    prediction, answer = (unicodedata.normalize("NFKC", text).strip() for text in (prediction, answer))
    exact = prediction == answer != ""
    contains = answer != "" and any(answer in (part, part.strip(_QUOTES)) for part in prediction.split())
    return exact, exact or contains


def _without_skipped(words: Sequence[Word]) -> list[Word]:
    """The words that are compared; the end of a clause before a skipped word counts as before the next word."""
    compared: list[Word] = []
    opens = False
    for word in words:
        opens = opens or word.opens
        if not word.skipped:
            compared.append(replace(word, opens=opens) if opens != word.opens else word)
            opens = False
    return compared


def _with_compounds(words: Sequence[Word], others: Sequence[Word]) -> list[Word]:
    """The words, with "self employed" as one word if `others` have "self-employed"."""
    compounds: dict[str, list[Word]] = {}
    for other in others:
        if other.parts:
            compounds.setdefault(other.parts[0], []).append(other)
    if not compounds:
        return list(words)
    joined: list[Word] = []
    i = 0
    while i < len(words):
        known = compounds.get(words[i].text, ())
        run = next((c for c in known if tuple(w.text for w in words[i : i + len(c.parts)]) == c.parts), None)
        joined.append(Word(run.text, run.written, run.names, run.parts, words[i].opens) if run else words[i])
        i += len(run.parts) if run else 1
    return joined


def _with_links(words: Sequence[Word], others: Sequence[Word]) -> list[Word]:
    """The words, with "apples, pears" as "apples and pears" if `others` link the two words with "and"."""
    threes = zip(others, others[1:], others[2:], strict=False)
    links = {(first.text, last.text): link for first, link, last in threes if link.text in AND}
    linked = list(words[:1])
    for before, word in pairwise(words):
        link = links.get((before.text, word.text)) if word.opens else None
        linked += [link, word] if link else [word]
    return linked


def _names(word: Word) -> frozenset[str]:
    stems = singulars(word.text)
    return word.names | stems if stems else word.names


def _is_same(first: Word, second: Word) -> bool:
    if first.text == second.text:
        return first.number or second.number or accents_agree(first.written, second.written)
    if not first.names.isdisjoint(second.names):
        return True
    stems = _names(first) & _names(second)
    return bool(stems) and (_is_common(first) or _is_common(second) or bool(stems & WEEKDAYS))


def _is_common(word: Word) -> bool:
    """Whether a word is certainly not a name."""
    return word.counted or not word.written[:1].isupper()
