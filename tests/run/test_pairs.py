"""Methods that learn from pairs: without one the run ends and says why, with few it warns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from disc_lite.cli.display import remarks
from disc_lite.errors import RunFailed
from disc_lite.qa import Pair
from disc_lite.run import synthesis
from disc_lite.run.folder import RunFolder
from disc_lite.storage import read_json
from disc_lite.synthesis import PairSet
from disc_lite.synthesis.drafting import DraftedPair
from disc_lite.synthesis.scoring import ScoredPair
from tests.made import SmallAdapt, recipe_of


def test_without_a_pair_nothing_is_trained(tmp_path: Path, folders: Callable[[str], Path]) -> None:
    """A model that writes no question: `both` would have learned by DiSC alone, for all epochs."""
    small = SmallAdapt(tmp_path, folders("llama"))
    small.pairs = None  # type: ignore[assignment]
    with pytest.raises(RunFailed) as caught:
        small.adapt(tmp_path / "run", **{"prompt.questions_per_passage": "1", "prompt.question_tokens": "4"})
    error = caught.value
    assert "No question-answer pair was accepted" in error.what
    assert "`both`" in error.what
    assert "question did not end within prompt.question_tokens (" in error.why or "not a question (" in error.why
    assert "--pairs" in error.remedy
    assert "method=disc" in error.remedy
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


@pytest.mark.parametrize(("share", "is_low"), [(0.49, True), (0.5, False), (None, False)])
def test_few_pairs_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float | None, is_low: bool) -> None:
    scored = ScoredPair(DraftedPair(Pair("a.md", 0, "Who runs it?", "Ada."), 0, "plain"), -0.1, -2.0, 5.0)
    coverage = None if share is None else {"a.md#0": share}  # not known of pairs that are given
    written = PairSet((scored,), {}, coverage, share or 0.0)
    monkeypatch.setattr(synthesis, "_written", lambda context, held_out, texts: written)
    told: list[str] = []
    context: Any = SimpleNamespace(
        recipe=recipe_of(method="prompt"), folder=RunFolder(tmp_path), texts=(), changes=None,
        inputs=SimpleNamespace(earlier=None, pairs=None), tell=lambda stage, text: told.append(text),
    )  # fmt: skip
    for _ in range(2):  # a run that is continued says it again
        pairs, about = synthesis.gather_pairs(context, ())
        assert len(pairs) == 1
    assert told == ["few pairs: 49% of the sentences have one"] * 2 * is_low
    assert about == read_json(tmp_path / "pairs.json")
    summary: dict[str, Any] = {
        "documents": {"refused": 0, "duplicate": 0}, "pairs": about, "steps": 1, "seconds": 1, "peak_bytes": 1,
        "adapter": "a", "run": "r", "teachability": {"low": []},
    }  # fmt: skip
    assert any(line.startswith("Few pairs: 49% of the sentences") for line in remarks(summary)) == is_low
