"""Progress of a run: bars on a terminal, lines elsewhere, with an estimate of the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from disc_lite.cli.terminal import escape_controls, untrusted
from disc_lite.run.events import Event, Listener, silent
from disc_lite.run.wording import data_size, duration

LINE_EVERY_S = 9.0  # with TICK_S a line comes at least every ten seconds
TICK_S = 0.5
WITH_BAR = 88  # columns
STAGES = {
    "documents": "Documents", "passages": "Passages", "model": "Model", "questions": "Questions",
    "retention": "Retention", "evaluation": "Measuring", "teacher": "Teacher", "training": "Training",
}  # fmt: skip


class Pace:
    """Estimates the time left of a stage from its progress so far.

    A stage begins with its first event, when its total changes, and when its count falls back to where it began (the
    evaluation counts once before training and once after it). Items within the first half second were finished earlier,
    so they do not count for the pace. While no item of a stage is finished, the estimate is that of its running part,
    if events report one.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.counting: tuple[str, int] | None = None
        self.began_s, self.first, self.done = 0.0, 0, 0
        self.last_s, self.last_done = 0.0, 0  # when the count last grew, and by how much
        self.part: Pace | None = None

    def update(self, event: Event) -> bool:
        """Take an event; returns whether a stage has just begun."""
        if self.counting and event.stage == self.counting[0] and not event.total:
            return False  # a remark within a stage with counts
        counting = (event.stage, event.total)
        begins = counting != self.counting or event.done <= self.first < self.done
        if begins:
            self.counting, self.began_s, self.first = counting, self.clock(), event.done
        elif self.clock() - self.began_s < TICK_S:
            self.first = event.done
        elif event.done > self.done:
            self.last_s, self.last_done = self.clock(), event.done - self.done
        self.done = event.done
        self._update_part(event.data.get("part"))
        return begins

    def _update_part(self, told: list[Any] | None) -> None:
        """Take (name, count, total) of the running part of the stage, if there is one."""
        if told is None:
            self.part = None
            return
        self.part = self.part or Pace(self.clock)
        name, done, total = told
        self.part.update(Event(name, "", done, total))

    def left_s(self) -> float | None:
        """Seconds left; None without an estimate."""
        total = self.counting[1] if self.counting else 0
        done = self.done - self.first  # a resumed run did the others earlier
        if not total or done <= 0 or self.last_s <= self.began_s:  # the count has not grown visibly since
            return None
        # Add what should be in progress by the pace so far, at most as much as the last increase.
        pace_s = (self.last_s - self.began_s) / done
        done_now = done + min(self.last_done, (self.clock() - self.last_s) / pace_s)
        return (self.clock() - self.began_s) * max(0.0, total - self.first - done_now) / done_now

    def __str__(self) -> str:
        """The time left as text; without an estimate the time since the stage began, if that is long."""
        left_s, since_s = self.left_s(), self.clock() - self.began_s
        if left_s is None and self.part and self.part.counting and (part_s := self.part.left_s()):
            return f"about {duration(part_s)} left of {self.part.counting[0]}"
        if left_s is None:
            return f"{duration(since_s)} so far" if self.counting and since_s >= TICK_S * 10 else ""
        return f"about {duration(left_s)} left" if left_s else ""


