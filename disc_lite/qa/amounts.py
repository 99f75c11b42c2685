"""Number words, minus signs, currencies and units: steps of the normalisation in `words`.

Each step takes the words of a text and returns them with some combined ("twenty five" becomes 25), moved ("€ 34"
becomes 34 €) or marked (units after a number).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import takewhile

from disc_lite.qa.foreign_numbers import foreign_number, value_of_run
from disc_lite.qa.numbers import clock_names_of, in_thousands, without_zeros
from disc_lite.qa.numberwords import (
    FOREIGN_SCALES,
    FOREIGN_TENS,
    FOREIGN_UNITS,
    MINUS,
    MONEY_SCALES,
    NOT_ONE,
    SCALES,
    SMALL_NUMBERS,
    TENS,
)
from disc_lite.qa.records import Word
from disc_lite.qa.vocabulary import CURRENCIES, CURRENCY_CODES, DEGREES, UNITS

Step = tuple[str, Fraction]  # a number word's value and kind: "digits", "small", "tens", "hundred", "scale", "and"
_LONGEST_NUMBER = 12  # words
_PER, _CENT = ("per", "por", "pour", "في"), ("cent", "ciento", "cento", "الماية", "المية")
_ARABIC = re.compile("[\u0621-\u064a]")
_DATIVE = re.compile(r"\w{2,}e[lr]?n")  # German dative plurals: in 14 Tagen, nach 5 Metern


def digits_of(word: Word) -> str:
    """The value of a number in digits, also of a foreign number word; "" for a word that is not a number."""
    if word.number:
        return "1" if word.text == "one" else word.text
    value = foreign_number(word.text)
    return str(value) if value and str(value) in word.names else ""


def join_number_words(words: Sequence[Word]) -> list[Word]:
    """Combine number words, and digits before "million" or "Mio.", into numbers in digits.

    "One" and single words of other languages keep their form; their `names` have the value.
    """
    words = _join_foreign(words)
    result: list[Word] = []
    i = 0
    while i < len(words):
        value, length = _value_at(words, i)
        if length:
            number = _as_number(words[i : i + length], value)
            if length == 1:
                # "the one" is a pronoun and keeps its form; a lone "one" that became "1" would differ from it.
                form = "one" if words[i].text == "one" else number.text
                number = replace(number, text=form, names=number.names | words[i].names)
            result.append(number)
        else:
            result.append(words[i])
        i += length or 1
    return result


def _join_foreign(words: Sequence[Word]) -> list[Word]:
    """Combine number words of other languages: vingt et un, deux cents, двадцать один, mil quinientos."""
    result: list[Word] = []
    i = 0
    while i < len(words):
        run = [words[i], *takewhile(lambda word: not word.opens, words[i + 1 : i + _LONGEST_NUMBER])]
        value, length = (_in_arabic(run[:2]), 2)
        if not value:
            value, length = value_of_run([word.text for word in run])
        if run[0].text in _CENT and i and (words[i - 1].number or words[i - 1].text in _PER):
            length = 1  # 20 cent, 20 pour cent
        result.append(_as_number(run[:length], value) if length > 1 else words[i])
        i += max(1, length)
    return result


def _in_arabic(run: Sequence[Word]) -> int:
    """The value of two Arabic number words (خمسة عشر is 15, خمسة وعشرون is 25); 0 for other words."""
    unit = FOREIGN_UNITS.get(run[0].text, 0) if len(run) == 2 and _ARABIC.match(run[0].text) else 0
    if not unit or run[1].opens:
        return 0
    text = run[1].text
    return unit + (10 if text in ("عشر", "عشرة") else FOREIGN_TENS.get(text.removeprefix("و"), -unit))


def _as_number(run: Sequence[Word], value: int | Fraction) -> Word:
    text = str(value) if value.denominator == 1 else f"{float(value):.12g}"
    written = " ".join(word.written for word in run)
    names = frozenset({text} | clock_names_of(text))
    return Word(text, written, names, (), run[0].opens, True, False, run[0].operator, run[-1].behind)


def _value_at(words: Sequence[Word], start: int) -> tuple[Fraction, int]:
    """The value of the number words that begin at `start`, and how many they are; (0, 0) if there are none."""
    if words[start].text == "one" and start and words[start - 1].text in NOT_ONE:
        return Fraction(0), 0
    steps = _steps(words, start)
    if not steps:  # nearly every word: arithmetic with Fraction is slow
        return Fraction(0), 0
    sums, before, length = (Fraction(0), Fraction(0)), "", 0
    for n, (kind, value) in enumerate(steps, 1):
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
    """The sums (up to the last scale word, and since then) after one more word; None if the word does not fit."""
    if kind == "scale":
        return None if before == "scale" else (total + (group or Fraction(1)) * value, Fraction(0))
    if kind == "hundred":
        return total, (group or Fraction(1)) * 100
    if before in ("", "scale"):
        return total, value
    fits = before == "hundred" or (before == "tens" and kind == "small" and 0 < value < 10)
    return (total, group + value) if fits else None


def _steps(words: Sequence[Word], start: int) -> list[Step]:
    """The kind and value of each word from `start` on, up to the first that cannot belong to the same number."""
    result: list[Step] = []
    for at, word in enumerate(words[start : start + _LONGEST_NUMBER], start):
        if result and word.opens:
            break
        text = word.text
        if text in SMALL_NUMBERS:
            result.append(("small", Fraction(SMALL_NUMBERS[text])))
        elif text in TENS:
            result.append(("tens", Fraction(TENS[text])))
        elif len(word.parts) == 2 and word.parts[0] in TENS and 0 < SMALL_NUMBERS.get(word.parts[1], 0) < 10:
            result.append(("small", Fraction(TENS[word.parts[0]] + SMALL_NUMBERS[word.parts[1]])))
        elif text == "hundred":
            result.append(("hundred", Fraction(100)))
        elif text in SCALES:
            result.append(("scale", Fraction(SCALES[text])))
        elif text in FOREIGN_SCALES and result and result[-1][0] == "digits":
            result.append(("scale", Fraction(FOREIGN_SCALES[text])))
        elif (
            text in MONEY_SCALES
            and result
            and result[-1][0] == "digits"
            and (text == "bn" or _is_money(words, start, at))
        ):
            result.append(("scale", Fraction(MONEY_SCALES[text])))
        elif text == "and" and result:
            result.append(("and", Fraction(0)))
        elif not result and word.number and re.fullmatch(r"-?\d+(\.\d+)?", text):
            following = words[at + 1].text if at + 1 < len(words) else ""
            # 1.500 Millionen are 1,500 millions: the languages of these scale words group thousands with a dot.
            result.append(("digits", Fraction((following in FOREIGN_SCALES and in_thousands(text)) or text)))
        else:
            break
    return result


def _is_money(words: Sequence[Word], start: int, scale: int) -> bool:
    """Whether a currency stands before the number at `start`, or after the letter at `scale`: $4.5m, 4.5m euros."""
    before = words[start - 1].text if start else ""
    behind = words[scale + 1].text if scale + 1 < len(words) else ""
    return not {UNITS.get(before), UNITS.get(behind)}.isdisjoint(CURRENCIES)


def read_minus(words: Sequence[Word]) -> list[Word]:
    """Combine "minus" with the number after it: "minus 40" becomes -40."""
    result: list[Word] = []
    for word in words:
        if result and result[-1].text in MINUS and word.number and not word.opens and word.text[0] != "-":
            names = {f"-{name}" for name in word.names if not name.startswith("t:")}
            text, minus = f"-{digits_of(word)}", result[-1]
            result[-1] = replace(
                word, text=text, names=frozenset(names), opens=minus.opens, operator=minus.operator
            )  # fmt: skip
        else:
            result.append(word)
    return result


def move_currencies(words: Sequence[Word]) -> list[Word]:
    """Move each currency that stands before its number to after it, where every other unit stands."""
    result = list(words)
    for i in range(len(result) - 1):
        unit, number = result[i], result[i + 1]
        is_currency = unit.text in CURRENCIES or unit.written in CURRENCY_CODES
        has_other = i > 0 and result[i - 1].number and not unit.opens
        if is_currency and number.number and not has_other and (not number.opens or unit.written == "Rs"):
            result[i : i + 2] = [
                replace(number, opens=unit.opens, operator=unit.operator, behind=""),
                replace(unit, opens=False, operator="", behind=number.behind),
            ]
    return result


def mark_units(words: Sequence[Word]) -> list[Word]:
    """Mark the word after each number as counted; a unit gets a key, and its number is no longer a time of day."""
    result: list[Word] = []
    for word in _with_percent(words):
        number = result[-1] if result and digits_of(result[-1]) and not word.opens else None
        if number is None or word.number:
            result.append(word)
            continue
        dative = {word.text[:-1]} if _DATIVE.fullmatch(word.text) else set[str]()
        unit = next((UNITS[text] for text in (word.text, *dative) if text in UNITS), "")
        if unit:
            names = {name for name in number.names if not name.startswith("t:")}
            # 2.000 can be 2000, so it does not get the name 2.
            names |= set() if in_thousands(number.text) else {without_zeros(number.text)}
            result[-1] = replace(number, names=frozenset(names))
        result.append(replace(word, counted=True, names=word.names | dative | ({f"u:{unit}"} if unit else set())))
    return result


def _with_percent(words: Sequence[Word]) -> list[Word]:
    """Combine "per cent", "US dollars" and "degrees Celsius" into one word each."""
    result: list[Word] = []
    for word in words:
        if result and result[-1].text == "us" and UNITS.get(word.text) == "$":
            result[-1] = replace(word, written=f"{result[-1].written} {word.written}", opens=result[-1].opens)
        elif result and result[-1].text in DEGREES and word.text in ("celsius", "fahrenheit"):
            result[-1] = replace(word, opens=result[-1].opens)
        elif result and result[-1].text in _PER and word.text in _CENT:
            written = f"{result[-1].written} {word.written}"
            result[-1] = Word("percent", written, frozenset({"percent"}), opens=result[-1].opens)
        else:
            result.append(word)
    return result
