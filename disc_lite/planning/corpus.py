"""Documents -> passages, sentences and tokens as a model will read them, without the model."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from disc_lite.documents import Document, Passage, cut_passages
from disc_lite.documents.tokens import Offsets, Tokenizer, estimated_tokens
from disc_lite.planning.amounts import disc_read_again, disc_targets, wanted_pairs
from disc_lite.qa import Pair, words_of
from disc_lite.recipe import Recipe


@dataclass(frozen=True)
class OwnPairs:
    """Tokens of the user's pairs: of a question and an answer on average, and of the longest of both together."""

    question: float
    answer: float
    longest: int


@dataclass(frozen=True)
class Corpus:
    """The documents as a model will read them."""

    documents: int
    refused: int
    passages: int
    tokens: int
    sentences: int
    targets: int  # sentences that DiSC teaches
    target_tokens: int
    read_again: int  # tokens that DiSC's teacher reads twice, in documents longer than a window
    pairs: int  # wanted, or the user's
    longest_document: int  # tokens
    longest_passage: int
    longest_sentence: int
    counted: bool  # with the model's own tokenizer; else estimated by the characters
    # Of an update: how many passages are unchanged, changed, new and removed. It teaches those that are counted above.
    since: dict[str, int] | None = None
    own_pairs: OwnPairs | None = None  # None: the model writes them


def corpus_of(
    documents: Iterable[Document], refused: int, tokenizer: Tokenizer | None, recipe: Recipe,
    pairs: Sequence[Pair] = (), known: Container[tuple[str, int]] = (),
) -> Corpus:  # fmt: skip
    """Documents cut as a run cuts them; `pairs` are the user's, if any, `known` passages are not taught."""
    own = [pair for pair in pairs if (pair.document, pair.passage) not in known]
    cut, targets = [], []
    for document in documents:
        offsets = (tokenizer or estimated_tokens)(document.text)
        every = cut_passages(document, offsets, recipe.documents.passage_tokens)
        found = [passage for passage in every if (document.name, passage.index) not in known]
        taught = {sentence for passage in found for sentence in passage.sentences}
        targets += [s for s in disc_targets(document, every, recipe, recipe.seed) if s in taught]
        cut.append((document, offsets, found))
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
        sentences=sum(map(sum, askable)), targets=len(targets), target_tokens=sum(b - a for a, b in targets),
        read_again=sum(disc_read_again(len(o), recipe.disc.teacher_tokens) for _, o, found in cut if found),
        pairs=len(own) or wanted, longest_document=max((len(offsets) for _, offsets, found in cut if found), default=0),
        longest_passage=max((p.end - p.start for p in passages), default=0),
        longest_sentence=max(lengths, default=0), counted=tokenizer is not None,
        own_pairs=_tokens_of(own, tokenizer or estimated_tokens) if own else None,
    )  # fmt: skip


def _tokens_of(pairs: Sequence[Pair], tokenizer: Tokenizer) -> OwnPairs:
    sizes = [(len(tokenizer(pair.question)), len(tokenizer(pair.answer))) for pair in pairs]
    questions, answers = (sum(size) / len(pairs) for size in zip(*sizes, strict=True))
    return OwnPairs(questions, answers, max(map(sum, sizes)))


def _askable(document: Document, offsets: Offsets, passage: Passage) -> int:
    """Sentences of at least two words that are no headings."""
    sentences = [sentence for sentence in passage.sentences if sentence[0] not in passage.headings]
    return sum(len(words_of(document.text[offsets[start][0] : offsets[end - 1][1]])) > 1 for start, end in sentences)
