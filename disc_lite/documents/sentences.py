"""Text -> character spans of sentences: small, offset-preserving, no download.

White space between two sentences belongs to the second, because tokenisers glue a space to
the word after it; cut there, a sentence is the same tokens alone and in its document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from disc_lite.documents.abbreviations import is_abbreviation
from disc_lite.documents.headings import ATX_HEADING, NOT_A_TITLE, RULE

# Vowel signs of Indic scripts are no word characters to `re`.
_LAST_WORD = re.compile(r"[^\W_][\w.°º\u0900-\u0dff-]*$")

_CLOSERS = "\"'”’“‘»«›‹)]}*_`"
_STARTERS = "\"'“‘”„‚’«»‹›([{¿¡*_`•⁃–—-$€£#@§"
# No abbreviation is longer, and looking no further back keeps the splitter linear.
_LOOK_BACK_CHARS = 40
_LOOK_AHEAD_CHARS = 30
# A title or a short saying in quotation marks is not cut; a longer quotation is.
_QUOTED_CHARS = 200
_QUOTES = {"«": "»", "《": "》", "「": "」", "『": "』"}

# Stops that are never anything else, with or without a space behind: CJK, Indic, Arabic, Urdu, Ethiopic, Burmese,
# Khmer, Armenian; `:` is the Armenian full stop as it is typed.
_FULL_STOPS = r"[。！？｡।॥۔؟።፧፨။។։]|(?<=[\u0531-\u0587]):(?=\s)|[!?](?=[\u3040-\u30ff\u3400-\u9fff])"
# Where a sentence can end: after such stops, before a new line, before space after a stop.
_CANDIDATE = re.compile(
    rf"(?:{_FULL_STOPS})+[」』”’）》\"')\]]*|(?<=\S)[^\S\n]*\n\s*|(?<=[.!?…\"'”’“‘»«›‹)\]}}*_`])[^\S\n]+"
    # Thai has no stop: clauses stand between spaces.
    r"|(?<=[\u0e01-\u0e4e])[ ]+(?=[\u0e01-\u0e4e])"
)
_BULLET = r"(?P<bullet>[-*+•–]|[⁃•](?=\d))(?:[ \t]*\d{1,3}[.)](?=[ \t]))?"
_ITEM = re.compile(rf"[ \t]*(?P<marker>{_BULLET}|(?:\d{{1,3}}|[a-z])[.)]{{1,2}})[ \t]+\S")
# Behind these a number is no marker: `1. Go to step 2. Then stop.`
_COUNTED = frozenset(
    """
    a about and at by chapter figure from in is level line no of on or page part section step table than the to until
    """.split()
)
_ROW = re.compile(r"[ \t]*\|.*|.*\S \| .*")
_RULE_LINE = re.compile(RULE.format("rule"), re.MULTILINE)
_ATX = re.compile(ATX_HEADING)
_TITLE = re.compile(
    rf"(?:{RULE.format('over')}\n)?(?!{NOT_A_TITLE})[ \t]*\S.*\n"
    r"(?P<under>[=~^#*+\"'_-])(?P=under)+[ \t]*$",
    re.MULTILINE,
)
_FENCE = re.compile(r"[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*")
# A block of code is one sentence, unless it is so long that it is taken in runs of lines.
_CODE_CHARS = 400

_RANGE_END = re.compile(r"[-–—]\s?\d{1,3}\.")  # "1. - 3. Jahrhundert": from the first to the third
_SPACED_DOTS = re.compile(r"\. \. \.")
# Words that go on with a Thai clause, and how long a clause is before it may stand by itself.
_THAI_CONJUNCTIONS = (
    "และ",
    "หรือ",
    "แต่",
    "ที่",
    "ซึ่ง",
    "โดย",
    "เพราะ",
    "ๆ",
    "ฯ",
    "ของ",
    "ใน",
    "เพื่อ",
    "จึง",
    "กับ",
    "จาก",
    "ว่า",
)
_THAI_CLAUSE_CHARS = 30


def sentence_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Half-open character spans of the sentences of `text[start:end]`, tiling it exactly.

    A sentence ends after `.`, `!`, `?` or an ellipsis (and closing quotes or brackets) before
    white space and whatever may open a sentence, and after the stops of other scripts; not after
    abbreviations, initials, ordinals or the number of a list item, nor inside a short quotation.
    Blank lines end one, so does the line before a list item; headings (with their underlines),
    rules, table rows and blocks of code are units that nothing cuts.

    No span is empty or white space only, unless the whole range is.
    """
    if start >= end:
        return []
    # Cut just after visible text and before the last of it, so each span has some of both.
    last = start + len(text[start:end].rstrip())
    # A CJK stop at the end of a line is found twice: as a stop, and before the line break.
    cuts = sorted({cut for cut in _cuts(text, start, end) if start < cut < last})
    return list(zip([start, *cuts], [*cuts, end], strict=True))


