"""The tokens of template and worked examples are counted as the model's tokenizer and template produce them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from disc_lite.distillation.prompting import AnswerPrompts
from disc_lite.documents.tokens import tokenizer_of
from disc_lite.errors import UsageError
from disc_lite.hub.source import open_model
from disc_lite.models import Tokens
from disc_lite.planning.corpus import corpus_of
from disc_lite.planning.lessons import ASSUMED
from disc_lite.planning.workload import beside_passage, workload_of
from disc_lite.prompts import writing
from disc_lite.prompts.answering import join_passages
from disc_lite.qa import Pair, Question
from disc_lite.run.gathering import check_context
from disc_lite.run.overhead import LANGUAGE, overhead_of
from tests.made import document_of, recipe_of
from tests.tiny_models import CORPUS, NAMES

QUESTION, ANSWER = "Who runs the workshop?", "Ada Brink runs it."


@pytest.mark.parametrize("name", [*NAMES, "pocket"])
def test_a_frame_is_what_the_prompts_have(name: str, folders: Callable[[str], Path]) -> None:
    folder = open_model("pocket").folder if name == "pocket" else folders(name)
    tokens, overhead = Tokens(folder), overhead_of(folder)

    def size(*texts: str) -> int:
        return sum(len(tokens.text(text)) for text in texts)

    prompt, answer = tokens.turn(QUESTION, ANSWER)
    # A template can write something after the token that ends the answer; it is not read.
    assert 0 <= overhead.turn - (len(prompt) + len(answer) - size(QUESTION, ANSWER)) <= 3
    assert abs(overhead.system - len(tokens.user_opening())) <= 2
    if len(tokens._conversation_parts(3)) != 4:
        return  # such a model gets no worked examples
    prompts = AnswerPrompts(tokens, True)
    read = len(prompts.prompt(join_passages([CORPUS]), LANGUAGE, QUESTION, "Ada runs the saw."))
    counted = overhead.system + overhead.answering + overhead.own + size(CORPUS, QUESTION, "Ada runs the saw.")
    assert counted == pytest.approx(read, abs=12)
    kinds = ("plain", "reversed", "rephrased", "detail")  # their prompts show the passage
    asked = max(len(tokens.conversation(writing.question_turns(kind, LANGUAGE), "")) for kind in kinds)
    assert overhead.asking + overhead.turn == pytest.approx(asked, abs=12)


def test_what_cannot_be_counted_is_assumed(folders: Callable[[str], Path], tmp_path: Path) -> None:
    assert overhead_of(None) == overhead_of(tmp_path) == ASSUMED
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "model"))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    for template in ("{{ raise_exception('no') }}", "{{ messages[0].content }}", "{% for i in range(9**9) %}", 7):
        (folder / "chat_template.jinja").unlink(missing_ok=True)
        (folder / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": template}))
        found = overhead_of(folder)
        assert (found.system, found.turn) == (ASSUMED.system, ASSUMED.turn), template
        assert found.answering > 0


def test_a_long_system_turn_is_in_the_plan() -> None:
    """Ministral 3's has 563 tokens: every example of a step counts them, but a step computes them only a few times."""
    corpus, recipe = corpus_of([document_of(CORPUS)], 0, None, recipe_of()), recipe_of()
    long: Any = type(ASSUMED)(system=563, turn=575)
    plain, made = workload_of(corpus, recipe), workload_of(corpus, recipe, overhead=long)
    assert made.student_tokens > 6 * plain.student_tokens
    assert made.steps > 3 * plain.steps
    assert plain.computed_tokens == plain.student_tokens
    assert made.computed_tokens < made.student_tokens / 3
    assert made.longest_student > 563
    assert made.longest_path - plain.longest_path == 563
    assert made.longest_lesson - plain.longest_lesson < 2 * 575


@pytest.mark.parametrize(("system_words", "fits"), [(0, True), (300, False)])
def test_a_system_turn_takes_its_part_of_the_context(tmp_path: Path, system_words: int, fits: bool) -> None:
    pocket, documents = open_model("pocket").folder, [document_of(CORPUS)]
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json"):
        shutil.copy(pocket / name, tmp_path / name)
    template = json.loads((pocket / "tokenizer_config.json").read_text())["chat_template"]
    (tmp_path / "chat_template.jinja").write_text("word " * system_words + template)
    config = json.loads((tmp_path / "config.json").read_text())
    recipe = recipe_of(documents={"passage_tokens": 256})
    needed = beside_passage(recipe, True, overhead_of(pocket)) + 256
    (tmp_path / "config.json").write_text(json.dumps({**config, "max_position_embeddings": needed}))
    inputs: Any = SimpleNamespace(
        resolved=SimpleNamespace(recipe=recipe), questions=(), pairs=(), documents=documents,
        model=SimpleNamespace(folder=tmp_path, name="small"),
    )  # fmt: skip
    if fits:
        check_context(inputs)
    else:
        with pytest.raises(UsageError, match="do not fit into the context of small"):
            check_context(inputs)


def test_what_the_user_gives_fits_into_the_context_or_is_refused(tmp_path: Path) -> None:
    """The longest text that is accepted fits with its passage into the context, to the token; pocket's has 2,048."""
    pocket, documents = open_model("pocket"), [document_of(CORPUS)]
    tokens, overhead, recipe = tokenizer_of(pocket.folder), overhead_of(pocket.folder), recipe_of()
    assert tokens
    room = 2048 - overhead.turn - overhead.task - recipe.documents.passage_tokens

    def given(questions: Any = (), pairs: Any = ()) -> Any:
        resolved = SimpleNamespace(recipe=recipe)
        return SimpleNamespace(
            resolved=resolved, questions=questions, pairs=pairs, documents=documents, model=pocket
        )  # fmt: skip

    def answer(most: int) -> str:
        text = "turn "
        while len(tokens(text + "turn ")) <= most:
            text += "turn "
        return text

    long = answer(room - len(tokens("How?")))
    check_context(given(pairs=[Pair("a.md", 0, "How?", long)]))
    for extra, source in ((" turn turn", ""), ("", "A sentence.")):
        with pytest.raises(UsageError, match=r"1 pair and .* into pocket's context: How\?") as caught:
            check_context(given(pairs=[Pair("a.md", 0, "How?", long + extra, source), Pair("a.md", 0, "Who?", "Ada")]))
        assert len(caught.value.lines()) == 3
    asked = Question(answer(room - recipe.evaluation.answer_tokens), ("Ada",))
    check_context(given([asked]))
    with pytest.raises(UsageError, match="1 question and a passage do not fit"):
        check_context(given([replace(asked, text=asked.text + " turn turn")]))
    with pytest.raises(UsageError, match="1 question and a passage do not fit"):
        check_context(given([Question("Who?", ("Ada",), choices=("Ada", long + " turn turn"))]))
