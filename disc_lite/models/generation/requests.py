"""Requests to continue a prompt, their limits, and the continuations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from disc_lite.packing import shared_length
from disc_lite.planning.sizes import SHORTEST_PREFIX

LOG_P_DIGITS = 6  # rounding, so that computed values equal those read from a journal


@dataclass(frozen=True)
class Continuation:
    """New tokens, and the stop token after them (not among them); None if the limit was reached."""

    ids: tuple[int, ...]
    stop_id: int | None
    # log p of every token of `whole_ids`, nats, at temperature 1: what a forward pass over prompt and answer would
    # give, up to rounding; therefore not compared for equality.
    log_ps: tuple[float, ...] = field(default=(), compare=False)

    @property
    def ended(self) -> bool:
        return self.stop_id is not None

    @property
    def whole_ids(self) -> tuple[int, ...]:
        """The new tokens with the stop token, if any."""
        return self.ids if self.stop_id is None else (*self.ids, self.stop_id)


@dataclass(frozen=True)
class Limits:
    """When the continuations of one call end, and how unlikely their tokens may be."""

    stop_ids: frozenset[int]
    max_new_tokens: int
    min_p: float = 0.0  # share of the likeliest token's probability


@dataclass(frozen=True)
class Request:
    """A prompt, as the prefix shared with others (may be empty) and the rest (never empty), and how to sample."""

    place: int  # index among the prompts of the call
    prefix: tuple[int, ...]
    rest: tuple[int, ...]
    temperature: float = 0.0
    stream: int = 0  # seed of its random numbers

    def uniforms(self, number: int) -> list[float]:
        """Return a random number in [0, 1) for each new token; drawn on the CPU: the same on every machine."""
        return torch.rand(number, generator=torch.Generator().manual_seed(self.stream)).tolist()


def requests_of(
    prompts: Sequence[Sequence[int]], groups: Sequence[int], temperatures: Sequence[float], streams: Sequence[int]
) -> list[Request]:
    """Return a request for each prompt; those of one group share their common prefix.

    Prompts that are alone in their group share theirs with each other. Empty `groups` means one group.
    """
    members: dict[int, list[int]] = {}
    for place, group in enumerate(groups or [0] * len(prompts)):
        members.setdefault(group, []).append(place)
    alone = [places[0] for places in members.values() if len(places) == 1]
    together = [*(places for places in members.values() if len(places) > 1), alone]
    sizes = {place: size for places in together for size in [_shared(prompts, places)] for place in places}
    return [
        Request(place, tuple(prompt[: sizes[place]]), tuple(prompt[sizes[place] :]), temperature, stream)
        for place, (prompt, temperature, stream) in enumerate(zip(prompts, temperatures, streams, strict=True))
    ]


def _shared(prompts: Sequence[Sequence[int]], places: Sequence[int]) -> int:
    """Number of tokens in their prefix, without the last token of any prompt, which gives the first new token."""
    if len(places) < 2:
        return 0
    members = [prompts[place] for place in places]
    size = min(shared_length(members), len(min(members, key=len)) - 1)
    return size if size >= SHORTEST_PREFIX else 0


Step = tuple[int, int, Continuation | None]  # place of a request, its new token, its continuation if it is finished


@dataclass
class Row:
    """A request that is being generated."""

    request: Request
    prefix: int  # number of its prefix among the stored ones
    uniforms: list[float]
    written: list[int] = field(default_factory=list)
    log_ps: list[float] = field(default_factory=list)

    @property
    def last_at(self) -> int:
        """Place of the last token among the row's own."""
        return len(self.request.rest) + len(self.written) - 1

    def write(self, token: int, log_p: float, limits: Limits) -> Continuation | None:
        """Append a token; return the continuation if it was the last one."""
        self.written.append(token)
        self.log_ps.append(round(log_p, LOG_P_DIGITS))
        if token in limits.stop_ids:
            return Continuation(tuple(self.written[:-1]), token, tuple(self.log_ps))
        if len(self.written) == limits.max_new_tokens:
            return Continuation(tuple(self.written), None, tuple(self.log_ps))
        return None
