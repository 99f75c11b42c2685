"""Writes a resolved recipe as YAML that reads back as the same recipe, each value with its source."""

from __future__ import annotations

import re
from typing import Any

import yaml

from disc_lite.recipe.loading import ResolvedRecipe

_PLAIN = re.compile(r"[a-z][a-z0-9_]*")


def to_yaml(resolved: ResolvedRecipe) -> str:
    """The recipe as YAML: every setting on a line of its own, with the source of its value as a comment."""
    lines = ["# resolved recipe: every setting, and where its value came from"]
    for name, value in resolved.recipe.model_dump().items():
        if isinstance(value, dict):
            lines.append(f"{name}:")
            lines += [_line(resolved, f"{name}.{key}", inner) for key, inner in value.items()]
        else:
            lines.append(_line(resolved, name, value))
    return "\n".join(lines) + "\n"


def _line(resolved: ResolvedRecipe, key: str, value: Any) -> str:
    section, _, name = key.rpartition(".")
    source = resolved.sources[key]
    # A source may contain a path with a line end, which would end the comment.
    shown = source if source.isprintable() else repr(source)
    return f"{'  ' if section else ''}{name}: {_scalar(value)}  # {shown}"


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    if _PLAIN.fullmatch(value):
        return value
    quoted: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=1 << 30)
    return quoted.strip()
