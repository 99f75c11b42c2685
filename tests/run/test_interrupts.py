"""In every stage a signal takes effect before the next forward pass begins, and the same command continues."""

from __future__ import annotations

import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import disc_lite
from disc_lite.cli import main
from disc_lite.errors import Interrupted
from disc_lite.models.generation import generate
from disc_lite.packing import lone, pack
from disc_lite.run import card, context, evaluate, stopping
from disc_lite.run.interrupts import Interrupts, catch_signals
from disc_lite.storage import JsonLines, read_json, read_jsonl
from tests.made import SmallAdapt, adapter_sha256, newest_checkpoint

PACKED = pack([lone(range(20, 31))])
SHORT = {
    "evaluation.questions": "1", "prompt.questions_per_passage": "1", "prompt.question_tokens": "4", "train.epochs": "1",
    "retention.max_kl": "1000",  # so that the drift is measured in training too
}  # fmt: skip
# Stage, text of its events, and a file that the run folder must not have after the signal.
WRITING = [
    ("questions", "held-out", "questions.jsonl"),
    ("questions", "pairs", "pairs.json"),
]
GIVEN = [
    ("questions", "given pairs scored", "pairs.json"),
    ("retention", "", "before.json"),
    ("evaluation", "before: 1 question", "before.json"),
    ("evaluation", "before: 1 statement", "before.json"),
    ("evaluation", r"before: \d+ instructions", "retained_before.json"),
    ("teacher", "reads retention", "metrics.jsonl"),
    ("teacher", "reads documents", "metrics.jsonl"),
    ("teacher", "compared", "metrics.jsonl"),
    ("training", "", "adapter"),
    ("training", "with the passage", "fit.jsonl"),
    ("training", "closed book", "fit.jsonl"),
    ("training", "drift", "adapter"),
    ("evaluation", "after: 1 question", "after.json"),
    ("evaluation", r"after: \d+ neutral", "retained_after.json"),
    ("evaluation", r"after: drift", "retained_after.json"),
]


class Watched:
    """Counts forward passes, and sends two signals inside one of a given stage."""

    def __init__(self, stage: str, text: str, number: int = signal.SIGTERM) -> None:
        self.stage, self.text, self.number = stage, text, number
        self.events: list[Any] = []
        self.inside = self.after = 0

    def listener(self, event: Any) -> None:
        self.events.append(event)

    @property
    def there(self) -> bool:
        return (
            bool(self.events)
            and self.events[-1].stage == self.stage
            and bool(re.search(self.text, self.events[-1].text))
        )

    def watch(self, base: Any) -> Any:
        decoder = base.causal.get_decoder()
        original = decoder.forward

        def forward(*given: Any, **named: Any) -> Any:
            self.after += bool(self.inside)
            if self.there and not self.inside:
                self.inside = 1
                signal.raise_signal(self.number)
                signal.raise_signal(signal.SIGINT)  # a second signal changes nothing
            return original(*given, **named)

        decoder.forward = forward
        return base


@pytest.fixture(scope="module")
def given(small: SmallAdapt) -> Iterator[SmallAdapt]:
    """Trained questions are asked after every step. Answers can be long: some end before the last pass of a check."""
    rows = ({"question": "Who runs it?", "answers": ["Ada"]}, {"completion": "The hall is", "answers": ["cold"]})
    small.questions = small.write("questions", *rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stopping, "FIT_CHECKS", 20)
        patch.setattr(stopping, "SLACK", 16)
        yield small


@pytest.fixture(autouse=True)
def _cache_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISC_LITE_CACHE", "")


