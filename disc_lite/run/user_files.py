"""The user's questions and pairs, checked against the documents. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from disc_lite.documents import Document
from disc_lite.documents.tokens import Tokenizer, estimated_tokens, tokenizer_of
from disc_lite.errors import UsageError
from disc_lite.evaluation.grading import is_stated
from disc_lite.evaluation.retrieval import best_places
from disc_lite.hub.configuration import context_tokens
from disc_lite.hub.source import Model
from disc_lite.planning.lessons import PromptOverhead
from disc_lite.prompts.texts import Text, text_of
from disc_lite.qa import NearDuplicates, Pair, Question, read_pairs
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import METHODS
from disc_lite.run.folder import RunFolder
from disc_lite.run.since import Since
from disc_lite.run.wording import counted, listed
from disc_lite.synthesis.places import Places

_SHOWN = 60  # characters of a question in a message
_NAMED = 3  # questions in a remark
_SEARCHED = 100  # parts of documents that are searched for an answer
_PART = 2_000  # most characters of a part
_OVERLAP = 300  # most characters that neighbouring parts of a long paragraph share, so that no answer is cut
_LONGEST_SEARCH = 5_000_000  # characters of all documents; searching more would take too long


def pairs_of(paths: Sequence[Path]) -> tuple[Pair, ...]:
    """Read the pairs of files and of run folders, each pair once. Raises UsageError if one of them has none."""
    found: dict[Pair, None] = {}
    for path in paths:
        own = RunFolder(path).read_pairs() if path.is_dir() else read_pairs(path)
        if not own:
            what = f"The run in {path} has no pairs" if path.is_dir() else f"The pairs file {path} holds no pair"
            raise UsageError(f"{what}.", "", "Leave it out, or name a run that was trained with pairs.")
        found.update(dict.fromkeys(own))
    return tuple(found)


def check_unasked(questions: Sequence[Question], pairs: Sequence[Pair], recipe: Recipe) -> None:
    """Raises UsageError if every pair to be taught asks what a held-out question asks."""
    asked = NearDuplicates([question.text for question in questions], recipe.prompt.near_duplicate)
    if METHODS[recipe.method].needs_pairs and pairs and all(asked.near(pair.question) for pair in pairs):
        raise all_asked()


def unstated_remark(questions: Sequence[Question], documents: Sequence[Document]) -> str:
    """A warning that names questions whose accepted answers no document states in these words; empty if none."""
    if not questions or sum(len(document.text) for document in documents) > _LONGEST_SEARCH:
        return ""
    by_document: dict[str, list[Question]] = {}
    for question in questions:
        if not question.passage and question.passage_index < 0:
            by_document.setdefault(question.document, []).append(question)
    texts = {"": [document.text for document in documents], **{d.name: [d.text] for d in documents}}
    lost = [
        f"“{_shortened(question.text)}” ({_shortened(' / '.join(question.answers))})"
        for name, asked in by_document.items()
        for question in _not_found(asked, texts[name])
    ]
    if not lost:
        return ""
    return (
        f"{len(lost):,} of {counted(len(questions), 'question')} accept no answer that the documents state in these "
        f"words and may never be graded right: {listed(lost, _NAMED)}. Accept the shortest form, and "
        'every form: "answers": ["6 euros", "6 €"], in CSV 6 euros|6 € under "answers".'
    )


def _not_found(asked: Sequence[Question], texts: Sequence[str]) -> list[Question]:
    """The questions whose answers are not stated in those parts of the texts that match them best."""
    parts = [part for text in texts for part in _parts(text)]
    searched = [" ".join((question.text, *question.answers)) for question in asked]
    asking: dict[int, list[tuple[int, int]]] = {}  # part -> (its rank for a question, number of the question)
    for number, places in enumerate(best_places(parts, searched, _SEARCHED)):
        for rank, place in enumerate(places):
            asking.setdefault(place, []).append((rank, number))
    left = dict(enumerate(asked))
    # Part by part, since reading one takes long; those that rank highest for a question come first.
    for place, ranked in sorted(asking.items(), key=lambda item: min(item[1])):
        for _, number in ranked:
            if number in left and is_stated(left[number], parts[place]):
                del left[number]
    return list(left.values())


def _parts(text: str) -> Iterator[str]:
    """The paragraphs of a text; long ones in overlapping pieces, cut at spaces where there are any."""
    for paragraph in filter(str.strip, text.split("\n\n")):
        start = 0
        while len(paragraph) - start > _PART:
            end = _last_space(paragraph, start + _PART)
            yield paragraph[start:end]
            start = _last_space(paragraph, end - _OVERLAP // 2)
        yield paragraph[start:]


def _last_space(text: str, place: int) -> int:
    """The position of the last white space before `place` if it is near, else `place`."""
    found = max(text.rfind(mark, place - _OVERLAP // 2, place) for mark in " \n\t")
    return place if found < 0 else found


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"


def check_belong(pairs: Sequence[Pair], documents: Sequence[Document], tokenizer: Tokenizer, passage: int) -> None:
    """Raises UsageError if no pair is about these documents, cut into passages of at most `passage` tokens."""

    def are_in(some: Sequence[Document]) -> bool:
        places = Places([text_of(document, tokenizer, passage) for document in some])
        return any(places.find(pair) for pair in pairs)

    # Nearly always the first pair is about the document that it names; then no other is cut into passages.
    if pairs and not are_in([d for d in documents if d.name == pairs[0].document]) and not are_in(documents):
        raise none_here()


def pairs_about_fresh(since: Since, texts: Sequence[Text], pairs: Sequence[Pair]) -> tuple[list[Pair], int]:
    """(the user's pairs that are not about unchanged passages, number of the others that the earlier run lacks).

    For unchanged passages the pairs of the earlier run are taken over as they are. Raises UsageError if no pair is left
    for what is new or changed.
    """
    places = Places(texts)
    fresh: list[Pair] = []
    others: list[Pair] = []
    for pair in pairs:
        here = places.find(pair)
        is_old = here is not None and (here.document, here.passage) in since.changes.unchanged
        (others if is_old else fresh).append(pair)
    if pairs and not fresh and (since.changes.new or since.changes.changed):
        raise UsageError(
            "None of the pairs is about what is new or changed.", "For the rest the run's own pairs are taken over.",
            "Add pairs about the new text, or leave --pairs out: then the model writes them.",
        )  # fmt: skip
    had = {(row["question"], row["answer"]) for row in since.kept_pairs}
    return fresh, sum((pair.question, pair.answer) not in had for pair in others)


def none_here() -> UsageError:
    """The error if the user's pairs are about other texts."""
    return UsageError(
        "None of the pairs belongs to these documents.", "They contain neither its passage nor its sentence.",
        "Name the documents that they were written about.",
    )  # fmt: skip


def all_asked() -> UsageError:
    """The error if held-out questions ask everything that the user's pairs ask."""
    return UsageError(
        "Every pair asks nearly what a held-out question asks.", "Held-out questions are never trained on.",
        "Give other --questions, or leave them out: then the model writes some that no pair asks.",
    )  # fmt: skip


def check_lengths(
    questions: Sequence[Question], pairs: Sequence[Pair], recipe: Recipe, model: Model, overhead: PromptOverhead,
    passage: int,
) -> None:  # fmt: skip
    """Raises UsageError if a pair or question with a passage of `passage` tokens is longer than the model's context.

    A pair counts with the whole prompt of the teacher, a question with the longest answer that is allowed.
    """
    tokenizer, context = tokenizer_of(model.folder) or estimated_tokens, context_tokens(model.folder)

    def tokens(*texts: str) -> int:
        return sum(len(tokenizer(text)) for text in texts)

    worked, examples = recipe.prompt.worked_examples, overhead.answering
    of_pairs = [
        (tokens(p.question, p.answer), p.question, (tokens(p.source) + examples) * (worked and p.source != ""))
        for p in pairs
    ]
    of_questions = [
        (tokens(q.text) + max([recipe.evaluation.answer_tokens, *map(tokens, q.choices)]), q.text, 0) for q in questions
    ]
    for what, sizes in (("pair", of_pairs), ("question", of_questions)):
        room = context - overhead.turn - overhead.task - passage
        long = [(size, text, room - more) for size, text, more in sizes if size > room - more]
        if long:
            size, text, left = max(long)
            raise UsageError(
                f"{counted(len(long), what)} and a passage do not fit into {model.name}'s context: {_shortened(text)}",
                f"The context has {context:,} tokens, of which {max(0, left):,} are left for a {what} with its answer; "
                f"this one has {size:,}.",
                "Shorten it, or take it out; or choose a model with a longer context.",
            )
