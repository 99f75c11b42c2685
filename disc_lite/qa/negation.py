"""Whether an answer is negated where it occurs in a text.

An answer is negated if it directly follows "not", "no", "never" or the like in other languages. Between the two there
can only be words for where or how ("never on Friday", "not yet allowed") and, after "do not", the verb ("does not cost
84 euros"). Any other word ends the scope of the negator: "not until 11:15", "no more than 187 euros" and "not only
Friday" give the answer. So does "any day but Friday", since "closed every day but Friday" can be right. The end of a
clause also ends the scope: "No, Friday". If the answer occurs several times, one that is not negated is enough.
"""

from __future__ import annotations

from collections.abc import Sequence

from disc_lite.qa.records import Word
from disc_lite.qa.vocabulary import (
    DO,
    FOCUS_ADVERBS,
    LIMITING,
    NEGATING_PAIRS,
    NEGATING_PHRASES,
    NEGATORS,
    NEGATORS_AFTER,
    NO_NEGATES_BESIDE,
    POSTPOSITIONS,
    TRANSPARENT,
    UNSPACED_NEGATORS,
    UNSPACED_NEGATORS_AFTER,
)

_MAX_SCOPE = 6  # words or characters between a negator and the answer


def is_negator(word: Word) -> bool:
    """Whether a word negates what follows it."""
    return word.text in NEGATORS or word.text in UNSPACED_NEGATORS


def is_negated_before(words: Sequence[Word], start: int) -> bool:
    """Whether a negator precedes the answer that begins at `start`, and no word between them ends its scope."""
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
        ends = word.text in FOCUS_ADVERBS or word.text in LIMITING
        if i > 1 and words[i - 1].text == "not" and words[i - 2].text in DO and not ends:
            continue  # the verb
        is_adverb = word.text.endswith("ly") and word.text not in FOCUS_ADVERBS
        passes = word.text in TRANSPARENT or is_adverb or any(n.endswith(before) for n in UNSPACED_NEGATORS)
        if word.opens or not passes:
            return False
    return False


def _ends_phrase(words: Sequence[Word], index: int) -> bool:
    """Whether a negator of several words ends at `index`: by no means, auf keinen Fall."""
    first = next((i for i in (index, index - 1) if i < 1 or words[i].opens), max(0, index - 2))
    texts = [word.text for word in words[first : index + 1]]
    return any(" ".join(texts[n:]) in NEGATING_PHRASES for n in range(len(texts)))


def _ends_pair(words: Sequence[Word], index: int, start: int) -> bool:
    """Whether a negator in two parts ("n'est plus") ends at `index`; "non più di 187" limits the number at `start`."""
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
    """Whether the "no" at `index` is English or Spanish: it begins a clause or occurs with words of these languages."""
    return words[index].opens or any(word.text in NO_NEGATES_BESIDE for word in words)


def is_negated_after(words: Sequence[Word], end: int) -> bool:
    """Whether a negator follows the answer that ends before `end`, as in Turkish, Hindi, Korean and Japanese."""
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
