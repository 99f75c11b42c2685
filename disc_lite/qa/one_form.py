"""Text -> the same text in one form, before `lexing` finds its words.

Characters that look alike become one character, digits of all scripts ASCII digits, and dates, fractions, amounts and
spoken numbers figures: ½ becomes 1/2, 2024年6月20日 becomes 2024-6-20, "half past nine" becomes 9:30.
"""

from __future__ import annotations

import re
import unicodedata

from disc_lite.qa.numbers import chinese_value, date_of
from disc_lite.qa.spoken import in_digits
from disc_lite.qa.vocabulary import MONTH_NAMES

_LINE_HYPHEN = re.compile(r"(?<=\w)-[^\S\n]*\n[^\S\n]*(?=[^\W\d_])")
_SIGN_BEFORE_CURRENCY = re.compile(r"(?<![\w)\]])[-−–]([$€£¥₹])(?=\d)")
_FRENCH_TIME = re.compile("(?<![\\w.,:])(\\d\\d?)[ \u00a0\u202f]?[hH][ \u00a0\u202f]?([0-5]\\d)(?!\\w|[.,]\\d| ?min)")
# The digits of an amount of money before a letter for thousands, millions or billions: $500k, $1.2M, 5M€.
_SCALE = re.compile(
    r"(?:[$€£¥₹]|(?:EUR|USD|GBP|CHF)) ?[\d.,]*\d(?=(?:[kKmMbB]|[mMbB]n)\b)|"
    r"\d(?=[kKmM][$€£¥₹]|(?:[kKmMbB]|[mMbB]n) (?:EUR|USD|GBP|CHF|euros?|dollars|pounds)\b)"
)
_FRACTION = re.compile("(\\d+ ?)?([¼-¾⅐-⅞])")
_EXPONENT = re.compile("(?<=\\d)[⁺⁻]?[⁰¹²³⁴-⁹]+")
_FOOTNOTE = re.compile("(?<=[^\\W\\d_])[⁰¹⁴-⁹]+|[™®©℠]")
_INVISIBLE = re.compile("[\u00ad\u0640\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")
_HAN_DIGITS = "〇零一二三四五六七八九十百千两兩万萬亿億"
_EAST_DATE = re.compile(
    r"(?:(\d{4}|[〇零一二三四五六七八九]{4})\s?[年년]\s?)?(?<!\d)"
    r"(\d\d?|[一二三四五六七八九十]{1,3})\s?[月월]\s?(\d\d?|[一二三四五六七八九十]{1,3})\s?[日号號일]"
)
_HAN_PERCENT = re.compile(rf"百分之([\d.]+|[{_HAN_DIGITS}]+)")
_BELOW_ZERO = re.compile(rf"零下(?=[\d{_HAN_DIGITS}])")
_WEEKDAY = re.compile(
    "(?<![一二两三四五六七八九十几數数\\d])(?:周|週|礼拜|禮拜)(?=[一二三四五六日天](?![次回天个個篇节節至到]))"
)
_ALIKE = str.maketrans(
    dict.fromkeys("’‘‛ʼʻ′´", "'") | dict.fromkeys("‐‑−", "-") | {"٫": ".", "٬": ",", "٪": "%", "⁄": "/"}
)


def in_one_form(text: str) -> str:
    """The text in NFKC with ASCII digits, one kind of apostrophe and of hyphen, and spoken amounts in digits."""
    text = text.replace("<=", "≤").replace(">=", "≥")
    text = _SIGN_BEFORE_CURRENCY.sub(r"\1-", _LINE_HYPHEN.sub("-", text))
    text = _SCALE.sub(r"\g<0> ", _FRENCH_TIME.sub(r"\1:\2", text))
    if text.isascii():
        return in_digits(text)
    text = _FRACTION.sub(_decimal, text)
    text = _EXPONENT.sub(lambda match: "^" + unicodedata.normalize("NFKC", match[0]), text)
    text = _INVISIBLE.sub("", _FOOTNOTE.sub("", re.sub("(?<=\\d)[ºª]", "th", text)))
    text = unicodedata.normalize("NFKC", text.translate(_ALIKE)).translate(_ALIKE)
    text = _FOREIGN_DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), text)
    text = _BELOW_ZERO.sub(" minus ", _HAN_PERCENT.sub(r"\1%", _EAST_DATE.sub(_hyphened, text)))
    return in_digits(_WEEKDAY.sub("星期", text))


def _hyphened(match: re.Match[str]) -> str:
    """A date of an East Asian language, rewritten: 2024年6月20日 becomes 2024-6-20, and 6月20日 becomes 20 june."""
    parts = [part if part.isdecimal() else chinese_value(part) for part in match.groups("2000")]
    date = date_of("-".join(parts))
    if date is None:
        return match[0]
    return f" {'-'.join(parts)} " if match[1] else f" {date[2]} {MONTH_NAMES[date[1] - 1]} "


def _decimal(match: re.Match[str]) -> str:
    """A fraction in one character, rewritten: 2½ becomes 2.5, and ½ becomes 1/2."""
    whole, fraction = match.groups()
    if not whole:
        return unicodedata.normalize("NFKC", fraction).replace("⁄", "/")
    return f"{int(whole) + unicodedata.numeric(fraction):g}"
