"""A recipe file -> its settings as text, each with its line number.

No YAML value is constructed: the tree of nodes is walked and every scalar is taken as it is written. So tags execute
nothing, and only the schema decides what a value means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from disc_lite.errors import RecipeError
from disc_lite.recipe.settings import SECTIONS, SETTINGS, nearest

MAX_BYTES = 1 << 20
_SCALARS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp"))


@dataclass(frozen=True)
class Entry:
    """A value as it was written, its source and its exact place."""

    value: Any
    source: str  # as in "recipe pocket", "--set"
    place: str  # as in "pocket.yaml, line 12"


@dataclass(frozen=True)
class RecipeFile:
    """The content of a recipe file: its settings by dotted key, and the recipe that it extends."""

    entries: dict[str, Entry]
    extends: str


def read_recipe_file(path: Path, source: str) -> RecipeFile:
    """Read one recipe file. Raises RecipeError for any error in its form or its keys."""
    root = _root(path)
    entries: dict[str, Entry] = {}
    for key, node in _leaves(root, path):
        place = _place(path, node)
        if key in entries:
            raise RecipeError(f"{place}: {key} is set twice.", f"First in {entries[key].place}.", "Remove one of them.")
        entries[key] = Entry(node.value, source, place)
    base = entries.pop("extends", None)
    return RecipeFile(entries, base.value if base else "")


def unknown_setting(place: str, key: str) -> RecipeError:
    """The error for an unknown key, with the most similar setting."""
    return RecipeError(
        f"{place}: there is no setting {shown(key)}.",
        f"The nearest one is `{nearest(key)}`.",
        "All settings: `disc-lite recipes show default`.",
    )


def shown(value: object) -> str:
    """An untrusted value, made short and printable for a message."""
    text = value if isinstance(value, str) else repr(value)
    short = text if len(text) <= 60 else text[:57] + "..."
    return f"`{short}`" if short.isprintable() else repr(short)


def _root(path: Path) -> yaml.MappingNode | None:
    """The top node of a YAML file, None if it is empty. Raises RecipeError if it is not a mapping."""
    text = _text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else f"{path}"
        problem = getattr(error, "problem", None) or str(error)
        raise RecipeError(f"{where}: this is not valid YAML.", str(problem)) from error
    except RecursionError as error:
        raise RecipeError(f"{path}: this is not a recipe.", "It is nested too deeply.") from error
    if node is None:
        return None
    if not isinstance(node, yaml.MappingNode):
        raise RecipeError(f"{path}: this is not a recipe.", "It holds no `key: value` lines.")
    return node


def _text(path: Path) -> str:
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_BYTES:
            raise RecipeError(
                f"{path}: this is not a recipe.", f"It has {size_bytes:,} bytes, more than {MAX_BYTES:,}."
            )
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is not UTF-8.", f"Byte {error.start} is invalid.", "Save it as UTF-8.") from error
    except OSError as error:
        raise RecipeError(f"{path} cannot be read.", error.strerror or str(error)) from error


def _leaves(root: yaml.MappingNode | None, path: Path) -> Iterator[tuple[str, yaml.ScalarNode]]:
    """Yields every setting below `root` with its dotted key; there is only one level of sections."""
    for key_node, node in root.value if root is not None else ():
        key = _key(key_node, path)
        if key not in SECTIONS:
            yield key, _scalar(key, node, path)
        elif isinstance(node, yaml.MappingNode):
            for inner_node, leaf in node.value:
                inner = f"{key}.{_key(inner_node, path)}"
                yield inner, _scalar(inner, leaf, path)
        elif node.value:  # a section whose lines are all commented out is empty, which is no error
            raise RecipeError(
                f"{_place(path, node)}: `{key}` is a group of settings, not a setting.",
                "Its settings go below it, indented: "
                + ", ".join(known for known in SETTINGS if known.startswith(f"{key}.")),
            )


def _key(node: yaml.Node, path: Path) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise RecipeError(f"{_place(path, node)}: this is not a recipe.", "A key is a single word.")
    return str(node.value)


def _scalar(key: str, node: yaml.Node, path: Path) -> yaml.ScalarNode:
    if key != "extends" and key not in SETTINGS:
        raise unknown_setting(_place(path, node), key)
    if not isinstance(node, yaml.ScalarNode) or node.tag not in _SCALARS:
        allowed = SETTINGS[key].allowed if key in SETTINGS else "the name of a recipe"
        raise RecipeError(f"{_place(path, node)}: `{key}` has a wrong value.", f"It takes {allowed}.")
    return node


def _place(path: Path, node: yaml.Node) -> str:
    return f"{path}, line {node.start_mark.line + 1}"
