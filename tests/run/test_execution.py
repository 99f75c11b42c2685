"""How a run is computed can change when it is continued; it is planned before any work is done, and recorded."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from disc_lite import adapt, cli
from disc_lite.errors import EnvironmentNotReady, UsageError, WillNotFit
from disc_lite.models import base, device, loading
from disc_lite.planning.amounts import saved_bytes
from disc_lite.planning.workload import beside_passage
from disc_lite.recipe import load_recipe
from disc_lite.recipe.execution import Execution
from disc_lite.run import training
from disc_lite.run.budget import Limits, budget_of, bytes_of, limited_to_plan
from disc_lite.run.context import report_out_of_memory
from disc_lite.run.execution import idle_on_host, in_words, record, resumed
from disc_lite.run.folder import RunFolder
from disc_lite.run.overhead import overhead_of
from disc_lite.storage import read_jsonl
from tests.made import SMALL, SmallAdapt, recipe_of


def test_a_run_is_continued_in_another_way(small: SmallAdapt) -> None:
    run = small.root / "run"

    def stop(event: Any) -> None:
        if event.stage == "training" and event.done == 3:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        small.adapt(run, listener=stop)
    with pytest.raises(UsageError, match="another run"):
        small.adapt(run, **{"train.learning_rate": "0.02"})
    changes = {
        "execution.optimizer_bits": "8",
        "execution.micro_batch_tokens": "48",
        "execution.checkpoint_minutes": "1",
    }
    summary = small.adapt(run, **changes)
    rows = read_jsonl(run / "computed.jsonl")
    assert [(row["after_step"], row["optimizer_bits"], row["micro_batch_tokens"]) for row in rows] == [
        (0, 32, 0),
        (3, 8, 48),
    ]
    assert {row["device"] for row in rows} == {"cpu"}
    assert [row["step"] for row in read_jsonl(run / "metrics.jsonl")] == list(range(1, summary["steps"] + 1))


@pytest.mark.parametrize(
    "full", [MemoryError("Unable to allocate 8. GiB"), torch.OutOfMemoryError("CUDA out of memory.")]
)
def test_where_memory_runs_out_the_error_says_what_to_do(full: Exception) -> None:
    with pytest.raises(WillNotFit, match=r"out of memory(.|\n)*lower lora\.rank"), report_out_of_memory(recipe_of()):
        raise full


def test_out_of_memory_in_a_run_is_told_recorded_and_survived(
    small: SmallAdapt, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, calls, told = base.Base.hidden, [], []

    def hidden(self: Any, packed: Any) -> Any:
        calls.extend([1] * torch.is_grad_enabled())
        if torch.is_grad_enabled() and len(calls) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.")
        return read(self, packed)

    monkeypatch.setattr(base.Base, "hidden", hidden)
    run = small.root / "full"
    idle = {"execution.embedding": "host", "loss.beta": "0.4"}
    summary = small.adapt(run, listener=lambda event: told.append(event.text), **idle)
    first, last = read_jsonl(run / "computed.jsonl")
    assert (first["micro_batch_tokens"], last["why"], last["after_step"]) == (0, "CPU out of memory", 1)
    assert 0 < last["micro_batch_tokens"] < 100
    assert any("CPU out of memory after step 1: micro-batches of" in text for text in told)
    assert "execution.embedding=host has no effect: the device is the host." in told
    assert any("loss.beta has no effect" in text for text in told)
    assert summary["skipped_steps"] == 0
    assert len(calls) > summary["steps"]


def test_what_is_not_on_the_host_says_why() -> None:
    """Each of the two settings has its own reason; on a GPU that shares the host's memory, both have the same."""
    on_host = Execution(layer_checkpoints="host", embedding="host")
    layers, embedding = idle_on_host(on_host, Execution(layer_checkpoints="device", embedding="device"), True)
    assert layers.endswith("no effect: there is enough memory to store all layers, so none is computed again.")
    assert embedding.endswith("no effect: the output layer is tied to the embedding.")
    for said in idle_on_host(on_host, Execution(), False):
        assert said.endswith("the device is the host.")
    assert idle_on_host(on_host, on_host, True) == []


def test_how_a_run_is_computed_in_words() -> None:
    way = Execution(micro_batch_tokens=1024, optimizer_bits=8, recomputed_layers=1, embedding="host")
    assert in_words(way) == (
        "passes of at most 1,024 tokens, AdamW in 8 bits, 1 layer computed again, the input embedding on the host"
    )
    on_host = Execution(optimizer_bits=32, recomputed_layers=30, layer_checkpoints="host")
    assert (
        in_words(on_host) == "one pass per step, AdamW in 32 bits, 30 layers computed again, their inputs on the host"
    )


