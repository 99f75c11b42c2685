"""`python -m bench.gpu` runs checks, an adaptation, memory and steps at full shapes, in at most `--budget` seconds."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench.gpu.budget import ROOT, Budget

PARTS = ("checks", "adapt", "memory", "steps")
NEEDED = (  # all requirements but those that only read other documents' formats
    "torch", "transformers", "peft", "bitsandbytes", "accelerate", "safetensors", "tokenizers", "huggingface_hub",
    "pydantic", "jinja2", "yaml", "psutil", "click", "rich", "pathspec", "bm25s", "snowballstemmer",
)  # fmt: skip
ADAPT_SHARE = 0.6  # of the budget, at most


def main() -> int:
    """Return 0 if all checks passed, 1 if one failed, 2 if it cannot run as asked, 3 if a package is missing."""
    budget, asked = Budget(0), _arguments()
    budget.seconds = asked.budget
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"Error: missing here: {', '.join(missing)}. Put their wheels into .whl/.", file=sys.stderr)
        return 3
    if asked.device == "cpu" and not asked.dry_run:
        return _no_card()
    import torch

    device = torch.device(asked.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if not asked.dry_run and not torch.cuda.is_available():
        return _no_card()
    usual = Path(tempfile.gettempdir()) / "disc-lite-dry-run" if asked.dry_run else ROOT / "bench" / "results"
    folder = asked.output or usual
    found, path = _measure(device, asked, budget, folder)
    print(f"\n{path.read_text(encoding='utf-8')}\nWritten to {path} and {path.with_suffix('.json').name}")
    return 1 if _failed(found) else 0


def _no_card() -> int:
    print("Error: no CUDA device to measure on. `--dry-run` takes tiny shapes on any device.", file=sys.stderr)
    return 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="tiny shapes, seconds, on any device")
    parser.add_argument("--device", help="cuda, cuda:1 or cpu; by default cuda where there is one")
    parser.add_argument("--budget", type=float, default=450.0, help="seconds in all; what does not fit is skipped")
    parser.add_argument("--skip", choices=PARTS, action="append", default=[], help="leave a part out")
    parser.add_argument("--output", type=Path, help="folder; by default bench/results, for a dry run a temporary one")
    return parser.parse_args()


def _measure(device: Any, asked: argparse.Namespace, budget: Budget, folder: Path) -> tuple[dict[str, Any], Path]:
    """Run the parts in order, and write the results after each in case the next one is interrupted."""
    import disc_lite.models  # noqa: F401  # first, to keep bitsandbytes from downloading a kernel for the CPU
    from bench.gpu import adapting, checks, machine, memory, report, steps

    size = 256 if asked.dry_run else 8192
    found: dict[str, Any] = {
        "format": 1, "dry_run": asked.dry_run, "date": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "commit": machine.commit(), "machine": machine.describe(device), "budget_s": asked.budget, "seconds": 0.0,
        "matrix_size": size, "matrix_tflops": machine.matrix_tflops(device, size),
        "checks": [], "adapt": {}, "memory": [], "steps": [],
    }  # fmt: skip

    def note(part: str, line: str) -> Path:
        found["seconds"] = round(budget.spent, 1)
        print(f"[{budget.spent:5.0f} s] {part}: {line}", file=sys.stderr, flush=True)
        return report.write(found, folder)

    path = note("matrix product", f"{found['matrix_tflops']:.3g} TFLOP/s")
    if "checks" not in asked.skip:
        for row in checks.run(device, asked.dry_run):
            found["checks"].append(asdict(row))
            note("checks", f"{row.status}  {row.check}: {row.figure}")
    if "adapt" not in asked.skip:
        found["adapt"] = adapting.adapt(device, min(ADAPT_SHARE * asked.budget, budget.left - 10), asked.dry_run)
        note("adapt", found["adapt"]["status"])
    if "memory" not in asked.skip:
        for row in memory.measure(device, budget, asked.dry_run):
            found["memory"].append(asdict(row))
            what = f"{row.model}, {row.stage}, {row.tokens} tokens, {row.optimizer_bits} bits"
            planned, measured = row.planned_bytes / report.GIB, row.measured_bytes / report.GIB
            note("memory", f"{what}: planned {planned:.2f}, measured {measured:.2f} GiB, {row.ratio:.3f}")
    if "steps" not in asked.skip:
        for case in steps.measure(device, found["matrix_tflops"], budget, asked.dry_run):
            found["steps"].append(asdict(case))
            what = f"{case.model}, rank {case.rank}, {case.teacher_tokens} + {case.student_tokens} tokens"
            note("steps", f"{what}: {case.step_s:.3f} s, {case.status}")
    return found, path


def _failed(found: dict[str, Any]) -> bool:
    verdicts = [row["status"] for row in found["checks"] + found["steps"]] + [found["adapt"].get("status", "")]
    return any(verdict.startswith("fail") for verdict in verdicts)


if __name__ == "__main__":
    sys.exit(main())
