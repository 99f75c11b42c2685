"""What a run that learned too little can be told to change: only what has an effect in a run like it."""

from __future__ import annotations

from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import METHODS
from disc_lite.run.folder import RunFolder
from disc_lite.storage import JsonObject, read_json

# Of these settings the first that is not 0 takes precedence.
NUMBERS = ("questions_per_passage", "questions_per_1000_tokens", "questions_per_sentence")


def advice_on(folder: RunFolder, recipe: Recipe) -> JsonObject:
    """How to get more pairs, and shorter passages; an update may change neither."""
    anew = "adapt anew, without --update, with " if folder.read_update() else ""
    return {"pairs": _pairs(folder, recipe, anew), "passages": f"{anew}shorter passages (documents.passage_tokens)"}


def _pairs(folder: RunFolder, recipe: Recipe, anew: str) -> str:
    if not METHODS[recipe.method].needs_pairs:
        return f"{anew}question-answer pairs beside the sentences (method=both)"
    about = read_json(folder.pair_drafts, missing_ok=True)
    if about.get("given"):
        return "more pairs in your --pairs, which ask the same in other words"
    name = next(name for name in NUMBERS if getattr(recipe.prompt, name))
    what = "more pairs for each sentence" if name == NUMBERS[-1] else "more pairs"
    return f"{anew}{what} (prompt.{name}, which was {getattr(recipe.prompt, name):g})"
