"""Results of the comparison as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

MIB = 1 << 20
NAMES = {
    "authors": "DiSC as its authors run it", "trl-distillation": "TRL DistillationTrainer",
    "trl-sdft": "TRL SDFT, adapter off", "peft": "PEFT, whole logits", "disc-lite": "disc-lite",
}  # fmt: skip


def training_table(found: Mapping[str, Any]) -> str:
    """Return a row for each variant: medians over the rounds, and the ratio to disc-lite's."""
    kind = "seconds" if found["settings"]["device"].startswith("cuda") else "CPU seconds"
    lines = [
        f"| | {kind}, first epoch | each later one | ms a distilled token, {LONG} epochs | x disc-lite | "
        "MiB above the weights | resident MiB added |",
        "|---|---|---|---|---|---|---|",
    ]
    ours = _summary(found, "disc-lite")
    for name in found["variants"]:
        own = _summary(found, name)
        first, later = own["epochs"]
        lines.append(
            f"| {NAMES[name]} | {first:.2f} | {later:.2f} | {own['ms']:.1f} | {own['ms'] / ours['ms']:.1f} | "
            f"{own['above'] / MIB:,.0f} | {own['resident'] / MIB:,.0f} |"
        )
    return "\n".join(lines)


LONG = 5  # epochs of a training in which the teacher reads once


def _summary(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return medians over the rounds; the seconds of a later epoch are the mean of those measured."""
    rounds = found["variants"][name]["rounds"]
    kind = "wall" if found["settings"]["device"].startswith("cuda") else "cpu"
    first = median(each[kind][0] for each in rounds)
    later = median(_later(each[kind]) for each in rounds)
    long = (first + (LONG - 1) * later) / LONG
    return {
        "epochs": (first, later), "ms": 1000 * long / rounds[0]["targets"],
        "resident": median(each["resident"] for each in rounds), "above": found["variants"][name]["above_weights"],
    }  # fmt: skip


def _later(epochs: Sequence[float]) -> float:
    return sum(epochs[1:]) / len(epochs[1:]) if epochs[1:] else epochs[0]


def training_page(found: Mapping[str, Any]) -> str:
    """Return the whole report of `python -m bench.rivals`."""
    settings, rounds = found["settings"], next(iter(found["variants"].values()))["rounds"]
    counts = rounds[0]
    versions = ", ".join(f"{name} {number}" for name, number in found["machine"]["versions"].items())
    gradients = ", ".join(f"{NAMES[name]} {error:.1e}" for name, error in found["gradient_errors"].items())
    return f"""# Beside others: {settings["task"]}, {found["name"]}

{found["date"]}, commit {found["commit"]}, {found["machine"]["device"]}, {versions}. `{found["command"]}`

{found["about"]}. {counts["examples"]} examples with {counts["targets"]:,} distilled tokens.
The students read {counts["student_tokens"]:,} tokens an epoch, a teacher that reads every example
{counts["teacher_tokens"]:,}, one that reads every text once {counts["lesson_tokens"]:,}.
Forward KL at temperature 2, LoRA of rank {settings["rank"]}, {settings["batch"]} examples a step.
Medians of {len(rounds)} rounds, each variant in a process of its own.

{training_table(found)}

Gradient of the first example, relative distance to that of PEFT with whole logits: {gradients}.
"""
