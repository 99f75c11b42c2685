"""The words, sentences, paragraphs, lines and list items of an answer, as a reader counts them."""

from __future__ import annotations

import re

from disc_lite.documents import sentence_spans

BULLET = re.compile(r"(?P<indent>[ ]*)[-*+•‣◦–—][ ]+\S")
NUMBERED = re.compile(r"(?P<indent>[ ]*)(?:#{1,6}[ ]+)?(?:\*\*|__)?(?P<number>\d{1,3})[.)](?:\*\*|__)?[ ]+\S")

_MARKER = re.compile(r"^[ \t]*(?:[-*+•‣◦–—]|(?:\*\*|__)?\d{1,3}[.)])[ \t]+", re.MULTILINE)
_RULE = re.compile(r"[ \t]*([-*_])(?:[ \t]*\1)+[ \t]*")  # a horizontal rule
_BLANK_LINES = re.compile(r"\n\s*\n")
_WORD_GAP = re.compile(r"[\s—]+|--+")


def words_in(text: str) -> list[str]:
    """Texts between spaces or dashes that have a letter or a digit; `&` and the `1.` of a list are not words."""
    return [word for word in _WORD_GAP.split(_MARKER.sub("", text)) if _has_text(word)]


def paragraphs_in(text: str) -> list[str]:
    """Texts between blank lines; a horizontal rule is not a paragraph."""
    return [block.strip() for block in _BLANK_LINES.split(text) if _has_text(block)]


def lines_in(text: str) -> list[str]:
    """The lines that are not blank, without list markers and emphasis."""
    text_lines = (line for line in text.splitlines() if not _RULE.fullmatch(line))
    bare = (_MARKER.sub("", line).strip("*_ \t") for line in text_lines)
    return [line for line in bare if line]


def sentences_in(text: str) -> list[str]:
    """The sentences of each block, cut as in documents; a text without capitals is put into capitals to be cut."""
    blocks = paragraphs_in(_MARKER.sub("", text))
    if text == text.lower():
        blocks = [block.upper() for block in blocks]
    sentences = (block[start:end] for block in blocks for start, end in sentence_spans(block, 0, len(block)))
    return [sentence.strip() for sentence in sentences if _has_text(sentence)]


def list_items(text: str, marker: re.Pattern[str]) -> list[re.Match[str]]:
    """The first lines of the items of a list, `BULLET` or `NUMBERED`, without those of lists inside it."""
    lines = (line.expandtabs(4) for line in text.splitlines() if not _RULE.fullmatch(line))
    matches = [match for line in lines if (match := marker.match(line))]
    shallowest = min((len(match["indent"]) for match in matches), default=0)
    # Markdown nests lists from two spaces on; one space is carelessness.
    return [match for match in matches if len(match["indent"]) < shallowest + 2]


def _has_text(text: str) -> bool:
    return any(character.isalnum() for character in text)
