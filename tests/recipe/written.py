"""`load_text` resolves a recipe that a test spells out."""

from pathlib import Path

from disc_lite.recipe import ResolvedRecipe, load_recipe


def load_text(folder: Path, text: str) -> ResolvedRecipe:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    return load_recipe(path)
