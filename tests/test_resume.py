"""Whatever ends a run, the same call finishes it, and the adapter is the same to the byte (R1, R4, R6, R24)."""

from __future__ import annotations

import json
import os
import random
import shutil
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
from conftest import CORPUS, recipe_of
from test_training import FAST, Setup

import disc_lite.run.training  # noqa: F401  (loaded before anything forks)
from disc_lite import cli
from disc_lite.distillation import checkpoint, training
from disc_lite.distillation.checkpoint import MOST_CHECKPOINTS
from disc_lite.packing import lone, pack
from disc_lite.run.adapt import adapt
from disc_lite.storage import disk, read_json, read_jsonl, sha256_of, verify

KILLS = 20
PACKED = pack([lone(range(20, 31)), lone(range(40, 44))])
SMALL = {
    "method": "both", "documents.passage_tokens": "32", "train.epochs": "2", "train.tokens_per_batch": "64",
    "train.checkpoint_minutes": "0", "train.learning_rate": "0.01", "lora.rank": "4", "lora.alpha": "8", "evaluation.neutral_prompts": "1",
    "evaluation.answer_tokens": "4", "retention.prompts": "4", "retention.prompt_tokens": "8", "retention.answer_tokens": "8",
}  # fmt: skip


# -- the loop ------------------------------------------------------------------------------------------


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        p.name: p.read_bytes()
        for p in folder.iterdir()
        if p.name in ("adapter.safetensors", "optimizer.safetensors", "state.json")
    }


def last(folder: Path) -> Path:
    return max((folder / "checkpoints").glob("step-*"))


@pytest.mark.parametrize("bits", [32, 8])
def test_a_run_cut_after_any_step_ends_in_the_same_bytes(load: Callable[..., Any], tmp_path: Path, bits: int) -> None:
    sections = {
        "train": {**FAST, "epochs": 1, "tokens_per_batch": 64, "optimizer_bits": bits},
        "rank": 64 if bits == 8 else 4,
    }
    whole = Setup(load, tmp_path / "whole", **sections)
    steps = whole.train()
    expected = files_of(last(whole.folder))
    assert len(steps) >= 5
    for k in range(1, len(steps), 2):
        cut = Setup(load, tmp_path / f"{k}", **sections)
        found = cut.train(stop_after=k)
        assert [s.step for s in found] == list(range(1, k + 1))
        again = Setup(load, tmp_path / f"{k}", **sections)  # another process would begin like this
        found += again.train()
        assert [(s.step, s.loss, s.gradient_norm) for s in found] == [(s.step, s.loss, s.gradient_norm) for s in steps]
        assert files_of(last(again.folder)) == expected


