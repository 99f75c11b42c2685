"""The decoding loop: fills free rows with prompts, adds a token to every row in each pass, frees finished rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

import torch
from transformers import PreTrainedModel

from disc_lite.errors import memory_ran_out
from disc_lite.models.generation.attention import forward
from disc_lite.models.generation.cache import KeyValueCache, remember_too_many, shape_for
from disc_lite.models.generation.graphs import DecodingGraph
from disc_lite.models.generation.passes import AT_ONCE, Chunk, Pass, Token, decoding_of, prefill_of
from disc_lite.models.generation.plain import attends_only, decode_in_batches
from disc_lite.models.generation.requests import Limits, Request, Step
from disc_lite.models.generation.sampling import next_tokens
from disc_lite.models.generation.schedule import Schedule, by_size
from disc_lite.models.positions import by_frequencies, original_length
from disc_lite.packing import filled, shared_length
from disc_lite.planning.sizes import PROMPT_TOKENS

AWAITED = 0.25  # share of the rows to fill together if passes without prompts are CUDA graphs


def decode(model: PreTrainedModel, requests: Sequence[Request], limits: Limits, max_rows: int) -> Iterator[list[Step]]:
    """Yield the new tokens of every pass. If CUDA runs out of memory, unfinished requests restart in fewer rows."""
    longest = [len(r.prefix) + len(r.rest) + limits.max_new_tokens for r in requests]
    decode_alike = _decode if attends_only(model) else decode_in_batches
    for long, indices in by_frequencies(longest, original_length(model.config.get_text_config())).items():
        yield from decode_alike(model, [requests[i] for i in indices], limits, max_rows, long)


def _decode(
    model: PreTrainedModel, requests: Sequence[Request], limits: Limits, max_rows: int, long: bool
) -> Iterator[list[Step]]:
    """Like `decode`, but for texts that all have the same frequencies of positions."""
    for alike in by_size(requests, limits.max_new_tokens):
        left = list(alike)
        while left:
            schedule = Schedule(left, shape_for(model, left, limits.max_new_tokens, max_rows), limits)
            try:
                yield from _passes(model, schedule, long)
            except RuntimeError as error:
                if not memory_ran_out(error) or schedule.shape.rows == 1:
                    raise
                remember_too_many(model, schedule.shape)
            left = schedule.unfinished()
            if left:
                torch.cuda.empty_cache()


@torch.no_grad()
def _passes(model: PreTrainedModel, schedule: Schedule, long: bool) -> Iterator[list[Step]]:
    cache, on_cuda = KeyValueCache(schedule.shape, long), model.device.type in AT_ONCE
    max_tokens = PROMPT_TOKENS.get(model.device.type, PROMPT_TOKENS["cpu"])
    # Only passes without prompts are graphs, and those with prompts take several times as long: wait for some rows.
    graph = DecodingGraph(cache, model.device) if on_cuda else None
    fewest = max(1, int(schedule.shape.rows * AWAITED)) if on_cuda else 1
    while schedule.left:
        going = schedule.by_prefix()
        tokens = [Token(row, schedule.rows[row].last_at, schedule.rows[row].prefix) for row in going]
        ids = [schedule.rows[row].written[-1] for row in going]
        replaced, fresh = schedule.admit(max_tokens, fewest)
        logits = graph.replay(model, tokens, ids, list(map(len, schedule.prefixes))) if graph and not fresh else None
        if logits is None:
            _read_prefixes(model, cache, schedule, replaced, max_tokens)
            sources = _sources(schedule, fresh)
            logits = forward(model, _pass(model.device, cache, schedule, tokens, ids, sources))
            cache.copy_own(sources)
        rows = [*going, *fresh]
        yield schedule.record(rows, next_tokens(logits, [schedule.rows[row] for row in rows], schedule.limits.min_p))


def _pass(
    device: torch.device, cache: KeyValueCache, schedule: Schedule, tokens: Sequence[Token], ids: Sequence[int],
    sources: Mapping[int, int],
) -> Pass:  # fmt: skip
    """Return the pass over the last tokens of continued rows, and the prompts of newly filled ones."""
    rows, sizes = schedule.rows, list(map(len, schedule.prefixes))
    decoding = decoding_of(tokens, sizes, schedule.shape, device) if tokens else None
    read = [row for row, source in sources.items() if source == row]
    chunks = [Chunk(row, rows[row].prefix, sizes[rows[row].prefix], rows[row].request.rest) for row in read]
    prefill = prefill_of(chunks, True, device) if chunks else None
    positions = torch.cat([part.positions for part in (decoding, prefill) if part])
    ends = dict(zip(read, accumulate(len(chunk.ids) for chunk in chunks), strict=True))
    last = [*range(len(tokens)), *(len(tokens) - 1 + ends[source] for source in sources.values())]
    input_ids = torch.tensor([*ids, *(token for chunk in chunks for token in chunk.ids)], device=device)
    return Pass(cache, input_ids[None], positions[None], torch.tensor(last, device=device), decoding, prefill)


def _sources(schedule: Schedule, fresh: Sequence[int]) -> dict[int, int]:
    """Return row -> the first row with the same prompt, whose prompt is then read once for all of them."""
    first: dict[tuple[int, tuple[int, ...]], int] = {}
    rows = schedule.rows
    return {row: first.setdefault((rows[row].prefix, rows[row].request.rest), row) for row in fresh}


# -- prefixes ------------------------------------------------------------------------------------------


def _read_prefixes(
    model: PreTrainedModel, cache: KeyValueCache, schedule: Schedule, replaced: Sequence[int], max_tokens: int
) -> None:
    """Read the prefixes with these numbers; what they share with a stored prefix is copied instead."""
    prefixes = {number: prefix for number, prefix in enumerate(schedule.prefixes) if prefix}
    unread = [number for number in replaced if number in prefixes]
    ready = [number for number in prefixes if number not in unread]
    while unread:
        chunks: list[Chunk] = []
        later = []
        for number in unread:
            source, size = _most_shared(prefixes, number, ready)
            _, soon = _most_shared(prefixes, number, [chunk.prefix for chunk in chunks])
            if soon > size:
                later.append(number)  # it is copied once the other one is read
                continue
            if size:
                cache.copy_prefix(source, number, size)
            chunks.append(Chunk(number, number, size, prefixes[number][size:]))
        unread, ready = later, [*ready, *(chunk.prefix for chunk in chunks)]
        chunks = sorted((chunk for chunk in chunks if chunk.ids), key=lambda chunk: chunk.prefix)
        for batch in filled(range(len(chunks)), [len(chunk.ids) for chunk in chunks], max_tokens):
            prefill = prefill_of([chunks[i] for i in batch], False, model.device)
            ids = torch.tensor([token for i in batch for token in chunks[i].ids], device=model.device)
            one = torch.tensor([0], device=model.device)  # unused logits
            forward(model, Pass(cache, ids[None], prefill.positions[None], one, None, prefill))


def _most_shared(prefixes: Mapping[int, Sequence[int]], number: int, others: Iterable[int]) -> tuple[int, int]:
    """Return (number, tokens): which of `others` has the longest common beginning, and its length."""
    shared = ((other, shared_length([prefixes[number], prefixes[other]])) for other in others)
    return max(shared, key=lambda found: found[1], default=(-1, 0))
