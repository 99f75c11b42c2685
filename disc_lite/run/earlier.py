"""The earlier run of an update: what is taken over from it, and checks that it can be. Does not import torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from disc_lite.errors import UsageError
from disc_lite.evaluation.retrieval import Passages
from disc_lite.hub.adapters import CONFIG, WEIGHTS, read_config
from disc_lite.hub.aliases import ALIASES
from disc_lite.hub.source import Model
from disc_lite.prompts.texts import Text, shown_passages
from disc_lite.qa import Pair, Question
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import METHODS
from disc_lite.run.changes import Changes, compare
from disc_lite.run.folder import RunFolder, by_kind
from disc_lite.storage import JsonObject, read_jsonl, sha256_of

# Sections of the recipe, or single settings, that an update must share with the earlier run.
SAME = ("method", "documents", "prompt", "memory")
SAME_ADAPTER = ("lora",)  # with `update.start: adapter`


@dataclass(frozen=True)
class EarlierRun:
    """A finished run whose documents have changed since."""

    folder: RunFolder
    model: str  # the name by which its model is opened
    fingerprint: str  # of the model
    recipe: Recipe
    passages: Passages
    pairs: tuple[JsonObject, ...] = field(repr=False)  # lines of its pairs.jsonl
    questions: tuple[Question, ...] = field(repr=False)
    # What it rehearsed of passages that were removed before it: pairs with their passages, and questions.
    removed: tuple[JsonObject, ...] = field(repr=False)
    questions_removed: tuple[Question, ...] = field(repr=False)
    number: int = 1  # of the update, as recorded; 1 for a first run
    dropped: tuple[JsonObject, ...] = field(default=(), repr=False)  # pairs in no passage that its adapter may know

    @property
    def files(self) -> dict[str, str]:
        """Document -> SHA-256 of its file."""
        rows = read_jsonl(self.folder.ledger, missing_ok=True)
        return {row["name"]: row["sha256"] for row in rows if row["outcome"] == "read"}

    @property
    def digest(self) -> str:
        """Hash of everything in this run that an update depends on; part of the identity of the update."""
        files = [self.folder.passages, self.folder.pairs, self.folder.questions, self.folder.removed]
        files += [self.folder.dropped, self.folder.adapter / CONFIG, self.folder.adapter / WEIGHTS]
        parts = [sha256_of(path) for path in files if path.is_file()]
        return sha256(json.dumps(parts).encode()).hexdigest()[:32]

    @property
    def next_folder(self) -> Path:
        """The default folder of its update: beside this run, with the next number."""
        name, number = self._numbered
        return self._path.parent / f"{name}-{number + 1}"

    def number_in(self, folder: Path) -> JsonObject:
        """`{"number": N}` for the record of an update in `folder`; empty unless that is `next_folder`'s name.

        A number at the end of another name may belong to a model or be a year.
        """
        return {"number": self._numbered[1] + 1} if folder.name == self.next_folder.name else {}

    @property
    def _numbered(self) -> tuple[str, int]:
        """The folder's name without its number as an update, and that number; 1 if it has none."""
        name, end = self._path.name, f"-{self.number}"
        return (name.removesuffix(end), self.number) if self.number > 1 and name.endswith(end) else (name, 1)

    @property
    def _path(self) -> Path:
        """The folder's path, resolved if it does not end in a name (`.` and `..`)."""
        path = self.folder.path
        return path if path.name not in ("", "..") else path.resolve()

    def changes_to(self, texts: Sequence[Text]) -> Changes:
        """What changed from the passages of this run to those of `texts`."""
        titles = {text.document.name: text.document.title for text in texts if text.document.named_by_file}
        return compare(self.passages, shown_passages(texts), (self.folder.read_file_titles(), titles))


