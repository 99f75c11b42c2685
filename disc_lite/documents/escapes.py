r"""Backslash escapes of Markdown, as in `max\_tokens` and `20\$`: no reader sees the backslashes.

While a text is read they are marks, which nothing takes for markup; when it is read the marks go. Formulas keep their
backslashes, and so do `\\`, `\(` (formulas are written with it), `\|` (the sign would divide a table's row) and a
backslash before a grave accent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from disc_lite.documents.headings import escaped

MARK = "\ufdd0"  # a code point that is no character

# No span of code is longer: looking for the end of each would be quadratic. Its opening is a whole run of backticks.
CODE_SPAN = r"(?<!`)(?P<ticks>`+)(?!`).{0,2000}?(?<!`)(?P=ticks)(?!`)"
_PIECE = re.compile(
    rf"(?P<whole>{CODE_SPAN}"
    r"|\$\$.{0,2000}?\$\$|(?<![\\$\w])\$(?=\S)[^$]{0,500}?(?<=[^\s\\])\$(?![\d$])|\\\(.{0,1000}?\\\)"  # a formula
    r"|\\\\)"
    r"|\\\[(?P<brackets>.{0,1000}?)\\\]"
    r"|\\(?P<sign>[!\"#$%&'*+,./:;<=>?@\[\]^_{}~-])"
)
_TEX = re.compile(r"\\[A-Za-z]|(?<!\\)[\^_=]")
_OPENING = re.compile(r"\s*(?:\\\[|\\begin\{(?P<name>[a-z]+\*?)\})")
_RULE = re.compile(r"\s*(?:-+|=+)\s*")


@dataclass
class Escapes:
    """The escapes of the lines of a text, one after another."""

    ending: str = ""  # of the formula of several lines that is open

    def marked(self, line: str, is_last: bool) -> str:
        """A line that is no code, with marks for its escapes; `is_last` of its paragraph."""
        if self.ending:
            self.ending = "" if self.ending in line or not line.strip() else self.ending
            return line
        if self._opens(line):
            return line
        if line.endswith("\\") and not line.endswith("\\\\") and not is_last:
            line = line[:-1].rstrip()  # a line break
        return _marked(line) if "\\" in line else line

    def _opens(self, line: str) -> bool:
        """Whether a formula begins that ends in a later line."""
        if opening := _OPENING.match(line):
            ending = f"\\end{{{opening['name']}}}" if opening["name"] else "\\]"
            self.ending = "" if ending in line else ending
        elif line.count("$$") % 2:
            self.ending = "$$"
        return bool(self.ending)


def without_marks(text: str) -> str:
    """The text that is seen; an escape stays where a line would be a heading, a rule or a fence without it."""
    return "\n".join(map(_seen, text.split("\n"))) if MARK in text else text


def _marked(line: str) -> str:
    return _PIECE.sub(_piece, line)


def _piece(found: re.Match[str]) -> str:
    if found["whole"]:
        return found["whole"]
    if found["sign"]:
        return MARK + found["sign"]
    is_formula = _TEX.search(found["brackets"].lstrip("^"))  # `\[^1\]` is no note
    return found[0] if is_formula else f"{MARK}[{_marked(found['brackets'])}{MARK}]"


def _seen(line: str) -> str:
    seen = line.replace(MARK, "")
    if not line.lstrip(" \t>").startswith(MARK):
        return seen
    return seen.replace(seen.strip(), f"\\{seen.strip()}", 1) if _RULE.fullmatch(seen) else escaped(seen)
