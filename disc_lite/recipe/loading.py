"""Defaults, recipe file, environment, `--set` and `--seed` -> one checked recipe.

A later one takes precedence over those before it; the source of every value is recorded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from disc_lite.errors import RecipeError
from disc_lite.recipe.catalogue import recipe_path
from disc_lite.recipe.reading import Entry, read_recipe_file, shown, unknown_setting
from disc_lite.recipe.schema import Recipe
from disc_lite.recipe.settings import SETTINGS, changed, value_of

ENVIRONMENT_PREFIX = "DISC_LITE_"
RATE = "train.learning_rate"
# The default rate was found at this width (Qwen2.5-Coder-1.5B), and 5e-4 serves SmolLM2-135M, of width 576
# (bench/notes/real-models.md). The exponent fits both.
RATE_WIDTH = 1536
RATE_EXPONENT = -1.64
WINDOW, RETRIEVED = "disc.teacher_tokens", "evaluation.rag_passages"
CUT = "; "  # separates the source of a value from the reason for which it was changed
ASKED_TOKENS, HEADING_TOKENS = 64, 32  # most tokens of a question with its chat template; of a passage's heading


@dataclass(frozen=True)
class ResolvedRecipe:
    """A checked recipe, and the source of each value by dotted key."""

    recipe: Recipe
    sources: dict[str, str]


def load_recipe(
    name_or_path: str | Path = "default",
    overrides: Mapping[str, object] | None = None,
    seed: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> ResolvedRecipe:
    """Load a recipe by name or path, and apply the settings that take precedence over it.

    Args:
        name_or_path: a recipe of the package, or a YAML file.
        overrides: values of `--set` by dotted key, as in `{"train.epochs": 3}`; texts are read as in YAML.
        seed: value of `--seed`, which takes precedence over everything else.
        environment: variables like DISC_LITE_TRAIN__EPOCHS; by default those of the process.

    Raises RecipeError for an unknown name or key, a value of the wrong type or out of its range, or invalid YAML.
    """
    entries = {
        **_from_file(name_or_path),
        **_from_environment(os.environ if environment is None else environment),
        **_from_overrides(overrides or {}),
    }
    if seed is not None:
        entries["seed"] = Entry(seed, "--seed", "--seed")
    recipe = _checked(entries)
    sources = {key: entries[key].source if key in entries else "default" for key in SETTINGS}
    return ResolvedRecipe(recipe, sources)


def at_width(resolved: ResolvedRecipe, width: int) -> ResolvedRecipe:
    """The recipe for a model with hidden size `width`: the default learning rate is raised for a narrow model."""
    if width >= RATE_WIDTH or resolved.sources[RATE] != "default":
        return resolved
    recipe = resolved.recipe
    rate = float(f"{recipe.train.learning_rate * (width / RATE_WIDTH) ** RATE_EXPONENT:.1e}")
    return ResolvedRecipe(changed(recipe, RATE, rate), {**resolved.sources, RATE: f"default, for a width of {width}"})


def within_context(resolved: ResolvedRecipe, tokens: int) -> ResolvedRecipe:
    """The recipe for a model with a context of `tokens` tokens: settings that exceed it are cut."""
    recipe, sources = resolved.recipe, dict(resolved.sources)
    left = tokens - recipe.evaluation.answer_tokens - ASKED_TOKENS
    most = {WINDOW: tokens, RETRIEVED: max(1, left // (recipe.documents.passage_tokens + HEADING_TOKENS))}
    for key, fitting in most.items():
        if value_of(recipe, key) > fitting:
            recipe = changed(recipe, key, fitting)
            sources[key] += f"{CUT}cut to {fitting:,}, since the model reads {tokens:,} tokens at once"
    return ResolvedRecipe(recipe, sources)


def environment_name(key: str) -> str:
    """The environment variable that sets `key`: DISC_LITE_TRAIN__EPOCHS for `train.epochs`."""
    return ENVIRONMENT_PREFIX + key.replace(".", "__").upper()


def _from_file(name_or_path: str | Path) -> dict[str, Entry]:
    path = recipe_path(name_or_path)
    file = read_recipe_file(path, f"recipe {name_or_path}")
    named = {"name": Entry(path.stem, f"recipe {name_or_path}", f"{path}"), **file.entries}
    if not file.extends:
        return named
    parent = read_recipe_file(recipe_path(file.extends), f"recipe {file.extends}")
    if parent.extends:
        raise RecipeError(
            f"{path} extends {shown(file.extends)}, which extends {shown(parent.extends)}.",
            "A recipe can only extend one that extends no other, so that two files define all of it.",
        )
    return {**parent.entries, **named}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Entry]:
    """The settings in environment variables. Raises RecipeError for a name that only resembles a setting."""
    keys = {environment_name(key): key for key in SETTINGS}
    alike = {_letters(name): name for name in keys}
    entries = {}
    for name in sorted(environment):
        if name in keys:
            entries[keys[name]] = Entry(environment[name], f"environment {name}", name)
        elif meant := alike.get(_letters(name)):
            raise RecipeError(
                f"environment {name}: there is no such setting.", f"{keys[meant]} is set by {meant}.",
                "Write capital letters, and two underscores after the section.",
            )  # fmt: skip
        elif name.startswith(ENVIRONMENT_PREFIX) and "__" in name:
            # Without a double underscore it can be an option of the command line.
            key = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
            raise unknown_setting(f"environment {name}", key)
    return entries


def _letters(name: str) -> str:
    """The name of a variable in capitals and without underscores, which people often get wrong."""
    return name.replace("_", "").upper()


def _from_overrides(overrides: Mapping[str, object]) -> dict[str, Entry]:
    for key in overrides:
        if key not in SETTINGS:
            raise unknown_setting("--set", key)
    return {key: Entry(value, "--set", "--set") for key, value in overrides.items()}


def _checked(entries: Mapping[str, Entry]) -> Recipe:
    tree: dict[str, Any] = {}
    for key, entry in entries.items():
        section, _, name = key.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[name] = entry.value
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        first, *others = error.errors(include_url=False, include_context=False)
        key = ".".join(str(part) for part in first["loc"])
        raise _wrong_value(key, entries[key], len(others)) from error


def _wrong_value(key: str, entry: Entry, others: int) -> RecipeError:
    setting = SETTINGS[key]
    more = f" ({others} more values are wrong)" if others else ""
    return RecipeError(
        f"{entry.place}: {key} cannot be {shown(entry.value)}{more}.",
        f"It takes {setting.allowed}; the default is {shown(setting.default)}.",
        f"Its meaning: {setting.description}.",
    )
