"""The benches run: the CUDA path as a dry run on this machine, the report, the start-up time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "bench" / "gpu.sh"
CHECKS = {
    "NF4: size of the rounding", "NF4 linear, 1 row: forward", "NF4 linear, 96 rows: backward",
    "packed = unpacked, fp32", "packed with a plain causal mask differs",
    "forward_kl, near: value", "reverse_kl, far: gradient", "jsd, near: gradient",
    "teacher = plain base, bitwise", "student differs from the base", "MLPs are our own",
    "hidden states = PEFT's", "gradient = PEFT's", "gradient with parts on the host, bitwise",
    "generated tokens are those of each text alone", "LayerNorm and 4-bit layers return bf16",
    "out of memory: smaller passes, the same gradient",
    "resume = uninterrupted, 32-bit AdamW", "resume = uninterrupted, 8-bit AdamW",
}  # fmt: skip
MODELS = ("mistral-7b", "llama-3.1-8b", "qwen3-8b")


def gpu_sh(*arguments: str, scratch: Path) -> subprocess.CompletedProcess[str]:
    """`bench/gpu.sh` with this interpreter, from another folder, without wheels."""
    (scratch / "no-wheels").mkdir(exist_ok=True)
    return subprocess.run(
        ["bash", str(SCRIPT), "--wheels", str(scratch / "no-wheels"), *arguments],
        cwd=scratch, capture_output=True, text=True, timeout=240,
        env={**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def test_gpu_dry_run(tmp_path: Path) -> None:
    done = gpu_sh("--dry-run", "--device", "cpu", "--skip", "adapt", "--output", "out", scratch=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = (tmp_path / "out").glob("*.json")
    assert path.name.startswith("dry-run-cpu-")
    found = json.loads(path.read_text())
    assert found["dry_run"]
    assert found["adapt"] == {}
    assert set(found["machine"]["versions"]) >= {"torch", "bitsandbytes", "transformers", "peft"}
    verdicts = {row["check"]: row["status"] for row in found["checks"]}
    assert set(verdicts) >= CHECKS
    assert set(verdicts.values()) == {"pass"}, verdicts
    memory = {(c["model"], c["stage"]) for c in found["memory"]}
    assert memory == {(m, s) for m in MODELS for s in ("teacher", "training")}
    cases = found["steps"]
    named = {(c["model"], c["rank"], c["teacher_tokens"], c["student_tokens"]) for c in cases}
    assert named == {(m, r, *t) for m in MODELS for r in (16, 64) for t in ((64, 32), (128, 64), (128, 128))}
    for case in cases:
        assert case["status"] == "measured"
        assert min(case["teacher_s"], case["student_s"], case["pack_s"]) > 0
        assert case["peak_bytes"] > 0
        assert 0 < case["share_of_matrix_rate"] < 1
    table = path.with_suffix(".md").read_text()
    assert "only the checks mean anything" in table
    assert all(check in table for check in CHECKS)
    assert table.count("| qwen3-8b ") == 6 + 5


def test_a_missing_requirement_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from bench.gpu.__main__ import NEEDED

    lines = (ROOT / "pyproject.toml").read_text().partition("\ndependencies = [\n")[2].partition("\n]")[0]
    names = {re.split(r"[^\w-]", line.strip(' "'))[0].replace("-", "_") for line in lines.splitlines()}
    assert {"torch", "pyyaml", "huggingface_hub"} <= names
    of_other_formats = {"pypdfium2", "mammoth", "charset_normalizer"}
    assert set(NEEDED) == names - of_other_formats - {"pyyaml"} | {"yaml"}


def test_gpu_sh_is_bash() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)


def test_gpu_bench_without_cuda_is_refused(tmp_path: Path) -> None:
    done = gpu_sh("--device", "cpu", scratch=tmp_path)
    assert done.returncode == 2
    assert "--dry-run" in done.stderr


def test_report_of_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from bench.gpu import report

    def share(right: int) -> dict[str, Any]:
        return {"share": right / 10, "right": right, "of": 10}

    summary = {
        "seconds": 61.2, "peak_bytes": 3 << 30, "steps": 200, "skipped_steps": 0, "examples": {"disc": 7, "prompt": 9},
        "teachability": {"mean": 1.25, "documents": {}, "low": []},
        "card": {
            "rows": {"floor": share(1), "adapted": share(9), "ceiling": share(10)},
            "completions": {"before": share(0), "after": share(8)},
            "retained": {"world": {"before": share(10), "after": share(9)}}, "drift": {"self_generated": 0.0123},
        },
    }  # fmt: skip
    skipped = {"model": "qwen3-8b", "rank": 64, "teacher_tokens": 8192, "student_tokens": 4096}
    found = {
        "dry_run": False, "date": "2026-01-02 03:04 UTC", "commit": "abc", "seconds": 12.0, "budget_s": 450.0,
        "machine": {"device": "NVIDIA H200", "cpu_cores": 16, "python": "3.12.3", "versions": {"torch": "2.11.0"},
                    "cuda": "13.0", "driver": "580", "card_memory_gib": 139.8},
        "matrix_size": 8192, "matrix_tflops": 788.0,
        "checks": [{"check": "a", "status": "note", "figure": "b", "seconds": 0.5}],
        "adapt": {"status": "pass", "summary": summary},
        "memory": [{"model": "m", "rank": 64, "on_host": "embedding", "stage": "training", "tokens": 4096,
                    "passes": 2, "recomputed": 32, "optimizer_bits": 8,
                    "planned_bytes": 7 << 30, "measured_bytes": 8 << 30, "seconds": 1.0, "tflops": 100.0}],
        "steps": [{**skipped, "status": "skipped: no time left"}],
    }  # fmt: skip
    path = report.write(found, tmp_path / "results")
    assert path.name == "gpu-nvidia-h200-2026-01-02.md"
    assert json.loads(path.with_suffix(".json").read_text()) == found
    text = path.read_text()
    for line in (
        "recall after",
        "90.0 % (9 of 10)",
        "probe world before",
        "skipped: no time left",
        "driver 580",
        "0.875",
    ):
        assert line in text


def test_startup(tmp_path: Path) -> None:
    counts = ["--runs", "1", "--loads", "1"]
    command = [sys.executable, str(ROOT / "bench" / "startup.py"), *counts, "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "startup.json").read_text())
    assert found["heavy_modules"] == []
    assert found["median_s"] > 0
    assert min(found["imports_median_cpu_s"].values()) > 0
