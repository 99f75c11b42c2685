"""A finished run, an adapter folder or a merged model: checked, loaded, and asked single questions.

Imports torch only to load the model, so that errors in a folder are reported at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from disc_lite.errors import UsageError
from disc_lite.hub.adapters import CONFIG, check_fit, open_base, read_config, trained_on
from disc_lite.hub.aliases import check_folder
from disc_lite.hub.configuration import context_tokens
from disc_lite.hub.weights import weight_files, weight_shapes
from disc_lite.recipe import Recipe
from disc_lite.run.finished import open_run
from disc_lite.run.folder import RunFolder
from disc_lite.run.overhead import turn_tokens

if TYPE_CHECKING:
    from disc_lite.models import Base


SHOWN = 40  # characters of a question in a message
KEYS = frozenset(("question", "adapted", "base"))  # keys in the results of `ask`


@dataclass(frozen=True)
class Adapted:
    """An adapted model on disk, in any of the three forms."""

    folder: Path  # as the user gave it
    kind: Literal["run", "adapter", "merged"]
    name: str  # of the base model
    model: Path  # the folder of the base, or of the merged model
    adapter: Path | None  # None for a merged model, which has no base to compare with
    quantize: str
    answer_tokens: int  # the recipe's limit for an answer
    context_tokens: int  # limit for prompt and answer together

    @property
    def longest_answer(self) -> int:
        """The default limit of an answer in tokens: the recipe's, but at most half of the context."""
        return min(self.answer_tokens, self.context_tokens // 2)

    def answer_limit(self, max_tokens: int | None) -> int:
        """The limit of an answer in tokens. Raises UsageError if `max_tokens` leaves no room for a question."""
        if max_tokens is not None and max_tokens >= self.context_tokens:
            raise UsageError(
                f"Answers of {max_tokens} tokens leave no room for a question.",
                f"The context of the model is {self.context_tokens} tokens.", "Use a smaller --max-tokens.",
            )  # fmt: skip
        return max_tokens or self.longest_answer

    def require_base(self) -> None:
        """Raises UsageError for a merged model, which has no base to compare with."""
        if self.adapter is None:
            raise UsageError(
                f"{self.folder} is a merged model, which has no separate base to compare with or to share.", "",
                "Use the run or the adapter folder that it was merged from.",
            )  # fmt: skip


def open_adapted(folder: Path) -> Adapted:
    """Determine the form of a folder, and check it without loading the model.

    A run, and an adapter that disc-lite trained, is loaded in the precision in which it was trained; an adapter of
    another program on its base in NF4, the recipe's default. A merged model is loaded as it is stored: quantising it
    would lose some of what it learned and bring back errors that the adapter had corrected.

    Raises UsageError if the folder is none of the three or is incomplete; EnvironmentNotReady if a model is.
    """
    longest = Recipe().prompt.answer_tokens
    if RunFolder(folder).record.is_file():
        run = open_run(folder)
        check_fit(run.folder.adapter, read_config(run.folder.adapter), run.model.folder)
        model, quantize, longest = run.model, run.recipe.memory.quantize, run.recipe.prompt.answer_tokens
        context = context_tokens(model.folder)
        return Adapted(folder, "run", model.name, model.folder, run.folder.adapter, quantize, longest, context)
    is_model = bool(weight_files(folder))
    if (folder / CONFIG).is_file() and is_model:
        raise UsageError(
            f"{folder} holds both a whole model and an adapter.", f"{CONFIG} is next to the model's weights.",
            "Move them into separate folders and use one of these.",
        )  # fmt: skip
    if (folder / CONFIG).is_file():
        model, then = open_base(folder), trained_on(folder)
        precision = then.quantize if then else Recipe().memory.quantize
        run_folder = RunFolder(folder.parent)
        if run_folder.record.is_file():
            run_folder.require_base(model)
        context = context_tokens(model.folder)
        return Adapted(folder, "adapter", model.name, model.folder, folder, precision, longest, context)
    if not (is_model or (folder / "config.json").is_file()):
        why = "" if folder.is_dir() else "It is a file." if folder.exists() else "There is no such folder."
        raise UsageError(
            f"{folder} is not the folder of a run, an adapter or a merged model.", why,
            "Use the --output of an `adapt`, or of an `export --to adapter` or `--to merged`.",
        )  # fmt: skip
    check_folder(folder)
    weight_shapes(folder)  # a file that is cut short is refused here
    return Adapted(folder, "merged", folder.resolve().name, folder, None, "none", longest, context_tokens(folder))


def open_together(folders: Sequence[Path]) -> dict[str, Adapted]:
    """Open adapted models of one base, each under its folder's name, or under its path if names are not unique.

    Raises UsageError if one is merged, or of another base than the first.
    """
    opened = [open_adapted(folder) for folder in folders]
    _require_one_base(opened)
    names = [one.folder.resolve().name for one in opened]
    unclear = {name for name in names if names.count(name) > 1} | KEYS
    named = {
        str(one.folder.resolve()) if name in unclear else name: one for name, one in zip(names, opened, strict=True)
    }
    if len(named) < len(opened):
        raise UsageError("The same folder is named twice.", "", "Name each folder once.")
    return named


def _require_one_base(opened: Sequence[Adapted]) -> None:
    first = opened[0]
    for other in opened[1:]:
        for one in (first, other):
            one.require_base()
        if (other.model.resolve(), other.quantize) != (first.model.resolve(), first.quantize):
            raise UsageError(
                f"{other.folder} and {first.folder} have different bases.",
                f"{other.name} ({other.quantize}) and {first.name} ({first.quantize}); only one is loaded at a time.",
                "Ask each in a separate command.",
            )  # fmt: skip


def load(adapted: Adapted, device: str | None = None, others: Sequence[Adapted] = ()) -> Base:
    """Load a model with its adapter, and the adapters of `others` with the same base, for `switch`."""
    from disc_lite.models import load_base

    base = load_base(adapted.model, adapted.quantize, device, adapted.adapter)
    for number, other in enumerate(others, 1):
        assert other.adapter is not None  # a merged model is refused when several are opened
        base.load_adapter(other.adapter, f"other{number}")
    return base


def switch(base: Base, number: int) -> None:
    """Use adapter `number`: 0 is the model's own, 1 and up are those of the others."""
    base.use_adapter(f"other{number}" if number else "default")


def _cut(question: str, limit: int) -> str:
    return f"An answer was cut after {limit} tokens (--max-tokens sets the limit): {_beginning(question)}"


def _beginning(question: str) -> str:
    text = " ".join(question.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN].strip()} …"


