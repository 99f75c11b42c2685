r"""Resolves the backslash escapes of Markdown, `max\_tokens` or `20\$`, whose backslashes no reader sees.

While a text is read, `Escapes` replaces each backslash by a mark, so that the sign after it is not taken for markup;
`without_marks` then removes the marks. Backslashes stay in formulas, in `\\`, in `\(` (which opens formulas), in `\|`
(a bare `|` would divide a table row) and before a grave accent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from disc_lite.documents.headings import escaped

MARK = "\ufdd0"  # a noncharacter of Unicode

# The length is limited, or the search for the end of each span would be quadratic. A whole run of backticks opens it.
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
    """Marks the escapes in the lines of a text, which must be given in order."""

    ending: str = ""  # what closes the open formula of several lines

    def marked(self, line: str, is_last: bool) -> str:
        """A line outside code with marks for its escapes; `is_last`: whether it ends its paragraph."""
        if self.ending:
            self.ending = "" if self.ending in line or not line.strip() else self.ending
            return line
        if self._opens(line):
            return line
        if line.endswith("\\") and not line.endswith("\\\\") and not is_last:
            line = line[:-1].rstrip()  # the backslash is a line break
        return _marked(line) if "\\" in line else line

    def _opens(self, line: str) -> bool:
        """Whether a formula begins in the line that ends in a later line; sets `ending`."""
        if opening := _OPENING.match(line):
            ending = f"\\end{{{opening['name']}}}" if opening["name"] else "\\]"
            self.ending = "" if ending in line else ending
        elif line.count("$$") % 2:
            self.ending = "$$"
        return bool(self.ending)


def without_marks(text: str) -> str:
    """The text without marks; a backslash stays where the line would else be a heading, a rule or a fence."""
    return "\n".join(map(_seen, text.split("\n"))) if MARK in text else text


def _marked(line: str) -> str:
    return _PIECE.sub(_piece, line)


def _piece(found: re.Match[str]) -> str:
    """The text that replaces an escape, with a mark; code, formulas and `\\\\` stay as they are."""
    if found["whole"]:
        return found["whole"]
    if found["sign"]:
        return MARK + found["sign"]
    is_formula = _TEX.search(found["brackets"].lstrip("^"))  # `\[^1\]` is text in brackets
    return found[0] if is_formula else f"{MARK}[{_marked(found['brackets'])}{MARK}]"


def _seen(line: str) -> str:
    """A line without marks; a leading escape gets its backslash back if the line would else be markup."""
    seen = line.replace(MARK, "")
    if not line.lstrip(" \t>").startswith(MARK):
        return seen
    return seen.replace(seen.strip(), f"\\{seen.strip()}", 1) if _RULE.fullmatch(seen) else escaped(seen)
