"""The teacher's support of answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from disc_lite.distillation.examples import tokenise
from disc_lite.distillation.prompting import AnswerPrompts, prompt_lessons
from disc_lite.packing import length
from disc_lite.planning.sizes import PAIRS_OF_A_TREE
from disc_lite.prompts.writing import answer_turns
from disc_lite.qa import Pair, language_of
from disc_lite.storage import Journal
from disc_lite.synthesis import scoring
from disc_lite.synthesis.scoring import support
from tests.made import document_of
from tests.tiny_models import CORPUS

TEXT = "# Rules\n\nAda runs the mill. The saw is old. Nobody sweeps the hall. Yes."


@pytest.mark.parametrize("worked", [True, False])
def test_support_is_the_log_probability_in_the_same_prompt_with_and_without_the_passage(
    plain: Callable[..., Any], worked: bool
) -> None:
    """After the bare question most of the gain would be that of the worked examples, whatever the passage says."""
    base = plain("mistral")
    (text,) = tokenise([document_of(CORPUS)], base.tokens, 60)
    source = text.sentence_text(*text.passages[1].sentences[0])
    asked = [Pair("guide.md", 1, "Who runs it?", "Ada Brink.", source), Pair("guide.md", 1, "What?", "Ann", source)]
    shown = text.passage_text(text.passages[1]) + "\n\n---\n"
    language = language_of(shown)
    other = "" if language else " Answer in the language of the question."
    with base.frozen(adapter=False) as model:
        for pair, found in zip(asked, support(base, text, asked, worked), strict=True):
            runs = []
            for passage, sentence, mean in ((shown, f"Sentence: {source}\n", found[0]), ("", "", found[1])):
                prompt = base.tokens.prompt(f"{passage}Answer without mentioning the text: {pair.question}")
                if worked:
                    task = f"{passage}{sentence}Question: {pair.question}\nAnswer the question in a full sentence."
                    task += other
                    prompt = base.tokens.conversation(answer_turns(language), task)
                answer = base.tokens.turn(pair.question, pair.answer)[1]
                logits = model(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
                runs.append(logits.double().log_softmax(-1).gather(1, torch.tensor(answer)[:, None]))
                assert mean == pytest.approx(runs[-1].mean().item(), abs=1e-4)
            assert found[2] == pytest.approx((runs[0] - runs[1]).sum().item(), abs=1e-3)


def test_the_passage_is_not_read_again_for_what_came_back_with_a_sampled_answer(
    plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = plain("mistral")
    (text,) = tokenise([document_of(CORPUS)], base.tokens, 60)
    asked = [Pair("guide.md", 1, f"Who runs {n}?", "Ada Brink." * n) for n in (1, 2, 3)]
    (lesson,) = prompt_lessons([text], asked, AnswerPrompts(base.tokens))
    targets = [list(example.target_ids) for example in lesson.examples]
    log_ps = [
        run.tolist()
        for run in base.log_probabilities([lesson.sequence], [(0, *at) for at in lesson.teacher_at], targets)
    ]
    whole, read, original = support(base, text, asked, False), list[int](), base.log_probabilities
    monkeypatch.setattr(base, "log_probabilities", lambda *how: read.append(len(how[2])) or original(*how))
    for sampled, passes in (((), [3, 3]), ([log_ps[0], (), log_ps[2]], [1, 3]), (log_ps, [3])):
        read.clear()
        found = support(base, text, asked, False, sampled)
        assert read == passes  # answers with the passage, and without it
        assert [pytest.approx(scores, abs=1e-4) for scores in whole] == found


def test_a_passage_with_many_pairs_is_read_in_parts(plain: Callable[..., Any]) -> None:
    """A tree of 300 pairs would need a mask of 300 million places."""
    base = plain("llama")
    (text,) = tokenise([document_of(TEXT)], base.tokens, 200)
    asked = [Pair("guide.md", 0, f"Who runs mill {n}?", f"Ada {n}.") for n in range(PAIRS_OF_A_TREE + 3)]
    lessons = prompt_lessons([text], asked, AnswerPrompts(base.tokens))
    assert [len(lesson.examples) for lesson in lessons] == [PAIRS_OF_A_TREE, 3]
    found = support(base, text, asked, False)
    assert len(found) == len(asked)
    for one, other in zip(found[-3:], support(base, text, asked[-3:], False), strict=True):
        assert one == pytest.approx(other, abs=1e-3)


def test_a_long_tree_is_scored_in_parts(plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The mask of a tree grows with the square of its tokens, however few pairs it has."""
    base = plain("llama")
    (text,) = tokenise([document_of(TEXT)], base.tokens, 200)
    asked = [Pair("guide.md", 0, f"Who runs mill {n}?", f"Ada {n}. " * 9) for n in range(20)]
    whole = support(base, text, asked, False)
    read, hidden_at = list[int](), base.hidden_at
    monkeypatch.setattr(base, "hidden_at", lambda s, p: (read.append(sum(map(length, s))), hidden_at(s, p))[1])
    monkeypatch.setattr(scoring, "READING_TOKENS", 200)
    assert support(base, text, asked, False) == [pytest.approx(scores, abs=1e-3) for scores in whole]
    assert max(read) <= 200


class NotWalked(tuple):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        raise AssertionError("all passages are looked at for one")


def test_a_passage_is_scored_without_a_look_at_all_others(plain: Callable[..., Any]) -> None:
    """Of a table with 50,000 rows each took as long as 100,000 look-ups."""
    base = plain("llama")
    (text,) = tokenise([document_of(CORPUS)], base.tokens, 60)
    asked = [Pair("guide.md", 1, "Who runs it?", "Ada Brink.")]
    assert support(base, replace(text, passages=NotWalked(text.passages)), asked, False) == support(
        base, text, asked, False
    )


def test_what_was_scored_is_not_scored_again_where_nothing_was_written_before(
    plain: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with pairs and questions of the user's begins with this: its journal is empty."""
    base = plain("llama")
    (text,) = tokenise([document_of(CORPUS)], base.tokens, 60)
    asked = [Pair("guide.md", 1, "Who runs it?", "Ada Brink.")]
    monkeypatch.setattr(base, "journal", Journal(tmp_path / "journal.txt"))
    scores = support(base, text, asked, False)
    monkeypatch.setattr(base, "journal", Journal(tmp_path / "journal.txt"))
    monkeypatch.setattr(base, "log_probabilities", None)
    assert support(base, text, asked, False) == scores
