"""Text -> words, numbers and symbols, not yet combined; all other characters separate them.

In Han, kana, Thai, Lao, Khmer and Burmese, which have no spaces between words, each letter with its marks is a word.
`words` combines the result: here "9" and "am" are two words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from disc_lite.qa.foreign_numbers import foreign_number
from disc_lite.qa.numbers import chinese_value, clock_names_of, date_of, is_list, number_of
from disc_lite.qa.numberwords import ORDINALS, SMALL_NUMBERS, TENS
from disc_lite.qa.one_form import in_one_form
from disc_lite.qa.operators import marks_behind, operator_before
from disc_lite.qa.records import Word
from disc_lite.qa.spelling import fold, singulars, spellings
from disc_lite.qa.vocabulary import ELIDED, LETTER_UNITS, MONTH_NAMES, MONTHS, SHORT_WEEKDAYS, SHORTENED, WEEKDAYS

UNSPACED_MARKS = (
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064"
    "\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u3099\u309a"
)
UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u109f\u1780-\u17d3\u3005-\u3007\u3041-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs and points, which Python's \w leaves out.
MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u0900-\u0963\u0971-\u0df3"
)

_LETTER = rf"(?:[^\W\d_{UNSPACED}]|[{MARKS}])"
_WORD_END = rf"(?:[^\W_{UNSPACED}]|[{MARKS}])"
# A hyphen is a sign only where no number or word precedes it: not in "9-17".
_SIGN = rf"(?:(?<![^\s(\[{{\"'«„“<>≤≥~=:$€£¥₹{UNSPACED}])[-+–](?=\.?\d))?"
_DATE = r"\d{4}-\d\d?-\d\d?(?![\d-])|\d\d?-\d\d?-\d{4}(?![\d-])"
_SPACED_GROUPS = r"[1-9]\d{0,2}(?: \d{3}){1,5}(?! ?\d)(?:[.,]\d+)?"
_NUMBER = rf"{_DATE}|{_SPACED_GROUPS}|\d+(?:[.,:/']\d+)*(?:\^-?\d+)?|(?<![\w.])\.\d+"
_SUFFIX = rf"[万萬亿億]|[AaPp]\.[Mm](?!\w)\.?|(?:{_LETTER}{_WORD_END}*)?"
_AFTER_WEEK = "(?<!星期)(?<!礼拜)(?<!禮拜)(?<!周)(?<!週)"  # after these a numeral is a day of the week
_LEXEME = re.compile(
    "|".join(
        (
            rf"(?P<sign>{_SIGN})(?P<number>{_NUMBER})(?P<suffix>{_SUFFIX})",
            rf"(?P<han>(?:{_AFTER_WEEK}[一二三四五六]|[〇零七八九十百千两兩万萬亿億])[〇零一二三四五六七八九十百千两兩万萬亿億]*)",
            rf"(?P<unspaced>[{UNSPACED}][{UNSPACED_MARKS}]*)",
            rf"(?P<dotted>(?:{_LETTER}\.)+{_LETTER}(?!\w)|(?:{_LETTER}\.){{2,}})",
            rf"(?P<word>{_LETTER}(?:{_WORD_END}|(?<=\d)\.(?=\d))*(?:['_-]{_WORD_END}+)*(?:\+\+|#|\+(?![\w+=]))?)",
            r"(?P<symbol>°[CF](?!\w)|[%‰°€$£¥₹<>≤≥±&])",
        )
    )
)
# Quotes, emphasis, slashes and single line breaks do not end a clause.
_ENDS_CLAUSE = re.compile(r"""[^\w\s'"“”‘’«»„‹›「」『』*_`/+\-#~|\\]|\s-+\s|\n\s*(?:\n|[-*])""")
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|re|e|eme)$")
_SQUARE_OR_CUBIC = re.compile(r"[ckm]?m[23]$")
_DECADE = re.compile(r"\d{4}$")
_CONTRACTED = re.compile(
    r"(ca|wo|sha|ai|do|does|did|is|are|was|were|has|have|had|could|would|should|must|need|might)n'?t$"
)
_FULL = {"ca": "can", "wo": "will", "sha": "shall", "ai": "is"}
_TAILS = {"'re": "are", "'m": "am", "'ve": "have", "'ll": "will"}
_BE = frozenset("who what where when why how it that there here he she".split())  # who's, it's
_DAYS = WEEKDAYS.union(day.lower() for day in SHORT_WEEKDAYS)
_VERSION = re.compile(r"v(\d+(?:\.\d+)*)$")


