"""Recipes: those of the package, and where each value of a run comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from disc_lite.errors import RecipeError
from disc_lite.recipe import (
    SETTINGS,
    Recipe,
    at_width,
    list_recipes,
    load_recipe,
    recipe_path,
    remarks,
    to_yaml,
    within_context,
)
from tests.recipe.written import load_text

NAMES = (
    "default api-reference biomedical handbook legal news paper-disc paper-prompt-distillation personal-notes pocket"
)


# --- the recipes of the package --------------------------------------------------------------


def test_all_recipes_are_there_with_their_purpose() -> None:
    assert " ".join(name for name, _ in list_recipes()) == NAMES
    assert all(about for _, about in list_recipes())


@pytest.mark.parametrize("name", NAMES.split())
def test_every_recipe_loads_and_changes_only_what_differs(name: str) -> None:
    resolved = load_recipe(name)
    assert resolved.recipe.name == name
    assert set(resolved.sources) == set(SETTINGS)
    assert set(resolved.sources.values()) <= {"default", f"recipe {name}"}
    assert recipe_path(name).read_text().startswith("# For: ")


def test_the_default_recipe_is_the_schema() -> None:
    about = load_recipe().recipe.about
    assert load_recipe().recipe == Recipe(about=about)


@pytest.mark.parametrize("name", ["handbook", "api-reference", "news", "biomedical", "legal", "personal-notes"])
def test_a_domain_recipe_without_evidence_changes_nothing(name: str) -> None:
    changed = {key for key, source in load_recipe(name).sources.items() if source != "default"}
    assert changed == {"name", "about"}


def test_only_a_rate_that_nobody_chose_is_raised_for_a_narrow_model() -> None:
    default = load_recipe()
    assert at_width(default, 4096) == at_width(default, 1536) == default
    narrow = at_width(default, 576)
    assert narrow.recipe.train.learning_rate == 5e-4
    assert narrow.sources["train.learning_rate"] == "default, for a width of 576"
    assert narrow.recipe.model_copy(update={"train": default.recipe.train}) == default.recipe
    chosen = load_recipe(overrides={"train.learning_rate": "1e-4"})
    assert at_width(chosen, 576) == chosen


def test_what_a_model_cannot_read_at_once_is_cut(tmp_path: Path) -> None:
    chosen = load_recipe(overrides={"method": "disc", "disc.teacher_tokens": "3000", "documents.passage_tokens": "700"})
    assert within_context(chosen, 4096) == chosen
    cut = within_context(chosen, 2048)
    assert (cut.recipe.disc.teacher_tokens, cut.recipe.evaluation.rag_passages) == (2048, 2)  # 2 * 732 + 64 + 64
    assert remarks(cut) == ["disc.teacher_tokens: cut to 2,048, since the model reads 2,048 tokens at once."]
    assert load_text(tmp_path, to_yaml(cut)).recipe == cut.recipe
    default = within_context(load_recipe(), 2048)
    assert (default.recipe.disc.teacher_tokens, default.recipe.evaluation.rag_passages) == (2048, 3)
    assert remarks(default) == []


def test_every_setting_says_what_it_takes() -> None:
    for setting in SETTINGS.values():
        assert setting.description, setting.key
        assert setting.allowed, setting.key
        if isinstance(setting.default, (int, float)) and not isinstance(setting.default, bool):
            one_of = setting.allowed.startswith("one of")
            assert one_of or setting.allowed.count(",") == 2, f"{setting.key} has no range"


# --- where a value comes from ----------------------------------------------------------------


def test_the_order_of_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "seed: 1\ntrain:\n  epochs: 2\n  tokens_per_batch: 200\n  clip_norm: 2\n"
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    monkeypatch.setenv("DISC_LITE_TRAIN__EPOCHS", "3")
    monkeypatch.setenv("DISC_LITE_TRAIN__TOKENS_PER_BATCH", "300")
    monkeypatch.setenv("DISC_LITE_SEED", "3")
    monkeypatch.setenv("DISC_LITE_OFFLINE", "1")  # an option of the command line
    resolved = load_recipe(str(path), {"train.epochs": "4", "seed": "4"}, seed=5)
    train, sources = resolved.recipe.train, resolved.sources
    assert (resolved.recipe.seed, sources["seed"]) == (5, "--seed")
    assert (train.epochs, sources["train.epochs"]) == (4, "--set")
    environment = "environment DISC_LITE_TRAIN__TOKENS_PER_BATCH"
    assert (train.tokens_per_batch, sources["train.tokens_per_batch"]) == (300, environment)
    assert (train.clip_norm, sources["train.clip_norm"]) == (2.0, f"recipe {path}")
    assert (train.beta1, sources["train.beta1"]) == (0.9, "default")
    assert resolved.recipe.name == "mine"


@pytest.mark.parametrize("name", [
    "DISC_LITE_TRAIN_EPOCHS", "DISC_LITE_train__epochs", "DISC_LITE_TRAIN___EPOCHS", "DISC_LITE_TRAINEPOCHS",
])  # fmt: skip
def test_a_variable_that_is_written_a_little_wrong_is_not_ignored(name: str) -> None:
    with pytest.raises(RecipeError, match=name) as caught:
        load_recipe(environment={name: "3"})
    assert "train.epochs is set by DISC_LITE_TRAIN__EPOCHS" in str(caught.value)
    others = {"DISC_LITE_CACHE": "x", "DISC_LITE_OFFLINE": "1", "DISC_LITE_LLAMA_CPP": "x", "TRAIN_EPOCHS": "3"}
    assert load_recipe(environment=others).recipe == load_recipe(environment={}).recipe


def test_a_recipe_may_extend_one_that_extends_none(tmp_path: Path) -> None:
    resolved = load_text(tmp_path, "extends: pocket\ntrain:\n  epochs: 7\n")
    assert resolved.recipe.train.epochs == 7
    assert resolved.recipe.train.learning_rate == load_recipe("pocket").recipe.train.learning_rate
    assert resolved.sources["train.learning_rate"] == "recipe pocket"
    with pytest.raises(RecipeError, match="There is no recipe `poket`"):
        load_text(tmp_path, "extends: poket")
    (tmp_path / "child.yaml").write_text("extends: pocket")
    with pytest.raises(RecipeError, match="which extends"):
        load_text(tmp_path, f"extends: {tmp_path}/child.yaml")


def test_what_is_resolved_reads_back_as_the_same(tmp_path: Path) -> None:
    for name in NAMES.split():
        resolved = load_recipe(name, {"train.learning_rate": "1e-5"}, seed=3)
        text = to_yaml(resolved)
        assert "learning_rate: 1e-05  # --set" in text
        assert "seed: 3  # --seed" in text
        assert load_text(tmp_path, text).recipe == resolved.recipe
        assert yaml.safe_load(text)["documents"] == resolved.recipe.documents.model_dump()


@given(about=st.text(), name=st.text(min_size=1), rate=st.floats(1e-30, 1), seed=st.integers(0, 9))
def test_any_text_and_number_reads_back(tmp_path: Path, about: str, name: str, rate: float, seed: int) -> None:
    overrides = {"about": about, "name": name, "train.learning_rate": repr(rate)}
    resolved = load_recipe("default", overrides, seed)
    assert load_text(tmp_path, to_yaml(resolved)).recipe == resolved.recipe


def test_a_recipe_cannot_change() -> None:
    with pytest.raises(ValidationError):
        load_recipe().recipe.train.epochs = 3
