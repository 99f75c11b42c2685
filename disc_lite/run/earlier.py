"""An earlier run that is updated: what is taken over from it, and whether it can be. Does not import torch."""

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

# What an update must have in common with its run: sections of the recipe, or single settings.
SAME = ("method", "documents", "prompt", "memory")
SAME_ADAPTER = ("lora",)  # with `update.start: adapter`


@dataclass(frozen=True)
class EarlierRun:
    """A finished run, whose documents have changed since."""

    folder: RunFolder
    model: str  # by which it is opened
    fingerprint: str  # of that model
    recipe: Recipe
    passages: Passages
    pairs: tuple[JsonObject, ...] = field(repr=False)  # lines of its pairs.jsonl
    questions: tuple[Question, ...] = field(repr=False)
    # What it rehearsed though it was gone before: pairs with their passages, and questions.
    removed: tuple[JsonObject, ...] = field(repr=False)
    questions_removed: tuple[Question, ...] = field(repr=False)
    number: int = 1  # as an update, by its record
    dropped: tuple[JsonObject, ...] = field(default=(), repr=False)  # pairs that its adapter may know, in no passage

    @property
    def files(self) -> dict[str, str]:
        """Document -> SHA-256 of its file."""
        rows = read_jsonl(self.folder.ledger, missing_ok=True)
        return {row["name"]: row["sha256"] for row in rows if row["outcome"] == "read"}

    @property
    def digest(self) -> str:
        """Of all that an update follows from: another one is another update."""
        files = [self.folder.passages, self.folder.pairs, self.folder.questions, self.folder.removed]
        files += [self.folder.dropped, self.folder.adapter / CONFIG, self.folder.adapter / WEIGHTS]
        parts = [sha256_of(path) for path in files if path.is_file()]
        return sha256(json.dumps(parts).encode()).hexdigest()[:32]

    @property
    def next_folder(self) -> Path:
        """Where its update is written: beside it, with the next number."""
        name, number = self._numbered
        return self._path.parent / f"{name}-{number + 1}"

    def number_in(self, folder: Path) -> JsonObject:
        """For the record of its update: the number at the end of the folder's name, if it is one of updates.

        Names of models and years end in numbers too.
        """
        return {"number": self._numbered[1] + 1} if folder.name == self.next_folder.name else {}

    @property
    def _numbered(self) -> tuple[str, int]:
        """The name without the number that it got as an update, and that number; 1 where it has none."""
        name, end = self._path.name, f"-{self.number}"
        return (name.removesuffix(end), self.number) if self.number > 1 and name.endswith(end) else (name, 1)

    @property
    def _path(self) -> Path:
        """The folder by a path that ends in its name, as `.` and `..` do not."""
        path = self.folder.path
        return path if path.name not in ("", "..") else path.resolve()

    def changes_to(self, texts: Sequence[Text]) -> Changes:
        """What has changed since."""
        titles = {text.document.name: text.document.title for text in texts if text.document.named_by_file}
        return compare(self.passages, shown_passages(texts), (self.folder.read_file_titles(), titles))


def read_earlier(path: Path) -> EarlierRun:
    """A finished run, without its model. Raises UsageError where there is none, EnvironmentNotReady if damaged."""
    folder = RunFolder(path)
    folder.require_finished()
    recipe, record = folder.read_recipe(), folder.read_record()
    read_config(folder.adapter)
    rehearsed = recipe.update.removed == "rehearse"  # else they are no more
    return EarlierRun(
        folder, folder.read_base()[1], record["identity"]["model"], recipe, tuple(folder.read_passages()),
        tuple(folder.read_pair_rows()), folder.read_questions(), tuple(folder.read_removed()) if rehearsed else (),
        folder.read_questions_removed() if rehearsed else (), record.get("number", 1), tuple(folder.read_dropped()),
    )  # fmt: skip


def pair_of(row: JsonObject) -> Pair:
    """The pair in a line of `pairs.jsonl` or `removed.jsonl`."""
    return Pair(row["document"], row["passage"], row["question"], row["answer"], row.get("source") or "")


def check_same(earlier: EarlierRun, recipe: Recipe, model: Model | None = None) -> None:
    """Raises UsageError where an update with this recipe, or of this model, would not go with what it takes over."""
    if model is not None and model.fingerprint != earlier.fingerprint:
        raise _another_model(earlier, model.name)
    starts = recipe.update.start == "adapter"
    found = differing(earlier.recipe, recipe, SAME + SAME_ADAPTER * starts)
    if found:
        key, was, now = found[0]
        raise UsageError(
            f"{earlier.folder} had {key} = {was}, this update has {now}.",
            "An adapter is trained on with its own shape." if key.startswith(SAME_ADAPTER)
            else "Its pairs and passages were made with that, and an update takes them over.",
            "Leave the setting as it was, or "
            + ("start a new adapter: --set update.start=new" if key.startswith(SAME_ADAPTER)
               else "adapt anew without --update; --pairs takes the pairs over")
            + ".",
        )  # fmt: skip
    if recipe.update.removed == "unlearn" and not METHODS[recipe.method].needs_pairs:
        raise UsageError(
            f"The method {recipe.method} has no pairs, so there is nothing to unlearn by.",
            "What is unlearned are the questions that were trained.", "Use --set update.removed=drop.",
        )  # fmt: skip


def check_place(earlier: EarlierRun, model: Model) -> None:
    """Raises UsageError where a model that is not on this machine is another one by where it comes from."""
    if not model.is_here and model.reference not in (earlier.model, _location(earlier.model)):
        raise _another_model(earlier, model.name)


def _location(name: str) -> str:
    alias = ALIASES.get(name.lower())
    return alias.hub_id if alias else name


def _another_model(earlier: EarlierRun, name: str) -> UsageError:
    return UsageError(
        f"{name} is not the model that {earlier.folder} was trained on.",
        f"That was {earlier.model}, and its files are not these." if name != earlier.model
        else "The files in the model folder have changed since.",
        "An update needs the very same base: leave --model out, or adapt anew without --update.",
    )  # fmt: skip


def differing(was: Recipe, now: Recipe, parts: Sequence[str]) -> list[tuple[str, object, object]]:
    """(setting, its value then, its value now) of those of these parts that differ."""
    found = []
    for part in parts:
        before, after = was.model_dump()[part], now.model_dump()[part]
        if isinstance(before, dict):
            found += [(f"{part}.{key}", before[key], after[key]) for key in before if before[key] != after[key]]
        elif before != after:
            found.append((part, before, after))
    return found


def earlier_answers(earlier: EarlierRun) -> dict[str, str]:
    """Question -> what that run's adapted model answered, closed book."""
    answers = earlier.folder.read_answers("after")
    if answers is None:
        return {}
    asked, finished = by_kind(earlier.questions)
    every = (
        *zip(asked, answers.questions["adapted"], strict=True), *zip(finished, answers.completions, strict=True),
        *zip(earlier.folder.read_questions_removed(), answers.removed, strict=True),
    )  # fmt: skip
    return {question.text: answer for question, answer in every}
