"""Measures the seconds of each stage of a run, summed over all calls that worked on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from disc_lite.storage import read_json, write_json

# These stages send their events before their work; all others after each part of it.
READING = "documents"
TOLD_BEFORE = ("model", "evaluation")
SAVED_EVERY_S = 10.0  # a killed run loses no more than this


class StageClock:
    """A listener of `adapt` that adds the time between two events to the stage that it was spent on.

    The results are one JSON file: `seconds` by stage, and `calls`, which describe where each call ran. Later calls add
    to it, unless the run is `fresh`. Work that is repeated after a kill counts twice. The teacher's first batch counts
    as evaluation, whose event is the last one before it.
    """

    def __init__(
        self, path: Path, about: Mapping[str, Any], fresh: bool = False, now: Callable[[], float] = time.monotonic,
        on_stage: Callable[[str], None] = lambda stage: None,
    ) -> None:  # fmt: skip
        self.path, self.about, self.now, self.on_stage = path, dict(about), now, on_stage
        saved = {} if fresh else read_measured(path)
        self.seconds: dict[str, float] = dict(saved.get("seconds", {}))
        self.calls: list[dict[str, Any]] = list(saved.get("calls", ()))
        self.stage = ""  # of the last event
        self.is_working = False  # a finished run only reads its documents
        self.at = self.saved_at = now()

    def __call__(self, event: Any) -> None:
        before = self.stage
        started = before in TOLD_BEFORE or event.stage in TOLD_BEFORE
        self._add(before if before and started else event.stage)
        if event.stage != before:
            self.stage = event.stage
            self.on_stage(event.stage)
        if event.stage != READING and (not self.is_working or self.at - self.saved_at >= SAVED_EVERY_S):
            self._start()
            self._save()

    def close(self) -> None:
        """Count the time since the last event, unless only documents were read, as in a finished run."""
        if self.stage and self.is_working:
            self._add(self.stage)
            self._save()

    def _start(self) -> None:
        self.is_working = True
        if self.about not in self.calls:
            self.calls.append(self.about)

    def _add(self, stage: str) -> None:
        at = self.now()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + at - self.at
        self.at = at

    def _save(self) -> None:
        seconds = {stage: round(spent, 3) for stage, spent in self.seconds.items()}
        write_json(self.path, {"seconds": seconds, "calls": self.calls})
        self.saved_at = self.at


def read_measured(path: Path) -> dict[str, Any]:
    """Return the `seconds` and `calls` of a file that a clock wrote; empty without such a file."""
    found: dict[str, Any] = read_json(path) if path.is_file() else {}
    return found
