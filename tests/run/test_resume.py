"""However a run ends, the same call finishes it, and the adapter is the same to the byte (R1, R4, R6, R24)."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

import disc_lite.run.training  # noqa: F401  (loaded before anything forks)
from disc_lite.cli import main
from disc_lite.distillation import checkpoint
from disc_lite.distillation.optimizer import adamw
from disc_lite.packing import lone, pack
from disc_lite.planning.amounts import MOST_CHECKPOINTS
from disc_lite.storage import read_json, read_jsonl, verify
from tests.made import SmallAdapt, adapter_sha256, newest_checkpoint, recipe_of
from tests.processes import ended, exit_code, forked, slow_disk
from tests.tiers import KILLS, SIGNALS, reached

SIGNALS_OF_A_USER = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PACKED = pack([lone(range(20, 31)), lone(range(40, 44))])


@pytest.fixture(autouse=True)
def _cache_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISC_LITE_CACHE", os.environ["DISC_LITE_CACHE"])


@dataclass(frozen=True)
class Whole:
    """The result of a run that was not interrupted."""

    adapter_sha256: str
    steps: int
    seconds: float


def whole_run(small: SmallAdapt) -> Whole:
    began = time.monotonic()
    summary = small.adapt(small.root / "undisturbed")
    return Whole(adapter_sha256(small.root / "undisturbed"), summary["steps"], time.monotonic() - began)


@pytest.fixture(scope="module")
def undisturbed(small: SmallAdapt) -> Whole:
    return whole_run(small)


@pytest.fixture
def undisturbed_writing(writing: SmallAdapt) -> Whole:
    return whole_run(writing)


def check_finished(run: Path, undisturbed: Whole) -> None:
    assert adapter_sha256(run) == undisturbed.adapter_sha256
    assert [row["step"] for row in read_jsonl(run / "metrics.jsonl")] == list(range(1, undisturbed.steps + 1))
    assert [p.name for p in run.rglob(".tmp-*")] == []
    assert not list(run.rglob("broken-*"))
    left = sorted((run / "checkpoints").glob("step-*"))
    assert len(left) == MOST_CHECKPOINTS
    assert [verify(path) for path in left] == [[], []]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # from plain PEFT
def test_a_run_leaves_what_it_promises(small: SmallAdapt, undisturbed: Whole) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    run = small.root / "undisturbed"
    check_finished(run, undisturbed)
    names = {"recipe.yaml", "ledger.jsonl", "pairs.jsonl", "metrics.jsonl", "checkpoints", "adapter", "summary.json"}
    assert names <= {p.name for p in run.iterdir()}
    summary = read_json(run / "summary.json")
    assert small.adapt(run) == summary  # a finished run is reported, not repeated
    assert {row["outcome"] for row in read_jsonl(run / "ledger.jsonl")} == {"read"}
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(small.model), run / "adapter")
    assert sum(p.abs().sum() > 0 for n, p in model.named_parameters() if "lora_B" in n) == 14


def test_the_saved_adapter_reads_as_the_trained_one(
    small: SmallAdapt, undisturbed: Whole, load: Callable[..., Any]
) -> None:
    trained, loaded = load("llama", "nf4", rank=4), load("llama", "nf4")
    with torch.no_grad():
        plain = loaded.hidden(PACKED)
    parameters = trained.adapter_parameters()
    checkpoint.load(
        newest_checkpoint(small.root / "undisturbed"),
        parameters,
        adamw(list(parameters.values()), recipe_of()),
    )
    loaded.load_adapter(small.root / "undisturbed" / "adapter")
    with trained.frozen(adapter=True), loaded.frozen(adapter=True):
        assert torch.equal(loaded.hidden(PACKED), trained.hidden(PACKED))
        assert not torch.equal(loaded.hidden(PACKED), plain)
    with loaded.frozen(adapter=False):
        assert torch.equal(loaded.hidden(PACKED), plain)


def half_saved(run: Path) -> set[str]:
    return {path.name for path in (run / "checkpoints").glob(".tmp-*")}


@pytest.mark.parametrize(("kind", "share"), [("given", 0.8), ("written", 0.2)])
def test_killed_anywhere_it_goes_on_and_ends_in_the_same_bytes(
    kind: str, share: float, request: pytest.FixtureRequest
) -> None:
    """In any stage; in runs whose questions and pairs are given, and in runs that write them."""
    small: SmallAdapt = request.getfixturevalue("small" if kind == "given" else "writing")
    whole: Whole = request.getfixturevalue("undisturbed" if kind == "given" else "undisturbed_writing")
    rng, wanted, kills, inside, finished, reworded = random.Random(1), round(KILLS * share), 0, 0, 0, 0
    while kills < wanted or not finished:
        run = small.root / f"killed-{finished}"
        before = half_saved(run)  # left by an earlier kill
        child = forked(lambda run=run: (slow_disk(), small.adapt(run)), small.root / "log")
        if kills < wanted:
            time.sleep(rng.uniform(0.05, 1.0) * whole.seconds)
            aimed = kills % 4 == 0  # a quarter of the kills are aimed at a save
            while aimed and not (ended(child) or half_saved(run) - before):
                time.sleep(0.001)
            os.kill(child, signal.SIGKILL)
        code = exit_code(child)
        assert code in (0, -signal.SIGKILL), (small.root / "log").read_text()[-2000:]
        if code:
            kills += 1
            inside += bool(half_saved(run) - before)
        if (run / "summary.json").is_file():
            if (run / "pairs.jsonl").read_bytes() == (small.root / "undisturbed" / "pairs.jsonl").read_bytes():
                check_finished(run, whole)
            else:  # two tokens were equally likely up to rounding, and were sampled in a batch of another size
                reworded += 1
            finished += 1
            shutil.rmtree(run)
    assert inside >= wanted / 10
    assert reworded <= (finished / 10 if kind == "written" else 0)
    reached("R1", kills_survived=kills, of_them_inside_a_save=inside,
            runs_finished_with_the_same_bytes=finished - reworded, finished_with_a_pair_worded_otherwise=reworded)  # fmt: skip


def test_a_signal_at_any_moment_leaves_with_its_code_and_loses_nothing(
    small: SmallAdapt, undisturbed: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R6: each of the three signals, once or twice, while inputs are read, while torch loads, or in any stage."""
    rng, run, answered = random.Random(2), small.root / "signalled", 0
    monkeypatch.setenv("DISC_LITE_CACHE", str(run.with_suffix(".cache")))
    monkeypatch.setattr(sys, "argv", small.command(run))
    while answered < SIGNALS:
        log = small.root / f"signalled-{answered}"
        child, number = forked(main, log), rng.choice(SIGNALS_OF_A_USER)
        time.sleep(rng.uniform(0.02, 0.6) * undisturbed.seconds)
        for _ in range(rng.randint(1, 2)):
            with suppress(ProcessLookupError):
                os.kill(child, number)
        code = exit_code(child)
        if code == 0:  # the run was faster than the signal
            check_finished(run, undisturbed)
            shutil.rmtree(run)
            continue
        # Before there is anything to save, the process can die by the signal, which a shell reports in the same way.
        assert code in (128 + number, -number), log.read_text()
        told = log.read_text()
        assert "Traceback" not in told
        assert told.count("\n") <= 3 or "Learned:" in told  # the signal came while the report was printed
        answered += 1
    assert exit_code(forked(main, small.root / "log")) == 0
    check_finished(run, undisturbed)
    reached("R6", signals_at_random_moments=answered)


