"""Numbers in words, signs, currencies and units: steps from words as they stand to words that can be compared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from disc_lite.qa.numbers import clock_names_of, without_zeros
from disc_lite.qa.records import Word
from disc_lite.qa.vocabulary import (
    CURRENCIES,
    CURRENCY_CODES,
    FOREIGN_NUMBERS,
    MINUS,
    NOT_ONE,
    SCALES,
    SMALL_NUMBERS,
    TENS,
    UNITS,
)

Step = tuple[str, Fraction]  # kind and value of one word of a number: digits, small, tens, hundred, scale, and
_LONGEST_NUMBER = 12  # words
_PER, _CENT = ("per", "por", "pour"), ("cent", "ciento", "cento")


def digits_of(word: Word) -> str:
    """A number in digits, be it a small one in words of another language than English; nothing for other words."""
    if word.number:
        return "1" if word.text == "one" else word.text
    return str(FOREIGN_NUMBERS.get(word.text, ""))


def join_number_words(words: Sequence[Word]) -> list[Word]:
    """English numbers in words, and digits before "million", as numbers in digits; "one" keeps its form."""
    found: list[Word] = []
    i = 0
    while i < len(words):
        value, length = _value_at(words, i)
        if length:
            text = str(value) if value.denominator == 1 else f"{float(value):g}"
            written = " ".join(w.written for w in words[i : i + length])
            names = frozenset({text} | clock_names_of(text) | (words[i].names if length == 1 else set()))
            # As a pronoun it would be "the one" here and a number there.
            form = "one" if words[i].text == "one" and length == 1 else text
            found.append(Word(form, written, names, opens=words[i].opens, number=True))
        else:
            found.append(words[i])
        i += length or 1
    return found


def _value_at(words: Sequence[Word], start: int) -> tuple[Fraction, int]:
    """The value of the number in words that begins here, and how many words it has; (0, 0) where none begins."""
    if words[start].text == "one" and start and words[start - 1].text in NOT_ONE:
        return Fraction(0), 0
    sums, before, length = (Fraction(0), Fraction(0)), "", 0
    for n, (kind, value) in enumerate(_steps(words, start), 1):
        if kind == "and":
            if before not in ("hundred", "scale"):
                break
            continue
        following = _with_step(*sums, before, kind, value)
        if following is None:
            break
        sums, before, length = following, kind, n
    return (Fraction(0), 0) if length == 1 and before == "digits" else (sum(sums, Fraction(0)), length)


def _with_step(
    total: Fraction, group: Fraction, before: str, kind: str, value: Fraction
) -> tuple[Fraction, Fraction] | None:
    """What is summed up to the last scale and since then, with one word more; None where the word does not fit."""
    if kind == "scale":
        return None if before == "scale" else (total + (group or Fraction(1)) * value, Fraction(0))
    if kind == "hundred":
        return total, (group or Fraction(1)) * 100
    if before in ("", "scale"):
        return total, value
    fits = before == "hundred" or (before == "tens" and kind == "small" and 0 < value < 10)
    return (total, group + value) if fits else None


def _steps(words: Sequence[Word], start: int) -> list[Step]:
    """The words from here on, as long as they may be of one number in words."""
    found: list[Step] = []
    for word in words[start : start + _LONGEST_NUMBER]:
        if found and word.opens:
            break
        text = word.text
        if text in SMALL_NUMBERS:
            found.append(("small", Fraction(SMALL_NUMBERS[text])))
        elif text in TENS:
            found.append(("tens", Fraction(TENS[text])))
        elif len(word.parts) == 2 and word.parts[0] in TENS and 0 < SMALL_NUMBERS.get(word.parts[1], 0) < 10:
            found.append(("small", Fraction(TENS[word.parts[0]] + SMALL_NUMBERS[word.parts[1]])))
        elif text == "hundred":
            found.append(("hundred", Fraction(100)))
        elif text in SCALES:
            found.append(("scale", Fraction(SCALES[text])))
        elif text == "and" and found:
            found.append(("and", Fraction(0)))
        elif not found and word.number and re.fullmatch(r"-?\d+(\.\d+)?", text):
            found.append(("digits", Fraction(text)))
        else:
            break
    return found


def read_minus(words: Sequence[Word]) -> list[Word]:
    """ "minus 40" as -40."""
    found: list[Word] = []
    for word in words:
        if found and found[-1].text in MINUS and word.number and not word.opens and word.text[0] != "-":
            names = {f"-{name}" for name in word.names if not name.startswith("t:")}
            found[-1] = replace(word, text=f"-{digits_of(word)}", names=frozenset(names), opens=found[-1].opens)
        else:
            found.append(word)
    return found


def move_currencies(words: Sequence[Word]) -> list[Word]:
    """A currency before its number moves behind it, where every other unit stands."""
    found = list(words)
    for i in range(len(found) - 1):
        unit, number = found[i], found[i + 1]
        is_currency = unit.text in CURRENCIES or unit.written in CURRENCY_CODES
        has_other = i > 0 and found[i - 1].number and not unit.opens
        if is_currency and number.number and not has_other and (not number.opens or unit.written == "Rs"):
            found[i : i + 2] = [replace(number, opens=unit.opens), replace(unit, opens=False)]
    return found


def mark_units(words: Sequence[Word]) -> list[Word]:
    """What stands after a number is counted by it; units have a key, and their number is no time of day."""
    found: list[Word] = []
    for word in _with_percent(words):
        number = found[-1] if found and digits_of(found[-1]) and not word.opens else None
        if number is None or word.number:
            found.append(word)
            continue
        unit = UNITS.get(word.text)
        if unit:
            names = {name for name in number.names if not name.startswith("t:")}
            found[-1] = replace(number, names=frozenset(names | {without_zeros(number.text)}))
        found.append(replace(word, counted=True, names=word.names | ({f"u:{unit}"} if unit else set())))
    return found


def _with_percent(words: Sequence[Word]) -> list[Word]:
    """ "per cent" as one word."""
    found: list[Word] = []
    for word in words:
        if found and found[-1].text in _PER and word.text in _CENT:
            written = f"{found[-1].written} {word.written}"
            found[-1] = Word("percent", written, frozenset({"percent"}), opens=found[-1].opens)
        else:
            found.append(word)
    return found
