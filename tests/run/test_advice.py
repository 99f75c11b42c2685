"""A run that learned too little gets advice that has an effect on a run like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from disc_lite.run.card import advice_on
from disc_lite.run.folder import RunFolder
from disc_lite.storage import write_json
from tests.made import recipe_of


@pytest.mark.parametrize(("method", "prompt", "given", "words"), [
    ("prompt", {}, False, "more pairs for each sentence (prompt.questions_per_sentence, which was 6)"),
    ("both", {"questions_per_passage": 24}, False, "more pairs (prompt.questions_per_passage, which was 24)"),
    ("sft", {"questions_per_1000_tokens": 2.5}, False, "more pairs (prompt.questions_per_1000_tokens, which was 2.5)"),
    ("prompt", {}, True, "more pairs in your --pairs that ask the same in other words"),
    ("disc", {}, False, "question-answer pairs as well as the sentences (method=both)"),
])  # fmt: skip
def test_the_setting_that_takes_precedence_is_named(
    tmp_path: Path, method: str, prompt: dict[str, float], given: bool, words: str
) -> None:
    recipe = recipe_of(method=method, prompt=prompt)
    folder = RunFolder(tmp_path)
    if method != "disc":
        write_json(folder.pair_drafts, {"given": given})
    assert advice_on(folder, recipe) == {"pairs": words, "passages": "shorter passages (documents.passage_tokens)"}
    write_json(folder.update, {"run": "earlier"})
    anew = "adapt again, without --update, with "  # an update cannot have other pairs or passages than its run
    assert advice_on(folder, recipe)["pairs"] == ("" if given else anew) + words
    assert advice_on(folder, recipe)["passages"].startswith(anew)
