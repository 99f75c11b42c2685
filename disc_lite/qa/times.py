"""Times of day, dates and periods: steps of the normalisation in `words`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, takewhile

from disc_lite.qa.amounts import digits_of
from disc_lite.qa.function_words import ORDINARY
from disc_lite.qa.numbers import clock_names, clock_names_of
from disc_lite.qa.records import Word
from disc_lite.qa.vocabulary import HOW_OFTEN, MONTHS, OF, ONE_ARTICLES, PARTS_OF_DAY, PERIODS, UNITS, VERBS

_TIME = re.compile(r"(\d{1,2})(?:[:.]([0-5]\d))?$")
_HALVES = ("am", "pm")
_HOURS = ("uhr", "o'clock")
_LONGEST_HALF = 4  # words of "in the early morning"
_NIGHT_ENDS = 5  # "five at night" is in the morning
_ORDINAL_KEY = re.compile(r"o:(\d+)$")
_LAST_DAY = 31


def read_times(words: Sequence[Word]) -> list[Word]:
    """Combine each time of day into one word: "9 am", "11.15 Uhr", "9 o'clock"."""
    result: list[Word] = []
    for word in words:
        time = _TIME.match(digits_of(result[-1])) if result and not word.opens else None
        if time and word.text in _HALVES and 1 <= int(time[1]) <= 12:
            text, names = _time_text(time) + word.text, clock_names(int(time[1]), int(time[2] or 0), word.text)
            result[-1] = replace(result[-1], text=text, names=frozenset(names | {text}), number=True)
        elif time and word.text in _HOURS:
            text = _time_text(time)
            result[-1] = replace(result[-1], text=text, names=frozenset(clock_names_of(text) | {text}), number=True)
        else:
            result.append(word)
    return result


def read_parts_of_day(words: Sequence[Word]) -> list[Word]:
    """Read the half of the day of a time from the words after it, which stay: "9 in the evening" is 21:00."""
    result = list(words)
    for i, word in enumerate(words):
        time = _TIME.match(digits_of(word))
        following = [w.text for w in takewhile(lambda w: not w.opens, words[i + 1 : i + 1 + _LONGEST_HALF])]
        if time and following and 1 <= int(time[1]) <= 12:
            following = following[1:] if UNITS.get(following[0]) == "h" else following  # 9 heures du soir
            phrases = (" ".join(following[:end]) for end in range(1, len(following) + 1))
            half = next((PARTS_OF_DAY[phrase] for phrase in phrases if phrase in PARTS_OF_DAY), "")
            if half == "night":
                half = "am" if int(time[1]) == 12 or int(time[1]) <= _NIGHT_ENDS else "pm"
            others = {name for name in word.names if not name.startswith("t:")}
            names = others | clock_names(int(time[1]), int(time[2] or 0), half)
            result[i] = replace(word, names=frozenset(names)) if half else word
    return result


def _time_text(time: re.Match[str]) -> str:
    return f"{int(time[1])}:{time[2] or '00'}"


def read_dates(words: Sequence[Word]) -> list[Word]:
    """Put the day before the month in each date, and give the month a key that does not depend on the language."""
    result: list[Word] = []
    i = 0
    while i < len(words):
        month = MONTHS.get(words[i].text)
        taken = _take_date(result, words, i, month) if month and not words[i].number else 0
        if not taken:
            result.append(words[i])
        i += taken or 1
        if taken and i + 1 < len(words) and words[i].text in OF and re.fullmatch(r"\d{4}", words[i + 1].text):
            i += 1  # the second "de" of 20 de junio de 2024
    return result


def _take_date(result: list[Word], words: Sequence[Word], place: int, month: int) -> int:
    """Append the date whose month is `words[place]` to `result`; return how many words it has from there on, or 0."""
    names = {name for name in words[place].names if not name.isdecimal()}  # "sept" is seven in French
    named = replace(words[place], names=frozenset(names | {f"m:{month}"}), opens=False)
    before = 2 if result and result[-1].text in OF else 1
    is_verb = named.written in VERBS  # "only two may enter", "it may 5 times", "they march 5 km"
    in_words = before == 1 and result and result[-1].written.isalpha()
    if len(result) >= before and _day_of(result[-before]) and not (is_verb and in_words):
        result[-before:] = [_as_day(result[-before]), named]
        return 1
    if is_verb:
        return 0
    at = place + 2 if words[place + 1 : place + 2] and words[place + 1].text == "the" else place + 1
    if at < len(words) and _day_of(words[at]) and not words[place + 1].opens:
        result += [replace(_as_day(words[at]), opens=words[place].opens), named]
        return at + 1 - place
    return 0


def _day_of(word: Word) -> int:
    """The day of a month that a word can mean, or 0."""
    if word.number:
        keys = [word.text] if re.fullmatch(r"\d{1,2}", word.text) else []
    else:
        keys = [key[1] for key in map(_ORDINAL_KEY.match, word.names) if key]
    return next((int(key) for key in keys if 1 <= int(key) <= _LAST_DAY), 0)


def _as_day(word: Word) -> Word:
    day = _day_of(word)
    return Word(str(day), word.written, frozenset({str(day), f"o:{day}"}), opens=word.opens, number=True)


def read_periods(words: Sequence[Word]) -> list[Word]:
    """Read "a week" as one week, so that two weeks differ from it; but not in "5 days a week" or "a week ticket"."""
    result = list(words)
    for i, (article, period) in enumerate(pairwise(words)):
        is_period = article.text in ONE_ARTICLES and period.text in PERIODS and not period.opens
        before, behind = words[i - 1] if i and not article.opens else None, words[i + 2 : i + 3]
        is_each = before is not None and (before.number or before.counted or before.text in HOW_OFTEN)
        goes_on = bool(behind) and not behind[0].opens and behind[0].text not in ORDINARY
        if is_period and not is_each and not goes_on:
            unit = {f"u:{UNITS[period.text]}"} if period.text in UNITS else set[str]()
            result[i] = replace(article, text="one", names=frozenset({"one", "1"}), number=True)
            result[i + 1] = replace(period, counted=True, names=period.names | unit)
    return result
