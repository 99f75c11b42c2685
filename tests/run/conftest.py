"""What the tests of runs may ask for, besides tests/conftest.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from disc_lite.models.generation.requests import Continuation
from disc_lite.qa import normalise
from disc_lite.synthesis import drafting
from tests.made import SmallAdapt


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, folders: Callable[[str], Path]) -> SmallAdapt:
    """Adaptations of a tiny Llama to two documents; every file of tests has its own folder of runs."""
    return SmallAdapt(tmp_path_factory.mktemp("small"), folders("llama"))


@pytest.fixture
def writing(tmp_path_factory: pytest.TempPathFactory, folders: Callable[[str], Path]) -> Iterator[SmallAdapt]:
    """Whose model writes its questions and pairs itself: few, and short ones, whatever it writes."""
    small = SmallAdapt(tmp_path_factory.mktemp("writing"), folders("llama"))
    small.questions = small.pairs = None  # type: ignore[assignment]
    small.settings = {
        "evaluation.questions": "1", "prompt.questions_per_passage": "1", "prompt.question_tokens": "4",
        "prompt.answer_tokens": "8", "prompt.agreement": "false", "prompt.min_support": "-1000", "prompt.min_fluency": "-1000", "prompt.min_gain": "-1000",
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:  # an untrained model writes no question: without pairs a run ends
        patch.setattr(Continuation, "ended", True)
        patch.setattr(drafting, "question_fault", lambda *_: "")
        patch.setattr(
            drafting, "answer_fault", lambda question, answer, *_: "" if normalise(answer) else "empty answer"
        )
        yield small