def test_what_was_chosen_is_kept_on_the_same_device(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    planned, nothing = Execution(micro_batch_tokens=4096, optimizer_bits=32), Execution()
    assert resumed(planned, nothing, folder, "card") == planned
    record(folder, planned.model_copy(update={"micro_batch_tokens": 1000}), "card", "CUDA out of memory", 0)
    assert resumed(planned, nothing, folder, "card").micro_batch_tokens == 1000
    assert resumed(planned, Execution(micro_batch_tokens=4096), folder, "card").micro_batch_tokens == 4096
    assert resumed(planned, nothing, folder, "cpu") == planned
    smaller = Execution(micro_batch_tokens=500, optimizer_bits=8)
    assert resumed(smaller, nothing, folder, "card") == smaller
    whole = Execution(optimizer_bits=32)
    assert resumed(whole, nothing, folder, "card").micro_batch_tokens == 1000
    read = Execution(micro_batch_tokens=1000, optimizer_bits=32, reading_tokens=2048)
    assert resumed(read, nothing, folder, "card").reading_tokens == 2048  # for a run that recorded none
    record(folder, planned.model_copy(update={"micro_batch_tokens": 1000}), "card", "again", 0)
    assert len(read_jsonl(folder.computed)) == 1
    record(folder, read, "card", "as planned", 0)
    assert resumed(read.model_copy(update={"reading_tokens": 8192}), nothing, folder, "card").reading_tokens == 2048
    assert resumed(read, Execution(reading_tokens=2048), folder, "card").reading_tokens == 2048


@pytest.mark.parametrize(("bits", "max_kl", "adapters"), [(32, 0, 10), (32, 0.1, 12), (8, 0, 5.52), (8, 0.1, 7.52)])
def test_training_leaves_room_for_what_it_will_save_and_not_for_what_it_has_saved(
    tmp_path: Path, bits: int, max_kl: float, adapters: float
) -> None:
    """Otherwise a run could not continue where it began, since room for all its checkpoints would be needed again."""
    folder, parameters = RunFolder(tmp_path), {"a": torch.zeros(10, 100), "b": torch.zeros(1500)}
    recipe = recipe_of(retention={"max_kl": max_kl}, execution={"optimizer_bits": bits})
    base = SimpleNamespace(adapter_parameters=lambda: parameters)
    context: Any = SimpleNamespace(base=base, folder=folder, recipe=recipe, execution=recipe.execution)
    whole = training._spare(context)
    assert whole == pytest.approx(adapters * 10_000, rel=0.001)
    assert whole == saved_bytes(10_000, bits, recipe)  # the same as the plan of the run
    for path, size in ((folder.checkpoints / "step-1", 700), (folder.within / "step-1", 50), (folder.cache, 9)):
        path.mkdir(parents=True)
        (path / "a").write_bytes(b"x" * size)
    assert training._spare(context) == whole - 750
    (folder.checkpoints / "b").write_bytes(b"x" * whole)
    assert training._spare(context) == 0


def test_nothing_is_begun_where_the_run_does_not_fit(small: SmallAdapt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "free_bytes", lambda where: 610 << 20)
    run = small.root / "none"
    with pytest.raises(WillNotFit, match=r"does not fit into the 0\.6 GiB") as caught:
        small.adapt(run)
    assert len(caught.value.lines()) == 3
    assert not (run / "run.json").exists()


def test_a_dry_run_writes_nothing_and_loads_no_weights(
    small: SmallAdapt, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = small.root / "dry"
    monkeypatch.setattr("disc_lite.models.load_base", None)
    monkeypatch.setattr(sys, "argv", [*small.command(run), "--dry-run"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert "Training in one pass per step, " in capsys.readouterr().out
    assert not run.exists()


@pytest.mark.parametrize(("capability", "refused"), [((7, 5), True), ((8, 0), False), ((8, 9), False)])
def test_a_gpu_without_bf16_is_refused(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], refused: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    if not refused:
        assert device.device_of(None) == torch.device("cuda")
        return
    with pytest.raises(EnvironmentNotReady) as caught:
        device.device_of("cuda:0")
    assert "Tesla T4" in caught.value.what
    assert "7.5" in caught.value.why
    assert "--device cpu" in caught.value.remedy


def test_a_gpu_that_is_not_there_is_refused_from_python_too(small: SmallAdapt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(EnvironmentNotReady, match="There is no device 'cuda:2'"):
        adapt(small.root / "docs", str(small.model), output=small.root / "third", pairs=small.pairs, device="cuda:2")


def test_a_gpu_whose_driver_is_too_old_for_pytorch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch counts such a GPU through NVML, but cannot use it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(EnvironmentNotReady, match="There is no device 'cuda'"):
        device.device_of("cuda")


@pytest.mark.parametrize(
    ("kind", "words", "own_memory"),
    [("xpu", "Intel (xpu)", True), ("mps", "Apple (mps)", False), ("cuda", "AMD (ROCm)", True)],
)
def test_the_plan_says_on_which_gpus_nothing_was_tested(
    small: SmallAdapt, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    kind: str, words: str, own_memory: bool,
) -> None:  # fmt: skip
    """This tests the plan, which needs no GPU: a pretended one reports that it exists and how much memory it has."""
    monkeypatch.setattr(f"torch.{'backends.mps' if kind == 'mps' else kind}.is_available", lambda: True)
    monkeypatch.setattr(f"torch.{'xpu' if kind == 'mps' else kind}.device_count", lambda: 1)
    monkeypatch.setattr(torch.xpu, "mem_get_info", lambda device: (8 << 30, 16 << 30))
    monkeypatch.setattr(torch.xpu, "get_device_name", lambda device: "Intel(R) Arc(TM) A770")
    for name, value in {
        "get_device_capability": (11, 0), "get_device_name": "AMD Radeon RX 7900 XTX", "mem_get_info": (8 << 30,) * 2,
        "memory_reserved": 0, "memory_allocated": 0, "get_per_process_memory_fraction": 1.0, "current_device": 0,
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, lambda *given, value=value: value)
    monkeypatch.setattr(torch.version, "hip", "7.2" if kind == "cuda" else None)
    monkeypatch.setattr(sys, "argv", [*small.command(small.root / "dry"), "--dry-run", "--device", kind])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    assert f"never tested on GPUs by {words}" in out
    assert ("stage GPU, " in out) is own_memory
    assert not device.untested(torch.device("cpu"))


def test_eight_bits_are_refused_on_apples_gpus_before_anything_is_spent(
    small: SmallAdapt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    with pytest.raises(WillNotFit, match="AdamW in 8 bits"):
        adapt(
            small.root / "docs", str(small.model), recipe="default", output=small.root / "mps", pairs=small.pairs,
            overrides={**SMALL, "execution.optimizer_bits": "8"}, device="mps",
        )  # fmt: skip


WSL2, LINUX = "6.6.87.2-microsoft-standard-WSL2", "6.8.0-generic"


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A card of 24 GiB; the dictionary holds its free bytes and the fraction that PyTorch can allocate."""
    state = {"free": 23 * 2.0**30, "fraction": 1.0}
    for name, value in {
        "get_device_capability": (8, 9), "get_device_name": "NVIDIA GeForce RTX 4090", "current_device": 3,
        "get_device_properties": SimpleNamespace(total_memory=24 << 30), "memory_reserved": 0, "memory_allocated": 0,
        "is_available": True, "device_count": 4,
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, lambda *given, value=value: value)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (int(state["free"]), 24 << 30))
    monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda index: state["fraction"])
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda f, index: state.update(fraction=f))
    return state


@pytest.mark.parametrize(("release", "free", "max_vram", "expected"), [
    (LINUX, 23, "8GB", 6.89), (LINUX, 23, None, 24), (LINUX, 5, "12GB", 10.69),
    (WSL2, 23, None, 21.85), (WSL2, 23, "8GB", 6.89), (WSL2, 5, "12GB", 4.75),
])  # fmt: skip
def test_no_more_is_allocated_than_was_planned_with_until_the_run_ends(
    monkeypatch: pytest.MonkeyPatch, card: dict[str, float], release: str, free: int, max_vram: str, expected: float
) -> None:
    """A small card is imitated: whatever the plan does not foresee is an out-of-memory error there too.

    Under WSL2 a full card takes memory of the host instead of raising an error. Elsewhere only --max-vram limits a run.
    """
    monkeypatch.setattr("platform.release", lambda: release)
    card["free"] = free * 2.0**30
    limits = Limits("cuda", max_vram, None)
    for _ in range(2):  # the second run of a process gets the same limit
        with limited_to_plan(limits, torch.device("cuda")):
            assert card["fraction"] * 24 == pytest.approx(expected, abs=0.01)
        assert card["fraction"] == 1
    if release == WSL2:
        assert (budget_of(limits, Path()).card_bytes or 0) / 2**30 == pytest.approx(expected, abs=0.01)
    with pytest.raises(InterruptedError), limited_to_plan(limits, torch.device("cuda")):
        raise InterruptedError
    assert card["fraction"] == 1
    with limited_to_plan(Limits(None, "8GB", None), torch.device("cpu")):
        assert card["fraction"] == 1


def test_a_limit_on_the_memory_of_a_gpu_is_not_passed_over_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="finds none here"):
        budget_of(Limits(None, "8GB", None), Path())


@pytest.mark.parametrize(("free", "host_ram", "expected"), [(20, None, 22), (20, "8GB", 8), (4, "8GB", 6.8)])
def test_what_waits_beside_a_card_has_to_be_free_there(
    monkeypatch: pytest.MonkeyPatch, card: dict[str, float], free: int, host_ram: str | None, expected: float
) -> None:
    """In addition to the 3 GiB of the process, which are already in use."""
    monkeypatch.setattr("disc_lite.models.host.available_host_bytes", lambda: free * 2**30)
    assert (budget_of(Limits("cuda", None, host_ram), Path()).host_bytes or 0) / 2**30 == pytest.approx(expected)
    assert budget_of(Limits("cpu", None, host_ram), Path()).host_bytes == bytes_of(host_ram, "")


def test_a_passage_that_the_model_cannot_read_is_refused_before_it_is_loaded(
    small: SmallAdapt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("disc_lite.models.load_base", None)
    model = shutil.copytree(small.model, small.root / "short")
    config = json.loads((model / "config.json").read_text())
    beside = beside_passage(load_recipe("default", {"method": "disc"}).recipe, False, overhead_of(model))
    for context, settings, remedy in (
        (beside, {"documents.passage_tokens": "256"}, r"a longer context"),
        (beside + 70, {"prompt.worked_examples": "true", "documents.passage_tokens": "256"}, "worked_examples=false"),
        (beside + 70, {"prompt.worked_examples": "false", "documents.passage_tokens": "256"}, r"passage_tokens=64"),
    ):
        (model / "config.json").write_text(json.dumps({**config, "max_position_embeddings": context}))
        sets = {"method": "disc", **settings}
        with pytest.raises(UsageError, match=remedy) as caught:
            adapt(small.root / "docs", str(model), output=small.root / "long", recipe="default", overrides=sets)
        assert len(caught.value.lines()) == 3
        assert not (small.root / "long").exists()


def test_nothing_is_downloaded_for_a_run_that_does_not_fit(small: SmallAdapt, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def fetch(hub_id: str) -> Path:
        fetched.append(hub_id)
        raise EnvironmentNotReady("no network")

    monkeypatch.setattr("disc_lite.hub.source.fetch", fetch)
    for free, error in ((2 << 30, WillNotFit), (64 << 30, EnvironmentNotReady)):
        monkeypatch.setattr(device, "free_bytes", lambda where, free=free: free)
        with pytest.raises(error):
            adapt(small.root / "docs", "mistral-7b", output=small.root / "absent", device="cpu")
    assert fetched == ["mistralai/Mistral-7B-Instruct-v0.3"]


def test_free_is_what_the_limit_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    gib = 1 << 30
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (60 * gib, 80 * gib))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 4 * gib)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 3 * gib)
    for fraction, free in ((1.0, 61), (0.1, 5), (0.05, 1)):
        monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda index, fraction=fraction: fraction)
        assert device.free_bytes(torch.device("cuda:0")) == free * gib
    for name in ("mem_get_info", "memory_reserved", "memory_allocated"):  # Intel's GPUs have no limit
        monkeypatch.setattr(torch.xpu, name, getattr(torch.cuda, name))
    assert device.free_bytes(torch.device("xpu")) == 61 * gib


@pytest.mark.parametrize(("name", "expected"), [("cuda:1", [1]), ("cuda", [3]), ("cpu", [])])
def test_the_gpu_of_a_model_is_the_current_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, expected: list[int]
) -> None:
    """CUDA graphs and kernels of other packages are created on the current GPU."""
    used: list[int] = []
    monkeypatch.setattr(loading, "device_of", torch.device)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    monkeypatch.setattr(torch.cuda, "set_device", used.append)
    monkeypatch.setattr(torch, "empty", lambda *sizes, device: None)  # the GPU does not exist
    with pytest.raises(EnvironmentNotReady):
        loading.load_unchecked(tmp_path, "none", name)
    assert used == expected
