"""What a person sees of a run while it goes: a line at least every ten seconds, and the time that is left."""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import pytest
from rich.console import Console

from disc_lite.cli import progress
from disc_lite.cli.progress import Bars, Lines, Pace, display
from disc_lite.run.events import Event


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plain(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Lines, "_tick", lambda self: None)  # the test beats
    shown = Lines(clock)
    yield shown
    shown.close()


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_a_line_has_the_progress_and_the_time_left(
    clock: Clock, plain: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    plain(Event("questions", "0 pairs", 0, 400))
    for done in range(1, 121):
        clock.now += 0.6
        plain(Event("questions", f"{done} pairs", done, 400))
    printed = lines(capsys)
    assert printed[0] == "Questions: 0/400  0 pairs"
    assert printed[-1].startswith("Questions: 1")
    assert re.fullmatch(r"Questions: 120/400  about 3 min left  120 pairs", _at(plain, clock, capsys))
    assert 7 <= len(printed) <= 9  # 72 s


def _at(plain: Lines, clock: Clock, capsys: pytest.CaptureFixture[str]) -> str:
    """What would be printed if a line were due."""
    plain.printed_s = clock.now - 100
    plain.beat()
    return lines(capsys)[-1]


def test_lines_are_printed_between_events(clock: Clock, plain: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    plain(Event("model", "loading pocket"))
    plain(Event("evaluation", "before: 40 questions, floor", 0, 100))
    clock.now += 20
    plain(Event("evaluation", "before: 40 questions, floor", 10, 100))
    printed, last = [], clock.now
    lines(capsys)
    for _ in range(200):
        clock.now += progress.TICK_S
        plain.beat()
        for line in lines(capsys):
            printed.append(line)
            assert clock.now - last <= 10
            last = clock.now
    assert len(printed) >= 10
    # The time left passes by itself; where the next ten take longer than the first ones, so will all the others.
    assert printed[0] == "Measuring: 10/100  about 3 min left  before: 40 questions, floor"
    assert printed[-1] == "Measuring: 10/100  about 8 min left  before: 40 questions, floor"


def test_where_nothing_is_counted_the_elapsed_time_is_printed(
    clock: Clock, plain: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    plain(Event("model", "loading mistral-7b"))
    clock.now += 40
    plain.beat()
    assert lines(capsys) == ["Model: loading mistral-7b", "Model: 40 s so far  loading mistral-7b"]


def test_the_thread_looks_at_the_clock(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "TICK_S", 0.001)
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    shown = Lines()
    shown.beat  # noqa: B018  (nothing is printed before the first event)
    shown(Event("model", "loading pocket"))
    assert shown.thread is not None
    shown.closed.wait(0.05)
    shown.close()
    assert not shown.thread.is_alive()
    assert len(lines(capsys)) > 2
    Lines().close()  # of a run that never began


def test_a_stage_ends_and_begins_with_a_line(clock: Clock, plain: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    step = {"tokens": 100, "seconds": 1.0, "skipped": False, "loss": 0.5, "peak_bytes": 1 << 30}
    for done in (1, 2, 3):
        plain(Event("training", "", done, 3, step))
        plain(Event("training", "", done, 3, step))  # told twice, printed once
    plain(Event("evaluation", "after: 1 questions, adapted", 0, 9))
    printed = lines(capsys)
    assert [line[: line.index("  ")] for line in printed] == ["Training: 1/3", "Training: 3/3", "Measuring: 0/9"]
    assert printed[0].endswith("loss 0.5000  1.0 GiB  100 tokens/s")
    plain(Event("training", "", 3, 3, {**step, "skipped": True, "loss": None}))
    assert _at(plain, clock, capsys).endswith("skipped: not finite  1.0 GiB  100 tokens/s")


# -- the estimate --------------------------------------------------------------------------------------


def test_the_pace_is_that_of_the_stage_itself(clock: Clock) -> None:
    pace = Pace(clock)
    assert str(pace) == ""
    clock.now += 500  # loading and so on
    pace.update(Event("training", "", 900, 1000))  # resumed: 900 steps were done in another process
    assert pace.left_s() is None
    clock.now += 20
    pace.update(Event("training", "", 910, 1000))
    assert pace.left_s() == pytest.approx(180)
    assert str(pace) == "about 3 min left"
    clock.now += 180
    pace.update(Event("training", "", 1000, 1000))
    assert str(pace) == ""


def test_between_two_steps_the_time_left_passes(clock: Clock) -> None:
    """After the first of few long steps it was told twice as long by the end of the second."""
    pace = Pace(clock)
    pace.update(Event("training", "", 20, 106))
    clock.now += 40
    pace.update(Event("training", "", 21, 106))
    left = 85 * 40
    for _ in range(4):
        assert pace.left_s() == pytest.approx(left)
        clock.now += 10
        left -= 10
    assert pace.left_s() == pytest.approx(84 * 40)
    clock.now += 40  # it takes twice as long: then so may the others
    assert pace.left_s() == pytest.approx(84 * 60)


def test_what_finishes_together_is_awaited_together(clock: Clock) -> None:
    """Answers of one batch end at the same time: while the next are written, the pace is not that of a standstill."""
    pace = Pace(clock)
    pace.update(Event("evaluation", "", 0, 96))
    clock.now += 30
    pace.update(Event("evaluation", "", 32, 96))
    clock.now += 29
    assert pace.left_s() == pytest.approx(31)


def test_what_was_known_before_says_nothing_of_the_pace(clock: Clock) -> None:
    """A run that goes on has most answers in its journal."""
    pace = Pace(clock)
    pace.update(Event("evaluation", "", 0, 600))
    clock.now += 0.1
    pace.update(Event("evaluation", "", 500, 600))
    clock.now += 9.9
    assert pace.left_s() is None
    pace.update(Event("evaluation", "", 510, 600))
    assert pace.left_s() == pytest.approx(90)


def test_a_count_that_begins_again_is_timed_again(clock: Clock) -> None:
    pace = Pace(clock)
    for total in (50, 50, 80):  # the same stage: before and after training, and another one
        assert pace.update(Event("evaluation", "before", 0, total))
        clock.now += 10
        assert not pace.update(Event("evaluation", "before", 10, total))
        assert pace.left_s() == pytest.approx(total - 10)
        clock.now += 1000
        assert not pace.update(Event("evaluation", "before", total, total))
    pace.update(Event("retention", "", 0, 100))
    clock.now += 10
    pace.update(Event("retention", "", 10, 100))
    assert not pace.update(Event("retention", "", 5, 100))  # some were dropped again: the same count goes on
    assert pace.left_s() == pytest.approx(190)


def test_a_remark_within_training_is_a_text_and_keeps_the_pace(
    clock: Clock, plain: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    step = {"tokens": 100, "seconds": 1.0, "skipped": False, "loss": 0.5, "peak_bytes": 1 << 30}
    plain(Event("training", "", 1, 101, step))
    clock.now += 10
    plain(Event("training", "", 2, 101, step))
    plain(Event("training", "CUDA out of memory after step 2: micro-batches of 512 tokens from here on"))
    plain(Event("training", "trained questions, closed book: 3 of 64", 2, 101))
    clock.now += 10
    plain(Event("training", "trained questions, closed book: 9 of 64", 2, 101))
    printed = lines(capsys)
    assert printed[2].endswith(
        "about 16 min left  CUDA out of memory after step 2: micro-batches of 512 tokens from here on"
    )
    assert printed[3] == "Training: 2/101  about 16 min left  trained questions, closed book: 9 of 64"


def test_before_anything_is_finished_the_time_is_that_of_a_part(
    clock: Clock, plain: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the first round of pairs: none is finished, but so many drafts are."""
    plain(Event("questions", "0 pairs", 0, 400))
    clock.now += 60  # what comes before the drafts does not count as their time
    for drafted in (0, 10, 20):
        plain(Event("questions", "0 pairs", 0, 400, {"part": ["drafting questions", drafted, 100]}))
        clock.now += 10
    plain.beat()
    assert lines(capsys)[-1] == "Questions: 0/400  about 1 min left of drafting questions  0 pairs"
    plain(Event("questions", "0 pairs", 0, 400, {"part": ["drafting answers", 0, 50]}))
    clock.now += 10
    plain.beat()
    assert lines(capsys)[-1] == "Questions: 0/400  2 min so far  0 pairs"
    clock.now += 60
    plain(Event("questions", "40 pairs", 40, 400))
    clock.now += 2
    plain(Event("questions", "40 pairs", 40, 400, {"part": ["drafting questions", 9, 10]}))
    assert _at(plain, clock, capsys) == "Questions: 40/400  about 24 min left  40 pairs"


def test_bars_show_the_time_left_of_the_current_stage(clock: Clock) -> None:
    out = io.StringIO()
    bars = Bars(Console(file=out, force_terminal=True, width=120), clock)
    bars.progress.live.auto_refresh = False

    def row(stage: str) -> str:
        found = Console(width=120, file=io.StringIO())
        with found.capture() as captured:
            found.print(bars.progress.get_renderable())
        return next(line for line in captured.get().splitlines() if line.startswith(stage))

    bars(Event("evaluation", "before: 40 questions, floor", 0, 100))
    clock.now += 10
    bars(Event("evaluation", "before: 40 questions, rag", 50, 100))
    assert re.search(r"50/100 +about 10 s left +before: 40 questions, rag", row("Measuring"))
    bars(Event("training", "", 1, 2, {"tokens": 1, "seconds": 1.0, "skipped": True, "loss": None, "peak_bytes": 1}))
    assert "left" not in row("Measuring")
    clock.now += 100
    bars(Event("evaluation", "after: 40 questions, adapted", 0, 100))
    assert re.search(r"0/100 +after: 40", row("Measuring"))
    clock.now += 30
    bars(Event("evaluation", "after: 40 questions, adapted", 10, 100))
    assert "about 4 min left" in row("Measuring")
    bars(Event("evaluation", "a remark"))
    assert "10/100" in row("Measuring")
    bars.close()


def test_a_narrow_terminal_has_words_instead_of_a_bar(clock: Clock) -> None:
    bars = Bars(Console(file=io.StringIO(), force_terminal=True, width=60), clock)
    bars.progress.live.auto_refresh = False
    bars(Event("model", "training in one pass per step, AdamW in 32 bits"))
    bars(Event("questions", "118 pairs", 96, 192))
    found = Console(width=60, file=io.StringIO())
    with found.capture() as captured:
        found.print(bars.progress.get_renderable())
    bars.close()
    assert "118 pairs" in captured.get() and "training in one pass per step" in captured.get()


def test_a_long_sentence_leaves_the_counts_their_room(clock: Clock) -> None:
    bars = Bars(Console(file=io.StringIO(), force_terminal=True, width=80), clock)
    bars.progress.live.auto_refresh = False
    bars(Event("retention", "22 prompts left out: they contain names of the documents", 0, 2000))
    clock.now += 9
    bars(Event("retention", "22 prompts left out: they contain names of the documents", 20, 2000))
    found = Console(width=80, file=io.StringIO())
    with found.capture() as captured:
        found.print(bars.progress.get_renderable())
    bars.close()
    (row,) = captured.get().splitlines()
    assert re.match(r"Retention .* 20/2,000 about 15 min left  22 prompts", row)


@pytest.mark.parametrize(("width", "has_bar"), [(80, False), (88, True)])
def test_80_columns_have_room_for_the_figures_of_training(clock: Clock, width: int, has_bar: bool) -> None:
    bars = Bars(Console(file=io.StringIO(), force_terminal=True, width=width), clock)
    bars.progress.live.auto_refresh = False
    step = {"tokens": 12_345, "seconds": 1.0, "skipped": False, "loss": 0.5, "peak_bytes": 23.4 * 2**30}
    bars(Event("training", "", 1234, 9876, step))
    clock.now += 30
    bars(Event("training", "", 1245, 9876, step))
    found = Console(width=width, file=io.StringIO())
    with found.capture() as captured:
        found.print(bars.progress.get_renderable())
    bars.close()
    (row,) = captured.get().splitlines()
    assert "1,245/9,876 about 6 h 32 min left  loss 0.5000  23.4 GiB  12,345 tok" in row
    assert bool(re.match("Training +[╸━]", row)) == has_bar


def test_a_bar_is_as_full_as_its_counts(clock: Clock) -> None:
    bars = Bars(Console(file=io.StringIO(), force_terminal=True, width=100), clock)
    bars.progress.live.auto_refresh = False
    bars(Event("model", "loading"))
    bars(Event("training", "", 5, 21))
    bars.close()  # as after Ctrl-C
    model, training = bars.progress.tasks
    assert (training.completed, training.total, training.fields["place"]) == (5, 21, "5/21")
    assert (model.completed, model.total) == (1, 1)


@pytest.mark.parametrize("width", [120, 80, 60])
def test_a_remark_stays_above_the_bars_and_is_whole(clock: Clock, width: int) -> None:
    out = io.StringIO()
    bars = Bars(Console(file=out, force_terminal=True, width=width), clock)
    remark = "train.enough and disc.targets_per_document have no effect: [only] train.schedule=trapezoid ends early."
    bars(Event("model", remark, is_remark=True))
    bars(Event("model", "loading pocket, 0.01 GiB"))
    bars.close()
    assert " ".join(f"Model: {remark}".split()) in " ".join(
        re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", " ", out.getvalue()).split()
    )


@pytest.mark.parametrize(("terminal", "kind", "shown"), [
    (True, "xterm", Bars), (True, "dumb", Lines), (False, "xterm", Lines),
])  # fmt: skip
def test_bars_are_only_for_terminals_that_can_redraw_them(
    terminal: bool, kind: str, shown: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dumb one shows no bar before its end; with FORCE_COLOR rich would write bars into the logs of a CI system."""
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with display(quiet=False) as listener:
        assert isinstance(listener, shown)


def test_without_a_terminal_a_remark_is_a_line_and_said_once(
    clock: Clock, plain: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    plain(Event("retention", "self-generated prompts", 10, 100))
    plain(Event("retention", "3 prompts left out", is_remark=True))
    clock.now += 20
    plain.beat()
    assert lines(capsys) == [
        "Retention: 10/100  self-generated prompts", "Retention: 3 prompts left out",
        "Retention: 10/100  20 s so far  self-generated prompts",
    ]  # fmt: skip
