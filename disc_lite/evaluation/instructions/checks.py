"""Checks whether an answer follows an instruction: one function for each kind of check, all in `CHECKS`.

A check tests exactly what its prompt asks. Emphasis (`**`, `_`) and the shape of quotation marks and apostrophes never
matter; capitals matter only if the prompt asks for them.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from disc_lite.evaluation.instructions.languages import is_in
from disc_lite.evaluation.instructions.parts import (
    BULLET,
    NUMBERED,
    lines_in,
    list_items,
    paragraphs_in,
    sentences_in,
    words_in,
)
from disc_lite.qa import normalise
from disc_lite.qa.languages import Language
from disc_lite.storage import Json

Argument = int | float | str | tuple[str, ...]

_STRAIGHT = str.maketrans("“”„‘’−", '"""\'\'-')
_FENCED = re.compile(r"```(?:json)?\s*(?P<inside>.*?)\s*```", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<<[^<>\n]*[^\W_][^<>\n]*>>")
# Not the digits of a name or a power (x2, 10^3); the minus of a subtraction is not a sign.
_NUMBER = re.compile(r"(?<![^\W_])(?<!\^)-?(?:\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?!\d)|\d+)(?:\.\d+)?")


@dataclass(frozen=True)
class Check:
    """A kind of `CHECKS`, and the arguments of its function besides the answer."""

    kind: str
    arguments: tuple[tuple[str, Argument], ...] = ()


@dataclass(frozen=True)
class Instruction:
    """A prompt, and the checks that its answer must all pass."""

    prompt: str
    checks: tuple[Check, ...]


def follows(instruction: Instruction, answer: str) -> bool:
    """Whether an answer is not blank and passes every check of its instruction."""
    return bool(answer.strip()) and all(CHECKS[c.kind](answer, **dict(c.arguments)) for c in instruction.checks)


# --- shape -----------------------------------------------------------------------------------


def bullets(answer: str, n: int) -> bool:
    """A bullet list of exactly `n` items, with any text around it."""
    return len(list_items(answer, BULLET)) == n


def numbered(answer: str, n: int) -> bool:
    """A list numbered from 1 to `n`, with any text around it."""
    return [int(item["number"]) for item in list_items(answer, NUMBERED)] == list(range(1, n + 1))


def list_only(answer: str) -> bool:
    """Only list items and text indented below them."""
    lines = [line.expandtabs(4) for line in answer.splitlines() if line.strip()]
    items = [bool(BULLET.match(line) or NUMBERED.match(line)) for line in lines]
    return items[:1] == [True] and all(item or line[0] == " " for item, line in zip(items, lines, strict=True))


def lower_case(answer: str) -> bool:
    return answer.islower()


def upper_case(answer: str) -> bool:
    return answer.isupper()


def quoted(answer: str) -> bool:
    """Double quotation marks around the whole answer, not just around its first and its last words."""
    text = _straight(answer)
    inside = text[1:-1]
    inner = inside.find('"')
    closes_early = inner > 0 and inside[inner - 1] not in " \t\n([-—"
    return text[:1] == text[-1:] == '"' and normalise(inside) != "" and not closes_early


def titled(answer: str) -> bool:
    """A title in double angular brackets, <<like this>>, anywhere."""
    return _TITLE.search(answer) is not None


def starts_with(answer: str, text: str) -> bool:
    """Begins with these words, in any case."""
    start = _straight(answer).lstrip('*_#>" ').casefold()
    return re.match(rf"{re.escape(text.casefold())}(?!\w)", start) is not None


def ends_with(answer: str, text: str) -> bool:
    """Ends with exactly this text."""
    end = _straight(answer).rstrip("*_ \n")
    before = end[: -len(text)][-1:]
    return end.endswith(text) and not (text[0].isalnum() and before.isalnum())


def _straight(text: str) -> str:
    return text.translate(_STRAIGHT).strip()


# --- length and order ------------------------------------------------------------------------


def words(answer: str, least: int = 1, most: int = sys.maxsize) -> bool:
    return least <= len(words_in(answer)) <= most


def sentences(answer: str, n: int) -> bool:
    return len(sentences_in(answer)) == n


def paragraphs(answer: str, n: int) -> bool:
    return len(paragraphs_in(answer)) == n


def lines(answer: str, n: int) -> bool:
    """Exactly `n` lines that are not blank."""
    return len(lines_in(answer)) == n


def lines_are(answer: str, lines: tuple[str, ...]) -> bool:
    """These lines in this order; capitals and punctuation do not matter."""
    return [normalise(line) for line in lines_in(answer)] == [normalise(line) for line in lines]


def alphabetical(answer: str) -> bool:
    """At least two lines in alphabetical order; capitals and accents do not matter."""
    keys = [_letters(line) for line in lines_in(answer)]
    return len(keys) > 1 and keys == sorted(keys)


# --- words and letters -----------------------------------------------------------------------


def language(answer: str, language: Language) -> bool:
    return is_in(answer, language)


def mentions(answer: str, word: str, least: int = 1, most: int = sys.maxsize) -> bool:
    """Contains a word `least` to `most` times, in any case; `bridges` is not the word `bridge`."""
    occurrences = re.findall(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", _straight(answer).casefold())
    return least <= len(occurrences) <= most


def about(answer: str, beginnings: tuple[str, ...]) -> bool:
    """Has a word with one of these beginnings, so that an answer of the right shape alone does not pass."""
    return re.search(rf"(?<!\w)(?:{'|'.join(map(re.escape, beginnings))})", answer.casefold()) is not None


def avoids(answer: str, words: tuple[str, ...]) -> bool:
    """Contains none of these words; longer words around them are allowed."""
    return not any(mentions(answer, word) for word in words)


def without(answer: str, characters: str) -> bool:
    """Contains none of these characters: letters (in any case, with or without accents) or signs."""
    return not set(_letters(characters)) & set(_letters(answer))


def _letters(text: str) -> str:
    """The text in lower case, without accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


# --- values ----------------------------------------------------------------------------------


def one_of(answer: str, choices: tuple[str, ...]) -> bool:
    """One of the choices and nothing else; capitals and punctuation do not matter."""
    return normalise(answer) in {normalise(choice) for choice in choices}


def number(answer: str, equals: float) -> bool:
    """The last number in it, written in digits, is this one."""
    numbers = _NUMBER.findall(_straight(answer))
    return bool(numbers) and Decimal(re.sub("[,\u00a0\u202f]", "", numbers[-1])) == Decimal(str(equals))


def json_object(answer: str, keys: tuple[str, ...]) -> bool:
    """A JSON object with these keys and no others."""
    value = _json(answer)
    return isinstance(value, dict) and set(value) == set(keys)


def json_strings(answer: str, n: int) -> bool:
    """A JSON array of exactly `n` strings, none of them blank."""
    value = _json(answer)
    return isinstance(value, list) and len(value) == n and all(isinstance(v, str) and v.strip() for v in value)


def _json(answer: str) -> Json:
    """The value if the whole answer is JSON, perhaps in a code fence; else None."""
    text = answer.strip()
    if fenced := _FENCED.fullmatch(text):
        text = fenced["inside"]
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):  # the latter from [[[[…, which models write
        return None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is Python's, not JSON's")


CHECKS: dict[str, Callable[..., bool]] = {
    check.__name__: check
    for check in (
        bullets, numbered, list_only, lower_case, upper_case, quoted, titled, starts_with, ends_with,
        words, sentences, paragraphs, lines, lines_are, alphabetical,
        language, mentions, about, avoids, without,
        one_of, number, json_object, json_strings,
    )
}  # fmt: skip
