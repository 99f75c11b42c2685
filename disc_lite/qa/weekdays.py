"""The days of the week in a text: by their names, in short forms, and in spans (Mon-Fri, 周一至周五)."""

from __future__ import annotations

import re
from functools import lru_cache

from disc_lite.qa.spelling import fold

# Without accents. Any letters can follow a name, as in Mondays, montags, Dienstagabend and воскресеньям.
_NAMES = """
    monday montag lundi lunes lunedi segunda-feira maandag понедельник 月曜 월요일
    tuesday dienstag mardi martes martedi terca-feira dinsdag вторник 火曜 화요일
    wednesday mittwoch mercredi miercoles mercoledi quarta-feira woensdag среда среду среды средам 水曜 수요일
    thursday donnerstag jeudi jueves giovedi quinta-feira donderdag четверг 木曜 목요일
    friday freitag vendredi viernes venerdi sexta-feira vrijdag пятниц 金曜 금요일
    saturday samstag sonnabend samedi sabado sabato zaterdag суббот 土曜 토요일
    sunday sonntag dimanche domingo domenica zondag воскресень 日曜 일요일
"""
# Short forms, which can also be other words: they count only for what a passage has. "Sonn- und Feiertage" is one.
_SHORT = """
    mon mo lun seg ma пн
    tue tues di mar ter вт
    wed mi mer mie qua wo ср
    thu thur thurs do jeu jue gio qui чт
    fri fr ven vie vr sex пт
    sat sams sa sam sab za сб
    sun sonn so dim dom zo вс
"""
_SEVERAL = {  # but not "within three working days"
    "weekends?|wochenende\\w*|week-ends?|fin(?:es)? de semana|fine settimana|выходны\\w+|周末|週末": {5, 6},
    "weekdays|workdays|werktags|an werktagen|wochentags|en semaine|les jours ouvr\\w+|dias (?:habil|laborabl|uti)\\w*|"
    "feriali|werkdagen|будн\\w+|(?<!个)工作日|平日": {0, 1, 2, 3, 4, 5},
    "daily|(?:every|each|any) day|taglich\\w*|jeden tag|tous les jours|chaque jour|todos (?:los|os) dias|cada dia|"
    "ogni giorno|dagelijks|ежедневно|кажд\\w+ день|每天|每日|毎日": set(range(7)),
}


def _numbered(table: str) -> dict[str, int]:
    return {name: number for number, line in enumerate(table.split("\n")[1:-1]) for name in line.split()}


_LONG, _BRIEF = _numbered(_NAMES), _numbered(_SHORT)
_NUMBERS = _LONG | _BRIEF
_HAN = {character: number for number, character in enumerate("一二三四五六日")} | {"天": 6}
# Not in 一周三次, three times a week.
_IN_HAN = r"(?<![一二两三四五六七八九十几数\d])(?:星期|礼拜|禮拜|周|週)(?P<han>[一二三四五六日天])(?![次回天个個])"
_FULL = re.compile(rf"(?<!\w)(?P<name>{'|'.join(_LONG)})|{_IN_HAN}")
# A short form needs a capital, which `_marked` marks with ^, or a mark behind it: lun.-ven.
_ANY = re.compile(rf"{_FULL.pattern}|(?<!\w)(?P<mark>\^)?(?P<short>{'|'.join(_BRIEF)})(?(mark)(?!\w)|(?=[./–-]))")
_CAPITAL = re.compile(r"(?<!\w)(?=[A-ZА-Я])")
_TO = re.compile(r"\w*\.?\s*(?:[-–—~～]|to|through|bis|au?|al?|ate|tot|по|至|到|から)\s*\^?")


def is_weekday(word: str) -> bool:
    """Whether a word is the full name of a weekday, in any form."""
    return _FULL.match(fold(word)) is not None


def weekdays_named(text: str) -> set[int]:
    """The weekdays whose full names are in a text, as numbers from 0 (Monday)."""
    return {_number(found) for found in _FULL.finditer(fold(text))}


@lru_cache(maxsize=64)  # many drafts are compared with the same passage
def weekdays_known(text: str) -> frozenset[int]:
    """The weekdays that a text can mean: also by short forms, spans, "weekend" and "daily"."""
    text = fold(_CAPITAL.sub("^", text))
    result = set[int]().union(*(days for words, days in _SEVERAL.items() if re.search(rf"(?<!\w)(?:{words})", text)))
    last, end = 0, len(text)
    for found in _ANY.finditer(text):
        number = _number(found)
        result.add(number)
        if _TO.fullmatch(text, end, found.start()):
            result.update((last + n) % 7 for n in range((number - last) % 7))
        last, end = number, found.end()
    return frozenset(result)


def _number(found: re.Match[str]) -> int:
    return _HAN[found["han"]] if found["han"] else _NUMBERS[found["name"] or found["short"]]
