"""The words, sentences, paragraphs, lines and list items of an answer, as a reader counts them."""

from __future__ import annotations

import re

BULLET = re.compile(r"(?P<indent>[ ]*)[-*+•‣◦–—][ ]+\S")
NUMBERED = re.compile(r"(?P<indent>[ ]*)(?:#{1,6}[ ]+)?(?:\*\*|__)?(?P<number>\d{1,3})[.)](?:\*\*|__)?[ ]+\S")

_MARKER = re.compile(r"^[ \t]*(?:[-*+•‣◦–—]|(?:\*\*|__)?\d{1,3}[.)])[ \t]+", re.MULTILINE)
_RULE = re.compile(r"[ \t]*([-*_])(?:[ \t]*\1)+[ \t]*")  # a horizontal rule
_BLANK_LINES = re.compile(r"\n\s*\n")
_WORD_GAP = re.compile(r"[\s—]+|--+")
_STOP = re.compile(r"(?P<mark>[.!?…]+)[\"'”’»)\]*_]*\s+")
_SHORTENED = frozenset("mr mrs ms dr prof st vs approx e.g i.e".split())
_SHORTENED_BEFORE_NUMBERS = frozenset("no fig vol".split())
_ALPHANUMERIC = re.compile(r"[^\W_]")
_LAST_WORD = re.compile(r"[^\W_][\w.]*$")
# "U.S" and "K" in "John K. Smith" end no sentence; "C" in "It has vitamin C. It …" does.
_INITIAL = re.compile(r"(?:^|\b[A-Z]\w*\.?\s+|\.)[A-Z]$")
_LOOK_BACK_CHARS = 40  # no abbreviation is longer, and a model may write "A. A. A. …" endlessly


def words_in(text: str) -> list[str]:
    """Text between spaces or dashes with a letter or a digit; `&` and the `1.` of a list are not words."""
    return [word for word in _WORD_GAP.split(_MARKER.sub("", text)) if _says_something(word)]


def paragraphs_in(text: str) -> list[str]:
    """Text between blank lines; a horizontal rule is not a paragraph."""
    return [block.strip() for block in _BLANK_LINES.split(text) if _says_something(block)]


def lines_in(text: str) -> list[str]:
    """The lines that are not blank, without list markers and emphasis."""
    text_lines = (line for line in text.splitlines() if not _RULE.fullmatch(line))
    bare = (_MARKER.sub("", line).strip("*_ \t") for line in text_lines)
    return [line for line in bare if line]


def sentences_in(text: str) -> list[str]:
    """A sentence ends at a stop before white space and what is not lower case, or at a blank line.

    Where a text has no capitals at all, a lower-case letter may open a sentence.
    """
    has_capitals = text != text.lower()
    sentences = []
    for block in paragraphs_in(_MARKER.sub("", text)):
        start = 0
        for stop in _STOP.finditer(block):
            if _ends_sentence(block, start, stop, has_capitals):
                sentences.append(block[start : stop.end()])
                start = stop.end()
        sentences.append(block[start:])
    return [sentence.strip() for sentence in sentences if _says_something(sentence)]


def list_items(text: str, marker: re.Pattern[str]) -> list[re.Match[str]]:
    """The first lines of the items of a list, `BULLET` or `NUMBERED`, without those of lists inside it."""
    lines = (line.expandtabs(4) for line in text.splitlines() if not _RULE.fullmatch(line))
    matches = [match for line in lines if (match := marker.match(line))]
    shallowest = min((len(match["indent"]) for match in matches), default=0)
    # Markdown nests from two spaces on; one is carelessness.
    return [match for match in matches if len(match["indent"]) < shallowest + 2]


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _ends_sentence(block: str, start: int, stop: re.Match[str], has_capitals: bool) -> bool:
    following = _ALPHANUMERIC.search(block, stop.end())
    if following is None or (has_capitals and following.group().islower()):
        return False
    if stop["mark"] != ".":
        return True
    before = block[max(start, stop.start() - _LOOK_BACK_CHARS) : stop.start()]
    word = _LAST_WORD.search(before)
    folded = word.group().lower() if word else ""
    if folded in _SHORTENED or (folded in _SHORTENED_BEFORE_NUMBERS and following.group().isdigit()):
        return False
    return _INITIAL.search(before) is None
