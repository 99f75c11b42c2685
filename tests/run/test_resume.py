"""Whatever ends a run, the same call finishes it, and the adapter is the same to the byte (R1, R4, R6, R24)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import disc_lite.run.training  # noqa: F401  (loaded before anything forks)
from disc_lite import cli
from disc_lite.distillation import checkpoint
from disc_lite.distillation.checkpoint import MOST_CHECKPOINTS
from disc_lite.distillation.optimizer import adamw
from disc_lite.packing import lone, pack
from disc_lite.storage import disk, read_json, read_jsonl, verify
from tests.made import SmallAdapt, adapter_sha256, newest_checkpoint, recipe_of

KILLS = 20
PACKED = pack([lone(range(20, 31)), lone(range(40, 44))])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, folders: Callable[[str], Path]) -> SmallAdapt:
    return SmallAdapt(tmp_path_factory.mktemp("small"), folders("llama"))


@pytest.fixture(autouse=True)
def _cache_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISC_LITE_CACHE", os.environ["DISC_LITE_CACHE"])


@pytest.fixture(scope="module")
def undisturbed(small: SmallAdapt) -> tuple[str, int, float]:
    """SHA-256 of the adapter, number of steps, seconds."""
    began = time.monotonic()
    summary = small.adapt(small.root / "undisturbed")
    return adapter_sha256(small.root / "undisturbed"), summary["steps"], time.monotonic() - began


def forked(work: Callable[[], Any], log: Path) -> int:
    """A child of this process, in which everything is imported already; gives its id."""
    assert torch.get_num_threads() == 1
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        sys.stdout = sys.stderr = os.fdopen(out, "w", buffering=1)
        work()
        code = 0
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def check_finished(run: Path, undisturbed: tuple[str, int, float]) -> None:
    sha256, steps, _ = undisturbed
    assert adapter_sha256(run) == sha256
    assert [row["step"] for row in read_jsonl(run / "metrics.jsonl")] == list(range(1, steps + 1))
    assert [p.name for p in run.rglob(".tmp-*")] == []
    assert not list(run.rglob("broken-*"))
    left = sorted((run / "checkpoints").glob("step-*"))
    assert len(left) == MOST_CHECKPOINTS
    assert [verify(path) for path in left] == [[], []]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # plain PEFT's own
def test_a_run_leaves_what_it_promises(small: SmallAdapt, undisturbed: tuple[str, int, float]) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    run = small.root / "undisturbed"
    check_finished(run, undisturbed)
    names = {"recipe.yaml", "ledger.jsonl", "pairs.jsonl", "metrics.jsonl", "checkpoints", "adapter", "summary.json"}
    assert names <= {p.name for p in run.iterdir()}
    summary = read_json(run / "summary.json")
    assert small.adapt(run) == summary  # finished: told again, not done again
    assert {row["outcome"] for row in read_jsonl(run / "ledger.jsonl")} == {"read"}
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(small.model), run / "adapter")
    assert sum(p.abs().sum() > 0 for n, p in model.named_parameters() if "lora_B" in n) == 14


def test_the_saved_adapter_reads_as_the_trained_one(
    small: SmallAdapt, undisturbed: tuple[str, int, float], load: Callable[..., Any]
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


def slow_disk() -> None:
    """In this (child) process every fsync takes its time, as on a real disk, so that kills hit saves."""
    sync = disk.sync

    def slow(descriptor: int) -> None:
        time.sleep(0.004)
        sync(descriptor)

    disk.sync = slow


def half_saved(run: Path) -> set[str]:
    return {path.name for path in (run / "checkpoints").glob(".tmp-*")}


def ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_killed_anywhere_it_goes_on_and_ends_in_the_same_bytes(
    small: SmallAdapt, undisturbed: tuple[str, int, float]
) -> None:
    rng, kills, inside, finished = random.Random(1), 0, 0, 0
    while kills < KILLS or not finished:
        run = small.root / f"killed-{finished}"
        before = half_saved(run)  # left by an earlier kill
        child = forked(lambda run=run: (slow_disk(), small.adapt(run)), small.root / "log")
        if kills < KILLS:
            time.sleep(rng.uniform(0.1, 1.0) * undisturbed[2])
            aimed = kills % 4 == 0  # at a save; the others at any moment
            while aimed and not (ended(child) or half_saved(run) - before):
                time.sleep(0.001)
            os.kill(child, signal.SIGKILL)
        code = exit_code(child)
        assert code in (0, -signal.SIGKILL), (small.root / "log").read_text()[-2000:]
        if code:
            kills += 1
            inside += bool(half_saved(run) - before)
        if (run / "summary.json").is_file():
            check_finished(run, undisturbed)
            finished += 1
    assert inside >= KILLS / 10


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(
    ("number", "times"),
    [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGHUP, 1), (signal.SIGINT, 2), (signal.SIGTERM, 3)],
)
def test_a_signal_saves_leaves_with_its_code_and_the_same_command_goes_on(
    small: SmallAdapt, undisturbed: tuple[str, int, float], number: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, log = small.root / f"signal-{number}-{times}", small.root / f"log-{number}-{times}"
    monkeypatch.setenv("DISC_LITE_CACHE", str(run.with_suffix(".cache")))
    monkeypatch.setattr(sys, "argv", small.command(run))
    child = forked(cli.main, log)
    while not (run / "metrics.jsonl").is_file():
        time.sleep(0.001)
    time.sleep(0.02)
    for _ in range(times):
        os.kill(child, number)
    assert exit_code(child) == 128 + number, log.read_text()
    assert log.read_text().count("\n") <= 3
    assert "the same command continues" in log.read_text()
    steps = [row["step"] for row in read_jsonl(run / "metrics.jsonl")]
    assert newest_checkpoint(run).name == f"step-{steps[-1]:08d}"  # what was done is saved, to the step
    assert steps[-1] < undisturbed[1]
    assert not (run / "summary.json").exists()
    assert exit_code(forked(cli.main, log)) == 0
    check_finished(run, undisturbed)
    assert read_jsonl(run / "resumes.jsonl") == [{"after_step": steps[-1]}]


def test_another_process_another_hash_seed_and_global_randomness_change_nothing(
    small: SmallAdapt, undisturbed: tuple[str, int, float], tmp_path: Path
) -> None:
    code = f"""
import random, sys, torch, numpy
sys.path[:0] = {[str(Path(__file__).resolve().parents[2])]!r}
from pathlib import Path
from tests.made import SmallAdapt
small = SmallAdapt.__new__(SmallAdapt)
vars(small).update(root=Path({str(small.root)!r}), model=Path({str(small.model)!r}), questions=Path({str(small.questions)!r}), pairs=Path({str(small.pairs)!r}))
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
    assert adapter_sha256(tmp_path / "other") != undisturbed[0]


@pytest.mark.parametrize("method", ["next_token", "sft", "disc", "prompt"])
def test_every_method_goes_through(small: SmallAdapt, tmp_path: Path, method: str) -> None:
    stages_seen = []
    changes = {"method": method, "memory.quantize": "none", "train.epochs": "1", "retention.weight": "0"}
    summary = small.adapt(tmp_path / method, listener=lambda e: stages_seen.append(e.stage), **changes)
    assert summary["method"] == method
    assert set(summary["examples"]) == {"sft": {"prompt"}}.get(method, {method})
    assert summary["steps"] == stages_seen.count("training") > 0
    assert summary["recall"]["before"]["of"] == 1
    assert (summary["teachability"]["mean"] is not None) == (method == "disc")