def test_a_step_that_is_stopped_between_its_micro_batches_is_made_whole_later(
    load: Callable[..., Any], tmp_path: Path
) -> None:
    """A signal waits for one forward and backward pass at most, not for all of the step's."""
    sections = {"train": {**FAST, "epochs": 2, "tokens_per_batch": 64, "micro_batches": 3}}
    whole = Setup(load, tmp_path / "whole", **sections)
    steps = whole.train()
    for number in (2, 4, 5):  # in the first step, of which nothing is saved, and in the second
        cut, calls = Setup(load, tmp_path / f"{number}", **sections), []
        cut.base.before_each_forward(lambda calls=calls: calls.append(1))
        folder = cut.folder / "checkpoints"
        asked = lambda calls=calls, number=number: len(calls) >= number  # noqa: E731
        found = list(training.train(cut.base, cut.task, cut.retention, cut.recipe, 0, folder, asked))
        assert (len(calls), len(found)) == (number, (number - 1) // 3)
        assert [p.name for p in folder.glob("*")] == [f"step-{s.step:08d}" for s in found]
        again = Setup(load, tmp_path / f"{number}", **sections)
        found += again.train()
        assert [(s.step, s.loss, s.gradient_norm) for s in found] == [(s.step, s.loss, s.gradient_norm) for s in steps]
        assert files_of(last(again.folder)) == files_of(last(whole.folder))


@pytest.mark.parametrize("bits", [32, 8])
def test_what_is_loaded_is_what_was_saved(load: Callable[..., Any], tmp_path: Path, bits: int) -> None:
    sections = {"train": {**FAST, "epochs": 1, "tokens_per_batch": 64, "optimizer_bits": bits}, "rank": 64}
    one, two = (Setup(load, tmp_path / name, **sections) for name in ("one", "two"))
    one.train()
    saved = last(one.folder)
    parameters = two.base.adapter_parameters()
    optimizer = training._optimizer(list(parameters.values()), two.recipe)
    step = checkpoint.load(saved, parameters, optimizer)
    assert saved.name == f"step-{step:08d}"
    assert files_of(checkpoint.save(tmp_path / "again", step, parameters, optimizer)) == files_of(saved)
    kinds = {v.dtype for s in optimizer.state.values() for v in s.values() if isinstance(v, torch.Tensor)}
    assert (torch.uint8 in kinds) == (bits == 8)
    assert len(optimizer.state) == len(parameters)


def test_damaged_checkpoints_step_aside_for_the_one_before(load: Callable[..., Any], tmp_path: Path) -> None:
    sections = {"train": {**FAST, "epochs": 1, "tokens_per_batch": 64, "checkpoint_minutes": 0}}
    setup = Setup(load, tmp_path, **sections)
    steps = setup.train()
    folder = tmp_path / "checkpoints"
    newest, expected = last(tmp_path), files_of(last(tmp_path))
    assert len(list(folder.glob("step-*"))) == MOST_CHECKPOINTS
    for damage in ("flip", "truncate", "remove"):
        path = newest / "adapter.safetensors"
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.unlink() if damage == "remove" else path.write_bytes(data if damage == "flip" else data[:-1])
        found = Setup(load, tmp_path, **sections).train()
        assert [s.step for s in found] == [len(steps)]
        assert files_of(newest) == expected
    reasons = [read_json(p)["problems"] for p in sorted(folder.glob("broken-*.json"))]
    assert len(reasons) == 3
    assert all("adapter.safetensors" in reason[0] for reason in reasons)
    for path in folder.glob("step-*"):
        shutil.rmtree(path)
    assert checkpoint.newest(folder) is None


# -- whole runs ----------------------------------------------------------------------------------------


class Shop:
    """Documents, questions and pairs for a run of a second."""

    def __init__(self, root: Path, model: Path) -> None:
        self.root, self.model = root, model
        (root / "docs").mkdir(parents=True)
        (root / "docs" / "guide.md").write_text(CORPUS[:420])
        (root / "docs" / "other.txt").write_text("The hall is cold. Nobody sweeps it. Ada Brink keeps the keys of it.")
        self.questions = self.write("questions", {"question": "Who runs it?", "answers": ["Ada"]})
        pair = {"document": "other.txt", "passage": 0, "question": "Who keeps the keys?", "answer": "Ada Brink."}
        self.pairs = self.write("pairs", pair, {**pair, "question": "What is cold?", "answer": "The hall."})

    def write(self, name: str, *rows: dict[str, Any]) -> Path:
        path = self.root / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def adapt(self, run: Path, seed: int = 0, listener: Any = None, **changes: str) -> dict[str, Any]:
        os.environ["DISC_LITE_CACHE"] = str(run.with_suffix(".cache"))
        return adapt(
            self.root / "docs", str(self.model), recipe="default", output=run, questions=self.questions, pairs=self.pairs,
            overrides={**SMALL, **changes}, seed=seed, device="cpu", listener=listener,
        )  # fmt: skip

    def command(self, run: Path) -> list[str]:
        sets = [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
        return [
            "disc-lite", "adapt", str(self.root / "docs"), "--model", str(self.model), "--output", str(run), "--device", "cpu",
            "--questions", str(self.questions), "--pairs", str(self.pairs), "--recipe", "default", "--seed", "0", "--quiet", *sets,
        ]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, folders: Callable[[str], Path]) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"), folders("llama"))


@pytest.fixture(autouse=True)
def _cache_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISC_LITE_CACHE", os.environ["DISC_LITE_CACHE"])


def adapter_of(run: Path) -> str:
    return sha256_of(run / "adapter" / "adapter_model.safetensors")


@pytest.fixture(scope="module")
def undisturbed(shop: Shop) -> tuple[str, int, float]:
    """SHA-256 of the adapter, number of steps, seconds."""
    began = time.monotonic()
    summary = shop.adapt(shop.root / "undisturbed")
    return adapter_of(shop.root / "undisturbed"), summary["steps"], time.monotonic() - began


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
    assert adapter_of(run) == sha256
    assert [row["step"] for row in read_jsonl(run / "metrics.jsonl")] == list(range(1, steps + 1))
    assert [p.name for p in run.rglob(".tmp-*")] == []
    assert not list(run.rglob("broken-*"))
    left = sorted((run / "checkpoints").glob("step-*"))
    assert len(left) == MOST_CHECKPOINTS
    assert [verify(path) for path in left] == [[], []]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # plain PEFT's own
def test_a_run_leaves_what_it_promises(shop: Shop, undisturbed: tuple[str, int, float]) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    run = shop.root / "undisturbed"
    check_finished(run, undisturbed)
    names = {"recipe.yaml", "ledger.jsonl", "pairs.jsonl", "metrics.jsonl", "checkpoints", "adapter", "summary.json"}
    assert names <= {p.name for p in run.iterdir()}
    summary = read_json(run / "summary.json")
    assert shop.adapt(run) == summary  # finished: told again, not done again
    assert {row["outcome"] for row in read_jsonl(run / "ledger.jsonl")} == {"read"}
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(shop.model), run / "adapter")
    assert sum(p.abs().sum() > 0 for n, p in model.named_parameters() if "lora_B" in n) == 14


