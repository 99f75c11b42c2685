"""Spreadsheet value and number format -> text much as the sheet shows it: decimals, units, per cent, dates, hours."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

_TOKEN = re.compile(
    r"\"(?P<quoted>[^\"]*)\"|\\(?P<escaped>.)|\[\$(?P<currency>[^\]-]*)[^\]]*\]|(?P<condition>\[[<>=][^\]]*\])"
    r"|\[[^\]]*\]|[_*].|(?P<end>;)|(?P<digits>General|[0#?.,]+)|(?P<literal>[^A-Za-z@/])|(?P<other>.)"
)
_MAX_DIGITS = 15  # significant digits of a number in a spreadsheet


def shown(value: object, number_format: str) -> str:
    """The text of a value in its number format, without separators of thousands and with dates as `2026-03-01`."""
    match value:
        case bool():
            return str(value).upper()
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return _hours(value, "s" in number_format)
        case int() | float():
            return _number(value, number_format)
    return str(value)


def _hours(value: timedelta, has_seconds: bool) -> str:
    total = round(value.total_seconds())
    minutes, seconds = divmod(abs(total), 60)
    text = f"{'-' if total < 0 else ''}{minutes // 60}:{minutes % 60:02}"
    return f"{text}:{seconds:02}" if seconds or has_seconds else text


def _number(value: float, number_format: str) -> str:
    """The text of a number in its format; in its plain form if the format is not handled here."""
    plain = f"{value:.{_MAX_DIGITS}g}" if isinstance(value, float) else str(value)
    before, digits, after = _parsed(number_format or "General")
    if digits == "General" and not before + after:
        return plain
    if not digits or "e" in plain or not plain.lstrip("-")[:1].isdigit():
        return plain  # not a format for numbers, or one that is not handled here
    number = Decimal(plain)
    if "%" in before + after:
        number *= 100
    if digits != "General":
        scale = len(digits) - len(digits.rstrip(","))
        whole, _, decimals = digits.rstrip(",").partition(".")
        text = f"{(number / 1000**scale).quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP):f}"
        text = _without_zeros(text, decimals.count("0"))
        sign = "-" if text.startswith("-") and text.strip("-0.") else ""
        plain = sign + text.lstrip("-").zfill(whole.count("0") + len(text.partition(".")[2]) + ("." in text))
    elif "%" in before + after:
        plain = f"{number.normalize():f}"
    sign, plain = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    after = f" {after}" if after.startswith("%") else after
    return " ".join(f"{sign}{before}{plain}{after}".split())


@cache
def _parsed(number_format: str) -> tuple[str, str, str]:
    """A number format as (text before the digits, digits, text after them); no digits if it is not handled here."""
    before = digits = after = ""
    for token in _TOKEN.finditer(number_format):
        if token["end"]:
            break
        if token["condition"] or token["other"] or (token["digits"] and after):
            return "", "", ""
        if token["digits"]:
            digits += token["digits"]
        else:
            text = token["quoted"] or token["escaped"] or token["currency"] or token["literal"] or ""
            before, after = (before, after + text) if digits else (before + text, after)
    return before.replace("(", ""), digits, after.replace(")", "") if "(" in before else after


def _without_zeros(text: str, kept: int) -> str:
    """A decimal number without the trailing zeros behind its first `kept` decimals."""
    whole, dot, decimals = text.partition(".")
    rest = decimals[kept:].rstrip("0")
    return f"{whole}{dot}{decimals[:kept]}{rest}".rstrip(".") if dot else text
