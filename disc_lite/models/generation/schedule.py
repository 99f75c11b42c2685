"""Which request is in which row, and which prefixes are stored; a finished row is replaced at once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence

from disc_lite.models.generation.cache import CacheShape
from disc_lite.models.generation.requests import Limits, Request, Row, Step

SHORT = 256  # places of a row: shorter ones are not worth a group of their own


class Schedule:
    """The waiting requests by prefix, in order; the stored prefixes; the active rows."""

    def __init__(self, requests: Iterable[Request], shape: CacheShape, limits: Limits) -> None:
        self.shape, self.limits = shape, limits
        by_prefix: dict[tuple[int, ...], deque[Request]] = {}
        for request in requests:
            by_prefix.setdefault(request.prefix, deque()).append(request)
        self._waiting = list(by_prefix.values())  # those with the same prefix together
        self._left = sum(map(len, self._waiting))
        self._stored: list[int | None] = [None] * shape.prefixes  # the index in `_waiting`
        self._next = 0  # index of the first prefix that was never stored
        self.prefixes: list[tuple[int, ...]] = [()] * shape.prefixes
        self.rows: dict[int, Row] = {}

    @property
    def left(self) -> int:
        """Number of requests that are not finished."""
        return len(self.rows) + self._left

    def by_prefix(self) -> list[int]:
        """Return the active rows, those with the same prefix together."""
        return sorted(self.rows, key=lambda row: (self.rows[row].prefix, row))

    def unfinished(self) -> list[Request]:
        """Return the unfinished requests, in order of their places; active rows start again."""
        requests = [row.request for row in self.rows.values()]
        requests += [request for queue in self._waiting for request in queue]
        return sorted(requests, key=lambda request: request.place)

    def admit(self, max_tokens: int, fewest: int) -> tuple[list[int], list[int]]:
        """Put waiting requests into free rows: (prefixes that were replaced, rows that were filled, by prefix).

        Takes at most `max_tokens` tokens of prompts, but at least one prompt; takes none while rows are active and
        fewer than `fewest` would be filled.
        """
        if not self._left or len(self.rows) == self.shape.rows:
            return [], []
        free = [row for row in range(self.shape.rows) if row not in self.rows]
        openings = [(number, which) for number, which, count in self._openings() for _ in range(count)][: len(free)]
        if self.rows and len(openings) < min(fewest, self._left):
            return [], []
        replaced, filled, tokens = list[int](), list[int](), 0
        for row, (number, which) in zip(free, openings, strict=False):
            tokens += len(self._waiting[which][0].rest)
            if filled and tokens > max_tokens:
                break
            request = self._waiting[which].popleft()
            if self._stored[number] != which:
                self._stored[number], self.prefixes[number] = which, request.prefix
                self._next = max(self._next, which + 1)
                replaced.append(number)
            self.rows[row] = Row(request, number, request.uniforms(self.limits.max_new_tokens))
            filled.append(row)
        self._left -= len(filled)
        return replaced, sorted(filled, key=lambda row: (self.rows[row].prefix, row))

    def _openings(self) -> Iterator[tuple[int, int, int]]:
        """Yield (number of a stored prefix, index of the requests waiting for it, how many of them can get a row)."""
        busy = Counter(row.prefix for row in self.rows.values())
        waiting = {which: len(self._waiting[which]) for which in self._stored if which is not None}
        idle = []
        for number, which in enumerate(self._stored):
            if which is not None and waiting[which]:
                count = min(waiting[which], self.shape.prefix_rows - busy[number])
                waiting[which] -= count
                yield number, which, count
            elif not busy[number]:
                idle.append(number)
        # Prefixes that were not stored yet, in order; then again the one with the most requests without a row.
        fresh = iter(range(self._next, len(self._waiting)))
        for number in idle:
            which = next(fresh, -1)
            if which >= 0:
                waiting[which] = len(self._waiting[which])
            else:
                which = max(waiting, key=lambda w: waiting[w])
            if not waiting[which]:
                return
            count = min(waiting[which], self.shape.prefix_rows)
            waiting[which] -= count
            yield number, which, count

    def record(self, rows: Sequence[int], tokens: Sequence[tuple[int, float]]) -> list[Step]:
        """Append the new token of each row, with its log p."""
        steps = []
        for row, (token, log_p) in zip(rows, tokens, strict=True):
            place, done = self.rows[row].request.place, self.rows[row].write(token, log_p, self.limits)
            if done:
                del self.rows[row]
            steps.append((place, token, done))
        return steps


def by_size(requests: Sequence[Request], max_new_tokens: int) -> list[list[Request]]:
    """Group requests, longest first; those in a group are at least half as long, as all rows have equal width."""
    found: list[list[Request]] = []
    longest = 0
    for request in sorted(requests, key=lambda r: -len(r.rest)):
        own = len(request.rest) + max_new_tokens
        if not found or (own < longest / 2 and longest > SHORT):
            longest = own
            found.append([])
        found[-1].append(request)
    return [sorted(alike, key=lambda r: r.place) for alike in found]
