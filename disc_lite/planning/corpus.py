"""Documents -> passages, sentences and tokens as a model will read them, without the model."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from disc_lite.documents import Document, Passage, cut_passages
from disc_lite.documents.tokens import Offsets, Tokenizer, estimated_tokens
from disc_lite.planning.amounts import wanted_pairs
from disc_lite.qa import words_of
from disc_lite.recipe import Recipe


@dataclass(frozen=True)
class Corpus:
    """The documents as a model will read them."""

    documents: int
    refused: int
    passages: int
    tokens: int
    sentences: int
    targets: int  # sentences of DiSC: all but headings and the first of a document
    pairs: int  # wanted
    longest_passage: int  # tokens
    longest_sentence: int
    counted: bool  # with the model's own tokenizer; else estimated by the characters
    # Of an update: how many passages are unchanged, changed, new and removed. It teaches those that are counted above.
    since: dict[str, int] | None = None


def corpus_of(
    documents: Iterable[Document], refused: int, tokenizer: Tokenizer | None, recipe: Recipe, pairs: int = 0,
    known: Container[tuple[str, int]] = (),
) -> Corpus:  # fmt: skip
    """Documents cut as a run cuts them; `pairs` are how many the user has, if any, `known` passages are not taught."""
    cut = []
    for document in documents:
        offsets = (tokenizer or estimated_tokens)(document.text)
        found = cut_passages(document, offsets, recipe.documents.passage_tokens)
        cut.append((document, offsets, [passage for passage in found if (document.name, passage.index) not in known]))
    passages = [passage for _, _, found in cut for passage in found]
    askable = [[_askable(d, o, p) for p in found] for d, o, found in cut]
    wanted = sum(
        wanted_pairs(passage, number, recipe) if number else 0
        for (_, _, found), numbers in zip(cut, askable, strict=True)
        for passage, number in zip(found, numbers, strict=True)
    )
    lengths = [end - start for passage in passages for start, end in passage.sentences]
    return Corpus(
        documents=len(cut), refused=refused, passages=len(passages), tokens=sum(p.end - p.start for p in passages),
        sentences=sum(map(sum, askable)), targets=max(0, sum(map(sum, askable)) - sum(map(bool, askable))),
        pairs=pairs or wanted, longest_passage=max((p.end - p.start for p in passages), default=0),
        longest_sentence=max(lengths, default=0), counted=tokenizer is not None,
    )  # fmt: skip


def _askable(document: Document, offsets: Offsets, passage: Passage) -> int:
    """Sentences of at least two words that are no headings."""
    sentences = [sentence for sentence in passage.sentences if sentence[0] not in passage.headings]
    return sum(len(words_of(document.text[offsets[start][0] : offsets[end - 1][1]])) > 1 for start, end in sentences)
