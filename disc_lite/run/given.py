"""The questions and pairs that the user gives: read, and checked against the documents. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from disc_lite.documents import Document
from disc_lite.errors import UsageError
from disc_lite.qa import NearDuplicates, Pair, Question, read_pairs
from disc_lite.run.folder import RunFolder

PairFiles = str | Path | Sequence[str | Path] | None  # files of pairs, or run folders that have such


def pairs_of(named: PairFiles) -> tuple[Pair, ...]:
    """The pairs of files and of run folders, each once. Raises UsageError where one of these has none."""
    found: dict[Pair, None] = {}
    for path in map(Path, [named] if isinstance(named, (str, Path)) else named or ()):
        own = RunFolder(path).read_pairs() if path.is_dir() else read_pairs(path)
        if not own:
            what = f"The run in {path} has no pairs" if path.is_dir() else f"The pairs file {path} holds no pair"
            raise UsageError(f"{what}.", "", "Leave it out, or name a run that was trained with pairs.")
        found.update(dict.fromkeys(own))
    return tuple(found)


def check_given(
    questions: Sequence[Question], pairs: Sequence[Pair], documents: Sequence[Document], near: float
) -> None:
    """Raises UsageError where questions or pairs are about other documents, or all pairs ask what questions ask."""
    known = {document.name for document in documents}
    check_documents("questions", (q.document for q in questions), known)
    # Others find their passage by its words, in whatever file it is.
    check_documents("pairs", (p.document for p in pairs if not p.passage_sha256), known)
    asked = NearDuplicates([question.text for question in questions], near)
    if pairs and all(asked.near(pair.question) for pair in pairs):
        raise all_asked()


def all_asked() -> UsageError:
    """The error where held-out questions ask all that the user's pairs ask."""
    return UsageError(
        "Every pair asks nearly what a held-out question asks.", "What is measured with is never trained on.",
        "Give other --questions, or leave them out: then the model writes some that no pair asks.",
    )  # fmt: skip


def check_documents(what: str, named: Iterable[str], known: set[str]) -> None:
    """Raises UsageError if `what` (questions or pairs) name a document that was not read."""
    unknown = sorted(set(named) - known - {""})
    if unknown:
        raise UsageError(
            f"The {what} name a document that was not read: {unknown[0]}.",
            f"Documents that were read: {', '.join(sorted(known)[:5])}{' …' if len(known) > 5 else ''}.",
            f"Use {what} about these documents.",
        )
