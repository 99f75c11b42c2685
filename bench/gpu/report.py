"""Writes the results as JSON for programs and as Markdown for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

GIB = 1 << 30


def write(found: dict[str, Any], folder: Path) -> Path:
    """Write `gpu-<device>-<date>.json` and `.md` into `folder`; return the path of the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    device = "-".join(found["machine"]["device"].lower().split())
    kind = "dry-run" if found["dry_run"] else "gpu"
    path = folder / f"{kind}-{device}-{found['date'][:10]}.md"
    path.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    path.write_text(markdown(found), encoding="utf-8")
    return path


def markdown(found: dict[str, Any]) -> str:
    parts = [
        f"# {'Dry run' if found['dry_run'] else 'CUDA path'}: {found['machine']['device']}, {found['date']}",
        _machine(found["machine"]) + f" Commit {found['commit']}.",
        f"Took {found['seconds']:.0f} s of {found['budget_s']:.0f} s. bf16 matrix product of random values, "
        f"{found['matrix_size']} cubed: {found['matrix_tflops']:.3g} TFLOP/s.",
    ]
    if found["dry_run"]:
        parts.append("**Tiny shapes on whatever is here: only the checks mean anything.**")
    if found["checks"]:
        rows = [(r["check"], r["status"], r["figure"], f"{r['seconds']:.1f}") for r in found["checks"]]
        parts += ["## Checks", table(("check", "", "figure", "s"), rows, right=(3,))]
    if found["adapt"]:
        parts += ["## `adapt` on pocket and examples/handbook", _adapt(found["adapt"])]
    if found["memory"]:
        parts += ["## Memory: what `disc-lite plan` says, and what was allocated at most", _memory(found["memory"])]
    if found["steps"]:
        parts += ["## One training step, random weights, NF4 with double quantisation", _steps(found["steps"])]
        parts.append(_READING)
    return "\n\n".join(parts) + "\n"


def _machine(machine: dict[str, Any]) -> str:
    card = f"{machine['device']}, {machine['cpu_cores']} CPU cores."
    if "cuda" in machine:
        card = (
            f"{machine['device']}, {machine['card_memory_gib']} GiB, CUDA {machine['cuda']}, "
            f"driver {machine['driver']}; {machine['cpu_cores']} CPU cores."
        )
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"{card} Python {machine['python']}, {versions}."


_READING = (
    "Teacher reads one window, student the sentences of it behind anchors, packed; gradient checkpointing, fp32 LoRA "
    "and 32-bit AdamW, divergence at temperature 2. Memory is what PyTorch had allocated at most "
    "(`max_memory_allocated`), weights included. Seconds are medians of three steps after one to warm up, by the wall, "
    "host work included; `pack s` is the part of them that lays the batches out on the host. `tok/s` counts the "
    "student's tokens, `all tok/s` the teacher's too. TFLOP/s by count: 2N per teacher token, 6N per student token, "
    "6VH per target token; attention and dequantisation are not counted. `share` is of the matrix rate above. From "
    "the second epoch on the teacher's states are kept, and a step costs the student's seconds alone."
)


def _memory(cases: Sequence[dict[str, Any]]) -> str:
    head = (
        "model", "rank", "stage", "tokens", "passes", "layers again", "AdamW bits", "on the host", "planned GiB",
        "measured GiB", "ratio", "s", "TFLOP/s",
    )  # fmt: skip
    rows = [
        (
            c["model"], str(c["rank"]), c["stage"], f"{c['tokens']:,}", str(c["passes"]),
            str(c["recomputed"]), str(c["optimizer_bits"] or ""), c["on_host"],
            f"{c['planned_bytes'] / GIB:.2f}", f"{c['measured_bytes'] / GIB:.2f}",
            f"{c['planned_bytes'] / c['measured_bytes']:.3f}", f"{c['seconds']:.3f}", f"{c['tflops']:.3g}",
        )
        for c in cases
    ]  # fmt: skip
    return table(head, rows, right=(1, 3, 4, 6, *range(8, len(head))))


RECALL = {"before": "floor", "after": "adapted", "ceiling": "ceiling"}  # label -> row of the card
_HEAD = (
    "model", "rank", "teacher tok", "student tok", "weights GiB", "peak GiB", "pack s", "teacher s", "student s",
    "step s", "tok/s", "all tok/s", "teacher TFLOP/s", "student TFLOP/s", "TFLOP/s", "share",
)  # fmt: skip


def _steps(cases: Sequence[dict[str, Any]]) -> str:
    rows = []
    for c in cases:
        named = (c["model"], str(c["rank"]), f"{c['teacher_tokens']:,}", f"{c['student_tokens']:,}")
        if c["status"] != "measured":
            rows.append((*named, c["status"], *[""] * (len(_HEAD) - 5)))
            continue
        rows.append((
            *named, f"{c['base_bytes'] / GIB:.2f}", f"{c['peak_bytes'] / GIB:.2f}",
            *(f"{c[key]:.3f}" for key in ("pack_s", "teacher_s", "student_s", "step_s")),
            f"{c['student_tokens_per_s']:,.0f}", f"{c['tokens_per_s']:,.0f}",
            *(f"{c[key]:.3g}" for key in ("teacher_tflops", "student_tflops", "tflops")),
            f"{100 * c['share_of_matrix_rate']:.0f} %",
        ))  # fmt: skip
    return table(_HEAD, rows, right=range(1, len(_HEAD)))


def _adapt(result: dict[str, Any]) -> str:
    if "summary" not in result:
        return str(result["status"])
    s, card = result["summary"], result["summary"]["card"]
    rows = [
        ("result", result["status"]),
        ("seconds", f"{s['seconds']:.0f}"),
        ("peak GiB", f"{s['peak_bytes'] / GIB:.2f}"),
        ("steps", f"{s['steps']:,} ({s['skipped_steps']} skipped)"),
        ("examples", ", ".join(f"{name} {count:,}" for name, count in s["examples"].items())),
        ("teachability, nat", str(s["teachability"]["mean"])),
        *((f"recall {when}", _score(card["rows"][row])) for when, row in RECALL.items()),
        *((f"completions {when}", _score(card["completions"][when])) for when in ("before", "after")),
        ("drift, nat a token", f"{card['drift']['self_generated']:.4f}"),
        *(
            (f"probe {name} {when}", _score(scores[when]))
            for name, scores in card["retained"].items() for when in ("before", "after")
        ),
    ]  # fmt: skip
    return table(("", ""), rows)


def _score(score: dict[str, Any]) -> str:
    return f"{100 * score['share']:.1f} % ({score['right']} of {score['of']})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return a Markdown table whose columns also line up as text."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if i in right else "-") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])
