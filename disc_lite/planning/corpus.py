"""Documents -> passages, sentences and tokens as the model will read them, without loading the model."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from disc_lite.documents import Document, Passage
from disc_lite.documents.tokens import Tokenizer, estimated_tokens
from disc_lite.planning.amounts import details_asked, disc_read_again, disc_targets, is_askable, wanted_pairs
from disc_lite.prompts.texts import Text, text_of, with_passages
from disc_lite.qa import Pair
from disc_lite.recipe import Recipe

SAMPLED = 2000  # passages in which details are counted, at most: those of 20 MB take half a minute


@dataclass(frozen=True)
class OwnPairs:
    """Tokens in the user's pairs: means of a question and of an answer, and the longest pair."""

    question: float
    answer: float
    longest: int


@dataclass(frozen=True)
class Unlearned:
    """Questions of pairs that an update unlearns: their number, mean tokens and longest."""

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
    pairs: int  # number of the user's pairs, or else of the pairs wanted
    longest_document: int  # tokens
    longest_passage: int
    longest_sentence: int
    counted: bool  # with the model's own tokenizer; otherwise estimated from the characters
    # Only for an update: numbers of unchanged, changed, new and removed passages. It teaches those counted above.
    since: dict[str, int] | None = None
    own_pairs: OwnPairs | None = None  # None: the model writes them
    # Only for an update that continues an adapter: what it rehearses, and what it unlearns.
    rehearsed: Corpus | None = None
    unlearned: Unlearned = Unlearned()


@dataclass(frozen=True)
class TakenOver:
    """What an update takes over: places of known passages, which are not taught again, and the pairs about them.

    Also holds the questions that are unlearned.
    """

    known: Container[tuple[str, int]] = ()
    pairs: Sequence[Pair] = ()
    unlearned: Sequence[str] = ()


def corpus_of(
    documents: Iterable[Document], refused: int, tokenizer: Tokenizer | None, recipe: Recipe,
    pairs: Sequence[Pair] = (), taken_over: TakenOver = TakenOver(),
) -> Corpus:  # fmt: skip
    """Count documents, split as a run splits them; `pairs` are the user's, if any. Known passages are not taught."""
    reading, known = tokenizer or estimated_tokens, taken_over.known
    own = [pair for pair in pairs if (pair.document, pair.passage) not in known]
    texts = [text_of(document, reading, recipe.documents.passage_tokens) for document in documents]
    targets = {text.document.name: set(disc_targets(text, recipe)) for text in texts}

    def counted(is_known: bool, pairs: Sequence[Pair]) -> Corpus:
        part = with_passages(texts, lambda passage: ((passage.document, passage.index) in known) == is_known)
        return replace(_counted(part, targets, recipe, pairs, reading), documents=len(texts))

    taught = counted(False, own)
    sizes = [len(reading(question)) for question in taken_over.unlearned]
    gone = Unlearned(len(sizes), sum(sizes) / max(1, len(sizes)), max(sizes, default=0))
    rehearsed = None
    if known:
        rehearsed = replace(counted(True, taken_over.pairs), pairs=len(taken_over.pairs))
    return replace(taught, refused=refused, counted=tokenizer is not None, rehearsed=rehearsed, unlearned=gone)


def _counted(
    texts: Sequence[Text], targets: Mapping[str, Container[tuple[int, int]]], recipe: Recipe, own: Sequence[Pair],
    tokenizer: Tokenizer,
) -> Corpus:  # fmt: skip
    places = [(text, passage) for text in texts for passage in text.passages]
    passages = [passage for _, passage in places]
    taught = [(a, b) for p in passages for a, b in p.sentences if (a, b) in targets[p.document]]
    askable = [_askable(text, passage) for text, passage in places]
    lengths = [end - start for passage in passages for start, end in passage.sentences]
    read = [len(text.offsets) for text in texts]
    return Corpus(
        documents=len(texts), refused=0, passages=len(passages), tokens=sum(p.end - p.start for p in passages),
        sentences=sum(map(len, askable)), targets=len(taught), target_tokens=sum(b - a for a, b in taught),
        read_again=sum(disc_read_again(tokens, recipe.disc.teacher_tokens) for tokens in read),
        pairs=len(own) or _wanted(places, askable, recipe), longest_document=max(read, default=0),
        longest_passage=max((p.end - p.start for p in passages), default=0),
        longest_sentence=max(lengths, default=0), counted=True, own_pairs=_tokens_of(own, tokenizer) if own else None,
    )  # fmt: skip


def _tokens_of(pairs: Sequence[Pair], tokenizer: Tokenizer) -> OwnPairs:
    sizes = [(len(tokenizer(pair.question)), len(tokenizer(pair.answer))) for pair in pairs]
    questions, answers = (sum(size) / len(pairs) for size in zip(*sizes, strict=True))
    return OwnPairs(questions, answers, max(map(sum, sizes)))


def _askable(text: Text, passage: Passage) -> list[str]:
    """Sentences of a passage to ask about; headings are left out."""
    places = [sentence for sentence in passage.sentences if sentence[0] not in passage.headings]
    return list(filter(is_askable, (text.sentence_text(*place).strip() for place in places)))


def _wanted(places: Sequence[tuple[Text, Passage]], sentences: Sequence[Sequence[str]], recipe: Recipe) -> int:
    """Number of pairs wanted from these passages; for more than SAMPLED extrapolated from an even sample."""
    step = math.ceil(len(places) / SAMPLED)
    wanted = counted = 0
    for n in range(0, len(places), max(1, step)):
        text, passage = places[n]
        language = text.language(passage)
        details = [len(details_asked(sentence, language, recipe)) for sentence in sentences[n]]
        wanted += wanted_pairs(passage, details, recipe) if details else 0
        counted += len(details)
    return round(wanted * sum(map(len, sentences)) / max(1, counted))
