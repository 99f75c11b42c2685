"""Finds recipes: those of the package by name, those of the user by path."""

from __future__ import annotations

from pathlib import Path

from disc_lite.errors import RecipeError, did_you_mean
from disc_lite.recipe.reading import read_recipe_file, shown


def recipes_folder() -> Path:
    """The folder of recipes: inside the installed package, else in the repository around it."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def recipe_path(name_or_path: str | Path) -> Path:
    """The file of a recipe given by name or path.

    Raises RecipeError with the nearest names if there is no such recipe.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or is_path(text):
        if _is_file(Path(text)):
            return Path(text)
        raise RecipeError(f"There is no recipe file {shown(text)}.", remedy=_advice(Path(text).stem))
    path = recipes_folder() / f"{text}.yaml"
    if _is_file(path):
        return path
    raise RecipeError(f"There is no recipe {shown(text)}.", remedy=_advice(text))


def is_path(text: str) -> bool:
    """Whether a text is a path and not the name of a recipe: it has a slash or ends in `.yaml` or `.yml`."""
    return "/" in text or text.endswith((".yaml", ".yml"))


def list_recipes() -> list[tuple[str, str]]:
    """Name and purpose of every recipe of the package; `default` first, then by name."""
    names = sorted(_names(), key=lambda name: (name != "default", name))
    return [(name, _about(name)) for name in names]


def _about(name: str) -> str:
    entry = read_recipe_file(recipe_path(name), name).entries.get("about")
    return str(entry.value) if entry else ""


def _names() -> list[str]:
    return [path.stem for path in recipes_folder().glob("*.yaml")]


def _advice(name: str) -> str:
    return did_you_mean(name, _names()) or f"The recipes are {', '.join(sorted(_names()))}."


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # the name is too long, or contains NUL
        return False
