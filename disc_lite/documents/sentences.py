"""Text -> the character spans of its sentences, by rules and lists of abbreviations, without a model.

White space between two sentences belongs to the second one, because tokenizers join a space with
the word after it: cut there, a sentence has the same tokens alone as in its document.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from disc_lite.documents.abbreviations import is_abbreviation
from disc_lite.documents.blocks import Line, Lines, is_marker
from disc_lite.documents.records import Markup

# Vowel signs of Indic scripts are not word characters for `re`.
_LAST_WORD = re.compile(r"[^\W_][\w.°º\u0900-\u0dff-]*$")

_CLOSERS = "\"'”’“‘»«›‹)]}*_`"
_STARTERS = "\"'“‘”„‚’«»‹›([{¿¡*_`•⁃–—-$€£#@§"
# No abbreviation is longer, and looking no further back keeps the splitter linear.
_LOOK_BACK_CHARS = 40
_LOOK_AHEAD_CHARS = 30
# A title or a short saying in quotation marks is not cut; a longer quotation is.
_QUOTED_CHARS = 200
_QUOTES = {"«": "»", "《": "》", "「": "」", "『": "』"}

# Stops that are never anything else, with or without a space after them: CJK, Indic, Arabic, Urdu, Ethiopic, Burmese,
# Khmer, Armenian; `:` is the Armenian full stop as it is typed.
_SCRIPT_STOPS = "。！？｡।॥۔؟።፧፨။។։"
_FULL_STOPS = rf"[{_SCRIPT_STOPS}]|(?<=[\u0531-\u0587]):(?=\s)|[!?](?=[\u3040-\u30ff\u3400-\u9fff])"
# Where a sentence can end: after such stops, before a new line, before space after a stop.
_CANDIDATE = re.compile(
    rf"(?=[\s`:!?{_SCRIPT_STOPS}])(?:"  # all alternatives begin with one of these: most letters are skipped
    # A code span is never cut. What is `quoted' in the old way of Unix is not a code span, nor is the text up to the
    # next `one', nor anything after a tick behind a letter: it`s.
    rf"(?<![`A-Za-zÀ-ӿ])(?P<ticks>``?)(?!`)(?:(?!(?P=ticks)).){{1,{_QUOTED_CHARS}}}(?<!\s)(?P=ticks)(?!`)"
    rf"|(?:{_FULL_STOPS})+[」』”’）》\"')\]]*|(?<=\S)[^\S\n]*\n\s*|(?<=[.!?…\"'”’“‘»«›‹)\]}}*_`])[^\S\n]+"
    # Thai has no stop: spaces separate clauses.
    r"|(?<=[\u0e01-\u0e4e])[ ]+(?=[\u0e01-\u0e4e]))"
)
_RANGE_END = re.compile(r"[-–—]\s?\d{1,3}\.")  # "1. - 3. Jahrhundert": from the first to the third
_ENDS_OF_COMMENTS = ("*/", '"""', "'''")  # in source code they stay with the comment
_SPACED_DOTS = re.compile(r"\. \. \.")
# Words that continue a Thai clause, and how long a clause must be to stand by itself.
_THAI_CONJUNCTIONS = tuple("และ หรือ แต่ ที่ ซึ่ง โดย เพราะ ๆ ฯ ของ ใน เพื่อ จึง กับ จาก ว่า".split())
_THAI_CLAUSE_CHARS = 30
# List items in which no stop is followed by a space, nothing is code, and no script has stops or rules of its own.
_PLAIN = r"[ \"-\-/->@-_a-{}~\u00a1-\u024f\u0370-\u052f\u2010-\u201f\u20ac\u3040-\u30ff\u3400-\u9fff]*"  # no . ! ? ` |
_PLAIN_ROW = re.compile(rf"(?:- (?=\w+[^\w.)]){_PLAIN}(?:[.!?](?=[0-9A-Za-z\n]){_PLAIN})*(?<! )\n)+\n?")
_NEXT_FIELD = re.compile(r"\n(?=-)")


def sentence_spans(text: str, start: int, end: int, markup: Markup = "markdown") -> list[tuple[int, int]]:
    """Half-open character spans of the sentences of `text[start:end]`, tiling it exactly.

    A sentence ends after `.`, `!`, `?` or an ellipsis (and closing quotes or brackets) before
    white space and something that can open a sentence, and after the stops of other scripts; not
    after abbreviations, initials, ordinals or the number of a list item, nor inside a short
    quotation. It also ends at a blank line and before a list item. Headings (with their
    underlines), rules, table rows and blocks of code are units that are never cut (see `blocks`).

    No span is empty or white space only, unless the whole range is.
    """
    return [(start, end) for start, end, _ in sentences_in_lines(text, start, end, markup)]


def ends_of_fields(text: str, start: int, end: int) -> list[int]:
    """The ends of the sentences in a row that `rows` wrote, if each line is one sentence; empty if that is uncertain.

    The ends are those of `sentence_spans`, which takes five times as long. Most rows are of this kind.
    """
    if not _PLAIN_ROW.fullmatch(text, start, end):
        return []
    return [*(newline.start() for newline in _NEXT_FIELD.finditer(text, start, end)), end]