def lexed(text: str) -> Iterator[Word]:
    """Yield the words of a text in their order."""
    text, end = in_one_form(text), 0
    last: Word | None = None  # held back until the text after it is known
    for match in _LEXEME.finditer(text):
        start = match.start()
        words = list(_words_in(match))
        if words:
            if last is not None:
                yield replace(last, behind=behind) if (behind := marks_behind(text, end, start)) else last
            is_shortened = last is not None and last.text in SHORTENED and text[end:start].strip() == "."
            opens = end == 0 or (not is_shortened and _ENDS_CLAUSE.search(text, end, start) is not None)
            if (operator := operator_before(text, end, start)) or opens:  # for few words: `replace` is slow
                words[0] = replace(words[0], opens=opens, operator=operator)
            yield from words[:-1]
            last, end = words[-1], match.end()
    if last is not None:
        yield replace(last, behind=marks_behind(text, end, len(text)))


def _words_in(match: re.Match[str]) -> Iterator[Word]:
    """Yield the words of one lexeme: a number with its suffix, Han numerals, initials, a word or a symbol."""
    kind, written = str(match.lastgroup), match[0]
    if match["number"] is not None:
        yield from _number(match["sign"], match["number"], match["suffix"])
    elif kind == "han":
        value = chinese_value(written)
        if value:
            yield Word(value, written, frozenset({value} | clock_names_of(value)), number=True)
        else:
            yield from map(_bare, written)
    elif kind == "dotted":
        letters = fold(written).split(".")
        joined = "".join(letters)
        yield Word(joined, written, frozenset({joined}), tuple(filter(None, letters)))
    elif kind == "word":
        yield from _word(written)
    else:
        text = "and" if written == "&" else fold(written)
        yield Word(text, written, frozenset({text}))


def _number(sign: str, body: str, suffix: str) -> Iterator[Word]:
    """Yield a number and its suffix as words: a date, the parts of a list, an ordinal, or a number with its unit."""
    date = date_of(body)
    if date and not suffix:
        yield from date_words(*date)
        return
    if is_list(body):
        for part in body.split(","):
            yield from _number("", part, "")
        return
    text, names = number_of(body)
    minus = "-" if sign in ("-", "–") else ""
    names = {minus + name for name in names if not (minus and name.startswith("t:"))}
    number = Word(minus + text, minus + body, frozenset({minus + text} | names), number=True)
    suffix = suffix.replace(".", "")
    folded = fold(suffix)
    if not suffix:
        yield number
    elif suffix in "万萬亿億" and re.fullmatch(r"\d+(?:\.\d+)?", text):
        value = f"{float(text) * (10**4 if suffix in '万萬' else 10**8):.0f}"
        yield Word(minus + value, number.written + suffix, frozenset({minus + value}), number=True)
    elif body.isdigit() and suffix.islower() and _ORDINAL.match(folded):
        yield Word(text + folded, body + suffix, frozenset({text + folded, f"o:{int(text)}"}))
    elif not (folded == "s" and _DECADE.match(body)) and _is_apart(suffix):
        yield number
        yield from _word(suffix)
    else:
        yield Word(
            text + folded, body + suffix, frozenset({text + folded, *spellings(suffix, text + folded)}), (text, folded)
        )


