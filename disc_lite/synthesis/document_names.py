"""Detects self-generated prompts that contain names from the documents. Does not import torch.

A name is a word that documents always write with a capital, wherever it occurs: inside a sentence, at its beginning,
in a heading or a cell. In a prompt it counts at any place and in any case. In scripts without capitals only headings
and quotation marks indicate a name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from disc_lite.qa import language_of
from disc_lite.qa.function_words import ORDINARY

COMMON = 0.05  # a word in a larger share of the prompts is not a name of the documents: "I", "English"
COMMON_ANYWHERE = 0.01  # the same for words that can owe their capital to their place, and for phrases: "List", "介绍"
SHORTEST = 3  # letters of a name that is matched in any case; "OR" would match "or"
WORD = re.compile(r"[^\W\d_]\w*")
INSIDE = re.compile(r"(?<=[\w,;:()] )[^\W\d_]\w*")  # words that do not begin a sentence
NEIGHBOURS = re.compile(r"(?<=[\w,;:()] )[A-ZÄÖÜ]\w+(?:(?: | & |-)[A-ZÄÖÜ]\w+)+")  # "Maria Olsen", "Holt & Lind"
# German writes every noun with a capital, but one of these words seldom precedes a name.
ARTICLED = re.compile(
    r"\b(?:[Dd](?:er|ie|as|en|em|es)|(?:[Kk]|[MmDdSs]|)[Ee]in(?:e[mnrs]?)?|(?:[Uu]nsere?|[Ii]hre?|[Dd]iese|[Jj]ede|[Aa]lle)"
    r"[mnrs]?|[Ii]m|[Aa]m|[Zz]um|[Zz]ur|[Vv]om|[Bb]eim|[Ii]ns|[Vv]iele?|\d+) ([A-ZÄÖÜ]\w+)"
)
MARKED = re.compile(r"^#+ +(.+)$|[「『《“\"«]([^」』》”\"»\n]{2,24})[」』》”\"»]", re.MULTILINE)
PHRASE = re.compile(r"[^\W\d_]+")
LINKS = re.compile("[的和与及在是有了之のはをがにとへで]+")  # between the words of a heading without spaces


@dataclass(frozen=True)
class Names:
    """Names in the documents: words as written inside sentences, words in lower case, and phrases."""

    written: frozenset[str]
    anywhere: frozenset[str]
    phrases: frozenset[str]

    def are_in(self, prompt: str) -> bool:
        words = {word.lower() for word in WORD.findall(prompt)}
        words |= {word.removesuffix("s") for word in words}  # singular of a plural, or nominative of a German genitive
        return bool(
            self.written & capitals_inside(prompt) or self.anywhere & words or _phrases_in(prompt, self.phrases)
        )


def names_of(documents: Iterable[str], prompts: Sequence[str]) -> Names:
    """Return the names of documents, without those that many prompts contain or that occur as ordinary words."""
    written, capitals, phrases, lower = set[str](), set[str](), set[str](), set[str]()
    articled = {noun.lower() for prompt in prompts for noun in ARTICLED.findall(prompt)}
    for text in documents:
        words = set(WORD.findall(text))
        lower |= {word for word in words if word[0].islower()}
        capitals |= {word.lower() for word in words if word[0].isupper()}
        phrases |= _phrases(text)
        if language_of(text) == "German":
            articled |= {noun.lower() for noun in ARTICLED.findall(text)}
            written |= {word for several in NEIGHBOURS.findall(text) for word in WORD.findall(several)}
        else:
            written |= capitals_inside(text)
    inside = Counter(word for prompt in prompts for word in capitals_inside(prompt))
    every = Counter(word for prompt in prompts for word in set(WORD.findall(prompt)))
    phrase_counts = Counter(phrase for prompt in prompts for phrase in _phrases_in(prompt, phrases))
    small = Counter({word: number for word, number in every.items() if word[0].islower()})
    ordinary = {word for word, number in small.items() if number > max(1, inside[word.title()])}
    ordinary |= lower | ORDINARY | articled
    limit, rare = COMMON * len(prompts), max(3, COMMON_ANYWHERE * len(prompts))
    surely = {word.lower() for word in written}
    return Names(
        frozenset(name for name in written if inside[name] <= limit),
        frozenset(
            name for name in capitals - ordinary
            if len(name) >= SHORTEST and small[name] + every[name.title()] <= (limit if name in surely else rare)
        ),
        frozenset(phrase for phrase in phrases if phrase_counts[phrase] <= rare),
    )  # fmt: skip


def capitals_inside(text: str) -> set[str]:
    """Return capitalised words that do not begin a sentence or a line."""
    return {word for word in INSIDE.findall(text) if word[0].isupper()}


def _phrases(text: str) -> set[str]:
    """Return the words of headings and quotations in scripts without capitals."""
    marked = (part for groups in MARKED.findall(text) for part in groups if part)
    runs = (run for part in marked for phrase in PHRASE.findall(part) for run in LINKS.split(phrase))
    return {run for run in runs if len(run) > 1 and run.lower() == run.upper()}


def _phrases_in(prompt: str, phrases: AbstractSet[str]) -> set[str]:
    """Return the phrases in a prompt. Looks up parts of the prompt, since a large corpus has far more phrases."""
    runs = (run for run in PHRASE.findall(prompt) if not run.isascii())
    return {run[i:j] for run in runs for i in range(len(run)) for j in range(i + 2, len(run) + 1)} & phrases
