"""Finds names, dates, and numbers with what they count, in sentences of languages that are written with spaces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

from disc_lite.qa.foreign_numbers import foreign_number
from disc_lite.qa.function_words import OPENERS, ORDINARY
from disc_lite.qa.languages import words_without_meaning
from disc_lite.qa.lexing import MARKS
from disc_lite.qa.numberwords import NUMBERS_IN
from disc_lite.qa.spelling import fold
from disc_lite.qa.vocabulary import ELIDED, LETTER_UNITS, MONTHS, UNITS
from disc_lite.qa.weekdays import is_weekday
from disc_lite.qa.words import numbers_of

Kind = Literal["name", "number", "month", ""]

_LONGEST = 40  # characters of a word; a longer one is an address or a key
_BLANK = "[ \u00a0\u202f]"
_WORD = re.compile(
    rf"\d\d?{_BLANK}h{_BLANK}\d\d(?!\d)|(?:(?:[$€£¥₹+]|(?:EUR|USD|GBP|CHF){_BLANK}){_BLANK}?(?=\d))?"
    rf"[^\W_](?:[\w{MARKS}'’.:,/–-]*[\w{MARKS}])?(?:(?<=\d){_BLANK}?(?:[%‰€$£¥₹]|°[CF]?))?"
)
_LINK = "(?:van|von|of|de|di|da|del|della|dos|du)"
_LINKS = frozenset("van von of de di da del della du the der den la las los le".split())
# Between the words of a name: "Holt & Lind", "Netmakers' Row", "J. R. Tolkien", "Bank of Ardel", "Jan van der Berg",
# "Conseil d'État", "Gare de l'Opéra", "Camera dell'Arte".
_IN_NAME = re.compile(
    rf"['’]?{_BLANK}(?:& |{_LINK}{_BLANK}(?:(?:the|der|den|la|las|los|le){_BLANK})?)?(?:(?:d|l|dell|nell|sull)['’])?"
)
_IN_GERMAN_NAME = re.compile(rf"['’]?{_BLANK}(?:& )?")
_IN_NUMBER = re.compile(_BLANK)
_IN_DATE = re.compile(rf"[.,]?{_BLANK}(?:(?:of|de|del|di){_BLANK})?")  # "3. Mai", "20 de junio de 2023", "May 5, 2020"
_DAY = re.compile(rf"\d(?:st|nd|rd|th|er|º)?\.?{_BLANK}(?:(?:of|de|di|del){_BLANK})?$")
_IN_YEAR = re.compile(rf"\.?{_BLANK}(?:(?:of|de|del){_BLANK})?\d")  # after a month: its year, or its day
_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
_PER_CENT = re.compile(rf"\bp[eo]r{_BLANK}$")  # before "cento" or "ciento", which are 100 elsewhere
_LABEL = re.compile(r"\d+[A-Za-z]?")  # a number after a name
_CODE = re.compile(r"[^\W\d_]\w*[-.]?\d|[^\W\d_]+-\d")  # B3, KTRN4, HARROW-3
_SHORT_FORM = re.compile(r"[A-ZÄÖÜÀ-ÝА-Я]\w{0,2}")  # J., Dr., St.
_CONTRACTED = re.compile(r"(\w+)['’](?:d|ll|m|re|s|t|ve)")  # You're, That's
_POSSESSIVE = re.compile(r"['’]s$")
_OPENS = re.compile(r"[.!?:]\W*\s\W*$|^\W*$")  # what precedes the first word of a sentence
_REFERS = re.compile(  # before the number of a part of a text (section 3), which nobody asks for
    r"(?:§|\[|\b(?:abs|absatz|satz|art|article|articles|artikel|artículo|articolo|section|sections|clause|paragraph|"
    r"abschnitt|kapitel|chapter|figure|fig|table|tabelle|abbildung|abb|seite|page|pages|стать[яеи]|пункт\w?)\b\.?)\s*$",
    re.IGNORECASE,
)
_NOT_COUNTED = ORDINARY | OPENERS
_BEFORE = 12  # characters before a word that show whether it begins a sentence or belongs to a reference
_GERMAN_ENDING = re.compile(r"e[mnrs]?$")  # of an adjective, or of a name
_FREQUENT_TWO = {"French": "deux", "Italian": "due", "Spanish": "dos"}  # numbers that are among the frequent words
_FRACTIONS = frozenset("third fourth fifth sixth eighth tenth".split())
_IRREGULAR_PLURALS = frozenset("people children men women".split())  # English plurals without an s


class _Word(NamedTuple):
    start: int
    end: int
    text: str
    kind: Kind


class _Sentence(NamedTuple):
    text: str
    language: str

    def before(self, word: _Word) -> str:
        return self.text[max(0, word.start - _BEFORE) : word.start]

    def opens(self, word: _Word) -> bool:
        return _OPENS.search(self.before(word)) is not None


def mentions(text: str, language: str) -> Iterator[str]:
    """Yield the numbers of a text (each with what it counts), its dates and its names, in their order."""
    lower = text.lower()
    is_heading = text.isupper() and len(lower) == len(text)  # all in capitals, which mark no name here
    sentence = _Sentence(lower if is_heading else text, language)
    every = (_word_of(match, sentence) for match in _WORD.finditer(sentence.text))
    words = [word for word in every if not _is_link(word, sentence)]
    starts = [i for i in range(len(words)) if not i or not _continues(words, i, sentence)]
    counted = -1  # index of the last word that a number counts
    for start, end in pairwise([*starts, len(words)]):
        run = words[start:end]
        kinds = {word.kind for word in run}
        refers = run[-1].kind == "number" and _REFERS.search(sentence.before(run[-1]))
        if start <= counted or kinds == {""} or refers:
            continue
        if run[0].kind in ("number", "month") and "number" in kinds:
            counted = _last_counted(words, end, sentence)
            begin = run[0].start
            if counted == end - 1 and run[0].text in _FRACTIONS and sentence.before(run[0]).lower().endswith(" a "):
                begin -= 2  # "a third of the staff"
            number = text[begin : words[counted].end]
            if number.lower() not in ("first", "second"):  # "has first been given", "tenths of a second"
                yield number
        elif len(run) > 1 or _is_lone_name(run[0], sentence):
            yield _POSSESSIVE.sub("", text[run[0].start : run[-1].end])


def _is_link(word: _Word, sentence: _Sentence) -> bool:
    """Whether a word is a link of names: "dos" is one in Portuguese, and two in Spanish."""
    return word.text in _LINKS or (word.text == "dos" and sentence.language != "Spanish")


def _word_of(match: re.Match[str], sentence: _Sentence) -> _Word:
    start, text = match.start(), match[0]
    prefix, mark, rest = text.replace("’", "'").partition("'")
    if mark and rest and fold(prefix.lower()) in ELIDED:
        start, text = start + len(prefix) + 1, text[len(prefix) + 1 :]
    word = _Word(start, match.end(), text, "")
    return word._replace(kind=_kind(word, sentence))


def _kind(word: _Word, sentence: _Sentence) -> Kind:
    """Whether a word is a part of a name, a number or a month; "" for any other word."""
    text, folded = word.text, fold(word.text.lower())
    if len(text) > _LONGEST or (text.lower() in OPENERS and sentence.opens(word)):
        return ""
    if folded in MONTHS and (_DAY.search(sentence.before(word)) or _IN_YEAR.match(sentence.text, word.end)):
        return "month"
    if _CODE.match(text):
        return "name"
    if folded in ("cento", "ciento") and _PER_CENT.search(sentence.before(word)):
        return ""
    if not text[0].isalpha() or is_number(text, sentence.language):
        return "number"
    if (short := _CONTRACTED.fullmatch(text)) and short[1].lower() in ORDINARY:
        return ""
    is_initial = len(text) == 1 and sentence.text.startswith(".", word.end)
    is_name = is_weekday(text) or (text[0].isupper() and (is_initial or text.lower() not in ORDINARY))
    return "name" if is_name else ""


@lru_cache(maxsize=1 << 15)
def is_number(word: str, language: str) -> bool:
    """Whether a word is a number in this language: "due" is two in Italian, and "dort" four in Turkish."""
    folded = word.lower()
    is_foreign = foreign_number(folded) > 0 if language == "English" else folded in words_without_meaning(language)
    is_foreign = is_foreign or NUMBERS_IN.get(folded, language) != language
    return (not is_foreign or folded == _FREQUENT_TWO.get(language)) and bool(numbers_of(word))


def _continues(words: list[_Word], place: int, sentence: _Sentence) -> bool:
    """Whether a word continues the name, the number or the date of the word before it."""
    before, word = words[place - 1], words[place]
    gap = sentence.text[before.end : word.start]
    kinds = before.kind, word.kind
    is_digits = word.text.isdecimal()
    if kinds == ("name", "name"):
        is_lower = word.text[0].islower()  # a weekday: "Каждый вторник" is no name
        return not is_lower and _joins_names(before, gap, sentence)
    if kinds == ("number", "number"):
        is_year = is_digits and _YEAR.fullmatch(word.text) and place > 1 and words[place - 2].kind == "month"
        return (_IN_DATE if is_year else _IN_NUMBER).fullmatch(gap) is not None
    if kinds in (("number", "month"), ("month", "number")):
        is_part = is_digits or word.kind == "month"
        return is_part and _IN_DATE.fullmatch(gap) is not None
    # "Mill 7", "Haus 2", "Unit 7B", but "Tuesday 14 people"
    is_label = kinds == ("name", "number") and _LABEL.fullmatch(word.text) and not _YEAR.fullmatch(word.text)
    is_beside = bool(is_label) and _IN_NUMBER.fullmatch(gap) is not None
    return is_beside and _last_counted(words, place + 1, sentence) == place


def _joins_names(before: _Word, gap: str, sentence: _Sentence) -> bool:
    if gap.startswith(".") and _SHORT_FORM.fullmatch(before.text):
        gap = gap[1:]
    if sentence.language == "German":
        opens = sentence.opens(before) and not sentence.before(before).endswith(". ")  # as in "Dr. Wiebke Sonntag"
        is_adjective = opens and _GERMAN_ENDING.search(before.text) is not None
        return not is_adjective and _IN_GERMAN_NAME.fullmatch(gap) is not None  # nouns have capitals: "Bau von Häusern"
    return _IN_NAME.fullmatch(gap) is not None


def _last_counted(words: list[_Word], end: int, sentence: _Sentence) -> int:
    """The index of the last word that the number before `end` counts (two in "four working days"), or `end - 1`."""
    number = words[end - 1]
    if number.kind != "number" or end == len(words) or not _is_counted(number, words[end], sentence):
        return end - 1
    following = words[end]
    is_unit = following.text.lower() in UNITS or following.text in LETTER_UNITS
    if _YEAR.fullmatch(number.text) and not is_unit:
        return end - 1
    is_last = end + 1 == len(words) or not _is_counted(following, words[end + 1], sentence)
    more = "" if is_last else words[end + 1].text
    if sentence.language == "German" and following.text[0].islower() and not is_unit:
        return end + 1 if more and more[0].isupper() else end - 1  # "zwei neue Maschinen", not "2 brannte"
    is_whole = is_unit or _is_plural(following.text)
    if sentence.language == "English" and not is_whole and _is_plural(more) and more.islower():
        return end + 1
    while end + 1 < len(words) and words[end].kind == "name" and _continues(words, end + 1, sentence):
        end += 1  # "12 Saltgate Row"
    return end


def _is_plural(word: str) -> bool:
    return word in _IRREGULAR_PLURALS or (word.endswith("s") and not word.endswith("ss"))


def _is_counted(number: _Word, following: _Word, sentence: _Sentence) -> bool:
    is_word = following.text[0].isupper() or following.text not in _NOT_COUNTED  # "4 May", not "7 since"
    is_beside = _IN_NUMBER.fullmatch(sentence.text, number.end, following.start) is not None
    return is_word and is_beside and following.kind in ("", "name")


def _is_lone_name(word: _Word, sentence: _Sentence) -> bool:
    """Whether a single word is a name; a capital does not show it in German, or at the beginning of a sentence."""
    if is_weekday(word.text) or _CODE.match(word.text):
        return True
    if len(word.text) < 2 or not word.text[0].isupper() or sentence.opens(word) or _REFERS.search(word.text):
        return False
    return sentence.language != "German" or fold(word.text) in MONTHS
