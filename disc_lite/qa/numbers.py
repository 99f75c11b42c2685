"""A number as written -> its normalised form and its other readings: thousands, a time of day, a date.

"1,000", "1 000", "1'000" and "1000" are the same, and so are "3,5" and "3.5". "1.234" can be a decimal or have a
thousands separator, "11.15" can be a decimal or a time of day: such a number keeps its form and gets a name for the
other reading. "1.10" and "1.1" can be versions and differ; with a unit they are the same, but "1.000" and "1" are not.
"""

from __future__ import annotations

import re

_PARTS = re.compile(r"[.,:/'\- ]")
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:[,.' ]\d{3})+")
_INDIAN = re.compile(r"[1-9]\d?(?:,\d\d)+,\d{3}")
_CLOCK = re.compile(r"(\d{1,2})[:.]([0-5]\d)")
LAST_HOUR = 24


def number_of(body: str) -> tuple[str, set[str]]:
    """The normalised form of a number without its sign, and names for its other readings."""
    if ":" in body or "/" in body or "^" in body:
        return re.sub(r"^0(?=\d:)", "", body), clock_names_of(body)  # 09:05 becomes 9:05
    decimal = re.fullmatch(r"([\d,.' ]*)([.,])(\d+)", body)
    if decimal is None:
        bare = re.sub("[ ']", "", body) if _GROUPED.fullmatch(body) else body
        return bare, clock_names_of(bare)
    whole, mark, rest = decimal.groups()
    other = "," if mark == "." else "."
    if whole and any(m in whole for m in (other, "'", " ")) and (_GROUPED.fullmatch(whole) or _INDIAN.fullmatch(whole)):
        return f"{re.sub('[^0-9]', '', whole)}.{rest}", set()
    digits = re.sub(r"\D", "", body)
    if mark == ",":
        if _GROUPED.fullmatch(body) or _INDIAN.fullmatch(body):
            return digits, set()
        return f"{whole or '0'}.{rest}", clock_names_of(f"{whole}.{rest}")
    names = {digits} if _GROUPED.fullmatch(body) else set()
    return f"{whole or '0'}.{rest}", names | clock_names_of(body)


def in_thousands(text: str) -> str:
    """The number without its dots if they can group thousands (2.000 gives 2000); "" for any other number."""
    return text.replace(".", "") if _GROUPED.fullmatch(text.removeprefix("-")) else ""


def is_list(body: str) -> bool:
    """Whether commas separate several numbers: 1,2,3."""
    return body.count(",") > 1 and "." not in body and not (_GROUPED.fullmatch(body) or _INDIAN.fullmatch(body))


def date_of(body: str) -> tuple[int, int, int] | None:
    """(year, month, day) of a date in digits that has only one reading, else None."""
    parts = _PARTS.split(body)
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return None
    first, second, third = map(int, parts)
    mark = body[len(parts[0])]
    if mark not in "-./" or body[len(parts[0]) + 1 + len(parts[1])] != mark:
        return None
    if len(parts[0]) == 4:
        result = (first, second, third) if mark in "-/" else None
    elif len(parts[2]) != 4:
        result = None
    elif mark == "." or first > 12 or first == second:  # with dots the day is first: 20.06.2024
        result = (third, second, first)
    else:
        result = (third, first, second) if second > 12 else None
    return result if result and 1 <= result[1] <= 12 and 1 <= result[2] <= 31 else None


def clock_names_of(text: str) -> set[str]:
    """Keys of the times of day that a number can mean: "9", "9:00", "11.15"."""
    if text.isdigit() and len(text) <= 2 and 1 <= int(text) <= LAST_HOUR:
        return clock_names(int(text), 0)
    result = _CLOCK.fullmatch(text)
    return clock_names(int(result[1]), int(result[2])) if result and int(result[1]) <= LAST_HOUR else set()


def clock_names(hour: int, minute: int, half: str = "") -> set[str]:
    """Keys of a time of day: with "am" or "pm" also in its 24-hour form; without, for both halves up to 12:59."""
    if half:
        whole = hour % 12 + (12 if half == "pm" else 0)
        return {f"t:{hour}:{minute:02}{half}", f"t:{whole}:{minute:02}"}
    halves = ("", "am", "pm") if 1 <= hour <= 12 else ("",)
    next_day = {f"t:0:{minute:02}"} if hour == LAST_HOUR else set()
    return {f"t:{hour}:{minute:02}{half}" for half in halves} | next_day


def without_zeros(text: str) -> str:
    """A decimal without trailing zeros: 3.50 becomes 3.5."""
    return text.rstrip("0").rstrip(".") if re.fullmatch(r"-?\d+\.\d+", text) else text


def chinese_value(run: str) -> str:
    """The value of Chinese numerals, in digits; "" if they are not a number by themselves (千 in a name)."""
    digits = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2, "兩": 2}
    if all(c in digits for c in run):
        return "".join(str(digits[c]) for c in run)
    if "十" not in run and not any(c in digits for c in run):
        return ""
    total = section = digit = 0
    for c in run:
        if c in digits:
            digit = digits[c]
        elif c in "十百千":
            section += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[c]
            digit = 0
        else:
            total = (total + section + digit) * (10**4 if c in "万萬" else 10**8)
            section = digit = 0
    return str(total + section + digit)
