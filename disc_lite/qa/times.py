"""Times of day and dates: steps from words as they stand to words that can be compared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from disc_lite.qa.amounts import digits_of
from disc_lite.qa.numbers import clock_names, clock_names_of
from disc_lite.qa.records import Word
from disc_lite.qa.vocabulary import MONTHS, OF, VERBS

_TIME = re.compile(r"(\d{1,2})(?:[:.]([0-5]\d))?$")
_HALVES = ("am", "pm")
_HOURS = ("uhr", "o'clock")
_ORDINAL_KEY = re.compile(r"o:(\d+)$")
_LAST_DAY = 31


def read_times(words: Sequence[Word]) -> list[Word]:
    """ "9 am", "11.15 Uhr" and "9 o'clock" as one time of day."""
    found: list[Word] = []
    for word in words:
        time = _TIME.match(digits_of(found[-1])) if found and not word.opens else None
        if time and word.text in _HALVES and 1 <= int(time[1]) <= 12:
            text, names = _time_text(time) + word.text, clock_names(int(time[1]), int(time[2] or 0), word.text)
            found[-1] = replace(found[-1], text=text, names=frozenset(names | {text}), number=True)
        elif time and word.text in _HOURS:
            text = _time_text(time)
            found[-1] = replace(found[-1], text=text, names=frozenset(clock_names_of(text) | {text}), number=True)
        else:
            found.append(word)
    return found


def _time_text(time: re.Match[str]) -> str:
    return f"{int(time[1])}:{time[2] or '00'}"


def read_dates(words: Sequence[Word]) -> list[Word]:
    """Day and month with a name for the month, in this order, whichever came first."""
    found: list[Word] = []
    i = 0
    while i < len(words):
        month = MONTHS.get(words[i].text)
        taken = _take_date(found, words, i, month) if month and not words[i].number else 0
        if not taken:
            found.append(words[i])
        i += taken or 1
        if taken and i + 1 < len(words) and words[i].text in OF and re.fullmatch(r"\d{4}", words[i + 1].text):
            i += 1  # 20 de junio de 2024
    return found


def _take_date(found: list[Word], words: Sequence[Word], place: int, month: int) -> int:
    """Put the date whose month stands at `place` at the end of `found`; how many words it took from there on."""
    named = replace(words[place], names=words[place].names | {f"m:{month}"}, opens=False)
    before = 2 if found and found[-1].text in OF else 1
    if len(found) >= before and _day_of(found[-before]):
        found[-before:] = [_as_day(found[-before]), named]
        return 1
    if named.written in VERBS:  # "it may 5 times", "they march 5 km"
        return 0
    at = place + 2 if words[place + 1 : place + 2] and words[place + 1].text == "the" else place + 1
    if at < len(words) and _day_of(words[at]) and not words[place + 1].opens:
        found += [replace(_as_day(words[at]), opens=words[place].opens), named]
        return at + 1 - place
    return 0


def _day_of(word: Word) -> int:
    """The day of a month that a word may be, or 0."""
    if word.number:
        keys = [word.text] if re.fullmatch(r"\d{1,2}", word.text) else []
    else:
        keys = [key[1] for key in map(_ORDINAL_KEY.match, word.names) if key]
    return next((int(key) for key in keys if 1 <= int(key) <= _LAST_DAY), 0)


def _as_day(word: Word) -> Word:
    day = _day_of(word)
    return Word(str(day), word.written, frozenset({str(day), f"o:{day}"}), opens=word.opens, number=True)