def _require_room(adapted: Adapted, questions: Sequence[str], limit: int) -> None:
    room = adapted.context_tokens - limit
    for question, tokens in zip(questions, turn_tokens(adapted.model, questions), strict=True):
        if tokens > room:
            raise UsageError(
                f"A question is longer than the context of the model: {question[:SHOWN].strip()} …",
                f"It has {tokens:,} tokens; next to its answer at most {room:,} fit.", "Ask a shorter question.",
            )  # fmt: skip


def require_words(questions: Sequence[str]) -> None:
    """Raises UsageError if a question is blank or has neither a letter nor a digit."""
    remedy = 'Ask something: disc-lite ask RUN "Who approves travel?" (- reads questions from stdin)'
    for question in questions:
        if not question.strip():
            raise UsageError("A question is blank.", "", remedy)
        if not any(character.isalnum() for character in question):
            raise UsageError(f"A question has neither a letter nor a digit: {question[:SHOWN].strip()}", "", remedy)


def ask(
    model: Adapted | str | Path, questions: str | Sequence[str], *, with_base: bool = False, device: str | None = None,
    others: Mapping[str, Adapted | str | Path] | None = None, max_tokens: int | None = None,
    warn: Callable[[str], None] = lambda text: None,
) -> list[dict[str, str]]:  # fmt: skip
    """Greedy closed-book answers, each question by itself: `adapted`, and with `with_base` also `base`.

    `model` is the folder of a run, an adapter or a merged model; `others` are more runs or adapters of the same base,
    each under the key that its answers get. An answer has at most `max_tokens`; by default as many as the recipe says.
    `warn` is called with what the user should know about the model, and which answers were cut.

    Raises UsageError if a question has no letter or digit, or does not fit into the context with its answer, and
    where one of `others` has another base or one of the `KEYS`.
    """
    adapted, *opened = (
        one if isinstance(one, Adapted) else open_adapted(Path(one)) for one in (model, *(others or {}).values())
    )
    _require_one_base([adapted, *opened])
    if taken := KEYS & set(others or {}):
        raise UsageError(f"`others` has the key {min(taken)!r}.", "Other answers are returned under it.", "Rename it.")
    questions = [questions] if isinstance(questions, str) else questions
    require_words(questions)
    if with_base:
        adapted.require_base()
    limits = [one.answer_limit(max_tokens) for one in (adapted, *opened)]
    for one, limit in zip((adapted, *opened), limits, strict=True):
        _require_room(one, questions, limit)
    from disc_lite.evaluation.asking import answer
    from disc_lite.qa import Question

    with closing(load(adapted, device, opened)) as base:
        for warning in base.warnings:
            warn(warning)
        as_questions = [Question(text, ("",)) for text in questions]

        def said(limit: int, *, adapter: bool) -> list[str]:
            def on_cut(at: int) -> None:
                warn(_cut(questions[at], limit))

            return answer(base, as_questions, limit, adapter=adapter, on_cut=on_cut)

        found = {"question": list(questions), "adapted": said(limits[0], adapter=True)}
        for number, (name, limit) in enumerate(zip(others or {}, limits[1:], strict=True), 1):
            switch(base, number)
            found[name] = said(limit, adapter=True)
        if with_base:
            found["base"] = said(limits[0], adapter=False)
    return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]
