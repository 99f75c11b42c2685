"""Document and token offsets -> passages: cut at headings, paragraphs, list items and rows, then sentences.

Cuts are places between characters, and lengths are counted in tokens; `TokenPlaces` assigns every token a place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from itertools import chain, pairwise, takewhile
from typing import NamedTuple

from disc_lite.documents.grouping import Mark, groups, mark_of
from disc_lite.documents.openings import RULE_BELOW, Openings
from disc_lite.documents.records import Document, Passage, Section
from disc_lite.documents.sentences import ends_of_fields, sentences_in_lines
from disc_lite.documents.tokens import Offsets, TokenPlaces


class _Sentence(NamedTuple):  # light, since a line of 50 MB has a million of them
    """A sentence, heading or row: a run of tokens, and the characters that it covers."""

    start: int
    end: int
    char_start: int
    char_end: int
    is_heading: bool = False
    opens_paragraph: bool = False
    opens_unit: bool = False  # a list item, a row of a table, a block of code, or what follows a row or block
    header: str = ""  # of its table; empty outside tables, for the first row, and if the table has no header
    names_columns: bool = False  # whether it is the header of a table, above a rule, which states nothing


class _Block(NamedTuple):
    """Sections taken together: their sentences, and the beginning that their heading paths share."""

    sentences: Sequence[_Sentence]
    heading_path: tuple[str, ...]


def cut_passages(
    document: Document, offsets: Offsets | Sequence[tuple[int, int]], passage_tokens: int
) -> tuple[Passage, ...]:
    """Passages of at most `passage_tokens` tokens that tile the tokens of a document.

    Small neighbouring sections are merged where they fit together. A section that does not fit
    is cut between paragraphs. A paragraph that does not fit is cut between list items, rows and
    blocks of code, these between sentences, and a sentence between tokens. A heading stays with
    the text below it if possible. `grouping` chooses among the possible cuts by the text around
    them. If a passage begins inside a table, its heading path ends with the table's header.

    Args:
        document: A document that `read_documents` returned.
        offsets: Character range of each token of `document.text`, without special tokens. Ranges
            may overlap or be empty, as those of byte tokens are.
        passage_tokens: The limit, at least 1.

    Raises:
        ValueError: The limit is below 1.
    """
    if passage_tokens < 1:
        raise ValueError(f"passage_tokens must be at least 1, not {passage_tokens}")
    offsets = offsets if isinstance(offsets, Offsets) else Offsets(offsets)
    text, passages = document.text, list[Passage]()
    blocks = _sections_with_text(document, TokenPlaces(text, offsets))
    if not any(section.alone for section in document.sections):
        blocks = _merged(blocks, text, passage_tokens)
    for block in blocks:
        for run in _packed(block.sentences, text, offsets, passage_tokens):
            # A sentence without tokens is in no run; its characters go to the next passage.
            start = passages[-1].char_end if passages else 0
            passages.append(_passage(document.name, len(passages), start, run, block.heading_path))
    return (*passages[:-1], *(replace(last, char_end=len(text)) for last in passages[-1:]))


def _passage(
    document: str, index: int, char_start: int, run: Sequence[_Sentence], heading_path: tuple[str, ...]
) -> Passage:
    return Passage(
        document=document,
        index=index,
        start=run[0].start,
        end=run[-1].end,
        char_start=char_start,
        char_end=run[-1].char_end,
        heading_path=(*heading_path, *filter(None, [run[0].header])),
        sentences=tuple(pairwise([run[0].start, *[sentence.end for sentence in run]])),
        headings=frozenset([sentence.start for sentence in run if sentence.is_heading or sentence.names_columns]),
    )


def _sections_with_text(document: Document, places: TokenPlaces) -> Iterator[_Block]:
    bare: list[_Sentence] = []
    for section in document.sections:
        found = list(_sentences(document, section, places))
        bare += found
        # A heading right above another heading has no text: it is joined with the next section.
        if not all(sentence.is_heading for sentence in found):
            yield _Block(bare, section.heading_path)
            bare = []
    if bare:
        yield _Block(bare, document.sections[-1].heading_path)


def _sentences(document: Document, section: Section, places: TokenPlaces) -> Iterator[_Sentence]:
    text = document.text
    end, last = places.before(section.start), places.before(section.end)
    is_row = section.alone and document.markup == "converted"
    if is_row and (ends := ends_of_fields(text, section.start, section.end)):
        for char_start, char_end in pairwise([section.start, *ends]):
            start, end = end, places.before(char_end, end, last)
            if start < end:
                yield _Sentence(start, end, char_start, char_end, False, False, True)  # keywords are twice as slow
        return
    openings = Openings(text)
    for char_start, char_end, line in sentences_in_lines(text, section.start, section.end, document.markup):
        start, end = end, places.before(char_end, end, last)
        kind = line.kind if line else ""
        opens_paragraph, opens_unit, header = openings.read(char_start, line) if line else (False, False, "")
        if start < end:
            names = kind == "row" and not header and RULE_BELOW.match(text, char_end) is not None
            is_heading = kind == "heading"
            yield _Sentence(
                start, end, char_start, char_end, is_heading, opens_paragraph, opens_unit, header, names
            )  # fmt: skip


def _merged(blocks: Iterable[_Block], text: str, limit: int) -> Iterator[_Block]:
    """Yield neighbouring blocks merged up to the limit, preferably separated before the highest headings."""
    for group in groups((_weighed(block, text) for block in blocks), limit):
        path = reduce(_common_prefix, (block.heading_path for block in group))
        sentences = group[0].sentences if len(group) == 1 else [*chain.from_iterable(one.sentences for one in group)]
        yield _Block(sentences, path)


def _weighed(block: _Block, text: str) -> tuple[int, Mark, _Block]:
    return _tokens(block.sentences), _mark(len(block.heading_path), block.sentences, text), block


def _packed(sentences: Sequence[_Sentence], text: str, offsets: Offsets, limit: int) -> Iterator[Sequence[_Sentence]]:
    """Yield runs of sentences within the limit, made of whole pieces (see `_pieces`)."""
    if _tokens(sentences) <= limit:
        yield sentences
        return
    pieces = list(_pieces(sentences, offsets, limit))
    marks = (_mark(_rank(piece, before), piece, text) for piece, before in zip(pieces, [None, *pieces], strict=False))
    for group in groups(zip(map(_tokens, pieces), marks, pieces, strict=True), limit):
        yield list(chain.from_iterable(group))


def _rank(piece: Sequence[_Sentence], before: Sequence[_Sentence] | None) -> int:
    """How bad a cut in front of a piece is, from 0 to 3: worst after a heading, which belongs to the text below it."""
    if before and before[-1].is_heading:
        return 3
    return 0 if piece[0].opens_paragraph else 1 if piece[0].opens_unit else 2


def _mark(rank: int, piece: Sequence[_Sentence], text: str) -> Mark:
    return mark_of(rank, text, piece[0].char_start, piece[-1].char_end)


def _pieces(sentences: Sequence[_Sentence], offsets: Offsets, limit: int) -> Iterator[Sequence[_Sentence]]:
    """Yield paragraphs if they fit, else list items, rows and blocks of code, else sentences or parts of sentences."""
    for paragraph in _split(sentences, [one.opens_paragraph for one in sentences]):
        if _tokens(paragraph) <= limit:
            yield paragraph
            continue
        for unit in _split(paragraph, [one.opens_unit for one in paragraph]):
            # The first part of a paragraph can be prose above its first unit.
            if _tokens(unit) <= limit and unit[0].opens_unit:
                yield unit
            else:
                for sentence in unit:
                    yield from ([part] for part in _parts(sentence, offsets, limit))


def _split(sentences: Sequence[_Sentence], opens: Sequence[bool]) -> Iterator[Sequence[_Sentence]]:
    starts = [index for index in range(1, len(sentences)) if opens[index]]
    for start, end in pairwise([0, *starts, len(sentences)]):
        yield sentences[start:end]


def _parts(sentence: _Sentence, offsets: Offsets, limit: int) -> Iterator[_Sentence]:
    char_start = sentence.char_start
    for start in range(sentence.start, sentence.end, limit):
        end = min(start + limit, sentence.end)
        char_end = sentence.char_end if end == sentence.end else max(char_start, offsets[end - 1][1])
        yield sentence._replace(start=start, end=end, char_start=char_start, char_end=char_end)
        char_start = char_end


def _tokens(sentences: Sequence[_Sentence]) -> int:
    return sentences[-1].end - sentences[0].start


def _common_prefix(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    pairs = zip(first, second, strict=False)
    return tuple(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
