"""Options that several commands have."""

from __future__ import annotations

import click

from disc_lite.errors import UsageError

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")


def overrides_of(overrides: tuple[str, ...]) -> dict[str, str]:
    """`--set key=value` as a mapping."""
    wrong = next((text for text in overrides if "=" not in text), None)
    if wrong is not None:
        raise UsageError(f"--set {wrong} names no value.", "", "Write --set train.epochs=3.")
    return dict(text.split("=", 1) for text in overrides)
