"""R12: any recipe is either checked and whole, or one error that helps. Never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from disc_lite.errors import RecipeError
from disc_lite.recipe import SETTINGS, Recipe, load_recipe, to_yaml
from tests.recipe.written import load_text
from tests.tiers import tried


def error_of(folder: Path, text: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_text(folder, text)
    assert len(caught.value.lines()) <= 3
    return str(caught.value)


# --- values ----------------------------------------------------------------------------------


def test_numbers_and_switches_as_people_write_them(tmp_path: Path) -> None:
    text = "train: {learning_rate: 1e-4, tokens_per_batch: 1e3}\nexecution: {optimizer_bits: 8}\n"
    recipe = load_text(tmp_path, text + "loss.temperature_squared: off").recipe
    assert (recipe.train.learning_rate, recipe.train.tokens_per_batch) == (1e-4, 1000)
    assert recipe.execution.optimizer_bits == 8
    assert recipe.loss.temperature_squared is False


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train.epochs: 0", "a whole number, at least 1, at most 10000 (epochs)"),
        ("train.epochs: 1.5", "a whole number"),
        ("train.epochs: yes", "a whole number"),
        ("train.epochs: 1:30", "a whole number"),
        ("train.epochs: 1e400", "a whole number"),
        ("train.epochs:", "a whole number"),
        ("train.epochs: [1]", "a whole number"),
        ("train.epochs: {a: 1}", "a whole number"),
        ("train.epochs: !!python/name:os.system 3", "a whole number"),
        ("train.learning_rate: .inf", "a number, above 0, at most 1"),
        ("train.learning_rate: nan", "a number"),
        ("disc.share: 1", "a number, above 0, below 1"),
        ("method: disk", "one of disc, prompt, both, next_token, sft"),
        ("execution.optimizer_bits: 16", "one of 0, 8, 32"),
        ("loss.temperature_squared: 1", "true or false"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line_and_range(tmp_path: Path, line: str, message: str) -> None:
    error = error_of(tmp_path, f"# mine\n{line}\n")
    assert message in error
    assert "mine.yaml, line 2: " in error
    assert line.partition(":")[0] in error


# --- keys and form ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train:\n  epoch: 3", "`train.epochs`"),
        ("epochs: 3", "`train.epochs`"),
        ("training:\n  epochs: 3", "`train"),
        ("learning-rate: 3", "`train.learning_rate`"),
        ("lora:\n  rang: 3", "`lora.rank`"),
        ("<<: {seed: 3}", "there is no setting `<<`"),
        ("1: 3", "there is no setting `1`"),
        ("seed: 1\nseed: 2", "line 2: seed is set twice"),
        ("train: {epochs: 1}\ntrain.epochs: 2", "line 2: train.epochs is set twice"),
        ("extends: default\nextends: pocket", "line 2: extends is set twice"),
        ("train: 3", "`train` is a group of settings"),
        ("? [a]\n: 3", "A key is a single word"),
        ("- a", "this is not a recipe"),
        ("3", "this is not a recipe"),
        ("a: b: c", "line 1: this is not valid YAML"),
        ("a: 1\n--- \nb: 2", "this is not valid YAML"),
        ("[" * 2000, "nested too deeply"),
        ("seed: \x01", "this is not valid YAML"),
        ("seed: \ud800", "is not UTF-8"),
        ("#" * (1 << 20) + "#", "this is not a recipe"),
    ],
)
def test_a_malformed_recipe_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in error_of(tmp_path, text)


def test_an_empty_file_and_empty_sections_are_the_defaults(tmp_path: Path) -> None:
    assert load_text(tmp_path, "").recipe == Recipe(name="mine")
    assert load_text(tmp_path, "train:\n  # epochs: 3\nlora: {}").recipe == Recipe(name="mine")


def test_wrong_overrides_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match=r"--set: there is no setting `train\.epoch`"):
        load_recipe("default", {"train.epoch": "3"})
    with pytest.raises(RecipeError, match=r"--set: train\.epochs cannot be `x`"):
        load_recipe("default", {"train.epochs": "x"})
    with pytest.raises(RecipeError, match="--seed: seed cannot be `-1`"):
        load_recipe(seed=-1)
    monkeypatch.setenv("DISC_LITE_TRAIN__EPOCH", "3")
    with pytest.raises(RecipeError, match="DISC_LITE_TRAIN__EPOCH: there is no setting") as caught:
        load_recipe()
    assert "train.epochs" in str(caught.value)


@pytest.mark.parametrize("name", ["poket", "", "x" * 9999, "a\0b", "no/such.yaml", "/dev/zero", "."])
def test_an_unknown_recipe(name: str) -> None:
    with pytest.raises(RecipeError, match="There is no recipe") as caught:
        load_recipe(name)
    assert "pocket" in caught.value.remedy


KEYS = st.one_of(
    st.sampled_from(sorted(SETTINGS)),
    st.sampled_from(sorted(SETTINGS)).map(lambda key: key[:-1]),
    st.sampled_from(["train", "lora", "extends", "<<"]),
    st.text(max_size=20),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.one_of(
    st.text(),
    st.dictionaries(KEYS, VALUES, max_size=5).map(lambda tree: yaml.safe_dump(tree)),
    st.text(alphabet="train: epochs\n-[]{}&*!|>'\"%@`0123456789.,?#e_"),
)


@tried("R12")
@given(text=DOCUMENTS)
def test_any_document_is_a_recipe_or_an_error(tmp_path: Path, text: str) -> None:
    try:
        resolved = load_text(tmp_path, text)
    except RecipeError as error:
        assert len(error.lines()) <= 3
        assert all(line.isprintable() for line in error.lines())
        if "there is no setting" in error.what:
            assert error.why.split("`")[1] in SETTINGS
    else:
        assert load_text(tmp_path, to_yaml(resolved)).recipe == resolved.recipe


@tried("R12")
@given(key=KEYS, value=st.text(max_size=30))
def test_any_override_is_taken_or_an_error(key: str, value: str) -> None:
    try:
        load_recipe("default", {key: value})
    except RecipeError as error:
        assert len(error.lines()) <= 3
        assert all(line.isprintable() for line in error.lines())
