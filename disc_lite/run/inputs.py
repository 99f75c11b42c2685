"""The inputs of a run, their identity, and whether a run folder belongs to them. Does not import torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from shlex import quote

from disc_lite.documents import Document, LedgerEntry
from disc_lite.documents.tokens import tokenizer_of
from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.hub.aliases import ALIASES
from disc_lite.hub.source import Model
from disc_lite.prompts.texts import text_of
from disc_lite.qa import Pair, Question
from disc_lite.recipe import ResolvedRecipe, UserInputs, remarks, to_yaml
from disc_lite.run.earlier import EarlierRun, differing
from disc_lite.run.folder import FORMAT, RunFolder
from disc_lite.run.readme import readme
from disc_lite.run.since import Since, since_run
from disc_lite.run.user_files import unstated_remark
from disc_lite.run.wording import listed
from disc_lite.storage import (
    JsonObject,
    begin_digests,
    lock,
    require_all_unchanged,
    write_json,
    write_jsonl,
    write_text,
)

LABELS = {"name", "about"}  # parts of a recipe that only describe it
_MOST_NAMED = 3


@dataclass(frozen=True)
class Inputs:
    """All inputs of one run."""

    folder: RunFolder
    model: Model
    resolved: ResolvedRecipe
    documents: tuple[Document, ...]
    ledger: tuple[LedgerEntry, ...]
    questions: tuple[Question, ...]  # the user's; empty if none were given
    pairs: tuple[Pair, ...]  # the user's, used instead of new ones; empty if none were given
    earlier: EarlierRun | None = None  # the run that is updated
    told: tuple[str, ...] = ()  # remarks on the file of questions

    @property
    def identity(self) -> JsonObject:
        """What identifies a run: a command with the same identity continues it, any other starts another run.

        Execution settings are not part of it, so a run can be continued on another device or with other memory
        settings. Neither is the name of its recipe.
        """
        recipe = self.resolved.recipe.model_dump(exclude=self.idle | LABELS)
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
    def idle(self) -> set[str]:
        """The parts of the recipe that do not affect what this run learns."""
        return {"execution"} if self.earlier else {"execution", "update"}

    @cached_property
    def since(self) -> Since | None:
        """For an update, what became of the documents since the earlier run.

        None for other runs, and if there is no `tokenizer.json` of the model on this machine.
        """
        tokenizer = tokenizer_of(self.model.folder) if self.model.is_here else None
        if self.earlier is None or tokenizer is None:
            return None
        size = self.resolved.recipe.documents.passage_tokens
        return since_run(self.earlier, [text_of(document, tokenizer, size) for document in self.documents])

    @property
    def remarks(self) -> list[tuple[str, str]]:
        """(stage, text) of each remark: on the questions, the built-in model, and settings with less or no effect."""
        alias = ALIASES.get(self.model.name.lower())
        is_built_in = alias is not None and not alias.hub_id
        about = f"{alias.name} {alias.note}; from other documents it learns next to nothing." if alias else ""
        given = UserInputs(bool(self.pairs), bool(self.questions), self.earlier is not None)
        unstated = unstated_remark(self.questions, self.documents)
        on_questions = [*self.told, *filter(None, [unstated])]
        others = [*[about] * is_built_in, *remarks(self.resolved, given)]
        return [*(("questions", text) for text in on_questions), *(("model", text) for text in others)]


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


def check_same_run(inputs: Inputs) -> None:
    """Raises UsageError if the output folder holds another run or was written by another version.

    Raises EnvironmentNotReady if a file in it is not what the run wrote.
    """
    if not inputs.folder.record.is_file():
        return
    _require_same_identity(inputs)
    try:
        require_all_unchanged(inputs.folder.path)
    except EnvironmentNotReady:
        with lock(inputs.folder.path):  # a file that another process is writing may look damaged
            require_all_unchanged(inputs.folder.path)


def _require_same_identity(inputs: Inputs) -> None:
    before, now = inputs.folder.read_record()["identity"], inputs.identity
    changed = [key for key in now if before.get(key) != now[key]]
    if changed:
        other = _other_settings(inputs) + _other(inputs, before)
        raise UsageError(
            f"{inputs.folder} holds another run.", f"It differs in: {', '.join(changed)}.{other}",
            _go_on(inputs, before, changed),
        )  # fmt: skip


def _go_on(inputs: Inputs, before: JsonObject, changed: Sequence[str]) -> str:
    """The remedy: a finished run with changed documents can be updated, unless files merely cannot be read now."""
    folder = inputs.folder
    if before.get("documents", {}).keys() & {entry.name for entry in inputs.ledger if entry.outcome == "refused"}:
        return "Make these files readable as before, or choose another --output."
    if folder.summary.is_file() and "documents" in changed and "model" not in changed:
        command = f"disc-lite adapt DOCUMENTS --update {quote(str(folder))}"
        return f"Teach it what has changed: {command}. Or choose another --output."
    return "Choose another --output, or repeat the command of that run to continue it."


def _other_settings(inputs: Inputs) -> str:
    """The settings that differ, with both values, in words."""
    if not inputs.folder.recipe.is_file():  # the run was killed before it was written
        return ""
    was, now = inputs.folder.read_recipe(), inputs.resolved.recipe
    parts = [part for part in type(now).model_fields if part not in inputs.idle | {"about"}]
    found = [f"{key} was {before} and is now {here}" for key, before, here in differing(was, now, parts)]
    return f" Settings: {listed(found, _MOST_NAMED)}." if found else ""


def _other(inputs: Inputs, before: JsonObject) -> str:
    """The documents that differ, with the ledger's reason for those refused (a program may be missing now)."""
    was, now = before.get("documents", {}), {document.name: document.sha256 for document in inputs.documents}
    refused = {entry.name: f" ({entry.reason})" for entry in inputs.ledger if entry.reason}
    kinds = {
        "New": now.keys() - was.keys(), "No longer read": was.keys() - now.keys(),
        "Changed": {name for name in was.keys() & now.keys() if was[name] != now[name]},
    }  # fmt: skip
    return "".join(
        f" {kind}: {listed([name + refused.get(name, '') for name in sorted(names)], _MOST_NAMED)}."
        for kind, names in kinds.items() if names
    )  # fmt: skip


def begin(inputs: Inputs) -> None:
    """Write what is known from the start; the record comes first and marks the folder as this run's.

    Raises UsageError if another run was begun in it since `check_same_run`, before the folder was locked.
    """
    folder = inputs.folder
    if folder.record.is_file():
        _require_same_identity(inputs)
    else:
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
