"""Batches, a prefix read once and finished rows leave every answer as it would be alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from disc_lite.models.generation import Continuation, generate, sample
from tests.tiny_models import NAMES

PROMPTS = [[30, 31, 32], [40], [50, 51, 52, 53, 54, 55, 56, 57], [60, 61], [40], list(range(100, 140))]
STOPS = frozenset(range(200, 212))  # enough that rows end at different times


def by_transformers(base: Any, prompt: list[int], most: int) -> Continuation:
    from transformers import GenerationConfig

    config = GenerationConfig(max_new_tokens=most, do_sample=False, eos_token_id=sorted(STOPS), pad_token_id=0)
    ids = torch.tensor([prompt])
    with base.frozen(adapter=False) as model:
        whole = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
    new = whole[0, len(prompt) :].tolist()
    return Continuation(tuple(new[:-1]), new[-1]) if new[-1] in STOPS else Continuation(tuple(new), None)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("limits", [{}, {"batch_rows": 2}, {"batch_tokens": 60}, {"batch_tokens": 1}])
def test_greedy_is_what_transformers_generates_for_each_prompt_alone(
    plain: Callable[..., Any], name: str, limits: dict[str, int]
) -> None:
    base = plain(name)
    with base.frozen(adapter=False) as model:
        found = generate(model, PROMPTS, stop_ids=STOPS, max_new_tokens=24, **limits)
    assert found == [by_transformers(base, prompt, 24) for prompt in PROMPTS]
    assert len({len(f.ids) for f in found}) > 1  # some ended before others


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_beginnings_that_are_shared_change_nothing_and_are_read_once(
    plain: Callable[..., Any], name: str, temperature: float
) -> None:
    base = plain(name)
    how: dict[str, Any] = {"stop_ids": STOPS, "max_new_tokens": 16, "temperature": temperature, "seed": 3}
    # Two groups with beginnings of different lengths, and a prompt of its own.
    beginnings = {0: list(range(70, 90)), 1: list(range(60, 67)), 2: []}
    groups = [0, 1, 0, 1, 2, 0]
    prompts = [beginnings[group] + prompt for group, prompt in zip(groups, PROMPTS, strict=True)]
    with base.frozen(adapter=False) as model:
        alone = generate(model, prompts, batch_rows=1, **how)
        assert generate(model, prompts, groups=groups, **how) == alone
        read: list[int] = []
        handle = model.model.register_forward_pre_hook(
            lambda module, args, kwargs: read.append(kwargs["input_ids"].numel()), with_kwargs=True
        )
        generate(model, prompts, groups=groups, **{**how, "max_new_tokens": 1})
        handle.remove()
    assert sorted(read[:2]) == [7, 20]
    assert read[2:] == [len(PROMPTS) * max(map(len, PROMPTS))]


def test_the_answer_to_a_prompt_is_the_same_in_every_batch(plain: Callable[..., Any]) -> None:
    how: dict[str, Any] = {"stop_ids": STOPS, "max_new_tokens": 16, "temperature": 1.0, "seed": 3}
    with plain("llama").frozen(adapter=False) as model:
        together = generate(model, PROMPTS, **how)
        others = [*PROMPTS[:3], [99, 98, 97], *PROMPTS[4:], [5]]
        again = generate(model, others, batch_tokens=60, **how)
    assert [again[i] for i in (0, 1, 2, 4, 5)] == [together[i] for i in (0, 1, 2, 4, 5)]


def test_finished_prompts_are_counted(plain: Callable[..., Any]) -> None:
    finished: list[int] = []
    with plain("llama").frozen(adapter=False) as model:
        generate(model, PROMPTS, stop_ids=STOPS, max_new_tokens=24, batch_rows=4, on_finished=finished.append)
    assert finished == sorted(set(finished))
    assert finished[-1] == len(PROMPTS)


def test_finished_rows_are_read_no_more(plain: Callable[..., Any]) -> None:
    with plain("llama").frozen(adapter=False) as model:
        rows: list[int] = []
        handle = model.model.register_forward_pre_hook(
            lambda module, args, kwargs: rows.append(len(kwargs["input_ids"])), with_kwargs=True
        )
        found = generate(model, PROMPTS, stop_ids=STOPS, max_new_tokens=24)
        handle.remove()
    expected = [sum(len(f.ids) >= n for f in found) for n in range(24)]
    assert rows == [n for n in expected if n]


def test_rows_that_do_not_fit_into_the_card_are_read_in_halves(plain: Callable[..., Any]) -> None:
    how: dict[str, Any] = {"stop_ids": STOPS, "max_new_tokens": 16, "temperature": 1.0, "seed": 3}
    rows: list[int] = []

    def full(most: int) -> Callable[..., None]:
        def hook(module: Any, args: Any, kwargs: Any) -> None:
            rows.append(len(kwargs["input_ids"]))
            # Full only after some tokens: what was drawn until then is drawn again.
            if rows[-1] > most and kwargs["past_key_values"].get_seq_length() > 40:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB.")

        return hook

    with plain("llama").frozen(adapter=False) as model:
        expected = generate(model, PROMPTS, batch_rows=3, **how)
        handle = model.model.register_forward_pre_hook(full(3), with_kwargs=True)
        assert generate(model, PROMPTS, **how) == expected
        assert max(rows) == 6
        handle.remove()
        handle = model.model.register_forward_pre_hook(full(0), with_kwargs=True)
        with pytest.raises(torch.OutOfMemoryError):
            generate(model, PROMPTS, **how)
        handle.remove()


def test_sampling_follows_from_its_seed_alone(plain: Callable[..., Any]) -> None:
    how: dict[str, Any] = {"stop_ids": STOPS, "max_new_tokens": 12, "temperature": 1.0}
    with plain("qwen3").frozen(adapter=False) as model:
        torch.manual_seed(1)
        first = generate(model, PROMPTS, seed=5, **how)
        torch.manual_seed(2)
        before = torch.get_rng_state()
        assert generate(model, PROMPTS, seed=5, **how) == first
        assert torch.equal(torch.get_rng_state(), before)
        assert generate(model, PROMPTS, seed=6, **how) != first
        assert generate(model, [], seed=5, **how) == []
    assert first[1] != first[4]  # the same prompt twice is drawn twice


def test_samples_follow_the_softmax_at_the_temperature() -> None:
    logits = torch.tensor([[0.0, float("-inf"), 1.0, 2.0]])
    uniforms = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    drawn = torch.bincount(sample(logits.expand(20_000, 4), 2.0, uniforms), minlength=4) / 20_000
    torch.testing.assert_close(drawn, (logits[0] / 2).softmax(-1), atol=0.02, rtol=0)
    assert drawn[1] == 0
    assert sample(logits.expand(2, 4), 2.0, torch.tensor([0.0, 1.0 - 2**-24])).tolist() == [0, 3]  # both ends
    assert sample(logits, 0.0, uniforms[:1]).tolist() == [3]
