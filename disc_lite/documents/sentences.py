"""Text -> character spans of sentences: small, offset-preserving, no download.

White space between two sentences belongs to the second, because tokenisers glue a space to
the word after it; cut there, a sentence is the same tokens alone and in its document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from disc_lite.documents.headings import ATX_HEADING, NOT_A_TITLE, RULE

_SHORTENED = """
    adj al approx apr assn aug ave bd bldg bros bzw ca capt cf cmdr co corp dept dr eds eq eqs esp
    est etc etw evtl feb fig figs fr gen ggf gov hon inc incl jan jr lt ltd messrs mr mrs ms mt nov
    nr oct pl pp prof refs rev sen sep sept sgt sr st univ usw vgl viz vols vs
"""
# These are words as well; they shorten something only where a number follows.
_SHORTENED_BEFORE_NUMBERS = "art c ch col dec ed max min no nos op p ref rep sec tab vol"
_ABBREVIATIONS = frozenset(_SHORTENED.split())
_BEFORE_NUMBERS = frozenset(_SHORTENED_BEFORE_NUMBERS.split())
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")  # "e.g", "U.S"
_LAST_WORD = re.compile(r"[^\W_][\w.]*$")

_CLOSERS = "\"'”’»)]}*_`"
_STARTERS = "\"'“”‘’«»„([{¿¡*_`•–—-$€£#@§"
# No abbreviation is longer, and looking no further back keeps the splitter linear.
_LOOK_BACK_CHARS = 40

# Where a sentence can end: after CJK stops, before a new line, before space after a stop.
_CANDIDATE = re.compile(r"[。！？]+[」』”’）\"']*|(?<=\S)[^\S\n]*\n\s*|(?<=[.!?…\"'”’»)\]}*_`])[^\S\n]+")
_ITEM = re.compile(r"[ \t]*(?P<marker>[-*+•–]|\d{1,3}[.)])[ \t]+\S")
_ROW = re.compile(r"[ \t]*\|.*|.*\S \| .*")
_RULE_LINE = re.compile(RULE.format("rule"), re.MULTILINE)
_ATX = re.compile(ATX_HEADING)
_TITLE = re.compile(
    rf"(?:{RULE.format('over')}\n)?(?!{NOT_A_TITLE})[ \t]*\S.*\n"
    r"(?P<under>[=~^#*+\"'_-])(?P=under)+[ \t]*$",
    re.MULTILINE,
)


def sentence_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Half-open character spans of the sentences of `text[start:end]`, tiling it exactly.

    A sentence ends after `.`, `!`, `?` or an ellipsis (and closing quotes or brackets) before
    white space and whatever may open a sentence, but not after abbreviations, initials or the
    number of a list item. Blank lines end one, so does the line before a list item; headings
    (with their underlines), rules and table rows are units that nothing cuts.

    No span is empty or white space only, unless the whole range is.
    """
    if start >= end:
        return []
    # Cut just after visible text and before the last of it, so each span has some of both.
    last = start + len(text[start:end].rstrip())
    # A CJK stop at the end of a line is found twice: as a stop, and before the line break.
    cuts = list(dict.fromkeys(cut for cut in _cuts(text, start, end) if start < cut < last))
    return list(zip([start, *cuts], [*cuts, end], strict=True))


def is_heading(sentence: str) -> bool:
    """Whether a sentence is a heading, with its underline if it has one."""
    sentence = sentence.strip()
    return any(pattern.fullmatch(sentence) for pattern in (_ATX, _TITLE))


def _cuts(text: str, start: int, end: int) -> Iterator[int]:
    first = end - len(text[start:end].lstrip())
    line_start = text.rfind("\n", start, first) + 1 or start
    solid_end = _solid_end(text, line_start, end, opens_block=True)
    for match in _CANDIDATE.finditer(text, start, end):
        if match.start() < solid_end:
            continue
        newlines = match.group().count("\n")
        if not match.group()[0].isspace():
            yield match.end()
        elif newlines:
            after_solid = solid_end > line_start
            opens_block = newlines > 1 or after_solid
            previous_line, line_start = line_start, text.rfind("\n", start, match.end()) + 1
            solid_end = _solid_end(text, line_start, end, opens_block)
            opens_unit = opens_block or solid_end > line_start or _ITEM.match(text, line_start, end)
            if opens_unit or _ends_sentence(text, previous_line, match, end):
                yield match.start()
        elif _ends_sentence(text, line_start, match, end):
            yield match.start()


def _solid_end(text: str, line_start: int, end: int, opens_block: bool) -> int:
    """The end of the heading, rule or table row that starts at a line, or 0."""
    # An underlined title needs a paragraph of its own, or any text above a rule would be one.
    patterns = (_TITLE, _ATX, _RULE_LINE, _ROW) if opens_block else (_ATX, _RULE_LINE, _ROW)
    for pattern in patterns:
        if match := pattern.match(text, line_start, end):
            return line_start + len(match.group().rstrip())
    return 0


def _ends_sentence(text: str, line_start: int, gap: re.Match[str], end: int) -> bool:
    if gap.end() >= end:
        return False
    following = text[gap.end()]
    opens = following in _STARTERS or (following.isalnum() and not following.islower())
    before = text[max(line_start, gap.start() - _LOOK_BACK_CHARS) : gap.start()]
    bare = before.rstrip(_CLOSERS)
    if not opens or not bare.endswith((".", "!", "?", "…")):
        return False
    if not bare.endswith(".") or bare.endswith(".."):
        return True
    item = _ITEM.match(text, line_start, end)
    if item and item.end("marker") == gap.start():
        return False
    word = _LAST_WORD.search(bare[:-1])
    return word is None or not _is_abbreviation(word.group(), following)


def _is_abbreviation(word: str, following: str) -> bool:
    folded = word.lower()
    if folded in _BEFORE_NUMBERS:
        return following.isdigit()
    is_initial = len(word) == 1 and word.isupper()
    return is_initial or folded in _ABBREVIATIONS or _DOTTED.fullmatch(word) is not None