@pytest.mark.parametrize("kind", ["given", "writing"])
def test_a_signal_ends_every_stage_before_the_next_forward_pass(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run is stopped in one stage after another. The same call continues it each time, and to the same end."""
    small: SmallAdapt = request.getfixturevalue(kind)
    run, whole, load = small.root / "stopped", small.root / "whole", context.load_base
    for stage, text, missing in GIVEN if kind == "given" else WRITING:
        watched = Watched(stage, text)
        with monkeypatch.context() as patched:
            patched.setattr(context, "load_base", lambda *how, watched=watched: watched.watch(load(*how)))
            with pytest.raises(Interrupted) as stop:
                small.adapt(run, listener=watched.listener, **SHORT)
        assert (stop.value.exit_code, watched.inside, watched.after) == (143, 1, 0), (stage, text)
        assert not (run / missing).exists(), (stage, text)
        if stage == "training":  # there the step is finished and saved
            assert newest_checkpoint(run).name == f"step-{read_jsonl(run / 'metrics.jsonl')[-1]['step']:08d}"
    small.adapt(run, **SHORT)
    small.adapt(whole, **SHORT)
    assert adapter_sha256(run) == adapter_sha256(whole)
    for name in ("questions.jsonl", "before.json", "after.json", "retained_after.json"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()


def test_a_listener_that_raises_loses_no_step(given: SmallAdapt) -> None:
    def listener(event: Any) -> None:
        if event.stage == "training" and event.done == 2:
            raise KeyError("of the caller")

    with pytest.raises(KeyError):
        given.adapt(given.root / "raised", listener=listener, **SHORT)
    assert newest_checkpoint(given.root / "raised").name == "step-00000002"


def test_a_step_that_cannot_be_noted_is_made_again(given: SmallAdapt, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise its line in the metrics would be missing."""
    run, append = given.root / "unnoted", JsonLines.append

    def full(lines: JsonLines, row: Any) -> None:
        if row.get("step") == 3:
            raise OSError("no space left")
        append(lines, row)

    with monkeypatch.context() as patched, pytest.raises(OSError, match="no space"):
        patched.setattr(JsonLines, "append", full)
        given.adapt(run, **SHORT)
    assert newest_checkpoint(run).name == "step-00000002"
    steps = given.adapt(run, **SHORT)["steps"]
    assert [row["step"] for row in read_jsonl(run / "metrics.jsonl")] == list(range(1, steps + 1))


def test_every_stage_counts_up_to_its_total(given: SmallAdapt) -> None:
    """So that the time left can be estimated: within a stage the count grows, or begins again at 0."""
    events: list[Any] = []
    given.adapt(given.root / "counted", listener=events.append, **SHORT)
    counted = [event for event in events if event.total]
    stages = {"documents", "questions", "retention", "evaluation", "teacher", "training"}
    assert {event.stage for event in counted} == stages
    for before, event in pairwise(counted):
        assert 0 <= event.done <= event.total
        if (before.stage, before.total) != (event.stage, event.total):
            assert before.done == before.total or before.stage == "retention"  # a small model has fewer prompts
            assert event.done == (1 if event.stage == "training" else 0)
        elif event.stage != "retention":  # where answers can be dropped again
            assert event.done >= before.done or (before.done, event.done) == (before.total, 0)
    parts = {event.text for event in counted if event.stage == "evaluation"}
    assert {"before: 1 question, base, closed book", "after: 1 question, adapted + RAG"} <= parts


# -- one forward pass ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [0, 4])
def test_what_is_called_before_each_forward_pass(load: Callable[..., Any], rank: int) -> None:
    """Generation and `hidden`, base and student. Recomputing a layer is not a forward pass."""
    base, calls = load("llama"), []
    base.before_each_forward(lambda: calls.append(1))
    if rank:
        base.attach(rank, 2 * rank, 0)
    with base.frozen(adapter=False) as model:
        generate(model, [[8] * 20 + [n] for n in (5, 7)], stop_ids=frozenset(), max_new_tokens=3)
        base.hidden(PACKED)
    assert len(calls) == 1 + 3 + 1
    if rank:
        base.hidden(PACKED).sum().backward()
        assert len(calls) == 6


def test_a_signal_while_the_model_is_loaded_ends_that_at_once(
    given: SmallAdapt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, load = [], context.load_base

    def slow(*how: Any) -> Any:
        signal.raise_signal(signal.SIGTERM)
        loaded.append(load(*how))
        return loaded[0]

    with monkeypatch.context() as patched:
        patched.setattr(context, "load_base", slow)
        with pytest.raises(Interrupted, match="SIGTERM"):
            given.adapt(tmp_path / "run", **SHORT)
    assert not loaded


def test_a_signal_after_the_last_forward_pass_is_no_success(
    given: SmallAdapt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is done and saved, but the next command of a script must not begin."""
    given.adapt(given.root / "whole", **SHORT)
    shutil.copytree(given.root / "whole", tmp_path / "run")
    (tmp_path / "run" / "summary.json").unlink()
    made = card.card_of

    def late(*given: Any) -> Any:
        signal.raise_signal(signal.SIGHUP)
        return made(*given)

    with monkeypatch.context() as patched:
        patched.setattr(card, "card_of", late)
        with pytest.raises(Interrupted) as stop:
            given.adapt(tmp_path / "run", **SHORT)
    assert stop.value.exit_code == 129
    assert given.adapt(tmp_path / "run", **SHORT)["card"] == read_json(given.root / "whole" / "summary.json")["card"]


def test_an_ignored_signal_stays_ignored() -> None:
    """SIGHUP is ignored under nohup, and SIGINT in the background of a script."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with catch_signals() as interrupts:
            signal.raise_signal(signal.SIGHUP)
            assert not interrupts.stop_requested()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_other_code_makes_an_error_of_is_raised_again() -> None:
    with pytest.raises(Interrupted), catch_signals() as interrupts, interrupts.at_once():
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException as error:
            raise RuntimeError("some issues during the conversion of weights") from error


def test_what_other_code_catches_is_raised_again() -> None:
    with pytest.raises(Interrupted, match="nothing was written"), catch_signals("nothing was written") as interrupts:
        with interrupts.at_once(), suppress(BaseException):
            signal.raise_signal(signal.SIGINT)
        pytest.fail("the end of the block raises")


def test_code_that_catches_every_exception_ends_too() -> None:
    """torch does this while it is imported, which can take half a minute."""
    went_on = []
    with pytest.raises(Interrupted), catch_signals() as interrupts, interrupts.at_once():
        with suppress(Exception):
            signal.raise_signal(signal.SIGINT)
        went_on.append(1)
    assert not went_on


def test_after_a_block_inside_it_a_signal_still_ends_a_block_at_once() -> None:
    went_on = []
    with pytest.raises(Interrupted), catch_signals() as interrupts, interrupts.at_once():
        with interrupts.at_once():
            pass
        signal.raise_signal(signal.SIGINT)
        went_on.append(1)
    assert not went_on


def test_a_signal_in_the_first_moment_is_one_of_the_block() -> None:
    class Sudden(Interrupts):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if (name, value) == ("_at_once", True):
                self._on_signal(signal.SIGTERM, None)

    with pytest.raises(Interrupted, match="SIGTERM"), Sudden().at_once():
        pytest.fail("the block is not begun")


def test_a_signal_raises_unless_postponed() -> None:
    with pytest.raises(Interrupted), catch_signals() as interrupts:  # again at the end, in case it was caught
        interrupts.check()
        with interrupts.postponed():
            signal.raise_signal(signal.SIGHUP)
            interrupts.check()
            assert interrupts.stop_requested()
        with pytest.raises(Interrupted) as stop:
            interrupts.check()
    assert stop.value.exit_code == 129
    Interrupts().check()


@pytest.mark.parametrize("limit", [1, 2, 128])
def test_generation_counts_the_finished_prompts(load: Callable[..., Any], limit: int) -> None:
    base, finished = load("llama"), []
    prompts = [[5, 6, 7], [8, 9], [10], [5, 5, 5, 5]]
    how = {"max_new_tokens": 6, "max_rows": limit}
    with base.frozen(adapter=False) as model:
        (first, *_) = generate(model, prompts, stop_ids=frozenset(), **how)
        generate(model, prompts, stop_ids=frozenset(first.ids[2:3]), **how, on_finished=finished.append)
    assert finished == sorted(set(finished))
    assert finished[-1] == 4
    if limit == 128:
        assert len(finished) > 1  # the one that stopped was reported before the others reached the limit


# -- a finished run is examined ------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_eval_answers_a_signal_and_goes_on(
    given: SmallAdapt, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = given.root / "whole"
    given.adapt(whole, **SHORT)
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (run / "journal.txt").unlink()  # it holds all answers
    (run / "after.json").unlink()  # so that something is left to ask
    (run / "retained_after.json").unlink()
    (run / "before.json").unlink()
    watched, load_run = Watched("evaluation", "after: 1 question, adapted", number), evaluate.load_run
    monkeypatch.setattr(sys, "argv", ["disc-lite", "eval", str(run), "--device", "cpu"])
    with monkeypatch.context() as patched:
        patched.setattr(evaluate, "load_run", lambda *how: watched.watch(load_run(*how)))
        patched.setattr("disc_lite.cli.progress.display", lambda quiet: nullcontext(watched.listener))
        with pytest.raises(SystemExit) as stop:
            main()
    assert (stop.value.code, watched.inside, watched.after) == (128 + number, 1, 0)
    assert "The same command continues" in capsys.readouterr().err
    assert (run / "before.json").is_file() and not (run / "after.json").exists()
    kept = (run / "before.json").stat().st_mtime_ns
    card = disc_lite.evaluate(run, device="cpu")
    assert (run / "before.json").stat().st_mtime_ns == kept
    assert card["rows"] == read_json(whole / "summary.json")["card"]["rows"]


def test_a_benchmark_that_loads_its_data_is_ended_at_once(given: SmallAdapt, monkeypatch: pytest.MonkeyPatch) -> None:
    given.adapt(given.root / "whole", **SHORT)

    def loading(*_: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it went on")

    for check in ("check_tasks", "require_known"):
        monkeypatch.setattr(evaluate, check, lambda tasks: None)
    monkeypatch.setattr(evaluate, "run_benchmarks", loading)
    with pytest.raises(Interrupted):
        disc_lite.evaluate(given.root / "whole", benchmarks=["gsm8k"], device="cpu")
