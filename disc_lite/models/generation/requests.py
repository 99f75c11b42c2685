"""What a model is asked to continue, how, and what it wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch

from disc_lite.packing import shared_length

WORTH_SHARING_TOKENS = 16  # a shorter prefix is read with every prompt


@dataclass(frozen=True)
class Continuation:
    """New tokens, and the stop token after them (not among them); None where the limit was reached."""

    ids: tuple[int, ...]
    stop_id: int | None
    # log p of every token of `whole_ids`, nats, at temperature 1: what a forward pass over prompt and answer would
    # give up to rounding, and so no part of what makes two continuations equal.
    log_ps: tuple[float, ...] = field(default=(), compare=False)

    @property
    def ended(self) -> bool:
        return self.stop_id is not None

    @property
    def whole_ids(self) -> tuple[int, ...]:
        """The new tokens with the stop token, if any."""
        return self.ids if self.stop_id is None else (*self.ids, self.stop_id)


@dataclass(frozen=True)
class Sampling:
    """Settings of one call; greedy at temperature 0."""

    stop_ids: frozenset[int]
    max_new_tokens: int
    temperature: float = 0.0
    seed: int = 0

    def uniforms(self, place: int) -> list[float]:
        """The random numbers of the prompt with this index, one in [0, 1) for each new token."""
        rng = torch.Generator().manual_seed((self.seed * 1_000_003 + place) % 2**63)
        return torch.rand(self.max_new_tokens, generator=rng).tolist()


@dataclass(frozen=True)
class Request:
    """A prompt: the prefix that it shares with others (empty if none), and the rest of it (never empty)."""

    place: int  # index among the prompts of the call
    prefix: tuple[int, ...]
    rest: tuple[int, ...]


def requests_of(prompts: Sequence[Sequence[int]], groups: Sequence[int] = ()) -> list[Request]:
    """A request for each prompt; those of one group share their common prefix, prompts of no group with each other."""
    members: dict[int | None, list[int]] = {}
    for place, group in enumerate(groups or [0] * len(prompts)):
        members.setdefault(group, []).append(place)
    alone = [places[0] for places in members.values() if len(places) == 1]
    together = [*(places for places in members.values() if len(places) > 1), alone]
    found = {request.place: request for places in together for request in _sharing(prompts, places)}
    return [found[place] for place in range(len(prompts))]


def _sharing(prompts: Sequence[Sequence[int]], places: Sequence[int]) -> Iterable[Request]:
    """At least the last token of each prompt is left over: its hidden state gives the first new token."""
    size = 0
    if len(places) > 1:
        members = [prompts[place] for place in places]
        size = min(shared_length(members), len(min(members, key=len)) - 1)
    size = size if size >= WORTH_SHARING_TOKENS else 0
    return (Request(place, tuple(prompts[place][:size]), tuple(prompts[place][size:])) for place in places)


Step = tuple[int, int, Continuation | None]  # place of a request, its new token, its continuation if it is finished


@dataclass
class Row:
    """A request that is being written."""

    request: Request
    prefix: int  # number of its prefix among the stored ones
    uniforms: list[float]
    written: list[int] = field(default_factory=list)
    log_ps: list[float] = field(default_factory=list)

    @property
    def last_at(self) -> int:
        """The place of the last token among the row's own."""
        return len(self.request.rest) + len(self.written) - 1

    def write(self, token: int, log_p: float, how: Sampling) -> Continuation | None:
        """Append a token; the continuation if it is the last."""
        self.written.append(token)
        self.log_ps.append(log_p)
        if token in how.stop_ids:
            return Continuation(tuple(self.written[:-1]), token, tuple(self.log_ps))
        if len(self.written) == how.max_new_tokens:
            return Continuation(tuple(self.written), None, tuple(self.log_ps))
        return None
