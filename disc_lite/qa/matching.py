"""Whether a prediction gives an answer.

`exact`: the prediction has the same words as the answer. `contains`: the words of the answer occur in it, in the same
order and without a gap, and are not negated there.

Two words are the same if
- they are spelled alike, where accents may be missing but not differ (peche is pêche, péché is not);
- they are the same number, time, date, unit or ordinal;
- one is the plain plural of the other, and one of them is in lower case or counted (Adams is not Adam).

Negated is an answer that directly follows "not", "no", "never" or the like in other languages. Only words that say
where or how may stand between ("never on Friday", "not yet allowed"), and behind "do not" the verb ("does not cost 84
euros"); any other word ends the scope of the negator, so "not until 11:15", "no more than 187 euros" and "not only
Friday" give the answer, and so does "any day but Friday", as "closed every day but Friday" may have to. The end of a
clause ends it too: "No, Friday". If the answer occurs several times, one that is not negated is enough.

The answers yes and no are given by the first word that says one of them and ends its clause, or begins the prediction
before a pronoun or the like: "No, it is not", "No it is not" and "The answer is no", but not "There is no rule",
"No rule is known" and "yes or no".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from disc_lite.qa.operators import goes_on, operators_agree
from disc_lite.qa.records import Word
from disc_lite.qa.spelling import accents_agree, singulars
from disc_lite.qa.vocabulary import (
    AFTER_YES_NO,
    AND,
    BECAUSE,
    CHOICE,
    DO,
    FOCUS_ADVERBS,
    NEGATING_PAIRS,
    NEGATING_PHRASES,
    NEGATORS,
    NEGATORS_AFTER,
    NO_NEGATES_BESIDE,
    OPENS_AS_ANSWER,
    POSTPOSITIONS,
    THERE_IS_NONE,
    TRANSPARENT,
    UNSPACED_NEGATORS,
    UNSPACED_NEGATORS_AFTER,
    WEEKDAYS,
    YES,
    YES_NO,
)
from disc_lite.qa.words import read_words

_QUOTES = "\"'“”‘’«»„`.,;:()"
_NUMBER_SIGN = re.compile(r"\W*no\.\s*\d", re.IGNORECASE)  # No. 7
_MAX_SCOPE = 6  # words or characters between a negator and the answer


@dataclass(frozen=True)
class Comparison:
    """A prediction compared with one answer. The counts are of words, without articles."""

    predicted_words: int
    answer_words: int
    shared_words: int  # each counted once
    exact: bool
    contains: bool


def is_right(prediction: str, answers: Iterable[str], grading: str) -> bool:
    """Whether a prediction gives one of `answers`, by `exact` or `contains`."""
    results = (compare(prediction, answer) for answer in answers)
    return any(result.exact if grading == "exact" else result.contains for result in results)


def compare(prediction: str, answer: str) -> Comparison:
    """Compare by words; an answer that consists of marks only ("#") is compared by its marks."""
    read = read_words(prediction)
    predicted, expected = _without_skipped(read), _without_skipped(read_words(answer))
    predicted, expected = _with_compounds(predicted, expected), _with_compounds(expected, predicted)
    if not expected:
        return Comparison(len(predicted), 0, 0, *_compare_marks(prediction, answer))
    linked = _with_links(predicted, expected), _with_links(expected, predicted)
    if _are_same(*linked):  # only whole answers: of "It sells apples. Pears are not sold." a part would be the same
        predicted, expected = linked
    known = frozenset().union(*map(_names, expected))
    candidates = [i for i, word in enumerate(predicted) if not known.isdisjoint(_names(word))]
    exact = len(candidates) == len(predicted) and _are_same(predicted, expected)
    shared = len(expected) if exact else _count_shared([predicted[i] for i in candidates], expected)
    contains = exact or _contains(read, predicted, expected, candidates)
    return Comparison(len(predicted), len(expected), shared, exact, contains)


def is_negator(word: Word) -> bool:
    """Whether a word negates what follows it."""
    return word.text in NEGATORS or word.text in UNSPACED_NEGATORS


def opening_yes_no(text: str) -> tuple[str, str]:
    """ "yes" or "no", as a text begins with it in its language, and what follows; or "" and the whole text."""
    words = read_words(text)
    end = next((end for end in (1, 2, 3) if _says_yes_or_no(words, 0, end)), 0)
    if end == 0 or _NUMBER_SIGN.match(text):
        return "", text
    rest = text
    for word in words[:end]:
        rest = rest.partition(word.written)[2]
    return "yes" if _joined(words[:end]) in YES else "no", rest


def _contains(
    read: Sequence[Word], predicted: Sequence[Word], expected: Sequence[Word], candidates: Sequence[int]
) -> bool:
    """Whether `expected` occurs in `predicted`, from one of `candidates` on, and is not negated there."""
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
        and not _is_negated(predicted, start, end)
        for run, start, end in runs
    )


def _joined(words: Sequence[Word]) -> str:
    return "".join(word.text for word in words)


def _yes_or_no(words: Sequence[Word]) -> str:
    """The first word that says yes or no as a clause or at the end of one; "" if none does."""
    for start in range(len(words)):
        end = next((end for end in (start + 1, start + 2, start + 3) if _says_yes_or_no(words, start, end)), 0)
        if end:
            return _joined(words[start:end])
    return ""


def _says_yes_or_no(words: Sequence[Word], start: int, end: int) -> bool:
    """Whether `words[start:end]` (several in scripts without spaces) are yes or no, and no article and no choice."""
    if end > len(words) or _joined(words[start:end]) not in YES_NO | THERE_IS_NONE:
        return False
    if any(word.opens for word in words[start + 1 : end]) or _is_negated_before(words, start):
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
    """The words that are compared; the mark before a skipped one precedes the next."""
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
    """The words, with "apples, pears" as "apples and pears" if `others` link the two so."""
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
    """Whether a word is surely not a name."""
    return word.counted or not word.written[:1].isupper()


def _is_negated(words: Sequence[Word], start: int, end: int) -> bool:
    """Whether a negator directly precedes `words[start:end]` or, in some languages, follows it."""
    return _is_negated_before(words, start) or _is_negated_after(words, end)


def _is_negated_before(words: Sequence[Word], start: int) -> bool:
    if words[start].opens:
        return False
    before = ""
    for i in range(start - 1, max(-1, start - 1 - _MAX_SCOPE), -1):
        word = words[i]
        if word.skipped:
            continue
        before = word.text + before
        if before in UNSPACED_NEGATORS:
            return True
        if word.text == "no":
            is_sign = words[start].number and i == start - 1  # "no 7"
            return not is_sign and _no_negates(words, i)
        if word.text in NEGATORS or _ends_phrase(words, i) or _ends_pair(words, i, start):
            return True
        if i > 1 and words[i - 1].text == "not" and words[i - 2].text in DO and word.text not in FOCUS_ADVERBS:
            continue  # the verb
        is_adverb = word.text.endswith("ly") and word.text not in FOCUS_ADVERBS
        passes = word.text in TRANSPARENT or is_adverb or any(n.endswith(before) for n in UNSPACED_NEGATORS)
        if word.opens or not passes:
            return False
    return False


def _ends_phrase(words: Sequence[Word], index: int) -> bool:
    """Whether a negator of several words ends here: by no means, auf keinen Fall."""
    first = next((i for i in (index, index - 1) if i < 1 or words[i].opens), max(0, index - 2))
    texts = [word.text for word in words[first : index + 1]]
    return any(" ".join(texts[n:]) in NEGATING_PHRASES for n in range(len(texts)))


def _ends_pair(words: Sequence[Word], index: int, start: int) -> bool:
    """Whether a negator in two parts ends here, such as "n'est plus"; "non più di 187" limits the number at `start`."""
    first = NEGATING_PAIRS.get(words[index].text)
    if first is None or (words[start].number and index < start - 1):
        return False
    for word in reversed(words[max(0, index - _MAX_SCOPE) : index + 1]):
        if word.text == first or (word.after_ne and first == "ne"):
            return True
        if word.opens:
            break
    return False


def _no_negates(words: Sequence[Word], index: int) -> bool:
    """Whether "no" is English or Spanish here: it begins a clause or occurs with words of these languages."""
    return words[index].opens or any(word.text in NO_NEGATES_BESIDE for word in words)


def _is_negated_after(words: Sequence[Word], end: int) -> bool:
    following = words[end : end + _MAX_SCOPE]
    text = ""
    for word in following:
        if word.opens:
            break
        text += word.text
    if text.startswith(UNSPACED_NEGATORS_AFTER):
        return True
    for word in following:
        if word.opens or word.text not in POSTPOSITIONS:
            return not word.opens and word.text.startswith(NEGATORS_AFTER)
    return False
