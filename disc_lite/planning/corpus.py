"""Documents -> passages, sentences and tokens as a model will read them, without the model."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

from disc_lite.documents import Document, Passage, cut_passages
from disc_lite.documents.tokens import Offsets, Tokenizer, estimated_tokens
from disc_lite.planning.amounts import details_asked, disc_read_again, disc_targets, is_askable, wanted_pairs
from disc_lite.prompts.answering import passage_language
from disc_lite.qa import Pair
from disc_lite.recipe import Recipe

SAMPLED = 2000  # passages whose details are counted: those of 20 MB take half a minute


@dataclass(frozen=True)
class OwnPairs:
    """Tokens of the user's pairs: of a question and an answer on average, and of the longest of both together."""

    question: float
    answer: float
    longest: int


@dataclass(frozen=True)
class Unlearned:
    """Questions of pairs that an update unlearns: how many, and their tokens, on average and of the longest."""

    number: int = 0
    question: float = 0.0
    longest: int = 0


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
    # Of an update that goes on with an adapter: what it rehearses of, and what it unlearns.
    rehearsed: Corpus | None = None
    unlearned: Unlearned = Unlearned()


@dataclass(frozen=True)
class TakenOver:
    """What an update takes over: the places of known passages, which are not taught, and the pairs about them.

    Also the questions that are unlearned.
    """

    known: Container[tuple[str, int]] = ()
    pairs: Sequence[Pair] = ()
    unlearned: Sequence[str] = ()


@dataclass(frozen=True)
class _Cut:
    """A document as the model reads it, with some of its passages."""

    document: Document
    offsets: Offsets
    passages: Sequence[Passage]
    targets: Sequence[tuple[int, int]]  # the sentences of these that DiSC teaches


def corpus_of(
    documents: Iterable[Document], refused: int, tokenizer: Tokenizer | None, recipe: Recipe,
    pairs: Sequence[Pair] = (), taken_over: TakenOver = TakenOver(),
) -> Corpus:  # fmt: skip
    """Documents cut as a run cuts them; `pairs` are the user's, if any, known passages are not taught."""
    reading, known = tokenizer or estimated_tokens, taken_over.known
    own = [pair for pair in pairs if (pair.document, pair.passage) not in known]
    cut = []
    for document in documents:
        offsets = reading(document.text)
        every = cut_passages(document, offsets, recipe.documents.passage_tokens)
        cut.append(_Cut(document, offsets, every, disc_targets(document, every, recipe, recipe.seed)))
    taught = _counted([_part(each, known, False) for each in cut], recipe, own, reading)
    sizes = [len(reading(question)) for question in taken_over.unlearned]
    gone = Unlearned(len(sizes), sum(sizes) / max(1, len(sizes)), max(sizes, default=0))
    rehearsed = None
    if known:
        rehearsed = _counted([_part(each, known, True) for each in cut], recipe, taken_over.pairs, reading)
        rehearsed = replace(rehearsed, pairs=len(taken_over.pairs))
    return replace(taught, refused=refused, counted=tokenizer is not None, rehearsed=rehearsed, unlearned=gone)


def _part(cut: _Cut, known: Container[tuple[str, int]], wanted: bool) -> _Cut:
    """The document with those passages alone that are known, or are not."""
    found = [p for p in cut.passages if ((cut.document.name, p.index) in known) == wanted]
    sentences = {sentence for passage in found for sentence in passage.sentences}
    return replace(cut, passages=found, targets=[target for target in cut.targets if target in sentences])


def _counted(parts: Sequence[_Cut], recipe: Recipe, own: Sequence[Pair], tokenizer: Tokenizer) -> Corpus:
    passages = [passage for part in parts for passage in part.passages]
    targets = [target for part in parts for target in part.targets]
    askable = [_askable(part.document, part.offsets, p) for part in parts for p in part.passages]
    documents = [part.document for part in parts for _ in part.passages]
    wanted = _wanted(documents, passages, askable, recipe)
    lengths = [end - start for passage in passages for start, end in passage.sentences]
    read = [len(part.offsets) for part in parts if part.passages]
    return Corpus(
        documents=len(parts), refused=0, passages=len(passages), tokens=sum(p.end - p.start for p in passages),
        sentences=sum(map(len, askable)), targets=len(targets), target_tokens=sum(b - a for a, b in targets),
        read_again=sum(disc_read_again(tokens, recipe.disc.teacher_tokens) for tokens in read),
        pairs=len(own) or wanted, longest_document=max(read, default=0),
        longest_passage=max((p.end - p.start for p in passages), default=0),
        longest_sentence=max(lengths, default=0), counted=True, own_pairs=_tokens_of(own, tokenizer) if own else None,
    )  # fmt: skip


def _tokens_of(pairs: Sequence[Pair], tokenizer: Tokenizer) -> OwnPairs:
    sizes = [(len(tokenizer(pair.question)), len(tokenizer(pair.answer))) for pair in pairs]
    questions, answers = (sum(size) / len(pairs) for size in zip(*sizes, strict=True))
    return OwnPairs(questions, answers, max(map(sum, sizes)))


def _askable(document: Document, offsets: Offsets, passage: Passage) -> list[str]:
    """The sentences to ask about, which are no headings."""
    places = [sentence for sentence in passage.sentences if sentence[0] not in passage.headings]
    sentences = [document.text[offsets[start][0] : offsets[end - 1][1]].strip() for start, end in places]
    return [sentence for sentence in sentences if is_askable(sentence)]


def _wanted(
    documents: Sequence[Document], passages: Sequence[Passage], sentences: Sequence[Sequence[str]], recipe: Recipe
) -> int:
    """The pairs wanted of these passages of these documents; of more than SAMPLED by as many of them, evenly spread."""
    step = math.ceil(len(passages) / SAMPLED)
    wanted = counted = 0
    for n in range(0, len(passages), max(1, step)):
        document, passage = documents[n], passages[n]
        language = passage_language(document, passage)
        details = [len(details_asked(sentence, language, recipe)) for sentence in sentences[n]]
        wanted += wanted_pairs(passage, details, recipe) if details else 0
        counted += len(details)
    return round(wanted * sum(map(len, sentences)) / max(1, counted))
