"""Recipes: every setting of a run with its default, range, meaning, and the source of its value."""

from disc_lite.recipe.catalogue import list_recipes, recipe_path
from disc_lite.recipe.loading import ResolvedRecipe, at_width, load_recipe, within_context
from disc_lite.recipe.remarks import UserInputs, remarks
from disc_lite.recipe.schema import Recipe
from disc_lite.recipe.settings import SETTINGS, Setting
from disc_lite.recipe.writing import to_yaml

__all__ = [
    "SETTINGS",
    "Recipe",
    "ResolvedRecipe",
    "Setting",
    "UserInputs",
    "at_width",
    "list_recipes",
    "load_recipe",
    "recipe_path",
    "remarks",
    "to_yaml",
    "within_context",
]