def read_earlier(path: Path) -> EarlierRun:
    """Read a finished run, without its model. Raises UsageError if there is none, EnvironmentNotReady if damaged."""
    folder = RunFolder(path)
    folder.require_finished()
    recipe, record = folder.read_recipe(), folder.read_record()
    read_config(folder.adapter)
    rehearsed = recipe.update.removed == "rehearse"  # otherwise the adapter is not to know it
    return EarlierRun(
        folder, folder.read_base()[1], folder.fingerprint(), recipe, tuple(folder.read_passages()),
        tuple(folder.read_pair_rows()), folder.read_questions(), tuple(folder.read_removed()) if rehearsed else (),
        folder.read_questions_removed() if rehearsed else (), record.get("number", 1), tuple(folder.read_dropped()),
    )  # fmt: skip


def pair_of(row: JsonObject) -> Pair:
    """The pair in a line of `pairs.jsonl` or `removed.jsonl`."""
    return Pair(row["document"], row["passage"], row["question"], row["answer"], row.get("source") or "")


def check_same(earlier: EarlierRun, recipe: Recipe, model: Model | None = None) -> None:
    """Raises UsageError if what an update takes over does not fit its recipe or model."""
    if model is not None and model.fingerprint != earlier.fingerprint:
        raise _another_model(earlier, model.name)
    starts = recipe.update.start == "adapter"
    found = differing(earlier.recipe, recipe, SAME + SAME_ADAPTER * starts)
    if found:
        key, was, now = found[0]
        raise UsageError(
            f"{earlier.folder} had {key} = {was}, this update has {now}.",
            "An adapter can only be trained further in its own shape." if key.startswith(SAME_ADAPTER)
            else "Its pairs and passages were made with that, and an update takes them over.",
            "Leave the setting as it was, or "
            + ("start a new adapter: --set update.start=new" if key.startswith(SAME_ADAPTER)
               else "adapt again without --update; --pairs reuses the pairs")
            + ".",
        )  # fmt: skip
    if recipe.update.removed == "unlearn" and not METHODS[recipe.method].needs_pairs:
        raise UsageError(
            f"The method `{recipe.method}` has no pairs, so it cannot unlearn.",
            "It is the questions of trained pairs that are unlearned.", "Use --set update.removed=drop.",
        )  # fmt: skip


def check_place(earlier: EarlierRun, model: Model) -> None:
    """Raises UsageError if a model that is not on this machine has another location than the earlier run's."""
    if not model.is_here and model.reference not in (earlier.model, _location(earlier.model)):
        raise _another_model(earlier, model.name)


def _location(name: str) -> str:
    alias = ALIASES.get(name.lower())
    return alias.hub_id if alias else name


def _another_model(earlier: EarlierRun, name: str) -> UsageError:
    return UsageError(
        f"{name} is not the model that {earlier.folder} was trained on.",
        f"That was {earlier.model}, whose files differ." if name != earlier.model
        else "The files in the model folder have changed since.",
        "An update needs the very same base: leave --model out, or adapt again without --update.",
    )  # fmt: skip


def differing(was: Recipe, now: Recipe, parts: Sequence[str]) -> list[tuple[str, object, object]]:
    """(setting, earlier value, present value) for each setting in `parts` that differs."""
    found = []
    for part in parts:
        before, after = was.model_dump()[part], now.model_dump()[part]
        if isinstance(before, dict):
            found += [(f"{part}.{key}", before[key], after[key]) for key in before if before[key] != after[key]]
        elif before != after:
            found.append((part, before, after))
    return found


def earlier_answers(earlier: EarlierRun) -> dict[str, str]:
    """Question -> the closed-book answer of that run's adapted model."""
    answers = earlier.folder.read_answers("after")
    if answers is None:
        return {}
    asked, finished = by_kind(earlier.questions)
    every = (
        *zip(asked, answers.questions["adapted"], strict=True), *zip(finished, answers.completions, strict=True),
        *zip(earlier.folder.read_questions_removed(), answers.removed, strict=True),
    )  # fmt: skip
    return {question.text: answer for question, answer in every}
