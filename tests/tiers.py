"""How many inputs the reliability tests try, and the figures that they reach.

Each push tries a few; with `DISC_LITE_FAULTS=full`, which `make test-faults` sets, all are tried. The figures go to the
JSON file that `DISC_LITE_FIGURES` names; `docs/generate.py` writes them into docs/reliability.md.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import settings

FULL = os.environ.get("DISC_LITE_FAULTS", "") == "full"

KILLS = 500 if FULL else 10  # of whole runs, at any moment of any stage (R1)
SIGNALS = 40 if FULL else 3  # at any moment of any stage (R6)
DAMAGES = 10_000 if FULL else 200  # to the files of a run folder and the cache (R4)
INPUTS = 20_000 if FULL else 500  # for every property that Hypothesis tests for a row of the table

_reached: dict[str, dict[str, Any]] = {}


def reached(row: str, **counts: int) -> None:
    """Record what the running test has tried for a row, as in `reached("R1", kills_survived=40)`; calls add up."""
    test = os.environ["PYTEST_CURRENT_TEST"].split("[")[0].removesuffix(" (call)")
    entry = _reached.setdefault(test, {"row": row, "tier": "full" if FULL else "push", "counts": {}})
    for name, number in counts.items():
        words = name.replace("_", " ")
        entry["counts"][words] = entry["counts"].get(words, 0) + number


def tried(row: str) -> Callable[[Any], Any]:
    """Decorate a `@given` test: Hypothesis tries INPUTS inputs, which are recorded for the row."""

    def decorated(test: Any) -> Any:
        whole = settings(max_examples=INPUTS)(test)

        @functools.wraps(whole)
        def noting(*given: Any, **named: Any) -> None:
            whole(*given, **named)
            reached(row, inputs_tried=INPUTS)

        return noting

    return decorated


def write_figures() -> None:
    """Add the figures of this session to the file of figures, if there is one."""
    named = os.environ.get("DISC_LITE_FIGURES")
    if not named or not _reached:
        return
    path = Path(named)
    before = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(dict(sorted({**before, **_reached}.items())), indent=1) + "\n")
