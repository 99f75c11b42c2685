"""Which request is in which row, and which prefixes are stored; a finished row is replaced at once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence

from disc_lite.models.generation.memory import Shape
from disc_lite.models.generation.requests import Request, Row, Sampling, Step

Prefix = tuple[int, ...]
SHORT = 256  # places of a row: shorter ones are not worth an order of their own


class Schedule:
    """The waiting requests by prefix, in their order; the stored prefixes; the rows that are being written."""

    def __init__(self, requests: Iterable[Request], shape: Shape, how: Sampling) -> None:
        self.shape, self.how = shape, how
        self.waiting: dict[Prefix, deque[Request]] = {}
        for request in requests:
            self.waiting.setdefault(request.prefix, deque()).append(request)
        self.prefixes: list[Prefix | None] = [None] * shape.prefixes
        self.rows: dict[int, Row] = {}

    @property
    def left(self) -> int:
        return len(self.rows) + sum(map(len, self.waiting.values()))

    @property
    def prefix_sizes(self) -> list[int]:
        return [len(prefix or ()) for prefix in self.prefixes]

    def by_prefix(self) -> list[int]:
        """The rows that are being written, those of one prefix together."""
        return sorted(self.rows, key=lambda row: (self.rows[row].prefix, row))

    def unfinished(self) -> list[Request]:
        """In the order of their places; rows that are being written begin anew."""
        requests = [row.request for row in self.rows.values()]
        requests += [request for queue in self.waiting.values() for request in queue]
        return sorted(requests, key=lambda request: request.place)

    def admit(self, max_tokens: int, fewest: int) -> tuple[list[int], list[int]]:
        """Put waiting requests into free rows: (prefixes that were replaced, rows that were filled, by prefix).

        At most so many tokens of prompts, but at least one prompt; none while fewer than `fewest` would be filled and
        rows are being written.
        """
        free = [row for row in range(self.shape.rows) if row not in self.rows]
        openings = [(number, prefix) for number, prefix, count in self._openings() for _ in range(count)][: len(free)]
        if self.rows and len(openings) < min(fewest, self.left - len(self.rows)):
            return [], []
        replaced, filled, tokens = list[int](), list[int](), 0
        for row, (number, prefix) in zip(free, openings, strict=False):
            tokens += len(self.waiting[prefix][0].rest)
            if filled and tokens > max_tokens:
                break
            if self.prefixes[number] != prefix:
                self.prefixes[number] = prefix
                replaced.append(number)
            request = self.waiting[prefix].popleft()
            self.rows[row] = Row(request, number, self.how.uniforms(request.place))
            filled.append(row)
        return replaced, sorted(filled, key=lambda row: (self.rows[row].prefix, row))

    def _openings(self) -> Iterator[tuple[int, Prefix, int]]:
        """(number, prefix, how many of its waiting requests could be written): stored prefixes, then new ones."""
        waiting = Counter({prefix: len(queue) for prefix, queue in self.waiting.items() if queue})
        busy = Counter(row.prefix for row in self.rows.values())
        idle = []
        for number, prefix in enumerate(self.prefixes):
            if prefix is not None and waiting[prefix]:
                count = min(waiting[prefix], self.shape.prefix_rows - busy[number])
                waiting[prefix] -= count
                yield number, prefix, count
            elif not busy[number]:
                idle.append(number)
        # Prefixes that are not stored, in their order; then the one with most requests that find no row.
        fresh = iter([prefix for prefix in waiting if prefix not in self.prefixes])
        for number in idle:
            prefix = next(fresh, None)
            if prefix is None:
                prefix = max(waiting, key=lambda p: waiting[p], default=())
            if not waiting[prefix]:
                return
            count = min(waiting[prefix], self.shape.prefix_rows)
            waiting[prefix] -= count
            yield number, prefix, count

    def record(self, tokens: Sequence[tuple[int, int, float]]) -> list[Step]:
        """Append the new tokens, (row, token, log p), to their rows."""
        steps = []
        for row, token, log_p in tokens:
            place, done = self.rows[row].request.place, self.rows[row].write(token, log_p, self.how)
            if done:
                del self.rows[row]
            steps.append((place, token, done))
        return steps


def by_size(requests: Sequence[Request], max_new_tokens: int) -> list[list[Request]]:
    """The longest requests first, those together that are at least half as long: all rows have the longest's places."""
    found: list[list[Request]] = []
    longest = 0
    for request in sorted(requests, key=lambda r: -len(r.rest)):
        own = len(request.rest) + max_new_tokens
        if not found or (own < longest / 2 and longest > SHORT):
            longest = own
            found.append([])
        found[-1].append(request)
    return [sorted(alike, key=lambda r: r.place) for alike in found]
