"""When an answer is right.

`exact`: after normalising, the answer is one of the accepted ones. `contains`: one of them stands in it, as whole
words, in this order, and is not denied there. Two words are the same if they are spelled alike, accents missing or not,
or say the same number, time, date, unit or ordinal, or if one is the plain plural of the other and at least one of them
is in lower case or counted (Adams is not Adam).

Denied is an answer right before which stands "not", "no", "never" or their like in other languages, with nothing in
between but words that say where or how ("never on Friday", "not yet allowed"). Any other word ends that reach: "not
until 11:15", "no more than 187 euros" and "not only Friday" do not deny what follows. A clause ends it too: "No,
Friday". Is one of several mentions not denied, the answer is right. An accepted yes or no is decided by the first word,
if that is one of the two.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from disc_lite.qa.records import Word
from disc_lite.qa.spelling import accents_agree, singulars
from disc_lite.qa.vocabulary import (
    AFFIRMING,
    BETWEEN_AFTER,
    NEGATORS,
    NEGATORS_AFTER,
    NO_NEGATES_BESIDE,
    TRANSPARENT,
    UNSPACED_NEGATORS,
    UNSPACED_NEGATORS_AFTER,
    WEEKDAYS,
    YES_NO,
)
from disc_lite.qa.words import read_words

_QUOTES = "\"'“”‘’«»„`.,;:()"
_REACH = 6  # words or characters between a negator and what it denies, at most


@dataclass(frozen=True)
class Comparison:
    """An answer that was given beside an accepted one, by the words of both without articles."""

    given: int  # words
    wanted: int
    shared: int  # words given that are the same as one that is wanted, each counted once
    exact: bool
    contains: bool


def is_right(given: str, answers: Iterable[str], grading: str) -> bool:
    """Whether an answer is right by `exact` or `contains`."""
    found = (compare(given, answer) for answer in answers)
    return any(comparison.exact if grading == "exact" else comparison.contains for comparison in found)


def compare(given: str, answer: str) -> Comparison:
    """Both by their words; what consists of marks only ("#") by its marks."""
    read, wanted = read_words(given), _without_skipped(read_words(answer))
    ours = _without_skipped(read)
    ours, theirs = _with_compounds(ours, wanted), _with_compounds(wanted, ours)
    if not theirs:
        return Comparison(len(ours), 0, 0, *_same_marks(given, answer))
    known = frozenset().union(*map(_names, theirs))
    places = [i for i, word in enumerate(ours) if not known.isdisjoint(_names(word))]
    exact = len(ours) == len(theirs) == len(places) and _same_run(ours, theirs)
    shared = len(theirs) if exact else _shared([ours[i] for i in places], theirs)
    contains = exact or _stands_in(read, ours, theirs, places)
    return Comparison(len(ours), len(theirs), shared, exact, contains)


def is_negator(word: Word) -> bool:
    """Whether a word denies what follows it."""
    return word.text in NEGATORS or word.text in UNSPACED_NEGATORS


def _stands_in(read: Sequence[Word], ours: Sequence[Word], theirs: Sequence[Word], places: Sequence[int]) -> bool:
    """Whether the accepted words stand in those given, from one of `places` on, and are not denied there."""
    if len(theirs) == 1:
        if theirs[0].text in YES_NO and ours and ours[0].text in YES_NO:
            return ours[0].text == theirs[0].text
        letter = theirs[0].written
        if len(letter) == 1 and letter.isupper() and any(w.skipped and w.written == letter for w in read):
            return True  # "A is right"
    runs = ((i, i + len(theirs)) for i in places)
    return any(_same_run(ours[i:end], theirs) and not _denied(ours, i, end) for i, end in runs)


def _same_run(ours: Sequence[Word], theirs: Sequence[Word]) -> bool:
    return len(ours) == len(theirs) and all(map(_same, ours, theirs))


def _shared(ours: Sequence[Word], theirs: Sequence[Word]) -> int:
    """How many words of both are the same, each counted once; those of the same form find each other first."""
    left = list(theirs)
    for word in ours:
        same = [other for other in left if _same(word, other)]
        if same:
            left.remove(min(same, key=lambda other: other.text != word.text))
    return len(theirs) - len(left)


def _same_marks(given: str, answer: str) -> tuple[bool, bool]:
    """Whether the marks are the same, and whether they stand in the answer given by themselves."""
    given, answer = (unicodedata.normalize("NFKC", text).strip() for text in (given, answer))
    exact = given == answer != ""
    stands = answer != "" and any(answer in (part, part.strip(_QUOTES)) for part in given.split())
    return exact, exact or stands


def _without_skipped(words: Sequence[Word]) -> list[Word]:
    """The words that are compared; the mark before a skipped one stands before the next."""
    found: list[Word] = []
    opens = False
    for word in words:
        opens = opens or word.opens
        if not word.skipped:
            found.append(replace(word, opens=opens) if opens != word.opens else word)
            opens = False
    return found


def _with_compounds(words: Sequence[Word], others: Sequence[Word]) -> list[Word]:
    """The words, where "self employed" is one word if `others` have "self-employed"."""
    compounds: dict[str, list[Word]] = {}
    for other in others:
        if other.parts:
            compounds.setdefault(other.parts[0], []).append(other)
    if not compounds:
        return list(words)
    found: list[Word] = []
    i = 0
    while i < len(words):
        known = compounds.get(words[i].text, ())
        run = next((c for c in known if tuple(w.text for w in words[i : i + len(c.parts)]) == c.parts), None)
        found.append(Word(run.text, run.written, run.names, run.parts, words[i].opens) if run else words[i])
        i += len(run.parts) if run else 1
    return found


def _names(word: Word) -> frozenset[str]:
    stems = singulars(word.text)
    return word.names | stems if stems else word.names


def _same(first: Word, second: Word) -> bool:
    if first.text == second.text:
        return first.number or second.number or accents_agree(first.written, second.written)
    if not first.names.isdisjoint(second.names):
        return True
    stems = _names(first) & _names(second)
    return bool(stems) and (_is_common(first) or _is_common(second) or bool(stems & WEEKDAYS))


def _is_common(word: Word) -> bool:
    """Whether a word is no name, as far as it shows."""
    return word.counted or not word.written[:1].isupper()


def _denied(words: Sequence[Word], start: int, end: int) -> bool:
    """Whether a negator stands right before `words[start:end]` or, in some languages, right after it."""
    return _denied_before(words, start) or _denied_after(words, end)


def _denied_before(words: Sequence[Word], start: int) -> bool:
    if words[start].opens:
        return False
    before = ""
    for i in range(start - 1, max(-1, start - 1 - _REACH), -1):
        word = words[i]
        before = word.text + before
        if before in UNSPACED_NEGATORS:
            return True
        if word.text == "no":
            is_sign = words[start].number and i == start - 1  # "no 7"
            return not is_sign and _no_negates(words, i)
        if word.text in NEGATORS:
            return True
        adverb = word.text.endswith("ly") and word.text not in AFFIRMING
        passes = word.text in TRANSPARENT or adverb or any(n.endswith(before) for n in UNSPACED_NEGATORS)
        if word.opens or not passes:
            return False
    return False


def _no_negates(words: Sequence[Word], place: int) -> bool:
    """Whether "no" is English or Spanish here: it opens the clause or stands among words of these languages."""
    return words[place].opens or any(word.text in NO_NEGATES_BESIDE for word in words)


def _denied_after(words: Sequence[Word], end: int) -> bool:
    following = words[end : end + _REACH]
    text = ""
    for word in following:
        if word.opens:
            break
        text += word.text
    if text.startswith(UNSPACED_NEGATORS_AFTER):
        return True
    for word in following:
        if word.opens or word.text not in BETWEEN_AFTER:
            return not word.opens and word.text.startswith(NEGATORS_AFTER)
    return False
