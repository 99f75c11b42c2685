"""A setting that a user chose and that has no effect is named, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from disc_lite.recipe import SETTINGS, Recipe, UserInputs, list_recipes, load_recipe, remarks, to_yaml
from disc_lite.recipe.methods import METHODS
from disc_lite.recipe.remarks import IDLE

NOTHING, PAIRS, QUESTIONS = UserInputs(), UserInputs(pairs=True), UserInputs(questions=True)


def remarks_of(settings: str, given: UserInputs = NOTHING) -> list[str]:
    overrides = dict(setting.split("=") for setting in settings.split())
    return remarks(load_recipe("default", overrides, environment={}), given)


@pytest.mark.parametrize(("settings", "given", "said"), [
    ("method=sft loss.temperature=1", NOTHING, "loss.temperature has no effect: the method sft has no teacher"),
    ("method=next_token loss.label_share=0.9", NOTHING, "the method next_token has no teacher"),
    ("method=disc loss.label_share=0.2", NOTHING, "has no answers to questions"),
    ("method=disc prompt.questions_per_sentence=20", NOTHING, "the method disc has no pairs"),
    ("method=disc train.enough=0.5", NOTHING, "so all epochs are made"),
    ("method=next_token train.enough=0.5", NOTHING, "so all epochs are made"),
    ("train.enough=0.9 train.schedule=cosine", NOTHING, "only train.schedule=trapezoid"),
    ("disc.anchor=chat disc.targets=paper", NOTHING, "disc.targets and disc.anchor have no effect: the method prompt"),
    ("method=both disc.targets_per_document=3", NOTHING, "takes all sentences"),
    ("method=disc disc.share=0.3", NOTHING, "only the method `both`"),
    ("method=disc disc.lead_in_tokens=9 disc.anchor=chat", NOTHING, "only disc.anchor=lead_in or mixed shows these"),
    ("retention.weight=0 retention.prompts=9 retention.share=0.5", NOTHING, "prompts and retention.share have no"),
    ("retention.least_share=2", NOTHING, "retention.share is not above it"),
    ("loss.beta=0.3", NOTHING, "only loss.divergence=jsd"),
    ("loss.temperature=1 loss.temperature_squared=false", NOTHING, "loss.temperature is 1"),
    ("prompt.questions_per_sentence=3 prompt.questions_per_passage=9", NOTHING, "takes precedence"),
    ("prompt.worked_examples=false prompt.kinds=reversed", NOTHING, "all questions are plain"),
    ("prompt.answer_temperature=0 prompt.answers_per_question=3", NOTHING, "only the likeliest answer"),
    ("update.rehearse=3", NOTHING, "there is no --update"),
    ("update.rehearse=3 update.start=new", UserInputs(update=True), "all passages are taught"),
    ("prompt.min_gain=2", PAIRS, "the pairs are your own"),
    ("evaluation.questions=20", QUESTIONS, "the questions are your own"),
    ("method=disc prompt.question_tokens=20", QUESTIONS, "no question is drafted"),
    ("method=sft execution.teacher_cache_gib=9", NOTHING, "the method sft has no teacher"),
])  # fmt: skip
def test_a_chosen_setting_without_effect_is_named(settings: str, given: UserInputs, said: str) -> None:
    (found,) = remarks_of(settings, given)
    assert said in found


@pytest.mark.parametrize(("settings", "given"), [
    ("train.enough=0 train.schedule=cosine", NOTHING),
    ("train.enough=0.9", NOTHING),
    ("loss.beta=0.3 loss.divergence=jsd", NOTHING),
    ("method=disc disc.anchor=chat loss.temperature=1", NOTHING),
    ("method=disc disc.lead_in_tokens=9 disc.anchor=lead_in", NOTHING),
    ("method=disc disc.lead_in_tokens=9 disc.anchor=mixed", NOTHING),
    ("method=disc prompt.question_tokens=20 prompt.answer_tokens=9", NOTHING),  # of questions to measure with; of chat
    ("prompt.near_duplicate=0.5 prompt.question_tokens=20", PAIRS),
    ("retention.weight=0 retention.max_kl=0.1 retention.answer_tokens=9", NOTHING),  # the drift is measured with them
    ("retention.share=0.9 retention.least_share=0.3", NOTHING),
    ("update.removed=drop", UserInputs(update=True)),
])  # fmt: skip
def test_a_setting_with_an_effect_is_not(settings: str, given: UserInputs) -> None:
    assert remarks_of(settings, given) == []


@pytest.mark.parametrize("name", [name for name, _ in list_recipes()])
def test_nothing_is_said_of_what_a_recipe_of_the_package_holds(tmp_path: Path, name: str) -> None:
    for method in METHODS:
        packaged = load_recipe(name, {"method": method}, environment={})
        assert remarks(packaged, UserInputs(pairs=True, questions=True)) == []
    # A run's recipe.yaml, which an update reads, has every setting.
    (tmp_path / "recipe.yaml").write_text(to_yaml(load_recipe("default", environment={})))
    assert remarks(load_recipe(tmp_path / "recipe.yaml", {"method": "disc"}, environment={})) == []


def test_of_a_recipe_of_the_users_what_is_no_default_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("method: disc\nprompt:\n  min_gain: 0.0\n  yes_no_share: 0.4\n")
    assert remarks(load_recipe(path, environment={})) == [
        "prompt.yes_no_share has no effect: the method disc has no pairs."
    ]
    assert remarks(load_recipe(path, environment={}), UserInputs(update=True)) == []  # it was told of the run
    named = load_recipe("default", {"method": "disc"}, environment={"DISC_LITE_PROMPT__MIN_GAIN": "0.0"})
    assert remarks(named) == ["prompt.min_gain has no effect: the method disc has no pairs."]


def test_every_row_names_settings_that_there_are() -> None:
    sections: dict[str, Any] = Recipe.model_fields
    for idle in IDLE:
        assert all(key in SETTINGS or key in sections for key in idle.keys)
