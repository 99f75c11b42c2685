"""The settings of the schema as a flat table, for messages, sources and documentation."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from disc_lite.recipe.fields import Section
from disc_lite.recipe.schema import Recipe


@dataclass(frozen=True)
class Setting:
    """One setting, for messages and documentation."""

    key: str  # dotted, as in `train.epochs`
    default: Any
    unit: str
    allowed: str  # as in "a whole number, at least 1, at most 10000 (epochs)"
    description: str


def _settings(section: type[Section], prefix: str = "") -> Iterator[Setting]:
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from _settings(kind, f"{prefix}{name}.")
        else:
            extra = field.json_schema_extra
            unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
            text = field.description or ""
            yield Setting(f"{prefix}{name}", field.default, unit, _allowed(field, unit), text)


def _allowed(field: FieldInfo, unit: str) -> str:
    """What a setting takes, in words: its type, its limits and its unit."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(kind))
    words = {bool: "true or false", str: "text", int: "a whole number", float: "a number"}
    limits = [words[kind] if kind in words else str(kind)]
    for limit in field.metadata:
        if isinstance(limit, Ge):
            limits.append(f"at least {limit.ge}")
        elif isinstance(limit, Gt):
            limits.append(f"above {limit.gt}")
        elif isinstance(limit, Le):
            limits.append(f"at most {limit.le}")
        elif isinstance(limit, Lt):
            limits.append(f"below {limit.lt}")
    return ", ".join(limits) + (f" ({unit})" if unit else "")


SETTINGS: dict[str, Setting] = {setting.key: setting for setting in _settings(Recipe)}
SECTIONS: frozenset[str] = frozenset(key.split(".")[0] for key in SETTINGS if "." in key)


def value_of(recipe: Recipe, key: str) -> Any:
    """The value of a setting by its dotted key."""
    section, _, name = key.rpartition(".")
    return getattr(getattr(recipe, section) if section else recipe, name)


def changed(recipe: Recipe, key: str, value: object) -> Recipe:
    """A copy of the recipe with another value, which is not checked, for a setting in a section."""
    section, _, name = key.partition(".")
    return recipe.model_copy(update={section: getattr(recipe, section).model_copy(update={name: value})})


def nearest(key: str) -> str:
    """The setting whose dotted key, or its last part, is most similar to `key`."""
    key = key[:100]  # comparing takes quadratic time, and no setting is that long

    def likeness(known: str) -> float:
        return max(_likeness(key, known), 0.99 * _likeness(_last(key), _last(known)))

    return max(SETTINGS, key=likeness)


def _likeness(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, first.lower(), second).ratio()


def _last(key: str) -> str:
    return key.rpartition(".")[2]
