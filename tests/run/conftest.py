"""Fixtures for the tests of runs, in addition to tests/conftest.py."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import disc_lite
from disc_lite.hub import source
from disc_lite.models.generation.requests import Continuation
from disc_lite.qa import normalise
from disc_lite.synthesis import drafting
from tests.made import SmallAdapt

HANDBOOK = Path(__file__).resolve().parents[2] / "examples" / "handbook"
# A shorter recipe `pocket`: fewer epochs and self-generated prompts, and shorter answers.
SHORT = {
    "train.epochs": "12", "train.learning_rate": "1e-3", "retention.prompts": "150", "evaluation.drift_prompts": "20",
    "evaluation.long_answer_tokens": "16",
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, folders: Callable[[str], Path], asked_little: None) -> SmallAdapt:
    """Adaptations of a tiny Llama to two documents; every test file has a run folder of its own."""
    return SmallAdapt(tmp_path_factory.mktemp("small"), folders("llama"))


@pytest.fixture
def writing(
    tmp_path_factory: pytest.TempPathFactory, folders: Callable[[str], Path], asked_little: None
) -> Iterator[SmallAdapt]:
    """Like `small`, but the model writes its questions and pairs itself: few short ones, all of which are accepted."""
    small = SmallAdapt(tmp_path_factory.mktemp("writing"), folders("llama"))
    small.questions = small.pairs = None  # type: ignore[assignment]
    small.settings = {
        "evaluation.questions": "1", "prompt.questions_per_passage": "1", "prompt.question_tokens": "4",
        "prompt.agreement": "false", "prompt.min_support": "-1000", "prompt.min_fluency": "-1000", "prompt.min_gain": "-1000",
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:  # an untrained model writes no questions, and a run ends without pairs
        patch.setattr(Continuation, "ended", True)
        patch.setattr(drafting, "question_fault", lambda *_: "")
        patch.setattr(
            drafting, "answer_fault", lambda question, answer, *_: "" if normalise(answer) else "empty answer"
        )
        yield small


@pytest.fixture(scope="module")
def fewer_probes() -> Iterator[None]:
    """Use every 16th of pocket's 1,600 probes; all of them take as long as the training."""
    read_probes = source.read_probes

    def fewer(folder: Path) -> Any:
        probes = read_probes(folder)
        return replace(probes, questions={name: rows[::16] for name, rows in probes.questions.items()})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "read_probes", fewer)
        yield


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory, fewer_probes: None) -> dict[str, Any]:
    """A finished run of pocket on two documents of the handbook, with a duplicate and a broken file.

    Only for tests/run/test_adapt.py: each file whose tests use it would make a run of its own.
    """
    root = tmp_path_factory.mktemp("adapt")
    docs = root / "docs"
    for name in ("products/lamps.md", "people/workshop.md"):
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HANDBOOK / name, docs / name)
    shutil.copy(docs / "products/lamps.md", docs / "copy.md")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    lines = HANDBOOK.with_suffix(".questions.jsonl").read_text().splitlines()
    rows = [line for line in lines if (docs / json.loads(line)["document"]).is_file()]
    (root / "questions.jsonl").write_text("\n".join(rows).replace("products/lamps.md", "copy.md") + "\n")
    events: list[Any] = []
    given: dict[str, Any] = {
        "output": root / "run", "questions": root / "questions.jsonl", "overrides": SHORT, "listener": events.append,
    }  # fmt: skip
    summary = disc_lite.adapt(docs, "pocket", **given)
    return {"summary": summary, "root": root, "events": events, "docs": docs, "given": given}
