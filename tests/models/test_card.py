"""The code paths for CUDA, on a pretended card (`tests.pretended_card`): devices and dtypes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from disc_lite.distillation import checkpoint
from disc_lite.distillation.optimizer import adamw
from disc_lite.distillation.schedule import Batch
from disc_lite.distillation.step import step
from disc_lite.models.base import Base
from disc_lite.models.check import check
from disc_lite.models.embedding import embedding_on_host
from disc_lite.models.generation import graphs
from disc_lite.models.generation.cache import CacheShape, KeyValueCache
from disc_lite.models.generation.requests import Request, Row
from disc_lite.models.generation.sampling import next_tokens, sample
from tests.card_streams import streamed_card
from tests.made import SmallTraining, recipe_of
from tests.pretended_card import COPIES, OnCard, aten, pretended_card, to_card


@pytest.fixture
def moved(load: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Like `load`, but the base is on the card, in bf16; the card stays in place for the rest of the test."""
    with ExitStack() as stack:

        def on_card(name: str, quantize: str = "none", rank: int = 0, **how: Any) -> Any:
            stack.close()  # the base is loaded on the CPU
            base = load(name, quantize)
            to_card(base.model, torch.bfloat16)
            stack.enter_context(streamed_card())
            again = Base(base.model, base.tokens, base.folder, quantize)
            if rank:
                again.attach(rank, 2 * rank, 0, **how)
            return again

        yield on_card


class Waits(TorchDispatchMode):
    """Records where the host waits for the card: for numbers read from it, and for blocking copies."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.patch = pytest.MonkeyPatch()

    def __enter__(self) -> Waits:
        made, read = torch.tensor, OnCard.tolist
        self.patch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
        self.patch.setattr(OnCard, "tolist", lambda tensor: (self.found.append("tolist"), read(tensor))[1])
        self.patch.setattr(torch, "tensor", lambda data, **how: self.noted("tensor", made(data, **how)))
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.patch.undo()  # before the pretended card undoes its own patches

    def noted(self, name: str, tensor: Any) -> Any:
        if isinstance(tensor, OnCard):
            self.found.append(name)
        return tensor

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is aten._local_scalar_dense.default:
            self.noted("a number", args[0])
        ends = [args[0], args[1] if func is aten.copy_.default else result]
        if func in COPIES and isinstance(ends[0], OnCard) != isinstance(ends[1], OnCard):
            ahead = (kwargs or {}).get("non_blocking") or args[2:] == (True,)
            self.found += [] if ahead else [str(func)]
        return result


def test_a_tensor_of_the_cpu_is_not_taken_for_one_of_the_card() -> None:
    with pretended_card() as card:
        there, here = torch.ones(3, device=card), torch.ones(3)
        assert there.device == card
        assert (there.cpu() + here).tolist() == [2.0, 2.0, 2.0]
        for wrong in (lambda: there + here, lambda: here.mul_(there), lambda: torch.cat([here, there])):
            with pytest.raises(RuntimeError, match="same device"):
                wrong()


def test_tokens_are_sampled_on_the_card() -> None:
    rng = torch.Generator().manual_seed(0)
    logits, drawn = torch.randn(8, 300, generator=rng), torch.rand(8, generator=rng)
    temperatures = [0.0, 0.7] * 4
    here = sample(logits, temperatures, drawn, min_p=0.05)
    with pretended_card() as card:
        there = sample(logits.to(card), temperatures, drawn.to(card), min_p=0.05)
        assert there.device == card
        assert there.tolist() == here.tolist()
        rows = [Row(Request(n, (), (1,), t), 0, [float(drawn[n])]) for n, t in enumerate(temperatures)]
        on_card = logits.to(card)
        with Waits() as waits:
            assert [token for token, _ in next_tokens(on_card, rows, 0.05)] == here.tolist()
        assert waits.found == ["tolist"]


def test_rows_with_the_prompt_of_another_are_copied_without_waiting_for_the_card() -> None:
    with pretended_card() as card:
        cache = KeyValueCache(CacheShape(rows=4, own_places=16, prefixes=1, prefix_places=0, prefix_rows=16))
        keys = torch.zeros(1, 2, 8, device=card)
        layers = [cache.layer(number, keys, keys) for number in range(2)]
        for layer in layers:
            layer.own_values.add_(torch.arange(4.0).to(card)[:, None, None, None])
        with Waits() as waits:
            cache.copy_own({0: 0, 1: 1, 2: 1, 3: 0})
        assert waits.found == []
        assert [layer.own_values[:, 0, 0, 0].tolist() for layer in layers] == [[0, 1, 1, 0]] * 2


def test_the_host_packs_the_next_micro_batch_while_the_card_computes(moved: Callable[..., Any], tmp_path: Path) -> None:
    def load(name: str, quantize: str, rank: int, checkpointing: bool) -> Any:
        return moved(name, quantize, rank=rank, recomputed=None if checkpointing else 0)

    training = SmallTraining(load, tmp_path, "mistral", quantize="nf4")
    with Waits() as waits:
        sums = step(training.base, training.data, training.recipe, Batch((0, 1, 2), (0,)), (10, 5))
    assert waits.found == []
    assert sums.device == training.base.device


@pytest.mark.parametrize("quantize", ["none", "nf4"])
def test_a_model_passes_its_check(moved: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, quantize: str) -> None:
    monkeypatch.setattr(graphs, "WORTH_CAPTURING", 1000)
    base = moved("qwen3", quantize)
    assert base.state_dtype == torch.bfloat16
    assert [line for line in check(base).lines if not line.passed] == []


@pytest.mark.parametrize("bits", [32, 8])
def test_training_with_parts_on_the_host_is_the_same_and_goes_on_from_a_checkpoint(
    moved: Callable[..., Any], tmp_path: Path, bits: int
) -> None:
    losses = []
    for host in (False, True):

        def load(name: str, quantize: str, rank: int, checkpointing: bool, host: bool = host) -> Any:
            return moved(name, quantize, rank=rank, recomputed=None if checkpointing else 0, host_checkpoints=host)

        training = SmallTraining(
            load, tmp_path / str(host), "mistral", quantize="nf4", execution={"optimizer_bits": bits}
        )
        with embedding_on_host(training.base.causal, host):
            losses.append([step.loss for step in training.train(stop_after=2)])
        parameters = training.base.adapter_parameters()
        for other in (32, 8):
            optimizer = adamw(list(parameters.values()), recipe_of(execution={"optimizer_bits": other}))
            newest = checkpoint.newest(training.folder / "checkpoints")
            assert newest is not None
            assert checkpoint.load(newest, parameters, optimizer) == 2
            for parameter in parameters.values():
                parameter.grad = torch.ones_like(parameter)
                moments = [v for v in optimizer.state[parameter].values() if isinstance(v, torch.Tensor)]
                assert moments
                assert all(isinstance(moment, OnCard) for moment in moments)
            optimizer.step()
            optimizer.zero_grad()
    assert losses[0] == losses[1]
    assert losses[0][1] < losses[0][0]