def test_the_saved_adapter_reads_as_the_trained_one(
    shop: Shop, undisturbed: tuple[str, int, float], load: Callable[..., Any]
) -> None:
    trained, loaded = load("llama", "nf4", rank=4), load("llama", "nf4")
    with torch.no_grad():
        plain = loaded.hidden(PACKED)
    parameters = trained.adapter_parameters()
    checkpoint.load(
        last(shop.root / "undisturbed"), parameters, training._optimizer(list(parameters.values()), recipe_of())
    )
    loaded.load_adapter(shop.root / "undisturbed" / "adapter")
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
def test_killed_anywhere_it_goes_on_and_ends_in_the_same_bytes(shop: Shop, undisturbed: tuple[str, int, float]) -> None:
    rng, kills, inside, finished = random.Random(1), 0, 0, 0
    while kills < KILLS or not finished:
        run = shop.root / f"killed-{finished}"
        before = half_saved(run)  # left by an earlier kill
        child = forked(lambda run=run: (slow_disk(), shop.adapt(run)), shop.root / "log")
        if kills < KILLS:
            time.sleep(rng.uniform(0.1, 1.0) * undisturbed[2])
            aimed = kills % 4 == 0  # at a save; the others at any moment
            while aimed and not (ended(child) or half_saved(run) - before):
                time.sleep(0.001)
            os.kill(child, signal.SIGKILL)
        code = exit_code(child)
        assert code in (0, -signal.SIGKILL), (shop.root / "log").read_text()[-2000:]
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
    shop: Shop, undisturbed: tuple[str, int, float], number: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, log = shop.root / f"signal-{number}-{times}", shop.root / f"log-{number}-{times}"
    monkeypatch.setenv("DISC_LITE_CACHE", str(run.with_suffix(".cache")))
    monkeypatch.setattr(sys, "argv", shop.command(run))
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
    assert last(run).name == f"step-{steps[-1]:08d}"  # what was done is saved, to the step
    assert steps[-1] < undisturbed[1]
    assert not (run / "summary.json").exists()
    assert exit_code(forked(cli.main, log)) == 0
    check_finished(run, undisturbed)
    assert read_jsonl(run / "resumes.jsonl") == [{"after_step": steps[-1]}]


def test_another_process_another_hash_seed_and_global_randomness_change_nothing(
    shop: Shop, undisturbed: tuple[str, int, float], tmp_path: Path
) -> None:
    code = f"""
import random, sys, torch, numpy
sys.path[:0] = {[str(Path(__file__).parent)]!r}
from pathlib import Path
import test_resume
shop = test_resume.Shop.__new__(test_resume.Shop)
vars(shop).update(root=Path({str(shop.root)!r}), model=Path({str(shop.model)!r}), questions=Path({str(shop.questions)!r}), pairs=Path({str(shop.pairs)!r}))
def disturb(event):
    random.random(), numpy.random.rand(), torch.rand(7), torch.manual_seed(len(event.text))
shop.adapt(Path({str(tmp_path / "run")!r}), listener=disturb)
"""
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    check_finished(tmp_path / "run", undisturbed)
    told = [(row["loss"], row["gradient_norm"]) for row in read_jsonl(tmp_path / "run" / "metrics.jsonl")]
    assert told == [
        (row["loss"], row["gradient_norm"]) for row in read_jsonl(shop.root / "undisturbed" / "metrics.jsonl")
    ]
    shop.adapt(tmp_path / "other", seed=1)
    assert adapter_of(tmp_path / "other") != undisturbed[0]


@pytest.mark.parametrize("method", ["next_token", "sft", "disc", "prompt"])
def test_every_method_goes_through(shop: Shop, tmp_path: Path, method: str) -> None:
    stages_seen = []
    changes = {"method": method, "memory.quantize": "none", "train.epochs": "1", "retention.weight": "0"}
    summary = shop.adapt(tmp_path / method, listener=lambda e: stages_seen.append(e.stage), **changes)
    assert summary["method"] == method
    assert set(summary["examples"]) == {"sft": {"prompt"}}.get(method, {method})
    assert summary["steps"] == stages_seen.count("training") > 0
    assert summary["recall"]["before"]["of"] == 1
    assert (summary["teachability"]["mean"] is not None) == (method == "disc")