def is_heading(sentence: str) -> bool:
    """Whether a sentence is a heading, with its underline if it has one."""
    sentence = sentence.strip()
    return any(pattern.fullmatch(sentence) for pattern in (_ATX, _TITLE))


def is_item(sentence: str) -> bool:
    """Whether a sentence opens a list item."""
    return _ITEM.match(sentence.lstrip("\n")) is not None


def is_code(sentence: str) -> bool:
    """Whether a sentence is a block of code, or its first piece."""
    return _FENCE.match(sentence) is not None


def opens_code(sentence: str) -> bool:
    """Whether a sentence begins a block of code that it does not end."""
    fence = _FENCE.match(sentence.lstrip("\n"))
    return fence is not None and not closes_code(sentence.lstrip("\n")[fence.end() :])


def closes_code(sentence: str) -> bool:
    """Whether a piece of a block of code is its last."""
    return _FENCE.fullmatch(sentence.rstrip().rpartition("\n")[2]) is not None


def is_row(sentence: str) -> bool:
    """Whether a sentence is the row of a table."""
    return _ROW.fullmatch(sentence.strip()) is not None


def _cuts(text: str, start: int, end: int) -> Iterator[int]:
    first = end - len(text[start:end].lstrip())
    line_start = text.rfind("\n", start, first) + 1 or start
    cut = start
    solid_end = _solid_end(text, line_start, end, opens_block=True)
    yield from _code_cuts(text, line_start, solid_end)
    items = list(_items_in_line(text, line_start, end))
    yield from items
    for match in _CANDIDATE.finditer(text, start, end):
        if match.start() < solid_end:
            continue
        newlines = match.group().count("\n")
        ends = False
        if newlines:
            after_solid = solid_end > line_start
            opens_block = newlines > 1 or after_solid
            previous_line, line_start = line_start, text.rfind("\n", start, match.end()) + 1
            solid_end = _solid_end(text, line_start, end, opens_block)
            opens_unit = opens_block or solid_end > line_start or _ITEM.match(text, line_start, end)
            ends = bool(opens_unit) or _ends_sentence(text, previous_line, cut, match, end)
        else:
            cut = max([cut, *(item for item in items if item < match.start())])
            ends = _ends_sentence(text, line_start, cut, match, end)
        if ends:
            cut = match.start() if match.group()[0].isspace() else match.end()
            yield cut
        if newlines:
            yield from _code_cuts(text, line_start, solid_end)
            items = list(_items_in_line(text, line_start, end))
            yield from items


def _solid_end(text: str, line_start: int, end: int, opens_block: bool) -> int:
    """The end of the heading, rule, table row or block of code that starts at a line, or 0."""
    if fence := _FENCE.match(text, line_start, end):
        closing = re.compile(rf"^[ \t]*{fence['fence']}[ \t]*$", re.MULTILINE).search(text, fence.end(), end)
        return closing.end() if closing else line_start + len(text[line_start:end].rstrip())
    # An underlined title needs a paragraph of its own, or any text above a rule would be one.
    patterns = (_TITLE, _ATX, _RULE_LINE, _ROW) if opens_block else (_ATX, _RULE_LINE, _ROW)
    for pattern in patterns:
        if match := pattern.match(text, line_start, end):
            return line_start + len(match.group().rstrip())
    return 0


def _code_cuts(text: str, start: int, end: int) -> Iterator[int]:
    """Cuts between the lines of a long block of code."""
    if end - start <= _CODE_CHARS or not _FENCE.match(text, start, end):
        return
    while end - start > _CODE_CHARS:
        cut = text.rfind("\n", start + 1, start + _CODE_CHARS)
        # The last line is the fence, which is nothing by itself.
        if cut <= start or not text[start:cut].strip():
            return
        yield cut
        start = cut


