"""`load_text` resolves a recipe that a test spells out; `MODEST` bounds what Hypothesis tries."""

from pathlib import Path

from hypothesis import HealthCheck, settings

from disc_lite.recipe import ResolvedRecipe, load_recipe

MODEST = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def load_text(folder: Path, text: str) -> ResolvedRecipe:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    return load_recipe(path)
