"""The inputs of an adaptation, checked before torch is imported."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from disc_lite.documents import Document, LedgerEntry, ReadingOptions, read_documents
from disc_lite.documents.tokens import tokenizer_of
from disc_lite.errors import DocumentsError, UsageError
from disc_lite.hub.aliases import ALIASES, resolve
from disc_lite.hub.context import context_tokens
from disc_lite.hub.source import Model, local_folder, open_model
from disc_lite.planning.corpus import corpus_of
from disc_lite.planning.shapes import shape_of_folder
from disc_lite.planning.workload import beside_passage
from disc_lite.qa import Pair, Question, read_questions
from disc_lite.recipe import Given, Recipe, ResolvedRecipe, at_width, load_recipe, remarks, to_yaml, within_context
from disc_lite.recipe.methods import METHODS
from disc_lite.recipe.schema import MethodName
from disc_lite.run.earlier import EarlierRun, check_place, check_same, differing, read_earlier
from disc_lite.run.events import Event, Listener, only_if_slow
from disc_lite.run.folder import FORMAT, RunFolder
from disc_lite.run.frames import frame_of
from disc_lite.run.given import PairFiles, about_documents, check_lengths, pairs_of, unstated_remark
from disc_lite.run.readme import readme
from disc_lite.run.wording import counted
from disc_lite.storage import (
    JsonObject,
    begin_digests,
    is_untouched,
    require_all_unchanged,
    require_place,
    require_unchanged,
    write_json,
    write_jsonl,
    write_text,
)

SHORTEST_PASSAGE = 64  # tokens: shorter ones say too little by themselves
_MOST_NAMED = 3
_NO_IDENTITY = ("about", "execution")  # of the parts of a recipe: nothing that is learned follows from them


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
    earlier: EarlierRun | None = None  # that is updated

    @property
    def identity(self) -> JsonObject:
        """What identifies a run: the same identity continues it, any other is another run.

        How it is computed is no part of it: a run may be continued on another device, or with other memory settings.
        """
        idle = {"execution"} if self.earlier else {"execution", "update"}
        recipe = self.resolved.recipe.model_dump(exclude=idle)
        return {
            "format": FORMAT,
            "model": self.model.fingerprint,
            "recipe": _digest(json.dumps(recipe, sort_keys=True)),
            "documents": {d.name: d.sha256 for d in self.documents},
            "questions": _digest(repr(self.questions)),
            "pairs": _digest(repr(self.pairs)),
            "update": self.earlier.digest if self.earlier else None,
        }

    @property
    def remarks(self) -> list[str]:
        """On the built-in model, settings that have less effect than they say, and questions without an answer."""
        alias = ALIASES.get(self.model.name)
        is_built_in = alias is not None and not alias.hub_id
        about = f"{alias.name} {alias.note}; of other documents it learns next to nothing." if alias else ""
        given = Given(bool(self.pairs), bool(self.questions), self.earlier is not None)
        unstated = unstated_remark(self.questions, self.documents)
        return [*[about] * is_built_in, *remarks(self.resolved, given), *filter(None, [unstated])]


def gather(
    documents: Sequence[str | os.PathLike[str]], model: str | None, recipe: str | None, output: str | Path | None,
    questions: str | Path | None, pairs: PairFiles, overrides: Mapping[str, object], seed: int | None,
    listener: Listener | None = None, before_download: Callable[[Inputs], object] = lambda inputs: None,
    update: str | Path | None = None,
) -> Inputs:  # fmt: skip
    """Read and check all inputs, the quick ones first. Raises the error of the first that is wrong.

    `before_download` is called where the model must be downloaded, with inputs whose model is not there yet. Model,
    recipe and place of an update are by default those of its run, the folder with the next number.
    """
    earlier = earlier_of(update)
    model = model_of(model, earlier)
    recipe = recipe or (str(earlier.folder.recipe) if earlier else None)
    source = resolve(model)  # a wrong name is reported before anything is read or downloaded
    checked = load_recipe(recipe or "default", overrides, seed)
    if earlier:
        check_place(earlier, source, model)
        check_same(earlier, checked.recipe)
    tell: Listener = listener or (lambda event: None)
    own_questions = read_questions(Path(questions), partial(_remark, tell)) if questions else ()
    own_pairs = pairs_of(pairs)
    paths = [Path(d) for d in documents]
    if not paths:
        raise UsageError("No documents were given.", "", "Give a folder or files: disc-lite adapt docs/")
    folder = folder_of(output, paths[0], model, earlier)
    read, ledger = read_with_progress(paths, checked.recipe, listener)
    absent = Model(model, source.location, Path(), "", "", {})
    own_questions, own_pairs = about_documents(own_questions, own_pairs, read, checked.recipe)
    inputs = Inputs(folder, absent, checked, tuple(read), tuple(ledger), own_questions, own_pairs, earlier)
    if local_folder(source) is None:
        before_download(inputs)
    opened = open_model(model)
    resolved = load_recipe(recipe or opened.recipe, overrides, seed)
    if earlier:
        check_same(earlier, resolved.recipe, opened)
    if shape := shape_of_folder(opened.folder):
        resolved = at_width(resolved, shape.hidden)
    resolved = within_context(resolved, context_tokens(opened.folder))
    inputs = replace(inputs, model=opened, resolved=resolved)
    check_same_run(inputs)
    check_context(inputs)
    tell(Event("documents", _outcomes(ledger), len(ledger), len(ledger)))
    for reason in sorted({entry.reason for entry in ledger if entry.needs_package}):
        tell(Event("documents", f"not read: {reason}", is_remark=True))
    return inputs


def _remark(listener: Listener, text: str) -> None:
    listener(Event("questions", text, is_remark=True))


def folder_of(output: str | Path | None, first: Path, model: str, earlier: EarlierRun | None) -> RunFolder:
    """The run folder: the one that is named, the next of the run that is updated, or by the first of the documents.

    Raises UsageError where that cannot be one.
    """
    usual = Path("runs") / f"{first.resolve().stem}-{Path(model).name}"
    folder = RunFolder(Path(output) if output else earlier.next_folder if earlier else usual)
    require_usable(folder.path, earlier)
    return folder


def require_usable(folder: Path, earlier: EarlierRun | None) -> None:
    """Raises UsageError where it cannot be the folder of a run: not made, of another kind, or of the run updated."""
    require_place(folder)
    if earlier and folder.resolve() == earlier.folder.path.resolve():
        raise UsageError(
            f"{folder} is the run that is updated.", "It stays as it is.", "Choose another --output, or leave it out."
        )
    if not RunFolder(folder).record.is_file() and folder.is_dir() and not is_untouched(folder):
        raise UsageError(f"{folder} is not empty and holds no run.", "", "Choose another --output.")


def earlier_of(update: str | Path | None) -> EarlierRun | None:
    """The run that is updated, if any."""
    return read_earlier(Path(update)) if update else None


def model_of(model: str | None, earlier: EarlierRun | None) -> str:
    """The name of the model: by default that of the run that is updated. Raises UsageError where there is neither."""
    if model is None and earlier is None:
        raise UsageError("No model was named.", "", "Name one: --model mistral-7b (`disc-lite models` lists names).")
    return model or (earlier.model if earlier else "")


def read_with_progress(
    paths: Sequence[Path], recipe: Recipe, listener: Listener | None
) -> tuple[tuple[Document, ...], tuple[LedgerEntry, ...]]:
    """The documents as the recipe has them read; where that takes long, the listener hears of every file."""
    chosen = recipe.documents
    options = ReadingOptions(chosen.text_field, chosen.notebook_outputs, chosen.ocr_languages)
    tell = only_if_slow(listener)
    return read_documents(paths, options, lambda done, total, name: tell(Event("documents", name, done, total)))


def _outcomes(ledger: Sequence[LedgerEntry]) -> str:
    """How many files have which outcome, and how many pages are scans."""
    outcomes = Counter(entry.outcome for entry in ledger)
    scanned = sum(entry.ocr_pages for entry in ledger)
    by_ocr = [f"{counted(scanned, 'scanned page')} read by OCR"] if scanned else []
    return "; ".join([", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common()), *by_ocr])


def nothing_to_learn(method: MethodName) -> DocumentsError:
    """The error for documents that give a method no example."""
    lacking = "a sentence to ask about" if METHODS[method].needs_pairs else "a second sentence"
    return DocumentsError(
        f"There is nothing to learn with the method `{method}`.", f"No document has {lacking}.",
        "Add text to the documents, or choose another method (--set method=next_token).",
    )  # fmt: skip


def check_context(inputs: Inputs) -> None:
    """Raises UsageError where a passage leaves too little of the context of the model for a question about it.

    Also where a pair or a question of the user's is too long for it.
    """
    recipe = inputs.resolved.recipe
    writes = not inputs.questions or (METHODS[recipe.method].needs_pairs and not inputs.pairs)
    context = context_tokens(inputs.model.folder)
    frame = frame_of(inputs.model.folder)
    room = context - beside_passage(recipe, writes, frame)
    longest = recipe.documents.passage_tokens
    if longest > room:
        longest = corpus_of(inputs.documents, 0, tokenizer_of(inputs.model.folder), recipe).longest_passage
    if longest <= room:
        taught = inputs.pairs if METHODS[recipe.method].needs_pairs else ()
        check_lengths(inputs.questions, taught, recipe, inputs.model, frame, longest)
        return
    without = room + beside_passage(recipe, True, frame) - beside_passage(recipe, False, frame) if writes else room
    raise UsageError(
        f"A passage of {longest:,} tokens and a question about it do not fit into what {inputs.model.name} reads.",
        f"Its context is {context:,} tokens, of which {max(0, room):,} are left for a passage.",
        f"Cut shorter ones: --set documents.passage_tokens={room // 16 * 16}." if room >= SHORTEST_PASSAGE
        else "Leave the worked examples out: --set prompt.worked_examples=false." if without >= SHORTEST_PASSAGE
        else "Choose a model with a longer context.",
    )  # fmt: skip


def check_same_run(inputs: Inputs) -> None:
    """Raises UsageError if the output folder is of another run or another version.

    Raises EnvironmentNotReady where a file in it is not what the run has written.
    """
    folder, path = inputs.folder, inputs.folder.path
    if folder.record.is_file():
        before = folder.read_record()["identity"]
        now = inputs.identity
        changed = [key for key in now if before.get(key) != now[key]]
        if changed:
            other = _other_settings(inputs) + _other(inputs, before)
            raise UsageError(
                f"{folder} holds another run.", f"It differs in: {', '.join(changed)}.{other}",
                _go_on(inputs, changed),
            )  # fmt: skip
        require_all_unchanged(path)


def _go_on(inputs: Inputs, changed: Sequence[str]) -> str:
    """What to do: a finished run whose documents have changed can be updated."""
    folder = inputs.folder
    if folder.summary.is_file() and "documents" in changed and "model" not in changed:
        return f"Teach it what has changed: disc-lite adapt DOCUMENTS --update {folder}. Or choose another --output."
    return "Choose another --output, or repeat the command of that run to continue it."


def _other_settings(inputs: Inputs) -> str:
    """The settings that are not as they were, with both values."""
    if not inputs.folder.recipe.is_file():  # the run was killed before it was written
        return ""
    require_unchanged(inputs.folder.recipe)
    was, now = load_recipe(str(inputs.folder.recipe), environment={}).recipe, inputs.resolved.recipe
    parts = [part for part in type(now).model_fields if part not in _NO_IDENTITY]
    found = [f"{key} was {before} and is {here}" for key, before, here in differing(was, now, parts)]
    more = f", and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return f" There {', '.join(found[:_MOST_NAMED])}{more}." if found else ""


def _other(inputs: Inputs, before: JsonObject) -> str:
    """The documents that are not as they were, and why where the ledger says it: a program may be missing now."""
    was, now = before.get("documents", {}), {document.name: document.sha256 for document in inputs.documents}
    refused = {entry.name: f" ({entry.reason})" for entry in inputs.ledger if entry.reason}
    kinds = {"New": [*now.keys() - was.keys()], "No longer read": [*was.keys() - now.keys()],
             "Changed": [name for name in was.keys() & now.keys() if was[name] != now[name]]}  # fmt: skip
    said = ""
    for kind, names in kinds.items():
        shown = [f"{name}{refused.get(name, '')}" for name in sorted(names)[:_MOST_NAMED]]
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        said += f" {kind}: {', '.join(shown)}{more}." if names else ""
    return said


def begin(inputs: Inputs) -> None:
    """Write what is known from the start; the record first: with it the folder is this run's."""
    folder = inputs.folder
    if not folder.record.is_file():
        begin_digests(folder.path)
        model = {"name": inputs.model.name, "reference": inputs.model.reference}
        earlier = inputs.earlier
        update = {"update": str(earlier.folder), **earlier.number_in(folder.path)} if earlier else {}
        write_json(folder.record, {"identity": inputs.identity, "model": model, **update})
    if not folder.readme.is_file():
        write_text(folder.readme, readme())
    if not folder.recipe.is_file():
        write_text(folder.recipe, to_yaml(inputs.resolved))
    if not folder.ledger.is_file():
        write_jsonl(folder.ledger, [entry.as_dict() for entry in inputs.ledger])


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