def _items_in_line(text: str, line_start: int, end: int) -> Iterator[int]:
    """Cuts before the next items of a numbered list that stands in one line: `1) Open it 2) Close it`."""
    first = _ITEM.match(text, line_start, end)
    label = first and re.search(r"(?P<label>\d{1,3}|[a-z])(?P<style>[.)]{1,2})$", first["marker"])
    if not first or not label:
        return
    line_end = text.find("\n", line_start, end)
    line_end = end if line_end < 0 else line_end
    bullet, style = re.escape(first["bullet"] or ""), re.escape(label["style"])
    current, place = label["label"], first.end("marker")
    while current != "z":
        current = str(int(current) + 1) if current.isdigit() else chr(ord(current) + 1)
        marker = re.compile(rf"(?P<before>\S+)[ \t]+{bullet}[ \t]*{current}{style}(?=[ \t]+[^\W\d_])")
        following = marker.search(text, place, line_end)
        if following is None or following["before"].lower() in _COUNTED:
            return
        yield following.end("before")
        place = following.end()


def _ends_sentence(text: str, line_start: int, sentence: int, gap: re.Match[str], end: int) -> bool:
    if not gap.group()[0].isspace():
        return not _is_quoted(text, line_start, gap.end() - 1, end) and not _goes_on(text, gap, end)
    if gap.end() >= end:
        return False
    if "\u0e01" <= text[gap.start() - 1] <= "\u0e4e" and "\u0e01" <= text[gap.end()] <= "\u0e4e":
        return gap.start() - sentence > _THAI_CLAUSE_CHARS and not text.startswith(_THAI_CONJUNCTIONS, gap.end())
    after = text[gap.end() : min(gap.end() + _LOOK_AHEAD_CHARS, end)]
    before = text[max(line_start, gap.start() - _LOOK_BACK_CHARS) : gap.start()]
    if not _stops(before, after) or _is_quoted(text, line_start, gap.start(), end):
        return False
    bare = before.rstrip(_CLOSERS + " \u00a0\u202f")
    if not bare.endswith(".") or bare.endswith(".."):
        return True
    if bare[-2:-1].isdigit() and _RANGE_END.match(after):
        return False
    if _is_marker(text, line_start, sentence, gap.start(), end):
        return False
    word = _LAST_WORD.search(bare[:-1])
    if word is None:
        return True
    so_far = text[max(sentence, line_start) : gap.start()].split()
    return not is_abbreviation(word.group(), bare[: word.start()], after, len(so_far))


def _is_marker(text: str, line_start: int, sentence: int, place: int, end: int) -> bool:
    """Whether the stop before a place belongs to the marker of a list item, of the line or within it."""
    opening = text[max(line_start, sentence, place - 8) : place].strip()
    item = _ITEM.match(text, line_start, end)
    if item is None:
        return False
    return item.end("marker") == place or re.fullmatch(r"[-*+•⁃–]?\s*(?:\d{1,3}|[a-z])[.)]{1,2}", opening) is not None


def _stops(before: str, after: str) -> bool:
    """Whether there is a stop before the gap, and behind it something that may open a sentence."""
    bare = before.rstrip(_CLOSERS)
    # In French a space stands inside the quotation marks.
    if bare != before and bare[-1:] in " \u00a0\u202f":
        bare = bare.rstrip()
    if not bare.endswith((".", "!", "?", "…")):
        return False
    if _SPACED_DOTS.match(after) and not before.endswith(" ."):
        return re.match(r"[. ]+[^\W\d_]", after) is not None
    if bare.endswith(("[...", "[…", " . . .")) and not bare.endswith(". . . ."):
        return False
    # A dash and a small letter go on with the sentence that a quotation interrupts.
    opening = after.lstrip("–—- ")
    first = opening[:1] if opening != after and opening[:1].isalpha() else after[:1]
    return first in _STARTERS or (first.isalnum() and not first.islower())


def _goes_on(text: str, gap: re.Match[str], end: int) -> bool:
    """Whether the sentence goes on behind a quotation in Chinese or Japanese."""
    closed = gap.group()[-1] in "」』”’）》"
    return closed and text[gap.end() : min(gap.end() + 1, end)] in tuple("とっ、，,はがをに")


def _is_quoted(text: str, line_start: int, place: int, end: int) -> bool:
    """Whether a place is inside a short quotation."""
    before = text[max(line_start, place - _QUOTED_CHARS) : place]
    for opening, closing in _QUOTES.items():
        opened = before.rfind(opening)
        if opened >= 0 and closing not in before[opened:]:
            return closing in text[place + 1 : min(place + _QUOTED_CHARS - len(before) + opened, end)]
    return False
