"""What has to come after what on a card: layer inputs on the host, CUDA graphs, pinned memory.

See `tests.card_streams`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
import torch

from disc_lite.errors import WillNotFit
from disc_lite.models.base import Base
from disc_lite.models.device import to_device
from disc_lite.models.generation import decoding, generate, graphs
from disc_lite.models.halving import unless_full
from disc_lite.models.offload import HostCheckpoints
from disc_lite.packing import lone, pack
from tests import card_streams
from tests.card_streams import SYNCS, Races, streamed_card
from tests.pretended_card import CARD, to_card
from tests.tiny_models import make_model

PACKED = pack([lone(range(20, 31)), lone(range(40, 44))])
PROMPTS = [[30, 31, 32], [40]]
HOW: dict[str, Any] = {"stop_ids": frozenset(), "max_new_tokens": 6}
OnTheCard = Callable[..., Any]


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from disc_lite.models.loading import load_unchecked

    folder = make_model("llama", tmp_path_factory.mktemp("deep") / "llama", num_hidden_layers=3)
    return load_unchecked(folder, "none", "cpu")


@pytest.fixture
def on_card(deep: Any) -> OnTheCard:
    @contextmanager
    def entered(**attached: Any) -> Iterator[tuple[Base, Races]]:
        model = copy.deepcopy(deep.model)
        to_card(model, torch.bfloat16)
        with streamed_card() as races:
            base = Base(model, deep.tokens, deep.folder, "none")
            if attached:
                base.attach(4, 8, 0, **attached)
                for n, parameter in enumerate(base.adapter_parameters().values()):
                    parameter.data.add_(
                        torch.linspace(-0.1, 0.1, parameter.numel()).view_as(parameter).to(CARD) / (n + 1)
                    )
            yield base, races

    return entered


def gradient(base: Base) -> torch.Tensor:
    base.model.zero_grad()
    with base.autocast():
        states = base.hidden(PACKED)
    states.float().square().sum().backward()
    return torch.cat([p.grad.flatten() for p in base.adapter_parameters().values()]).cpu()  # type: ignore[union-attr]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """A function that leaves out the wait with this number; its list's one entry is the number of the last wait."""
    wait = card_streams.Stream.wait_event

    def without(number: int) -> list[int]:
        numbers, seen = count(), [0]

        def counted(self: Any, event: Any) -> None:
            seen[0] = next(numbers)
            if seen[0] != number:
                wait(self, event)

        monkeypatch.setattr(card_streams.Stream, "wait_event", counted)
        return seen

    return without


def test_a_pinned_buffer_that_is_written_while_it_is_copied_is_told() -> None:
    with streamed_card() as races:
        pinned = torch.ones(3).pin_memory()
        there = pinned.to(CARD, non_blocking=True)
        pinned.zero_()
        assert [line.split(" after ")[0] for line in races.found] == ["aten.zero_.default on the host"]
        races.found.clear()
        again = pinned.to(CARD, non_blocking=True)
        torch.cuda.synchronize()
        pinned.zero_()
        ahead = torch.empty(3, pin_memory=True)
        ahead.copy_(again, non_blocking=True)
        assert races.found == []
        ahead.sum()
        assert len(races.found) == 1
        races.found.clear()
        assert there.tolist() == [1, 1, 1]
        to_device(torch.ones(3), CARD).add_(1)


@pytest.mark.parametrize("guard", ["", "record_stream", "wait"])
def test_memory_that_is_given_away_while_another_stream_reads_it_is_told(guard: str) -> None:
    with streamed_card() as races:
        side, main = torch.cuda.Stream(), torch.cuda.current_stream()
        x = torch.ones(3, device=CARD)
        side.wait_stream(main)
        with torch.cuda.stream(side):
            y = x + 1
        if guard == "record_stream":
            x.record_stream(side)
        if guard == "wait":
            main.wait_stream(side)
        del x
        assert len(races.found) == (guard == "")
        races.found.clear()
        side.synchronize()
        del y


def test_inputs_of_layers_on_the_host_race_with_nothing_and_every_wait_is_needed(
    on_card: OnTheCard, waits: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_card(host_checkpoints=False) as (base, _):
        expected = gradient(base)
    with on_card(host_checkpoints=True) as (base, races):
        # Without it: memory that it holds back is free only once the host sees that the copy is done, and the host is
        # far ahead.
        monkeypatch.setattr(torch.Tensor, "record_stream", None)
        seen = waits(-1)
        assert torch.equal(gradient(base), expected)
        assert races.found == []
        assert torch.equal(gradient(base), expected)
        total = (seen[0] + 1) // 2
        needed = []
        for number in range(total):
            waits(number)
            gradient(base)
            needed.append(bool(races.found))
            races.found.clear()
    # The host has already waited for the embedding and the batch, and the embedding outlives the decoder's pass.
    assert needed == [False] * 3 + [True] * 6


@pytest.mark.parametrize("pins", [True, False])
def test_after_an_error_in_the_backward_pass_the_next_one_races_with_nothing(
    on_card: OnTheCard, monkeypatch: pytest.MonkeyPatch, pins: bool
) -> None:
    if not pins:
        monkeypatch.setattr(
            HostCheckpoints, "pins", property(lambda host: False, lambda host, value: None), raising=False
        )
    with on_card(host_checkpoints=True) as (base, races):
        expected = gradient(base)
        part, calls = base._layers[1].self_attn, list[int]()

        def full(module: Any, inputs: Any) -> None:
            calls.append(1)
            if len(calls) == 2:  # in the recomputation, while the inputs of the layer below are being fetched
                raise torch.OutOfMemoryError("CUDA out of memory.")

        part.register_forward_pre_hook(full)
        assert isinstance(unless_full(lambda: gradient(base)), WillNotFit)
        assert torch.equal(gradient(base), expected)
        assert races.found == []


@pytest.fixture
def generated(on_card: OnTheCard, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    monkeypatch.setattr(graphs, "WORTH_CAPTURING", 2)
    with on_card() as (base, races), base.frozen(adapter=False) as model:
        yield lambda **how: (generate(model, PROMPTS, **{**HOW, **how}), model, races)


def test_a_graph_computes_what_its_pass_does_and_all_graphs_have_one_stream(
    generated: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _, races = generated()
    assert len(races.streams) == 2  # the second is that of the captured graph
    assert generated()[0] == found
    assert len(races.streams) == 2
    monkeypatch.setattr(graphs, "WORTH_CAPTURING", 1000)
    assert generated()[0] == found
    assert races.found == []


def test_after_a_failed_capture_the_card_waits_for_what_was_begun(
    generated: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "WORTH_CAPTURING", 1000)
    found, model, races = generated()

    def reads(module: Any, inputs: Any) -> None:
        float(inputs[0].sum())

    model.model.layers[1].register_forward_pre_hook(reads)
    monkeypatch.setattr(graphs, "WORTH_CAPTURING", 2)
    with pytest.warns(match=SYNCS):
        assert generated()[0] == found
    assert races.found == []


def test_no_memory_of_a_graph_is_freed_while_it_is_replayed(
    generated: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _, races = generated()
    tokens, calls = decoding.next_tokens, count()

    def full(*arguments: Any) -> Any:
        if next(calls) == 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return tokens(*arguments)

    monkeypatch.setattr(decoding, "next_tokens", full)
    assert generated()[0] == found
    assert races.found == []
