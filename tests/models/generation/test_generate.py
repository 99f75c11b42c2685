"""Replaced rows, a prefix stored once and a full card leave every answer as it would be alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from disc_lite.models import load_base
from disc_lite.models.generation import Continuation, cache, generate, graphs, passes, stream
from disc_lite.models.generation.plain import use_own_cache
from disc_lite.models.positions import long_texts
from disc_lite.packing import lone
from tests.tiny_families import LONGROPE, make_family
from tests.tiny_models import NAMES, make_model

PROMPTS = [[30, 31, 32], [40], [50, 51, 52, 53, 54, 55, 56, 57], [60, 61], [40], list(range(100, 140))]
STOPS = frozenset(range(200, 212))  # enough of them that rows end at different times
# Two groups with long beginnings that have their first 18 tokens in common, and a prompt in no group.
BEGINNINGS = {0: list(range(70, 100)), 1: [*range(70, 88), *range(10, 17)], 2: []}
GROUPS = [0, 1, 0, 1, 2, 0]
SHARING = [BEGINNINGS[group] + prompt for group, prompt in zip(GROUPS, PROMPTS, strict=True)]


def by_transformers(base: Any, prompts: list[list[int]], most: int) -> list[Continuation]:
    return [_by_transformers(base, tuple(prompt), most) for prompt in prompts]


@functools.cache  # several tests ask the same of a shared base
def _by_transformers(base: Any, prompt: tuple[int, ...], most: int) -> Continuation:
    with base.frozen(adapter=False) as model:
        return continued_by_transformers(model, [*prompt], most)


def continued_by_transformers(model: Any, prompt: list[int], most: int) -> Continuation:
    from transformers import GenerationConfig

    config = GenerationConfig(max_new_tokens=most, do_sample=False, eos_token_id=sorted(STOPS), pad_token_id=0)
    ids = torch.tensor([prompt])
    whole = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
    new = whole[0, len(prompt) :].tolist()
    return Continuation(tuple(new[:-1]), new[-1]) if new[-1] in STOPS else Continuation(tuple(new), None)


@contextmanager
def sizes_of_passes(model: Any) -> Iterator[list[int]]:
    """Collect the number of tokens of each forward pass in the block."""
    sizes: list[int] = []
    handle = model.model.register_forward_pre_hook(
        lambda module, args, kwargs: sizes.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    try:
        yield sizes
    finally:
        handle.remove()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Make passes as on CUDA: all prefixes at once; a captured graph is recomputed at each replay."""

    class Recorded:
        def __init__(self, run: Callable[[], torch.Tensor], into: torch.Tensor) -> None:
            self.run, self.into = run, into

        def replay(self) -> None:
            replayed.append(1)
            self.into.copy_(self.run())

    def capture(graph: graphs.DecodingGraph, model: Any) -> None:
        graph.logits = graphs.forward(model, graph.one_pass())
        graph.graph = Recorded(lambda: graphs.forward(model, graph.one_pass()), graph.logits)  # type: ignore[assignment]

    replayed: list[int] = []
    monkeypatch.setattr(passes, "AT_ONCE", {"cpu"})
    monkeypatch.setattr("disc_lite.models.generation.decoding.AT_ONCE", {"cpu"})
    monkeypatch.setattr(graphs, "WORTH_CAPTURING", 2)
    monkeypatch.setattr(graphs.DecodingGraph, "_capture", capture)
    return replayed


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("max_rows", [0, 1, 2])
def test_greedy_is_what_transformers_generates_for_each_prompt_alone(
    plain: Callable[..., Any], name: str, max_rows: int
) -> None:
    base = plain(name)
    prompts = PROMPTS + SHARING
    groups = [9] * len(PROMPTS) + GROUPS
    with base.frozen(adapter=False) as model:
        found = generate(model, prompts, groups=groups, stop_ids=STOPS, max_new_tokens=24, max_rows=max_rows)
    assert found == by_transformers(base, prompts, 24)
    assert len({len(f.ids) for f in found}) > 1  # some ended before others


