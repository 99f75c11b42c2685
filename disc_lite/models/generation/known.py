"""A journal on disk of continuations that an earlier, interrupted call finished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from disc_lite.models.generation.requests import Continuation, Limits, Request
from disc_lite.storage import Journal, key_of


@dataclass(frozen=True)
class KnownContinuations:
    """The finished continuations of one run; `whose` identifies the adapter, "" is the base."""

    journal: Journal
    whose: str = ""

    def find(self, requests: Iterable[Request], limits: Limits) -> dict[int, Continuation]:
        """Return place of a request -> its continuation, for the requests that are in the journal."""
        rows: dict[int, Any] = {r.place: self.journal.get(self._key(r, limits)) for r in requests}
        return {
            place: Continuation(tuple(row["ids"]), row["stop"], tuple(row["log_ps"]))
            for place, row in rows.items() if row is not None
        }  # fmt: skip

    def add(self, finished: Mapping[Request, Continuation], limits: Limits) -> None:
        """Add finished continuations."""
        self.journal.add({
            self._key(request, limits): {
                "ids": list(written.ids), "stop": written.stop_id, "log_ps": list(written.log_ps),
            }
            for request, written in finished.items()
        })  # fmt: skip

    def _key(self, request: Request, limits: Limits) -> str:
        """Return a key of all that a text depends on; a greedy one uses no random numbers."""
        sampling = (request.temperature, request.stream, limits.min_p) if request.temperature else ()
        ends = (tuple(sorted(limits.stop_ids)), limits.max_new_tokens)
        return key_of(self.whose, (*request.prefix, *request.rest), sampling, ends)
