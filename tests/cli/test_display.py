"""What is said beside the report card of a finished run."""

from __future__ import annotations

from typing import Any

import pytest

from disc_lite.cli.display import remarks


@pytest.mark.parametrize(("pairs", "line"), [
    ({"dropped": {"too long": 2, "unsure": 1}, "coverage": 0.5}, "9 pairs accepted, 3 dropped; 50% of the sentences have one."),
    # Of pairs that were reused nobody knows which sentences they are about: that is not none of them.
    ({"dropped": {"held out for the evaluation": 4}, "coverage": None}, "9 pairs accepted, 4 dropped (held out for the evaluation)."),
])  # fmt: skip
def test_what_became_of_the_pairs(pairs: dict[str, Any], line: str) -> None:
    summary = {
        "documents": {"read": 1, "refused": 0, "duplicate": 0}, "pairs": {"accepted": 9, **pairs}, "steps": 3,
        "seconds": 4.0, "peak_bytes": 0, "adapter": "a", "run": "r", "teachability": {"mean": None, "low": []},
        "skipped_steps": 0, "stopped_at": None, "card": {},
    }  # fmt: skip
    assert line in remarks(summary)