def _is_apart(suffix: str) -> bool:
    """Whether letters directly after digits are a separate word: in 5km, but not in 5G and 12a."""
    if suffix in LETTER_UNITS or not suffix.isascii() or _SQUARE_OR_CUBIC.match(suffix):
        return True
    return len(suffix) > 1 and suffix.isalpha() and suffix.islower()


def date_words(year: int, month: int, day: int) -> tuple[Word, ...]:
    """A date as three words: day, month and year."""
    name = MONTH_NAMES[month - 1]
    return (
        Word(str(day), str(day), frozenset({str(day), f"o:{day}"}), number=True),
        Word(name, name, frozenset({name, f"m:{month}"})),
        Word(str(year), str(year), frozenset({str(year)}), number=True),
    )


@lru_cache(maxsize=8192)  # most words of a text are frequent ones
def _word(written: str) -> tuple[Word, ...]:
    """Return the word, or the words that its apostrophe or hyphen connects."""
    return tuple(_connected(written))


def _connected(written: str) -> Iterator[Word]:
    text = fold(written)
    if "-" in text and _is_span_or_count(text.split("-")):
        yield from (replace(word, opens=False) for part in written.split("-", 1) for word in lexed(part))
        return
    contracted = _CONTRACTED.match(text)
    if contracted and (len(contracted[1]) > 2 or "'" in text or contracted[1] in ("do", "is")):
        base = _FULL.get(contracted[1], contracted[1])
        yield from map(_bare, (base, "not"))
        return
    if text == "cannot":
        yield from map(_bare, ("can", "not"))
        return
    head, apostrophe, tail = text.rpartition("'")
    if apostrophe and head in ELIDED and len(tail) > 1:
        yield Word(head, written, frozenset({head}), skipped=True)
        first, *others = _word(written[len(head) + 1 :])
        yield from (replace(first, after_ne=head == "n"), *others)
    elif apostrophe and (f"'{tail}" in _TAILS or (tail == "s" and head in _BE)):
        yield from map(_bare, (head, _TAILS.get(f"'{tail}", "is")))
    elif apostrophe and tail == "s" and len(head) > 1:
        owner = _plain(written[:-2], head)
        yield replace(owner, names=owner.names | {head + "s"})
    else:
        yield _plain(written, text)


def _is_span_or_count(parts: Sequence[str]) -> bool:
    """Whether a hyphen separates two words, as in Mon-Fri, Dec-2024 and twelve-hour, but not in twenty-five."""
    if all(part in _DAYS or part in MONTHS or part.isdigit() for part in parts):
        return True
    head, tail = parts[0], parts[1]
    numbers = SMALL_NUMBERS.keys() | TENS.keys()
    return (
        head in numbers - {"zero", "one"}
        and tail not in numbers | ORDINALS.keys()
        and not singulars(tail) & ORDINALS.keys()
    )


def _bare(text: str) -> Word:
    return Word(text, text, frozenset({text}))


def _plain(written: str, text: str) -> Word:
    """A word with its other spellings and its readings as an ordinal, a weekday, a foreign number or a version."""
    names = {text} | spellings(written, text)
    parts = tuple(re.split("[-_]", text)) if re.search("[-_]", text) else ()
    if parts and "_" not in text:
        names.add("".join(parts))
    if text in ORDINALS:
        names.add(f"o:{ORDINALS[text]}")
    if len(parts) == 2 and parts[0] in TENS and ORDINALS.get(parts[1], 10) < 10:
        names.add(f"o:{TENS[parts[0]] + ORDINALS[parts[1]]}")
    if written in SHORT_WEEKDAYS:
        names.add(SHORT_WEEKDAYS[written])
    if value := foreign_number(text):
        names.add(str(value))
    version = _VERSION.match(text)
    if version:
        names.add(version[1])
    return Word(text, written, frozenset(names), parts)
