"""Runs `disc-lite adapt` on the built-in model and the example documents, as a user would."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from bench.gpu.budget import ROOT

QUICK = {
    "prompt.questions_per_passage": 2, "retention.prompts": 32, "evaluation.drift_prompts": 16, "train.epochs": 1,
}  # fmt: skip


def adapt(device: torch.device, timeout_s: float, dry_run: bool) -> dict[str, Any]:
    """Return the run's summary under `summary`; `status` is "pass", "fail: ..." or "skipped: ...".

    Only warnings are on stderr then; the one that a pass could not be made a CUDA graph is a failure.
    """
    documents = ROOT / "examples" / "handbook"
    if not (ROOT / "disc_lite" / "pocket" / "config.json").is_file():
        return {"status": "skipped: this checkout has no built-in model"}
    if timeout_s < 20:
        return {"status": "skipped: no time left"}
    if device.type == "cuda":
        torch.cuda.empty_cache()  # the run is another process on the same GPU
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            sys.executable, "-m", "disc_lite", "adapt", str(documents), "--model", "pocket", "--seed", "0", "--json",
            "--quiet", "--questions", f"{documents}.questions.jsonl", "--output", str(Path(scratch) / "run"),
            "--device", str(device),
        ]  # fmt: skip
        for key, value in QUICK.items() if dry_run else ():
            command += ["--set", f"{key}={value}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return {"status": f"skipped: not done in {timeout_s:.0f} s"}
    if done.returncode:
        return {"status": f"fail: exit {done.returncode}, {done.stderr.strip()[-600:]}"}
    summary = json.loads(done.stdout)
    rows = summary["card"]["rows"]
    learned = dry_run or rows["adapted"]["share"] > rows["floor"]["share"]
    summary.update(run="", adapter="")  # folders that no longer exist
    status = "pass" if learned else "fail: nothing was learned"
    if "without a CUDA graph" in done.stderr:
        status = f"fail: {done.stderr.strip()[-600:]}"
    return {"status": status, "warnings": done.stderr.strip()[-2000:], "summary": summary}
