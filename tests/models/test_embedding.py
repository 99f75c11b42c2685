"""With the input embedding on the host, hidden states and gradients are the same; afterwards it comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from disc_lite.models.embedding import HostEmbedding, embedding_on_host
from disc_lite.models.generation import generate
from disc_lite.packing import lone, pack

PACKED = pack([lone(range(20, 31)), lone(range(40, 44))])


def gradient(base: Any) -> torch.Tensor:
    base.model.zero_grad()
    base.hidden(PACKED).square().sum().backward()
    return torch.cat([p.grad.flatten() for p in base.adapter_parameters().values()])


def test_what_is_computed_stays_the_same(load: Callable[..., Any]) -> None:
    base = load("llama", "nf4", rank=4, checkpointing=True)
    weight, expected = base.causal.get_input_embeddings().weight, gradient(base)
    rows, prompts, stops = weight.clone(), [[5, 6, 7]], base.tokens.stop_ids
    with base.frozen(adapter=True) as model:
        text = generate(model, prompts, stop_ids=stops, max_new_tokens=8)
    with embedding_on_host(base.causal):
        there = base.causal.get_input_embeddings()
        assert isinstance(there, HostEmbedding)
        assert weight.numel() == 0  # nothing is left in the device's memory
        assert not any(p.numel() == rows.numel() and p is not base.head.weight for p in base.model.parameters())
        assert torch.equal(gradient(base), expected)
        with base.frozen(adapter=True) as model:
            assert generate(model, prompts, stop_ids=stops, max_new_tokens=8)[0].whole_ids == text[0].whole_ids
    assert base.causal.get_input_embeddings().weight is weight
    assert torch.equal(weight, rows)
    assert torch.equal(gradient(base), expected)


def test_the_ids_of_a_batch_stay_on_the_host_with_it(load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the host would wait for everything that the card has begun, to get them back."""
    base, read = load("llama"), list[torch.Tensor]()
    monkeypatch.setattr("disc_lite.models.base.to_device", lambda tensor, device: tensor.clone())
    base.causal.get_decoder().register_forward_pre_hook(
        lambda module, args, named: read.append(named["input_ids"]), with_kwargs=True
    )
    on_device = base.hidden(PACKED)
    with embedding_on_host(base.causal):
        assert torch.equal(base.hidden(PACKED), on_device)
    assert [ids is PACKED.input_ids for ids in read] == [False, True]


def test_it_comes_back_after_an_error(load: Callable[..., Any]) -> None:
    base = load("llama")
    weight = base.causal.get_input_embeddings().weight
    with pytest.raises(KeyboardInterrupt), embedding_on_host(base.causal):
        raise KeyboardInterrupt
    assert base.causal.get_input_embeddings().weight is weight
    assert weight.numel()


def test_an_error_is_told_where_there_is_no_room_to_come_back(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load("llama")
    expected = base.hidden(PACKED)
    full = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")

    def no_room(*args: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    with pytest.raises(torch.OutOfMemoryError) as raised, embedding_on_host(base.causal):
        monkeypatch.setattr(torch.Tensor, "to", no_room)
        raise full
    monkeypatch.undo()
    assert raised.value is full
    assert torch.equal(base.hidden(PACKED), expected)


def test_a_tied_embedding_stays(load: Callable[..., Any]) -> None:
    base = load("qwen2")
    embedding = base.causal.get_input_embeddings()
    for wanted in (True, False):
        with embedding_on_host(base.causal, wanted):
            assert base.causal.get_input_embeddings() is embedding
