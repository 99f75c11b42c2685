"""What a user should hear of the settings that they chose: which were cut, and which have no effect beside others."""

from __future__ import annotations

from collections.abc import Callable

from disc_lite.recipe.loading import CUT, ResolvedRecipe
from disc_lite.recipe.methods import METHODS
from disc_lite.recipe.schema import Recipe

# Setting -> whether another one makes it idle, and which.
IDLE: dict[str, tuple[Callable[[Recipe], bool], str]] = {
    "disc.targets_per_document": (lambda r: r.disc.targets == "all", "disc.targets=all takes all sentences"),
    "disc.share": (lambda r: len(METHODS[r.method].lessons) < 2, "only the method `both` mixes examples"),
    "prompt.questions_per_sentence": (
        lambda r: bool(r.prompt.questions_per_1000_tokens or r.prompt.questions_per_passage),
        "another number of questions takes precedence",
    ),
    "prompt.questions_per_1000_tokens": (
        lambda r: bool(r.prompt.questions_per_passage), "prompt.questions_per_passage takes precedence"
    ),
    "loss.beta": (lambda r: r.loss.divergence != "jsd", "only loss.divergence=jsd has a mixture"),
    "train.enough": (
        lambda r: r.train.enough > 0 and r.train.schedule != "trapezoid", "only train.schedule=trapezoid ends early"
    ),
}  # fmt: skip


def remarks(resolved: ResolvedRecipe) -> list[str]:
    """A sentence for each chosen setting that has no effect, or less than it says."""
    chosen = {key: source for key, source in resolved.sources.items() if not source.startswith("default")}
    idle = [f"{key} has no effect: {why}." for key, (is_idle, why) in IDLE.items()
            if key in chosen and is_idle(resolved.recipe)]  # fmt: skip
    return [f"{key}: {source.partition(CUT)[2]}." for key, source in chosen.items() if CUT in source] + idle
