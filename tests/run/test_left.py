"""A continued run does what is left: it reuses teacher states, and after training the teacher reads nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from disc_lite.chat.opening import ask
from disc_lite.distillation.teacher import STATES, TeacherStates
from disc_lite.models import Base
from disc_lite.run import plan, self_generated, training
from disc_lite.run.evaluate import evaluate
from disc_lite.run.events import Event
from disc_lite.storage import read_json
from tests.made import SmallAdapt, adapter_sha256

WHERE_AND_HOW_LONG = ("run", "adapter", "seconds", "peak_bytes")


class Crash(Exception):
    """A crash, for example of the machine."""


def crash_at(stage: str, text: str) -> Callable[[Any], None]:
    def listener(event: Any) -> None:
        if event.stage == stage and event.text.startswith(text):
            raise Crash

    return listener


def test_states_are_reused_and_a_finished_training_reads_no_teacher(
    small: SmallAdapt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISC_LITE_CACHE", "")
    run = tmp_path / "run"
    whole = small.adapt(tmp_path / "whole")
    assert not (tmp_path / "whole" / "cache").exists()
    with pytest.raises(Crash):
        small.adapt(run, listener=crash_at("training", ""))
    assert len(list((run / "cache").rglob(STATES))) == 2  # one for the documents, one for the retention examples

    def forbidden(*_: Any) -> None:
        pytest.fail("that is done already")

    monkeypatch.setattr(TeacherStates, "_write", forbidden)
    # On another device or machine others would be generated, or none would be saved.
    monkeypatch.setattr(self_generated, "generate_retention", forbidden)
    with pytest.raises(Crash):
        small.adapt(run, listener=crash_at("evaluation", "after"))
    assert not (run / "cache").exists()
    # Nothing is trained any more, so the memory for training does not count.
    for module, name in (
        (plan, "require_room"),
        (training, "lessons_of"),
        (training, "make_adapter"),
    ):
        monkeypatch.setattr(module, name, forbidden)
    events: list[Event] = []
    summary = small.adapt(run, listener=events.append)
    assert {event.stage for event in events if not event.is_remark} == {"model", "documents", "evaluation"}
    assert adapter_sha256(run) == adapter_sha256(tmp_path / "whole")
    assert {**summary, **{key: whole[key] for key in WHERE_AND_HOW_LONG}} == whole
    assert summary == read_json(run / "summary.json")


def test_no_weights_are_left_in_memory(small: SmallAdapt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same program can go on to another run, which is planned with the memory that is free then."""
    made, init = list[Base](), Base.__init__

    def noted(self: Base, *given: Any) -> None:
        init(self, *given)
        made.append(self)

    monkeypatch.setattr(Base, "__init__", noted)
    with pytest.raises(Crash):
        small.adapt(tmp_path / "run", listener=crash_at("evaluation", "after"))
    small.adapt(tmp_path / "run")
    evaluate(tmp_path / "run", small.write("own", {"question": "What is cold?", "answers": ["the hall"]}), device="cpu")
    ask(tmp_path / "run", "What is cold?", device="cpu")
    assert len(made) == 4
    assert not any(parameter.numel() for base in made for parameter in base.model.parameters())
