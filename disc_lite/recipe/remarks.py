"""Remarks on the settings that a user chose: which were cut, and which have no effect because of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from disc_lite.recipe.catalogue import is_path
from disc_lite.recipe.loading import CUT, ResolvedRecipe
from disc_lite.recipe.methods import DISC, METHODS
from disc_lite.recipe.schema import Recipe
from disc_lite.recipe.settings import SETTINGS, value_of


@dataclass(frozen=True)
class UserInputs:
    """The inputs of a run that the user gives besides a recipe."""

    pairs: bool = False
    questions: bool = False
    update: bool = False  # whether the run is an update


@dataclass(frozen=True)
class Idle:
    """Settings, or whole sections, that have no effect if `holds` is true."""

    keys: tuple[str, ...]
    why: str  # {method} is replaced by the recipe's method
    holds: Callable[[Recipe, UserInputs], bool]


DRAFTED = tuple(f"prompt.{name}" for name in (
    "questions_per_sentence", "questions_per_1000_tokens", "questions_per_passage", "kinds", "yes_no_share",
    "answer_temperature", "answers_per_question", "agreement", "screening", "min_support", "min_gain",
))  # fmt: skip
QUESTIONS = tuple(f"prompt.{n}" for n in ("question_temperature", "question_min_p", "min_fluency", "question_tokens"))
SAMPLED = ("prompt.answers_per_question", "prompt.agreement")
OF_RETENTION = tuple(f"retention.{name}" for name in ("prompts", "max_reads", "share", "least_share"))


def _pairs(recipe: Recipe) -> bool:
    return METHODS[recipe.method].needs_pairs


def _kinds(recipe: Recipe) -> tuple[str, ...]:
    return METHODS[recipe.method].lessons


# If several apply to a setting, only the first is reported.
IDLE = (
    Idle(("update",), "there is no --update", lambda r, given: not given.update),
    Idle(("update.rehearse",), "with update.start=new all passages are taught", lambda r, _: r.update.start == "new"),
    Idle(("disc",), "the method {method} has no DiSC examples", lambda r, _: DISC not in _kinds(r)),
    Idle(("disc.share",), "only the method `both` mixes examples", lambda r, _: len(_kinds(r)) < 2),
    Idle(("disc.targets_per_document",), "disc.targets=all takes all sentences", lambda r, _: r.disc.targets == "all"),
    Idle(("disc.lead_in_tokens",), "only disc.anchor=lead_in or mixed shows these tokens",
         lambda r, _: r.disc.anchor not in ("lead_in", "mixed")),
    Idle(DRAFTED, "the method {method} has no pairs", lambda r, _: not _pairs(r)),
    Idle(DRAFTED, "the pairs are your own", lambda r, given: given.pairs),
    Idle(QUESTIONS, "no question is drafted",
         lambda r, given: given.questions and (given.pairs or not _pairs(r))),
    Idle(("prompt.worked_examples",), "no question is drafted, and the method {method} has no pairs",
         lambda r, given: given.questions and not _pairs(r)),
    Idle(("prompt.questions_per_sentence",), "another number of questions takes precedence",
         lambda r, _: bool(r.prompt.questions_per_1000_tokens or r.prompt.questions_per_passage)),
    Idle(("prompt.questions_per_1000_tokens",), "prompt.questions_per_passage takes precedence",
         lambda r, _: bool(r.prompt.questions_per_passage)),
    Idle(("prompt.kinds",), "without prompt.worked_examples all questions are plain",
         lambda r, _: not r.prompt.worked_examples),
    Idle(SAMPLED, "at prompt.answer_temperature=0 there is only the likeliest answer",
         lambda r, _: r.prompt.answer_temperature == 0),
    Idle(("loss",), "the method {method} has no teacher", lambda r, _: not METHODS[r.method].has_teacher),
    Idle(("loss.label_share",), "the method {method} has no answers to questions", lambda r, _: not _pairs(r)),
    Idle(("loss.beta",), "only loss.divergence=jsd has a mixture", lambda r, _: r.loss.divergence != "jsd"),
    Idle(("loss.temperature_squared",), "loss.temperature is 1", lambda r, _: r.loss.temperature == 1),
    Idle(OF_RETENTION, "retention.weight=0 turns the retention term off", lambda r, _: r.retention.weight == 0),
    Idle(("retention.least_share",), "retention.share is not above it",
         lambda r, _: r.retention.least_share >= r.retention.share),
    Idle(("train.enough",), "the method {method} trains no questions, so all epochs are made",
         lambda r, _: r.train.enough > 0 and not _pairs(r)),
    Idle(("train.enough",), "only train.schedule=trapezoid ends early",
         lambda r, _: r.train.enough > 0 and r.train.schedule != "trapezoid"),
    Idle(("evaluation.questions",), "the questions are your own", lambda r, given: given.questions),
    Idle(("execution.teacher_cache_gib",), "the method {method} has no teacher",
         lambda r, _: not METHODS[r.method].has_teacher),
)  # fmt: skip


def remarks(resolved: ResolvedRecipe, given: UserInputs = UserInputs()) -> list[str]:
    """A sentence for each chosen setting that was cut, and one for each reason for which settings have no effect."""
    by_reason: dict[str, list[str]] = {}
    for key in filter(lambda key: _is_chosen(key, resolved, given), resolved.sources):
        holding = (idle for idle in IDLE if key in idle.keys or key.partition(".")[0] in idle.keys)
        why = next((idle.why for idle in holding if idle.holds(resolved.recipe, given)), None)
        if why is not None:
            by_reason.setdefault(why.format(method=resolved.recipe.method), []).append(key)
    named = {key for keys in by_reason.values() for key in keys}
    cut = [f"{key}: {source.partition(CUT)[2]}." for key, source in resolved.sources.items()
           if CUT in source and key not in named and not source.startswith("default")]  # fmt: skip
    return cut + [f"{_and(keys)} no effect: {why}." for why, keys in by_reason.items()]


def _is_chosen(key: str, resolved: ResolvedRecipe, given: UserInputs) -> bool:
    """Whether the user chose the setting: with `--set`, in the environment, or to another value in their own recipe.

    An update uses the recipe of the earlier run, where these remarks were made.
    """
    kind, _, name = resolved.sources[key].partition(CUT)[0].partition(" ")
    if kind == "recipe":
        return is_path(name) and not given.update and value_of(resolved.recipe, key) != SETTINGS[key].default
    return not kind.startswith("default")


def _and(keys: list[str]) -> str:
    return f"{keys[0]} has" if len(keys) == 1 else f"{', '.join(keys[:-1])} and {keys[-1]} have"
