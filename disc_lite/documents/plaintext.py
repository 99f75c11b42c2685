"""Plain text -> Markdown: marks the headings of RFCs, manual pages, laws and other texts with numbered sections.

The pages of printed texts are joined and their running lines removed. Headings are marked if the text has a system of
them: sections of an RFC, lines at the left margin of a manual page, `§` or `Article` with a number several times, or
numbered titles that stand alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import dedent

from disc_lite.documents.decoding import decode
from disc_lite.documents.headings import end_of_title, escaped, find_headings
from disc_lite.documents.manualpages import manual_name, manual_page
from disc_lite.documents.source import Converted, Source
from disc_lite.documents.textcontents import without_contents
from disc_lite.documents.textpages import trimmed, without_running_lines

_OVERSTRUCK = re.compile(r".\x08|\x1b\[[0-9;]*m")
_LEADERS = re.compile(r".*(?:\.{4,}|(?:\. ){3,}\.?)\s*(?:\d+|[ivxlc]+)\s*")
_NUMBER = r"(?P<number>\d{1,3}(?:\.\d{1,3})*|Appendix [A-Z]|[A-Z](?:\.\d{1,2})+)"
_SECTION = re.compile(rf"{_NUMBER}\.?[ \t\xa0]+(?P<title>[/“\"'`<]?[^\W\d_].*)")
_RFC_TITLES = re.compile(
    r"Abstract|Status of This Memo|(?:Full )?Copyright (?:Notice|Statement)|Table of Contents|Introduction|IESG Note"
    r"|(?:(?:Normative|Informative) )?References|Contributors|Index"
    r"|Acknowledge?ments?|Authors?['’]?s?['’]? Address(?:es)?",
    re.IGNORECASE,
)
# The parts of a law, the largest first; such lines are headings if there are at least two of a kind.
_LEGAL = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?:Part|Book|Title|Teil|Buch|Livre|Titre|Título|Libro|Часть|Раздел)\s+(?:[IVXLC]+|\d{1,3}|[A-Z])\b",
        r"(?:Chapter|Kapitel|Chapitre|Capítulo|Глава)\s+(?:[IVXLC]+|\d{1,3})\b",
        r"(?:Division|Abschnitt|Sous-section|Sección)\s+(?:[IVXLC]+|\d{1,3})\b",
        r"(?:§+|Section|Sec\.|Article|Art\.|Artikel|Artículo|Статья|Paragraf)\s*\d{1,4}[a-z]?\b",
    )
)
_MAX_TITLE_CHARS = 110
_CENTRED = 8  # the least indentation of a centred line
_AT_MARGIN = re.compile(r"^\S", re.MULTILINE)
_MIN_INDENTED = 0.5  # share of the lines in an RFC
_SENTENCE_END = (".", "!", "?", ":", ";", ",")
_TEXT_END = (".", ":", ";", ",")  # a question can be a title


def plain_text(source: Source) -> Converted:
    """The text in Markdown; a text without headings that are recognised stays as it is written."""
    return Converted(_marked(_OVERSTRUCK.sub("", decode(source.raw))), "markdown")


def _marked(text: str) -> str:
    if _AT_MARGIN.search(text) is None:
        text = "\n".join(map(escaped, dedent(text).split("\n")))  # indented as a whole, for a printer
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if name := manual_name(first):
        return manual_page(trimmed(lines)[1:], name)
    lines = without_running_lines(lines)
    lines = without_contents(_with_marked_titles("\n".join(lines)).split("\n"))
    if _is_rfc(lines):
        return "\n".join(_rfc(lines))
    legal, numbered = _legal_levels(lines), _numbered_levels(lines)
    if legal:  # `1.2 Scope` is below `Chapter 1`; what has a single number is often a paragraph
        deepest = max(legal.values())
        numbered = {index: min(deepest + level - 2, 6) for index, level in numbered.items() if level > 2}
    levels = {**numbered, **legal}
    if not levels:
        return "\n".join(lines)
    levels = {**_title_level(lines), **levels}
    marked = ("#" * levels[index] + " " + line.strip() if index in levels else line for index, line in enumerate(lines))
    return "\n".join(marked)


def _with_marked_titles(text: str) -> str:
    """The text with `#` before its underlined titles, if some have lines of other characters than in Markdown."""
    headings = find_headings(text, "rst")
    ends = [end_of_title(text, heading.start, len(text), "rst") for heading in headings]
    if all(text[end - 1] in "=-" for end in ends):
        return text
    parts, at = [], 0
    for heading, end in zip(headings, ends, strict=True):
        parts += [text[at : heading.start], f"{'#' * min(heading.level, 6)} {heading.title}"]
        at = end
    return "".join([*parts, text[at:]])


# --- RFCs -------------------------------------------------------------------------------------------------


def _is_rfc(lines: Sequence[str]) -> bool:
    """Whether section titles are at the margin and the text below them is indented."""
    shown = [line for line in lines if line.strip()]
    indented = sum(line.startswith("   ") for line in shown)
    sections = sum(_is_alone(lines, index) and _SECTION.fullmatch(line) is not None for index, line in enumerate(lines))
    return sections > 1 and indented > _MIN_INDENTED * len(shown)


def _rfc(lines: Sequence[str]) -> Iterator[str]:
    title, legal = _centred_title(lines), _legal_levels(lines)
    for index, line in enumerate(lines):
        bare = line.strip()
        found = _SECTION.fullmatch(line) if _is_alone(lines, index) else None
        if _LEADERS.fullmatch(line):
            continue
        if index in title:
            if index == title[0]:
                yield "# " + " ".join(lines[place].strip() for place in title)
        elif index in legal:
            yield "#" * legal[index] + " " + bare
        elif found:
            yield "#" * min(found["number"].count(".") + 2, 6) + " " + bare
        elif line and not line[0].isspace() and _RFC_TITLES.fullmatch(bare.rstrip(".")):
            yield "## " + bare
        else:
            yield escaped(line.removeprefix("   "))


def _centred_title(lines: Sequence[str]) -> list[int]:
    """The numbers of the lines of a centred title above the first section."""
    for index, line in enumerate(lines):
        if _SECTION.fullmatch(line) or _RFC_TITLES.fullmatch(line.strip()):
            return []
        if line.startswith(" " * _CENTRED) and not "".join(lines[:index][-1:]).strip() and "  " not in line.strip():
            end = next((place for place in range(index, len(lines)) if not lines[place].strip()), len(lines))
            return list(range(index, min(end, index + 4)))
    return []


# --- laws and numbered sections -----------------------------------------------------------------------------


def _legal_levels(lines: Sequence[str]) -> dict[int, int]:
    """Line number -> level of the headings of a law; the largest parts have level 2."""
    ranks: dict[int, int] = {}
    width = max(map(len, lines), default=0)
    for index, line in enumerate(lines):
        bare = line.strip()
        above = lines[index - 1].strip() if index else ""
        if bare and len(bare) <= _MAX_TITLE_CHARS and not above:
            rank = next((number for number, pattern in enumerate(_LEGAL) if pattern.match(bare)), None)
            is_title = not bare.endswith(_SENTENCE_END) or re.fullmatch(r"\S+\s*\d+[a-z]?\.", bare)
            is_centred = line.startswith(" " * _CENTRED) and _is_alone([above, bare, *lines[index + 1 : index + 2]], 1)
            if rank is not None and is_title and (is_centred or _is_above_text(lines, index, width)):
                ranks[index] = rank
    counts = Counter(ranks.values())
    used = sorted(rank for rank in counts if counts[rank] > 1)
    return {index: used.index(rank) + 2 for index, rank in ranks.items() if rank in used}


def _numbered_levels(lines: Sequence[str]) -> dict[int, int]:
    """Line number -> level of the numbered titles: lines that end without a stop, count up, and have text below."""
    found: dict[int, int] = {}
    numbers: list[tuple[int, ...]] = []
    width = max(map(len, lines), default=0)
    alone = {i: _SECTION.fullmatch(line) for i, line in enumerate(lines) if _is_above_text(lines, i, width)}
    for index, section in alone.items():
        if section is None or section["title"].rstrip().endswith(_TEXT_END) or not section["number"][0].isdigit():
            continue
        if len(lines[index]) > _MAX_TITLE_CHARS or section["title"][0].islower():
            continue
        number = tuple(map(int, section["number"].split(".")))
        below = next((place for place in range(index + 1, len(lines)) if lines[place].strip()), None)
        next_section = alone.get(below) if below is not None else None
        # Two numbered lines in succession are a list, unless the second is a subsection of the first.
        has_text = below is not None and (
            next_section is None or next_section["number"].startswith(f"{section['number']}.")
        )
        if number > max(numbers[-1:], default=()) and has_text:
            found[index] = min(len(number) + 1, 6)
            numbers.append(number)
    return found if len(found) > 1 and _count_up(numbers) else {}


def _count_up(numbers: Sequence[tuple[int, ...]]) -> bool:
    """Whether at least half of the numbers are the first of their section, or follow another one."""
    return 2 * sum(n[-1] < 2 or (*n[:-1], n[-1] - 1) in numbers for n in numbers) >= len(numbers)


def _title_level(lines: Sequence[str]) -> dict[int, int]:
    """Line number -> level 1 for the first line if it is a title: alone, short and without a stop."""
    start = next(index for index, line in enumerate(lines) if line.strip())
    title = lines[start].strip()
    is_title = _is_alone(lines, start) and len(title) <= _MAX_TITLE_CHARS and not title.endswith(_SENTENCE_END)
    return {start: 1} if is_title else {}


def _is_above_text(lines: Sequence[str], index: int, width: int) -> bool:
    """Whether a line is alone, or right above a text whose first word would still have fitted on the line."""
    if _is_alone(lines, index):
        return True
    line, below = lines[index].rstrip(), lines[index + 1] if index + 1 < len(lines) else ""
    if not line or line[0].isspace() or not below.strip() or (index and lines[index - 1].strip()):
        return False
    opens = below[0].isupper() or below[0] in "(§"
    return opens and len(line) + 1 + len(below.split()[0]) <= width


def _is_alone(lines: Sequence[str], index: int) -> bool:
    """Whether a line is at the margin, between blank lines."""
    line = lines[index]
    above = lines[index - 1].strip() if index else ""
    below = lines[index + 1].strip() if index + 1 < len(lines) else ""
    return bool(line.strip()) and not line[0].isspace() and not above and not below