@pytest.mark.parametrize("name", NAMES)
def test_so_are_passes_over_all_prefixes_at_once(plain: Callable[..., Any], name: str, at_once: list[int]) -> None:
    base = plain(name)
    with base.frozen(adapter=False) as model:
        found = generate(model, SHARING, groups=GROUPS, stop_ids=STOPS, max_new_tokens=24, max_rows=4)
    assert found == by_transformers(base, SHARING, 24)
    assert len(at_once) > 8


@pytest.mark.parametrize("window", [4, 20, 40])
def test_a_sliding_window_is_what_transformers_has(tmp_path: Path, request: pytest.FixtureRequest, window: int) -> None:
    base = load_base(make_model("mistral", tmp_path / "m", sliding_window=window), "none", "cpu")
    how: dict[str, Any] = {"groups": GROUPS, "stop_ids": STOPS, "max_new_tokens": 24, "max_rows": 4}
    with base.frozen(adapter=False) as model:
        found = generate(model, SHARING, **how)
        replayed = request.getfixturevalue("at_once")
        assert generate(model, SHARING, **how) == found == by_transformers(base, SHARING, 24)
    assert replayed


def test_a_model_that_remembers_by_other_means_is_written_one_prompt_at_a_time() -> None:
    from transformers import Lfm2Config, Lfm2ForCausalLM

    config = Lfm2Config(
        vocab_size=300, hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, layer_types=["conv", "full_attention", "conv"], initializer_range=0.3,
    )  # fmt: skip
    torch.manual_seed(0)
    model = Lfm2ForCausalLM(config).eval()
    found = generate(model, SHARING, stop_ids=STOPS, max_new_tokens=24)
    assert found == [continued_by_transformers(model, prompt, 24) for prompt in SHARING]
    (prompt, ids), log_ps = (SHARING[0], found[0].whole_ids), found[0].log_ps
    with torch.no_grad():
        logits = model(torch.tensor([[*prompt, *ids]])).logits[0, len(prompt) - 1 : -1]
    expected = logits.log_softmax(-1)[range(len(ids)), ids]
    torch.testing.assert_close(torch.tensor(log_ps), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_prefixes_that_are_shared_change_nothing_and_are_read_once(
    plain: Callable[..., Any], name: str, temperature: float
) -> None:
    how: dict[str, Any] = {"stop_ids": STOPS, "max_new_tokens": 16, "temperature": temperature, "seed": 3}
    with plain(name).frozen(adapter=False) as model:
        alone = generate(model, SHARING, groups=range(6), max_rows=1, **how)
        assert generate(model, SHARING, groups=GROUPS, **how) == alone
        with sizes_of_passes(model) as sizes:
            generate(model, SHARING, groups=GROUPS, **{**how, "max_new_tokens": 1})
    # The first prefix, the second without the part in common with the first, then everything that is not shared.
    assert sizes == [30, 25 - 18, sum(map(len, PROMPTS))]


def test_a_finished_row_is_replaced_at_once_and_nothing_is_padded(plain: Callable[..., Any]) -> None:
    with plain("llama").frozen(adapter=False) as model, sizes_of_passes(model) as sizes:
        found = generate(model, PROMPTS, stop_ids=STOPS, max_new_tokens=24, max_rows=2)
    lengths = [len(f.whole_ids) for f in found]
    # The last token of a continuation is not read.
    assert sum(sizes) == sum(map(len, PROMPTS)) + sum(lengths) - len(PROMPTS)
    ends = [0, 0]
    for length in lengths:
        ends[ends.index(min(ends))] += length
    assert len(sizes) == max(ends)


def test_equal_prompts_are_read_once_and_continued_each_for_itself(plain: Callable[..., Any]) -> None:
    how: dict[str, Any] = {"stop_ids": STOPS, "max_new_tokens": 16, "temperature": 1.0, "seed": 3}
    prompts = [PROMPTS[2], SHARING[0], SHARING[0], PROMPTS[2], SHARING[0], SHARING[2]]
    with plain("llama").frozen(adapter=False) as model:
        alone = generate(model, prompts, groups=range(6), max_rows=1, **how)
        with sizes_of_passes(model) as sizes:
            assert generate(model, prompts, groups=[0, 1, 1, 0, 1, 1], **how) == alone
    assert sizes[:2] == [30, len(PROMPTS[2]) + len(PROMPTS[0]) + len(PROMPTS[2])]
    assert len({found.ids for found in alone}) == 6


def test_the_answer_to_a_prompt_is_the_same_in_every_batch(plain: Callable[..., Any]) -> None:
    how: dict[str, Any] = {"stop_ids": STOPS, "max_new_tokens": 16, "temperature": 1.0, "seed": 3}
    with plain("llama").frozen(adapter=False) as model:
        together = generate(model, PROMPTS, **how)
        others = [*PROMPTS[:3], [99, 98, 97], *PROMPTS[4:], [5]]
        for max_rows in (0, 1, 2, 3):
            again = generate(model, others, max_rows=max_rows, **how)
            assert [again[i] for i in (0, 1, 2, 4, 5)] == [together[i] for i in (0, 1, 2, 4, 5)]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_log_probabilities_are_those_of_a_pass_over_prompt_and_answer(
    plain: Callable[..., Any], temperature: float
) -> None:
    base = plain("qwen3")
    how: dict[str, Any] = {"stop_ids": STOPS, "max_new_tokens": 16, "temperature": temperature, "seed": 3}
    with base.frozen(adapter=False) as model:
        found = generate(model, SHARING, groups=GROUPS, **how)
    for prompt, continuation in zip(SHARING, found, strict=True):
        ids = list(continuation.whole_ids)
        places = [(0, 0, len(prompt) - 1 + k) for k in range(len(ids))]
        (expected,) = base.log_probabilities([lone([*prompt, *ids[:-1]])], places, [ids])
        torch.testing.assert_close(torch.tensor(continuation.log_ps), expected, atol=1e-4, rtol=0)


def test_finished_prompts_are_counted(plain: Callable[..., Any]) -> None:
    finished: list[int] = []
    with plain("llama").frozen(adapter=False) as model:
        generate(model, PROMPTS, stop_ids=STOPS, max_new_tokens=24, max_rows=4, on_finished=finished.append)
        assert generate(model, [], stop_ids=STOPS, max_new_tokens=24) == []
    assert finished == sorted(set(finished))
    assert finished[-1] == len(PROMPTS)


def test_prompts_that_end_together_are_counted_on_the_way(plain: Callable[..., Any]) -> None:
    """By their tokens: for minutes, on a slow machine, no other progress of a batch is visible."""
    finished: list[int] = []
    prompts, how = [[5, 6, number] for number in range(7, 17)], {"max_new_tokens": 20, "max_rows": 10}
    with plain("llama").frozen(adapter=False) as model:
        generate(model, prompts, stop_ids=frozenset(), **how, on_finished=finished.append)
    assert finished == list(range(1, 11))


@pytest.mark.parametrize("error", [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
])  # fmt: skip
def test_rows_that_do_not_fit_into_the_card_are_fewer_for_the_rest_of_the_run(
    load: Callable[..., Any], error: RuntimeError
) -> None:
    how: dict[str, Any] = {"stop_ids": STOPS, "max_new_tokens": 16, "temperature": 1.0, "seed": 3}
    rows: list[int] = []

    def full(most: int) -> Callable[..., None]:
        def hook(module: Any, args: Any, kwargs: Any) -> None:
            decoding = kwargs["generation_pass"].decoding
            rows.append(0 if decoding is None else len(decoding.rows))
            # It fails only after some tokens: those sampled until then are sampled again.
            if rows[-1] > most and decoding.width > 16:
                raise error

        return hook

    prompts = [prompt * 2 for prompt in PROMPTS[:5]] + [[7, 8], [9], [3]]
    with load("llama").frozen(adapter=False) as model:
        expected = generate(model, prompts, max_rows=3, **how)
        handle = model.model.register_forward_pre_hook(full(3), with_kwargs=True)
        assert generate(model, prompts, **how) == expected
        assert max(rows) >= 7
        rows.clear()
        assert generate(model, prompts, **how) == expected
        assert max(rows) <= 4  # later calls do not try more rows again
        handle.remove()
        handle = model.model.register_forward_pre_hook(full(0), with_kwargs=True)
        with pytest.raises(type(error)):
            generate(model, prompts, **how)
        handle.remove()


def test_rows_have_the_planned_share_of_the_free_memory(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And at most half of what did not fit, if that is less."""
    with load("llama").frozen(adapter=False) as model:
        shape = cache.CacheShape(8, 32, 1, 16, 8)
        failed = int(8 * cache.row_bytes(model, 32 + 16 / 8))
        monkeypatch.setattr(cache, "free_bytes", lambda device: 10 * failed)
        monkeypatch.setattr(cache, "ROWS_SHARE", 0.6)
        assert cache.room_bytes(model) == 6 * failed
        cache.remember_too_many(model, shape)
        assert cache.room_bytes(model) == failed // 2
        monkeypatch.setattr(cache, "free_bytes", lambda device: failed // 2)
        assert cache.room_bytes(model) == int(failed // 2 * 0.6)


def test_the_number_of_rows_follows_the_free_memory(plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with plain("llama").frozen(adapter=False) as model:
        one_row = cache.row_bytes(model, 32.0)
        for rows in (1, 3, 5):
            monkeypatch.setattr(cache, "room_bytes", lambda model, room=rows * one_row: int(room + 1))
            with sizes_of_passes(model) as sizes:
                generate(model, [[5]] * 12, stop_ids=frozenset(), max_new_tokens=20, groups=[0] * 12)
            assert max(sizes) == rows


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
    assert first[1] != first[4]  # the same prompt twice gives two samples


def test_a_prompt_keeps_its_text_with_its_stream_and_its_temperature(plain: Callable[..., Any]) -> None:
    how: dict[str, Any] = {"stop_ids": STOPS, "max_new_tokens": 12, "seed": 5}
    with plain("llama").frozen(adapter=False) as model:
        drawn = generate(model, SHARING, groups=GROUPS, temperature=1.0, **how)
        greedy = generate(model, SHARING, groups=GROUPS, **how)
        with sizes_of_passes(model) as sizes:
            both = generate(
                model, SHARING * 2, groups=GROUPS * 2, temperature=[1.0] * 6 + [0.0] * 6, streams=[*range(6)] * 2, **how
            )
        assert both == drawn + greedy
        turned = generate(model, SHARING[::-1], temperature=1.0, streams=[*range(6)][::-1], **how)
        assert turned == drawn[::-1]
    tokens = sum(len(f.whole_ids) - 1 for f in both)
    assert sum(sizes) == 30 + 7 + sum(map(len, PROMPTS)) + tokens  # the prompts are read once for both temperatures


def test_the_model_has_its_own_attention_again_while_a_stream_waits(plain: Callable[..., Any]) -> None:
    with plain("llama").frozen(adapter=False) as model:
        tokens = stream(model, PROMPTS[0], stop_ids=frozenset(), max_new_tokens=4)
        next(tokens)
        assert model.config._attn_implementation == "sdpa"
        model(torch.tensor([PROMPTS[0]]))
        assert len(list(tokens)) == 3


def test_a_text_has_the_positions_that_it_has_alone(tmp_path: Path) -> None:
    """LongRoPE: texts that are or can become longer than the original length are generated in separate passes."""
    base = load_base(make_family("phi4", tmp_path), "none", "cpu")
    prompts = [[*range(20, 20 + n)] for n in (12, 90, 30, 60, 71)]
    with base.frozen(adapter=False) as model:
        for own_cache in (False, True):
            found = generate(model, prompts, stop_ids=frozenset(), max_new_tokens=16, groups=[0] * 5)
            for prompt, continuation in zip(prompts, found, strict=True):
                with long_texts(model, len(prompt) + 16 > LONGROPE["original_max_position_embeddings"]):
                    ids = list(prompt)
                    for _ in range(16):
                        ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
                assert [*prompt, *continuation.ids] == ids
            if not own_cache:
                use_own_cache(model)
