"""Spoken times of day, fractions and halves -> digits, before `lexing` splits a text into words.

"half past nine" becomes 9:30, 下午三点 becomes 3:00 pm, "two thirds" 2/3, "an hour and a half" 1.5 hour. Words that can
mean something else stay as they are: 三点 alone can be three points, and "a third" can begin "a third party".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from disc_lite.qa.foreign_numbers import foreign_number
from disc_lite.qa.numbers import chinese_value
from disc_lite.qa.numberwords import FOREIGN_ONES, SMALL_NUMBERS
from disc_lite.qa.spelling import fold
from disc_lite.qa.vocabulary import MONTH_NAMES

_HAN = "〇零一二三四五六七八九十两兩"
_NUMBER = rf"\d{{1,2}}|[{_HAN}]{{1,3}}"
# 12 is midnight after the first two words of the evening (`_NIGHT`), and noon after the others.
_HALVES = dict.fromkeys("上午 早上 早晨 清晨 凌晨 午前 오전".split(), "am") | dict.fromkeys(
    "晚上 夜里 下午 午後 中午 傍晚 오후".split(), "pm"
)
_NIGHT = ("晚上", "夜里")
_DENOMINATORS = {
    "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10,
    "drittel": 3, "viertel": 4, "funftel": 5, "sechstel": 6, "achtel": 8, "zehntel": 10, "tier": 3, "quart": 4,
    "tercio": 3, "cuarto": 4,
}  # fmt: skip
_TWO_AND_MORE = "two|three|four|five|six|seven|eight|nine|zwei|drei|vier|fünf|sieben|deux|trois|quatre|dos|tres"
_PARTS = "thirds|quarters|fourths|fifths|sixths|eighths|tenths|Drittel|Viertel|Fünftel|Sechstel|Achtel|Zehntel"
_ROMANCE = "une?|deux|trois|quatre|cinq|una?|dos|tres|cuatro|cinco|due|tre|quattro|cinque"
_LAST_HOUR, _NOON = 24, 12


@dataclass(frozen=True)
class Rule:
    """A replacement for each match of a pattern; a text without any of the signs has no match and is not searched."""

    signs: tuple[str, ...]  # in lower case
    pattern: re.Pattern[str]
    written: Callable[[re.Match[str]], str]


def in_digits(text: str) -> str:
    """The text with spoken times, fractions and amounts in digits."""
    lower = text.lower()
    for rule in _RULES:
        if any(sign in lower for sign in rule.signs):
            text = rule.pattern.sub(rule.written, text)
    return text


def _value(word: str) -> int:
    """The value of a number in digits or in words of any language; -1 if the word is not a number."""
    if word.isdecimal():
        return int(word)
    if han := chinese_value(word) if set(word) <= set(_HAN) else "":
        return int(han)
    text = fold(word)
    return SMALL_NUMBERS.get(text, foreign_number(text) or FOREIGN_ONES.get(text, -1))


def _clock(hour: int, minute: int, half: str = "") -> str:
    return f" {hour}:{minute:02} {half} " if half else f"{hour}:{minute:02}"


def _after(minutes: int) -> Callable[[re.Match[str]], str]:
    """A function from a match to the time `minutes` after the hour in it, or before the hour if negative."""

    def written(match: re.Match[str]) -> str:
        hour = _value(match["hour"])
        if not 1 <= hour <= _NOON:
            return match[0]
        return _clock(hour, minutes) if minutes > 0 else _clock(hour - 1 or _NOON, 60 + minutes)

    return written


def _by_uhr(match: re.Match[str]) -> str:
    hour, minute = _value(match[1]), _value(match[2])
    is_time = 0 <= hour <= _LAST_HOUR and 0 < minute < 60
    return f"{_clock(hour, minute)} Uhr" if is_time else match[0]


def _eastern(match: re.Match[str]) -> str:
    """An East Asian time of day in digits: 下午三点半, 午後3時30分, 오후 3시, 九点半."""
    hour, word = _value(match["hour"]), match["half"] or ""
    minute = 30 if match["thirty"] else 15 * _value(match["quarter"]) if match["quarter"] else 0
    minute = _value(match["minute"] or match["colon"]) if match["minute"] or match["colon"] else minute
    has_minutes = bool(match["thirty"] or match["quarter"] or match["minute"])
    if not (0 <= hour <= _LAST_HOUR and 0 <= minute < 60) or not (word or has_minutes):
        return match[0]
    half = _HALVES.get(word, "") if 1 <= hour <= _NOON else ""
    return _clock(hour, minute, "am" if hour == _NOON and word in _NIGHT else half or " ")


def _fraction(match: re.Match[str]) -> str:
    numerator, part = match.groups()
    return f"{1 if numerator in 'aA' else _value(numerator)}/{_DENOMINATORS[fold(part).removesuffix('s')]}"


def _mixed(match: re.Match[str]) -> str:
    """A mixed number as a decimal: 1 1/2 becomes 1.5."""
    whole, above, below = map(int, match.groups())
    return f"{whole + above / below:g}" if above < below else match[0]


def _and_a_half(match: re.Match[str]) -> str:
    value = 1 if fold(match["number"]) in ("a", "an") else _value(match["number"])
    return f"{value}.5{match['what'] or ''}" if value >= 0 else match[0]


def _rule(
    signs: str, pattern: str, written: Callable[[re.Match[str]], str] | str, flags: re.RegexFlag = re.IGNORECASE
) -> Rule:
    """Make a rule; `signs` are separated by |, and `written` is a function of the match or a fixed text."""
    replacement = (lambda match: written) if isinstance(written, str) else written
    return Rule(tuple(signs.split("|")), re.compile(pattern, flags), replacement)


_ANY_NUMBER = r"[$€£]?(?:\d[\d.,:]*)?\d"
_SPOKEN_HOUR = r"(?P<hour>[^\W_]+)\b"
_FREE = r"(?<![^\W\d_])"  # no letter precedes it; a digit can
_WITH_NOUN = r"(?P<what> [^\W\d_]+)"
_RULES: tuple[Rule, ...] = (
    _rule("half", rf"\bhalf[ -]past {_SPOKEN_HOUR}", _after(30)),
    _rule("quarter", rf"\b(?:a )?quarter (?:past|after) {_SPOKEN_HOUR}", _after(15)),
    _rule("quarter", rf"\b(?:a )?quarter (?:to|before) {_SPOKEN_HOUR}", _after(-15)),
    _rule("halb ", rf"\bhalb {_SPOKEN_HOUR}", _after(-30)),
    _rule("viertel nach", rf"\bviertel nach {_SPOKEN_HOUR}", _after(15)),
    _rule("viertel vor", rf"\bviertel vor {_SPOKEN_HOUR}", _after(-15)),
    _rule(" uhr ", r"\b(\w+) Uhr ([0-5]\d|[a-zäöüß]{4,})\b(?! [A-ZÄÖÜ])", _by_uhr, re.UNICODE),
    _rule(
        "noon|midday|mezzog|mediod", r"\b(?:12 )?(?:noon|midday)\b|\bmezzogiorno\b|\bmediod[ií]a\b", "12 pm"
    ),
    _rule(
        "midnight|mitternacht|minuit|mezzan|medianoche",
        r"\b(?:12 )?midnight\b|\b(?:Mitternacht|minuit|mezzanotte|medianoche)\b", "12 am",
    ),
    _rule(
        f"点|點|時|时|시|{'|'.join(_HALVES)}",
        rf"(?P<half>{'|'.join(_HALVES)})?\s?(?P<hour>{_NUMBER})\s?(?:[点點時时시](?![间間간])(?:\s?(?P<thirty>[半반])|"
        rf"\s?(?P<minute>{_NUMBER})\s?[分분](?!之)|(?P<quarter>[一三])刻|[整钟鐘])?|:(?P<colon>[0-5]\d))",
        _eastern,
    ),
    _rule("分之", rf"([{_HAN}]+|\d+)分之([{_HAN}]+|\d+)", lambda match: f"{_value(match[2])}/{_value(match[1])}"),
    _rule(
        "rds|ters|ths|tel|tiers|quarts|tercios|cuartos",
        rf"\b({_TWO_AND_MORE})[ -]({_PARTS}|tiers|quarts|tercios|cuartos)\b", _fraction,
    ),
    _rule(
        "one|ein", r"\b(one|ein)[ -](third|quarter|fourth|fifth|sixth|eighth|tenth|Drittel|Viertel)\b(?! part)",
        _fraction,
    ),
    _rule(
        "a ", r"\b(a) (third|quarter|fourth|fifth|sixth|eighth|tenth)"
        rf"(?= of\b(?! (?:an? |{'|'.join(MONTH_NAMES)}))|[.,;:!?)]|$)", _fraction,
    ),
    _rule("/", r"(?<![\d/.,])(\d{1,3}) ([1-9])/([2-9]|1[026])(?![\d/])", _mixed),
    _rule("and a half", rf"\b(?P<number>\d+|an?|{'|'.join(SMALL_NUMBERS)}){_WITH_NOUN}? and a half\b", _and_a_half),
    _rule(
        "et demi|y medi|e mezz", rf"\b(?P<number>\d+|{_ROMANCE}){_WITH_NOUN} (?:et demie?|y medi[oa]|e mezz[oa])\b",
        _and_a_half,
    ),
    _rule("einhalb", rf"\b(?P<number>ein|{_TWO_AND_MORE}|sechs|acht|neun|zehn)einhalb(?P<what>)\b", _and_a_half),
    _rule("anderthalb", r"\banderthalb", "1.5 "),
    _rule(
        "between|zwischen|entre",
        rf"\b(?:between|zwischen|entre) ({_ANY_NUMBER}) (?:and|und|et|y|e) ({_ANY_NUMBER})\b",
        lambda match: f"{match[1]} to {match[2]}",
    ),
    _rule("twice", r"\btwice\b", "2 times"),
    _rule("mal", rf"\b({_TWO_AND_MORE})mal\b", lambda match: f"{_value(match[1])} mal"),
    _rule(
        "km|kph|kilomet", rf"{_FREE}(?:km/h|kph|km/u|(?:kilomet(?:er|re)s?|km) (?:per hour|pro Stunde))\b|"
        r"\bStundenkilometern?\b", " kmh",
    ),
    _rule("mi/h|miles per", rf"{_FREE}(?:mi/h|miles per hour)\b", " mph"),
    _rule(
        "square|quadratm|qm|m^2|平",
        rf"{_FREE}(?:square met(?:er|re)s?|Quadratmetern?|qm|m\^2)(?!\w)|平方米|平米", " m2",
    ),
    _rule("cubic|kubikm|m^3|立方", rf"{_FREE}(?:cubic met(?:er|re)s?|Kubikmetern?|m\^3)(?!\w)|立方米", " m3"),
    _rule("r$", r"\bR\$", "BRL ", re.UNICODE),
    _rule("$", r"\b(CA?|AU?|NZ|HK|SG?)\$(?=\s?\d)", lambda match: f"{match[1]}D ", re.UNICODE),
)  # fmt: skip
