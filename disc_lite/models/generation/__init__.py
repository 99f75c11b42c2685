"""Sampling from a causal model: many prompts at once, shared prefixes stored once, finished rows replaced at once.

transformers' `generate` takes sampling settings from the model folder and the random state from the process; here
both are arguments. Every prompt has its own random stream, derived from `seed` (of the run and the purpose of the
call) and the prompt's number. Its text is the same whatever else is in the batch, up to arithmetic: matrix products of
other sizes round differently, and if two tokens are equally likely up to that, another one can be drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from transformers import PreTrainedModel

from disc_lite.models.generation.decoding import decode
from disc_lite.models.generation.known import KnownContinuations
from disc_lite.models.generation.requests import Continuation, Limits, requests_of

__all__ = ["Continuation", "KnownContinuations", "generate", "stream", "stream_seed"]


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    stop_ids: frozenset[int],
    max_new_tokens: int,
    temperature: float | Sequence[float] = 0.0,
    min_p: float = 0.0,
    seed: int = 0,
    streams: Sequence[int] = (),
    groups: Sequence[int] = (),
    max_rows: int = 0,
    on_finished: Callable[[int], None] = lambda prompts: None,
    known: KnownContinuations | None = None,
) -> list[Continuation]:
    """Continue every prompt; the prompts of one group share their common prefix, by default all prompts.

    `temperature` may be given per prompt; 0 is greedy. Tokens less likely than `min_p` times the likeliest one are not
    sampled. `streams` are the numbers of the prompts' random streams, by default their indices; with seed 0 they may be
    `stream_seed`s of several seeds. As many rows are generated at once as fit into the free memory, at most `max_rows`
    if that is not 0. Rows are filled only with prompts of the same call, so a call should have many; equal prompts are
    read once. `on_finished` is called with the number of finished prompts whenever it changes; unfinished ones together
    count by their share of `max_new_tokens`. Continuations in `known` are not generated again, and finished ones are
    added to it.
    """
    temperatures = [temperature] * len(prompts) if isinstance(temperature, (int, float)) else temperature
    seeds = [stream_seed(seed, number) for number in streams or range(len(prompts))]
    requests, limits = requests_of(prompts, groups, temperatures, seeds), Limits(stop_ids, max_new_tokens, min_p)
    finished = known.find(requests, limits) if known else {}
    told, written = len(finished), Counter[int]()  # tokens of unfinished prompts
    if finished:
        on_finished(told)
    for steps in decode(model, [r for r in requests if r.place not in finished], limits, max_rows):
        written.update(place for place, _, _ in steps)
        done = {place: continuation for place, _, continuation in steps if continuation}
        if done:
            finished.update(done)
            if known:
                known.add({requests[place]: continuation for place, continuation in done.items()}, limits)
        for place in done:
            del written[place]
        # Rows that ran out of memory start again, so this is at most all prompts, and never less than reported before.
        count = min(len(finished) + written.total() // max_new_tokens, len(prompts))
        if count > told:
            told = count
            on_finished(told)
    return [finished[place] for place in range(len(prompts))]


def stream(
    model: PreTrainedModel,
    prompt: Sequence[int],
    *,
    stop_ids: frozenset[int],
    max_new_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
) -> Iterator[int]:
    """Yield the tokens that `generate` returns for one prompt, as they are sampled, without the stop token."""
    requests = requests_of([prompt], (), [temperature], [stream_seed(seed, 0)])
    for ((_, token, _),) in decode(model, requests, Limits(stop_ids, max_new_tokens), 1):
        if token not in stop_ids:
            yield token


def stream_seed(seed: int, number: int) -> int:
    """Return the seed of a random stream, from the seed of the call and the number of the prompt."""
    return (seed * 1_000_003 + number) % 2**63