def sentences_in_lines(text: str, start: int, end: int, markup: Markup) -> list[tuple[int, int, Line | None]]:
    """The spans of `sentence_spans`, each with the line that it begins; None if it begins inside a line or code."""
    if start >= end:
        return []
    # Cuts are right after visible text and before the last visible text, so that each span has some.
    last = start + len(text[start:end].rstrip())
    opened = {cut: line for cut, line in _cuts(text, start, end, markup) if cut < last or cut == start}
    cuts = sorted(opened)
    return [(cut, after, opened[cut]) for cut, after in zip(cuts, [*cuts[1:], end], strict=True)]


def _cuts(text: str, start: int, end: int, markup: Markup) -> Iterator[tuple[int, Line | None]]:
    first = end - len(text[start:end].lstrip())
    lines = Lines(text, start, end, markup)
    line = lines.read(text.rfind("\n", start, first) + 1 or start, opens_block=True)
    cut = start
    yield start, line
    yield from lines.cuts_within(line)
    for match in _CANDIDATE.finditer(text, start, end):
        gap, place = match.group(), match.start()
        if place < line.solid_end or gap[0] == "`":
            continue
        if "\n" in gap:
            opens_block = gap.count("\n") > 1 or line.solid_end > line.start
            above, line = line, lines.read(place + gap.rindex("\n") + 1, opens_block)
            is_cut = place == cut  # a CJK stop at the end of the line has cut here
            if opens_block or line.opens_unit or is_cut or _ends_sentence(text, above, cut, match, end):
                cut = place
                yield cut, line
            if line.items or line.kind == "code":
                yield from lines.cuts_within(line)
            continue
        if items_before := bisect_left(line.items, place):
            cut = max(cut, line.items[items_before - 1])
        if _ends_sentence(text, line, cut, match, end):
            cut = place if gap[0].isspace() else match.end()
            yield cut, None


def _ends_sentence(text: str, line: Line, sentence: int, gap: re.Match[str], end: int) -> bool:
    line_start = line.start
    if not gap.group()[0].isspace():
        return not _is_quoted(text, line_start, gap.end() - 1, end) and not _continues_after_quotation(text, gap, end)
    if gap.end() >= end:
        return False
    if "\u0e01" <= text[gap.start() - 1] <= "\u0e4e" and "\u0e01" <= text[gap.end()] <= "\u0e4e":
        return gap.start() - sentence > _THAI_CLAUSE_CHARS and not text.startswith(_THAI_CONJUNCTIONS, gap.end())
    after = text[gap.end() : min(gap.end() + _LOOK_AHEAD_CHARS, end)]
    # It can begin in the line above: `im` and `19. Jahrhundert` belong together.
    before = text[max(sentence, gap.start() - _LOOK_BACK_CHARS) : gap.start()]
    if after.startswith(_ENDS_OF_COMMENTS) or not _has_stop(before, after):
        return False
    if _is_quoted(text, line_start, gap.start(), end):
        return False
    bare = before.rstrip(_CLOSERS + " \u00a0\u202f")
    if not bare.endswith(".") or bare.endswith(".."):
        return not (line.is_code and bare.endswith(".."))
    if bare[-2:-1].isdigit() and _RANGE_END.match(after):
        return False
    # The stop can be that of an item's marker, at the start of the line or inside it.
    marker = text[max(line_start, sentence, gap.start() - _LOOK_BACK_CHARS) : gap.start()].strip()
    if line.is_item and is_marker(marker):
        return False
    word = _LAST_WORD.search(bare[:-1])
    if word is None:
        return True
    so_far = text[sentence : min(gap.start(), sentence + _LOOK_BACK_CHARS)].split()
    return not is_abbreviation(word.group(), bare[: word.start()], after, len(so_far))


def _has_stop(before: str, after: str) -> bool:
    """Whether there is a stop before the gap, and after it something that can open a sentence."""
    bare = before.rstrip(_CLOSERS)
    # French has a space inside the quotation marks.
    if bare != before and bare[-1:] in " \u00a0\u202f":
        bare = bare.rstrip()
    if not bare.endswith((".", "!", "?", "…")):
        return False
    if _SPACED_DOTS.match(after) and not before.endswith(" ."):
        return re.match(r"[. ]+[^\W\d_]", after) is not None
    if bare.endswith(("[...", "[…", " . . .")) and not bare.endswith(". . . ."):
        return False
    # A dash and a small letter continue the sentence that a quotation interrupts.
    opening = after.lstrip("–—- ")
    first = opening[:1] if opening != after and opening[:1].isalpha() else after[:1]
    return first in _STARTERS or (first.isalnum() and not first.islower())


def _continues_after_quotation(text: str, gap: re.Match[str], end: int) -> bool:
    """Whether the sentence continues after a quotation in Chinese or Japanese."""
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
