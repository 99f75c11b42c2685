"""How long `disc-lite --help` takes in a new process, whether it imports anything heavy, and how long the imports of a
command that loads a model take.

    python bench/startup.py [--runs 20] [--loads 5] [--output bench/results]

Writes startup.json. Exits 1 if a heavy module was imported.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

HEAVY = (
    "torch", "transformers", "peft", "bitsandbytes", "accelerate", "safetensors", "tokenizers", "huggingface_hub",
    "numpy", "pydantic", "yaml", "rich", "psutil", "pypdfium2", "mammoth",
)  # fmt: skip
IMPORTS = """
import json, sys
sys.argv = ["disc-lite", "--help"]
from disc_lite.cli import main
try:
    main()
except SystemExit:
    print("\\n" + json.dumps(sorted(sys.modules)))
"""

LOADS = {
    "disc_lite.models": "import disc_lite.models",
    "its packages": "import torch, bitsandbytes, peft, transformers.modeling_utils",
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Median wall time of `disc-lite --help` and what it imports.")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--loads", type=int, default=5, help="how often what loads a model is imported")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    script = Path(sys.executable).parent / "disc-lite"
    command = [str(script), "--help"] if script.is_file() else [sys.executable, "-m", "disc_lite", "--help"]
    bare = [sys.executable, "-c", "pass"]
    load = os.getloadavg()[0]  # other work on the machine
    full, floor = ([_seconds(c) for _ in range(asked.runs + 1)][1:] for c in (command, bare))
    wall, cpu = ([lap[i] for lap in full] for i in (0, 1))
    loads = [
        {name: _seconds([sys.executable, "-c", code])[1] for name, code in LOADS.items()} for _ in range(asked.loads)
    ]
    heavy = heavy_imports()
    found = {
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d}", "command": " ".join([Path(command[0]).name, *command[1:]]),
        "runs": asked.runs, "median_s": round(statistics.median(wall), 3), "fastest_s": round(min(wall), 3),
        "slowest_s": round(max(wall), 3), "median_cpu_s": round(statistics.median(cpu), 3),
        "bare_python_median_s": round(statistics.median(lap[0] for lap in floor), 3),
        "imports_median_cpu_s": {name: round(statistics.median(lap[name] for lap in loads), 2) for name in LOADS},
        "heavy_modules": heavy, "python": platform.python_version(), "system": platform.platform(),
        "cpu_cores": os.cpu_count(), "load_before": round(load, 1),
    }  # fmt: skip
    asked.output.mkdir(parents=True, exist_ok=True)
    (asked.output / "startup.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    return 1 if heavy else 0


def heavy_imports() -> list[str]:
    """Return the heavy packages that `--help` imports."""
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    return [name for name in HEAVY if name in modules]


def _seconds(command: list[str]) -> tuple[float, float]:
    """Return wall-clock and processor time; only the first grows when other programs use the machine."""
    begin, before = time.perf_counter(), _processor()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - begin, _processor() - before


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