class Lines:
    """Progress without a terminal: a line when a stage begins or ends, and at least every ten seconds in between.

    A separate thread checks the clock, so that lines are also printed while a model loads and in a long forward pass.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.pace = clock, Pace(clock)
        self.event: Event | None = None
        self.printed_s, self.shown = 0.0, ""
        self.lock, self.closed = Lock(), Flag()
        self.thread: Thread | None = None

    def __call__(self, event: Event) -> None:
        with self.lock:
            if event.is_remark:
                text = escape_controls(event.text)
                print(f"{STAGES.get(event.stage, event.stage)}: {text}", file=sys.stderr, flush=True)
                return
            begins, self.event = self.pace.update(event), event
            if begins or event.done == event.total or self._due():
                self._print(event)
        if self.thread is None:  # not before the first event
            self.thread = Thread(target=self._tick, daemon=True)
            self.thread.start()

    def beat(self) -> None:
        """Print a line if one is due without a new event."""
        with self.lock:
            if self.event is not None and self._due():
                self._print(self.event)

    def close(self) -> None:
        self.closed.set()
        if self.thread is not None:
            self.thread.join()

    def _tick(self) -> None:
        while not self.closed.wait(TICK_S):
            self.beat()

    def _due(self) -> bool:
        return self.clock() - self.printed_s >= LINE_EVERY_S

    def _print(self, event: Event) -> None:
        parts = (_place(event), str(self.pace), _details(event))
        line = f"{STAGES.get(event.stage, event.stage)}: {'  '.join(part for part in parts if part)}"
        if line != self.shown or self._due():
            print(line, file=sys.stderr, flush=True)
            self.shown, self.printed_s = line, self.clock()


@dataclass(frozen=True)
class StatusText:
    """The text beside the counts of a stage: the time left, updated at every refresh, and the last event's text."""

    pace: Pace | None
    details: str

    def __str__(self) -> str:
        return "  ".join(filter(None, (str(self.pace or ""), self.details)))


class Bars:
    """Progress on a terminal: a bar with details for every stage; remarks are printed above them."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.pace = Pace(clock)
        # 80 columns have no room for a bar beside the figures of training.
        bar = [BarColumn(bar_width=min(24, console.width - WITH_BAR + 6))] if console.width >= WITH_BAR else []
        self.progress = Progress(
            TextColumn("{task.description:<9}"), *bar, TextColumn("{task.fields[place]:>11}"),
            # The text gets the columns that are left, as a long one would take the room of the counts. rich asks for
            # the text, and so for the time left, at every refresh.
            TextColumn("{task.fields[status]}", "dim", markup=False, table_column=Column(ratio=1, no_wrap=True)),
            console=console, expand=True,
        )  # fmt: skip
        self.tasks: dict[str, TaskID] = {}
        self.progress.start()

    def __call__(self, event: Event) -> None:
        name = STAGES.get(event.stage, event.stage)
        if event.is_remark:  # printed above the bars, where it stays and is not cut
            self.progress.console.print(untrusted(f"{name}: {event.text}"))
            return
        for other, task in self.tasks.items():
            if other != name:  # earlier stages are finished
                self._finish(task)
        if name not in self.tasks:
            self.tasks[name] = self.progress.add_task(name, total=None, place="", status=StatusText(None, ""))
        self.pace.update(event)
        task = self.tasks[name]
        if event.total:
            self.progress.update(task, completed=event.done, total=event.total, place=_place(event))
        self.progress.update(task, status=StatusText(self.pace, _details(event)))

    def _finish(self, task: TaskID) -> None:
        """Remove the time left of a finished stage; a bar without counts becomes full, others keep their counts."""
        shown = self.progress.tasks[task]
        self.progress.update(task, status=StatusText(None, shown.fields["status"].details))
        if shown.total is None:
            self.progress.update(task, completed=1, total=1)

    def close(self) -> None:
        for task in self.tasks.values():
            self._finish(task)
        self.progress.stop()


@contextmanager
def display(quiet: bool) -> Iterator[Listener]:
    """Yields a listener that shows bars, lines or, if `quiet`, nothing, depending on stderr.

    A dumb terminal cannot redraw bars. With FORCE_COLOR, as in many CI systems, rich takes a file for a terminal.
    """
    console = Console(stderr=True)
    if quiet:
        yield silent
    else:
        redraws = sys.stderr.isatty() and not console.is_dumb_terminal
        with closing(Bars(console) if redraws else Lines()) as shown:
            yield shown


def _place(event: Event) -> str:
    return f"{event.done:,}/{event.total:,}" if event.total else ""


def _details(event: Event) -> str:
    if not (event.stage == "training" and event.data):
        return escape_controls(event.text)
    data = event.data
    speed = data["tokens"] / max(1e-9, data["seconds"])
    # A terminal without enough room cuts the end.
    loss = "skipped: not finite" if data["skipped"] else f"loss {data['loss']:.4f}"
    return f"{loss}  {data_size(data['peak_bytes'])}  {speed:,.0f} tokens/s"
