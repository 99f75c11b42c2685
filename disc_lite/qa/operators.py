"""Operators of code between words (`==` and `!=`, `a * b`, `int[]`), and paths or calls that go on after a word.

`lexing` finds them with each word, `matching` compares them. Marks of prose are not operators: emphasis in Markdown, a
dash, an exclamation mark, the bars of a table, a slash between words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from disc_lite.qa.records import Word
from disc_lite.qa.vocabulary import CURRENCIES, EACH

# Between two words of a line, apart from brackets and quotes.
_BINARY = re.compile(r"[\s\"'`()\[\]{}“”„]*(===?|!==?|:=|[-+*/]=|\|\|?|\*\*?|\+|=)[\s\"'`()\[\]{}“”„]*")
_EVEN = re.compile(r"(?:\s+\S+\s+|\S+)")  # with white space on both sides or on none
_UNEVEN = ("*", "**", "+", "|")  # operators only if they are `_EVEN`, unlike those of *emphasis* and +49
_BEFORE = re.compile(r"(?:^|[\s\"'`(\[{“„,;:=|])([-!/])$")  # !ready, -v, /users
_CONNECTORS = frozenset({"/", ".", "::"})
PREFIXES = ("-", "!", "/")
_CODE = frozenset("=!*|+-/.:[()")
_ASCII = re.compile(r"[A-Za-z0-9_)\]]")


def operator_before(text: str, end: int, start: int) -> str:
    """The operator before the word at `start`, where the word before it ends at `end`; "" if there is none."""
    gap = text[end:start]
    if _CODE.isdisjoint(gap):
        return ""
    binary = _BINARY.fullmatch(gap) if end and "\n" not in gap else None
    if binary and not (binary[1] in _UNEVEN and not _is_operator(text, end, start, binary[1])):
        return binary[1]
    if end and gap == " / ":
        return "÷"
    prefix = _BEFORE.search(gap) if end == 0 or gap[:1] != "/" else None
    return prefix[1] if prefix and (len(gap) > 1 or end == 0) else ""


def _is_operator(text: str, end: int, start: int, mark: str) -> bool:
    if not _EVEN.fullmatch(text[end:start]):
        return False
    if mark == "|":
        line = text[text.rfind("\n", 0, end) + 1 : (text.find("\n", start) + 1 or len(text) + 1) - 1].strip()
        return line[:1] != "|" and line[-1:] != "|"
    # In Chinese, emphasis stands between characters without a space.
    return bool(_ASCII.match(text[end - 1]) and _ASCII.match(text[start])) or text[end : end + 1].isspace()


def marks_behind(text: str, end: int, start: int) -> str:
    """The mark after a word that ends at `end`: `[]` or `)`; or `/`, `.`, `::`, `(`, `*` if a word follows directly.

    `start` is where the next word begins, or the end of the text. "" if there is no such mark.
    """
    gap = text[end:start]
    if _CODE.isdisjoint(gap[:2]):
        return ""
    for mark in ("[]", ")"):
        if gap.startswith(mark):
            return mark
    if start == len(text) or any(char.isspace() for char in gap) or not _ASCII.match(text[start]):
        return ""
    return next((mark for mark in ("/", "::", "(", "**", "*") if gap.startswith(mark)), "." if gap == "." else "")


def operators_agree(first: Sequence[Word], second: Sequence[Word]) -> bool:
    """Whether two runs of the same words have the same operators; `=` and a slash can be missing: `timeout: 30`."""
    if (first[0].operator == "!") != (second[0].operator == "!"):
        return False
    if (first[-1].behind == "[]") != (second[-1].behind == "[]"):
        return False
    pairs = list(zip(first, second, strict=True))
    for one, other in pairs[1:]:
        operators = {"" if word.operator in ("-", "/") else word.operator for word in (one, other)}
        if len(operators) == 2 and operators not in ({"", "="}, {"", "÷"}):
            return False
    return all(one.option == other.option for one, other in pairs if one.option and other.option)


def goes_on(run: Sequence[Word], expected: Sequence[Word], following: str) -> bool:
    """Whether a text goes on after a `run` of the expected words to something else: `/users/{id}`, `10**3`, `5 m/s`.

    `following` is the next word, or "". "30 min/day" still gives "30 min", as "30 min per day" does.
    """
    last, behind = run[-1], run[-1].behind
    if behind == expected[-1].behind:
        return False
    if any(word.behind == "(" for word in expected) and expected[-1].behind == ")":
        return True
    if behind in ("*", "**"):
        return last.number
    if behind == "/" and following not in EACH:
        units = {name[2:] for name in last.names if name[:2] == "u:"}
        if units - {*CURRENCIES, "%"}:
            return True
    connected = any(w.operator == "/" for w in expected) or any(w.behind in _CONNECTORS for w in expected[:-1])
    return behind in _CONNECTORS and connected
