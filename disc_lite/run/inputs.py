"""The inputs of an adaptation, checked before torch is imported."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from disc_lite.documents import Document, LedgerEntry, ReadingOptions, read_documents
from disc_lite.errors import UsageError
from disc_lite.hub.aliases import resolve
from disc_lite.hub.source import Model, local_folder, open_model
from disc_lite.planning.shapes import shape_of_folder
from disc_lite.qa import Pair, Question, read_pairs, read_questions
from disc_lite.recipe import Recipe, ResolvedRecipe, at_width, load_recipe, to_yaml
from disc_lite.run.events import Event, Listener, only_if_slow
from disc_lite.run.folder import FORMAT, RunFolder
from disc_lite.storage import (
    JsonObject,
    begin_digests,
    is_untouched,
    require_all_unchanged,
    require_place,
    write_json,
    write_jsonl,
    write_text,
)


@dataclass(frozen=True)
class Inputs:
    """All inputs of one run."""

    folder: RunFolder
    model: Model
    resolved: ResolvedRecipe
    documents: tuple[Document, ...]
    ledger: tuple[LedgerEntry, ...]
    questions: tuple[Question, ...]  # the user's, or none
    pairs: tuple[Pair, ...]  # to reuse instead of writing new ones, or none

    @property
    def identity(self) -> JsonObject:
        """What identifies a run: the same identity continues it, any other is another run.

        How it is computed is no part of it: a run may be continued on another device, or with other memory settings.
        """
        recipe = self.resolved.recipe.model_dump(exclude={"execution"})
        return {
            "format": FORMAT,
            "model": self.model.fingerprint,
            "recipe": _digest(json.dumps(recipe, sort_keys=True)),
            "documents": {d.name: d.sha256 for d in self.documents},
            "questions": _digest(repr(self.questions)),
            "pairs": _digest(repr(self.pairs)),
        }


def gather(
    documents: Sequence[str | os.PathLike[str]], model: str, recipe: str | None, output: str | Path | None,
    questions: str | Path | None, pairs: str | Path | None, overrides: Mapping[str, str], seed: int | None,
    listener: Listener | None = None, before_download: Callable[[Inputs], object] = lambda inputs: None,
) -> Inputs:  # fmt: skip
    """Read and check all inputs, the quick ones first. Raises the error of the first that is wrong.

    `before_download` is called where the model must be downloaded, with inputs whose model is not there yet.
    """
    source = resolve(model)  # a wrong name is reported before anything is read or downloaded
    checked = load_recipe(recipe or "default", overrides, seed)
    own_questions = read_questions(Path(questions)) if questions else ()
    own_pairs = read_pairs(Path(pairs)) if pairs else ()
    if pairs and not own_pairs:
        raise UsageError(f"The pairs file {pairs} holds no pair.")
    paths = [Path(d) for d in documents]
    if not paths:
        raise UsageError("No documents were given.", "", "Give a folder or files: disc-lite adapt docs/")
    folder = Path(output) if output else Path("runs") / f"{paths[0].resolve().stem}-{Path(model).name}"
    require_place(folder)
    read, ledger = read_with_progress(paths, checked.recipe, listener)
    if local_folder(source) is None:
        absent = Model(model, source.location, Path(), "", {})
        before_download(
            Inputs(RunFolder(folder), absent, checked, tuple(read), tuple(ledger), own_questions, own_pairs)
        )
    opened = open_model(model)
    resolved = load_recipe(recipe or opened.probes.get("recipe", "default"), overrides, seed)
    if shape := shape_of_folder(opened.folder):
        resolved = at_width(resolved, shape.hidden)
    inputs = Inputs(RunFolder(folder), opened, resolved, tuple(read), tuple(ledger), own_questions, own_pairs)
    known = {d.name for d in inputs.documents}
    check_documents("questions", (q.document for q in inputs.questions), known)
    check_documents("pairs", (p.document for p in inputs.pairs), known)
    check_same_run(inputs)
    if listener is not None:
        listener(Event("documents", in_words(ledger), len(ledger), len(ledger)))
    return inputs


def read_with_progress(
    paths: Sequence[Path], recipe: Recipe, listener: Listener | None
) -> tuple[tuple[Document, ...], tuple[LedgerEntry, ...]]:
    """The documents as the recipe has them read; where that takes long, the listener hears of every file."""
    options = ReadingOptions(recipe.documents.text_field, recipe.documents.notebook_outputs)
    tell = only_if_slow(listener)
    return read_documents(paths, options, lambda done, total, name: tell(Event("documents", name, done, total)))


def in_words(ledger: Sequence[LedgerEntry]) -> str:
    """How many files have which outcome, and the packages that some of them need."""
    outcomes = Counter(entry.outcome for entry in ledger)
    needs = sorted({entry.reason for entry in ledger if entry.needs_package})
    return "; ".join([", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common()), *needs])


def check_documents(what: str, named: Iterable[str], known: set[str]) -> None:
    """Raises UsageError if `what` (questions or pairs) name a document that was not read."""
    unknown = sorted(set(named) - known - {""})
    if unknown:
        raise UsageError(
            f"The {what} name a document that was not read: {unknown[0]}.",
            f"Documents that were read: {', '.join(sorted(known)[:5])}{' …' if len(known) > 5 else ''}.",
            f"Use {what} about these documents.",
        )


def check_same_run(inputs: Inputs) -> None:
    """Raises UsageError if the output folder is of another run or another version, or no run at all.

    Raises EnvironmentNotReady where a file in it is not what the run has written.
    """
    folder, path = inputs.folder, inputs.folder.path
    if folder.record.is_file():
        before = folder.read_record()["identity"]
        now = inputs.identity
        differing = [key for key in now if before.get(key) != now[key]]
        if differing:
            raise UsageError(
                f"{folder} holds another run.", f"It differs in: {', '.join(differing)}.",
                "Choose another --output, or repeat the command of that run to continue it.",
            )  # fmt: skip
        require_all_unchanged(path)
    elif path.is_dir() and not is_untouched(path):
        raise UsageError(f"{folder} is not empty and holds no run.", "", "Choose another --output.")


def begin(inputs: Inputs) -> None:
    """Write what is known from the start; the record first: with it the folder is this run's."""
    folder = inputs.folder
    if not folder.record.is_file():
        begin_digests(folder.path)
        model = {"name": inputs.model.name, "reference": inputs.model.reference}
        write_json(folder.record, {"identity": inputs.identity, "model": model})
    if not folder.recipe.is_file():
        write_text(folder.recipe, to_yaml(inputs.resolved))
    if not folder.ledger.is_file():
        write_jsonl(folder.ledger, [entry.as_dict() for entry in inputs.ledger])


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
