"""Sentence -> the details that a question can ask for: names, numbers with what they count, code, cells of a row.

A model learns an answer as the answer to one question. If "Up to six days, but they lapse on 20 June" is only trained
as the answer to "How many?", the model does not give the date to somebody who asks for it. So a question is written
for each detail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice

from disc_lite.qa.mentions import mentions
from disc_lite.qa.spelling import fold
from disc_lite.qa.vocabulary import MONTHS, YES_NO
from disc_lite.qa.words import is_unspaced, words_of

MOST = 6  # details of a sentence at most: the row of a table can have thirty cells
LONGEST = 8  # words of a detail at most, or twice as many characters of Chinese: a longer text is a statement
LONGEST_FIELD = 4  # words of a label at most, and of its value
_FIELD_CHARS = 120
_NOTHING = YES_NO | {"n/a", "na", "x", "tbd", "?"}  # cells that cannot be the answer to a question

# "3. Start: May", "(2) The owner", "- Home: Ildeth"
_MARKER = re.compile(r"\s*(?:[-*+•–]\s+)?(?:\(?\d{1,3}(?:\.\d{1,3}){0,3}[.)]\s+)?")
_NUMBERED_DAY = re.compile(r"\s*\d{1,2}\.\s+([^\W\d_]+)")
_FIELD = re.compile(r"[*_]*([^\n:：|]{1,50}?)[*_]*(?:[:：][*_]+|:(?=\s)|：)[ \t]*(\S[^\n|]{0,79})")
_STOPS = (".", "!", "?", "。", "！", "？", ":", ";", ",")

_CODE_SPAN = re.compile(r"`[^`\n]*`")
_EDGE = re.compile(r"(?<!\S)\|(?!\S)")  # the bar between two cells; `|x|` and `P(A|B)` have none
_CELL_END = re.compile(r"(?<!\\)\|")
_WRAPPED = re.compile(r"(`|\*\*?)([^`*]+)\1")

# " and » can open and close. Where they open, no blank follows, and no letter or digit precedes the " (24").
_QUOTED = re.compile(
    r'(?<!\w)"(?!\s)([^"]{2,60})"|[“„]([^“”„]{2,60})[”“]|”([^“”„]{2,60})”|«([^«»]{2,60})»|»(?!\s)([^«»]{2,60})«'
    r"|「([^「」]{2,60})」|『([^『』]{2,60})』|《([^《》]{2,60})》|`([^`]{2,60})`"
)
WORD_OF_CODE = re.compile(
    r"(?<![\w-])--[a-z][\w-]+|(?<!\w)[^\W_]+(?:_+[^\W_]+)+(?!\w)|\b(?=\w{5})[a-z]+[A-Z]\w*"
    r"|(?<!\]\()\b(?:https?://|www\.)[^\s<>()\"'`|]*[\w/]|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
)
# Replaces what is a detail already; it is not a name, and the word after it does not begin a sentence. The blanks keep
# it apart from Chinese words: 见《指南》第三版 has no 见_第三版.
_PLACEHOLDER = " _ "

_HAN, _TIMES = "〇零一二三四五六七八九十百千万亿两兩萬億", "年月日号號时時点點分秒"
_KATAKANA = "ァ-ヺー"
# Units of several characters, which are a part of the number: 两小时, 26公里, 十二个月.
_UNITS = (
    "小时|小時|分钟|分鐘|秒钟|秒鐘|个月|個月|公里|公斤|千克|毫米|厘米|平方米|平方公里|立方米|美元|欧元|歐元|英镑|英鎊|日元|人民币|"
    "時間|日間|年間"
)
_MEASURES = f"{_TIMES}个個名位人天周次回册張张条件元角小级层層楼階岁歲倍种種家座只隻台辆本公米斤克章节項项页任円"
# 2020年5月3日, 十点十五分, 二十七名, 333メートル, 星期二, 第三届, 三分之一. A single 一 is rarely a number: 一些, 一直.
UNSPACED_NUMBER = re.compile(
    rf"(?:星期|周|週)[一二三四五六日天]|[月火水木金土日]曜日|第[{_HAN}\d]+\w|百分之(?:\d[\d.]*|[{_HAN}]+)"
    rf"|(?:\d+|[{_HAN}]+)分之(?:\d+|[{_HAN}]+)|(?:(?:\d+|[{_HAN}]+)[{_TIMES}]){{2,9}}"
    rf"|(?!十分(?!钟|鐘)|千万|万一)(?:\d(?:[\d.,:~–-]*\d)?|[{_HAN}]{{2,}}|[{_HAN[2:]}](?={_UNITS})"
    rf"|[{_HAN[3:]}](?=[{_MEASURES}{_KATAKANA}]))(?:[{_KATAKANA}]+|{_UNITS}|[^\W\d])?"
)
# Also ジョン・スミス, and words and codes with Latin letters: GitHub, 5G, 91310000MA1FL3XQ7.
_UNSPACED = re.compile(
    rf"[A-Za-z][A-Za-z0-9.+-]*[A-Za-z0-9]|\d[\d.-]*[A-Za-z][A-Za-z0-9.+-]*|{UNSPACED_NUMBER.pattern}"
    rf"|[{_KATAKANA}]+(?:[・＝][{_KATAKANA}]+)+"
)


def details_of(sentence: str, language: str = "") -> tuple[str, ...]:
    """The details of a sentence, each once and at most `MOST`; `language` is that of the sentence, if known."""
    if cells := cells_of(sentence):
        details: Iterator[str] = iter(cells)
    else:
        text = _without_marker(sentence)
        value = _value_of(text.strip())
        details = iter([value]) if value else _in_text(text, language)
    short = (text for text in details if 0 < _size(text) <= LONGEST and text.lower() not in _NOTHING)
    return tuple(islice(dict.fromkeys(short), MOST))


def cells_of(sentence: str) -> list[str]:
    """The cells of a table row; empty if the sentence is not a row."""
    row = sentence.strip()
    edges = 0 if "\n" in row else len(_EDGE.findall(_CODE_SPAN.sub("", row)))
    if edges < 1 + row.endswith(_STOPS):  # "Run cat notes | sort in the shell."
        return []
    cells = (cell.strip().replace("\\|", "|") for cell in _CELL_END.split(row.strip("|")))
    return [wrapped[2] if (wrapped := _WRAPPED.fullmatch(cell)) else cell for cell in cells]


def _without_marker(sentence: str) -> str:
    """The sentence without the marker of its list item; "3. Mai" is a date and stays whole."""
    day, marker = _NUMBERED_DAY.match(sentence), _MARKER.match(sentence)
    return sentence if marker is None or (day and fold(day[1].lower()) in MONTHS) else sentence[marker.end() :]


def _value_of(line: str) -> str:
    """The value of a line that consists of a label and its value ("Home: Ildeth"); "" for any other line."""
    field = _FIELD.fullmatch(line) if len(line) <= _FIELD_CHARS and not line.endswith(_STOPS) else None
    if not field or ": " in field[2] or max(_size(field[1]), _size(field[2])) > LONGEST_FIELD:
        return ""
    return field[2].strip("*_ ")


def _in_text(text: str, language: str) -> Iterator[str]:
    """Yield quotations, words of code and addresses, then the names and numbers outside them."""
    quoted = (next(filter(None, match.groups())).strip() for match in _QUOTED.finditer(text))
    unquoted = _QUOTED.sub(_PLACEHOLDER, text)
    code, rest = (match[0] for match in WORD_OF_CODE.finditer(unquoted)), WORD_OF_CODE.sub(_PLACEHOLDER, unquoted)
    mentioned = (match[0] for match in _UNSPACED.finditer(rest)) if is_unspaced(text) else mentions(rest, language)
    return chain(quoted, code, mentioned)


def _size(text: str) -> float:
    """The length of a text in words; two characters of Chinese count as one word."""
    return len(words_of(text)) / (2 if is_unspaced(text) else 1)