@pytest.mark.parametrize(
    ("number", "times"),
    [(signal.SIGINT, 1), (signal.SIGHUP, 2), (signal.SIGTERM, 3)],
)
def test_a_signal_saves_leaves_with_its_code_and_the_same_command_goes_on(
    small: SmallAdapt, undisturbed: Whole, number: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, log = small.root / f"signal-{number}-{times}", small.root / f"log-{number}-{times}"
    monkeypatch.setenv("DISC_LITE_CACHE", str(run.with_suffix(".cache")))
    monkeypatch.setattr(sys, "argv", small.command(run))
    child = forked(main, log)
    while not (run / "metrics.jsonl").is_file():
        time.sleep(0.001)
    time.sleep(0.02)
    for _ in range(times):
        os.kill(child, number)
    assert exit_code(child) == 128 + number, log.read_text()
    assert log.read_text().count("\n") <= 3
    assert "The same command continues" in log.read_text()
    steps = [row["step"] for row in read_jsonl(run / "metrics.jsonl")]
    assert newest_checkpoint(run).name == f"step-{steps[-1]:08d}"  # all finished steps are saved
    assert steps[-1] < undisturbed.steps
    assert not (run / "summary.json").exists()
    assert exit_code(forked(main, log)) == 0
    check_finished(run, undisturbed)
    assert read_jsonl(run / "resumes.jsonl") == [{"after_step": steps[-1]}]


def test_another_process_another_hash_seed_and_global_randomness_change_nothing(
    small: SmallAdapt, undisturbed: Whole, tmp_path: Path
) -> None:
    code = f"""
import random, sys, torch, numpy
sys.path[:0] = {[str(Path(__file__).resolve().parents[2])]!r}
from pathlib import Path
from tests.made import SmallAdapt
small = SmallAdapt.__new__(SmallAdapt)
vars(small).update(settings={{}}, root=Path({str(small.root)!r}), model=Path({str(small.model)!r}), questions=Path({str(small.questions)!r}), pairs=Path({str(small.pairs)!r}))
def disturb(event):
    random.random(), numpy.random.rand(), torch.rand(7), torch.manual_seed(len(event.text))
small.adapt(Path({str(tmp_path / "run")!r}), listener=disturb)
"""
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    check_finished(tmp_path / "run", undisturbed)
    measured = [(row["loss"], row["gradient_norm"]) for row in read_jsonl(tmp_path / "run" / "metrics.jsonl")]
    assert measured == [
        (row["loss"], row["gradient_norm"]) for row in read_jsonl(small.root / "undisturbed" / "metrics.jsonl")
    ]
    small.adapt(tmp_path / "other", seed=1)
    assert adapter_sha256(tmp_path / "other") != undisturbed.adapter_sha256


@pytest.mark.parametrize("method", ["next_token", "sft", "disc", "prompt"])
def test_every_method_goes_through(small: SmallAdapt, tmp_path: Path, method: str) -> None:
    stages_seen = []
    changes = {"method": method, "memory.quantize": "none", "train.epochs": "1", "retention.weight": "0"}
    summary = small.adapt(
        tmp_path / method, listener=lambda e: stages_seen.append(e.stage if e.data else ""), **changes
    )
    assert summary["method"] == method
    assert set(summary["examples"]) == {"sft": {"prompt"}}.get(method, {method})
    assert summary["steps"] == stages_seen.count("training") > 0
    assert summary["card"]["rows"]["floor"]["of"] == 1
    assert (summary["teachability"]["mean"] is not None) == (method == "disc")
