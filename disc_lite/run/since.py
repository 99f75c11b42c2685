"""What was removed from the documents since an earlier run: the pairs about it, and the files they came from.

Does not import torch.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import dropwhile
from typing import Any

from disc_lite.documents import LedgerEntry
from disc_lite.evaluation.retrieval import Passages, places_of
from disc_lite.prompts.texts import Text, shown_passages
from disc_lite.qa import normalise
from disc_lite.recipe import Recipe
from disc_lite.run.about_pairs import not_unlearned
from disc_lite.run.changes import Changes
from disc_lite.run.earlier import EarlierRun
from disc_lite.run.folder import RunFolder
from disc_lite.run.wording import counted
from disc_lite.storage import JsonObject, read_json, read_jsonl

_BECAME = {
    "rehearse": "what was taught about {} is rehearsed",
    "unlearn": "what was taught about {} is unlearned",
    "drop": "what was taught about {} may still be known",
    None: "a new adapter was not taught {}",
}


@dataclass(frozen=True)
class Gone:
    """Pairs about what the documents no longer say, each with its passage (`shown`) and the SHA-256 of its file."""

    passages: list[JsonObject]  # about passages that are removed now, or were removed before and rehearsed
    sentences: list[JsonObject]  # candidates: about sentences that a changed passage may no longer contain
    dropped: list[JsonObject]  # of either kind, removed before this update and neither rehearsed nor unlearned


@dataclass(frozen=True)
class Since:
    """What became of the documents since the earlier run."""

    earlier: EarlierRun
    changes: Changes
    gone: Gone

    @cached_property
    def kept_pairs(self) -> list[JsonObject]:
        """The earlier run's pairs about unchanged passages, with the present document and passage number."""
        places = ((row, self.changes.now.get((row["document"], row["passage"]))) for row in self.earlier.pairs)
        return [{**row, "document": place[0], "passage": place[1]} for row, place in places if place]


def since_run(earlier: EarlierRun, texts: Sequence[Text]) -> Since:
    """Compare the present documents with those of the earlier run."""
    changes = earlier.changes_to(texts)
    return Since(earlier, changes, what_is_gone(earlier, changes, shown_passages(texts)))


def what_is_gone(earlier: EarlierRun, changes: Changes, shown: Passages) -> Gone:
    """The pairs about removed text; text that any present passage contains, under any headings, is not removed."""
    now = _Texts(shown)

    def is_gone(row: JsonObject) -> bool:
        if now.have(_body(row["shown"])):
            return False
        if source := _flat(row.get("source") or ""):
            return not now.have(source)
        # A user's pair has no source sentence. It still holds if one passage contains all words of question and
        # answer that its own passage contained.
        asked = frozenset(_words(f"{row['question']} {row['answer']}"))
        return not now.have_all(asked.intersection(_words(row["shown"])))

    before = dict(zip(places_of(earlier.passages), (text for _, text in earlier.passages), strict=True))
    files, gone, replaced = earlier.files, set(changes.removed), set(changes.changed.values())
    passages, sentences = list(earlier.removed), list[JsonObject]()
    for row in earlier.pairs:
        place = (row["document"], row["passage"])
        if place in gone or (place in replaced and row.get("source")):
            more = {"shown": before[place], "sha256": files.get(row["document"], "")}
            (passages if place in gone else sentences).append({**row, **more})
    return Gone(*(list(filter(is_gone, rows)) for rows in (passages, sentences, earlier.dropped)))


def _flat(text: str) -> str:
    return " ".join(text.split())


def _body(shown: str) -> str:
    """A passage without the headings at its beginning, unless it consists of headings only."""
    lines = dropwhile(lambda line: not line.strip() or line.startswith("#"), shown.splitlines())
    return _flat(" ".join(lines)) or _flat(shown)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


class _Texts:
    """An index of passages, of which there may be tens of thousands: a search reads only those with the rarest word."""

    def __init__(self, shown: Passages) -> None:
        self._texts = list(dict.fromkeys(_flat(text) for _, text in shown))
        self._having: dict[str, list[int]] = {}
        for number, text in enumerate(self._texts):
            for word in set(_words(text)):
                self._having.setdefault(word, []).append(number)
        self.have, self.have_all = cache(self._have), cache(self._have_all)  # several pairs are about one sentence

    def _have(self, text: str) -> bool:
        """Whether a passage contains this text, ignoring white space."""
        words = _words(text)
        inner = words[1:-1] or words  # the first and the last may be parts of words in the passage
        return any(text in self._texts[number] for number in self.with_rarest(inner))

    def _have_all(self, words: Collection[str]) -> bool:
        """Whether one passage contains all these words."""
        return any(set(words) <= set(_words(self._texts[number])) for number in self.with_rarest(words))

    def with_rarest(self, words: Collection[str]) -> Sequence[int]:
        """The numbers of the passages that contain the rarest of these words."""
        return min((self._having.get(word, []) for word in words), key=len, default=[])


def nothing_to_teach(since: Since, recipe: Recipe) -> str:
    """A sentence that says why an update would train nothing; "" if it would train something."""
    earlier, changes, gone = since.earlier, since.changes, since.gone
    if changes.changed or changes.new:
        return ""
    removes, starts_anew = recipe.update.removed, recipe.update.start == "new"
    # A question that a present pair asks is not unlearned.
    taught = {normalise(row["question"]) for row in since.kept_pairs}
    known = [row for row in gone.dropped if normalise(row["question"]) not in taught]
    if removes == "unlearn" and not starts_anew:
        if known or any(normalise(row["question"]) not in taught for row in gone.passages):
            return ""
    elif changes.removed and starts_anew and removes != "rehearse":
        return ""
    if not changes.removed:
        same = (
            f"Nothing has changed since {earlier.folder}: it has the same {counted(len(changes.unchanged), 'passage')}."
        )
        return f"{same} {not_unlearned({'not_unlearned': len(known)})}".strip()
    return (
        f"Nothing is new or changed since {earlier.folder}; {len(changes.removed):,} of its passages "
        f"{'is' if len(changes.removed) == 1 else 'are'} gone, and update.removed={removes} teaches nothing instead."
        + " All that was taught about it is said elsewhere."
        * (removes == "unlearn" and not starts_anew)
    )


def taught_before(since: Since, ledger: Sequence[LedgerEntry], recipe: Recipe) -> list[JsonObject]:
    """The files that the adapter was taught before the update and that are no longer among the documents.

    Each has `name`, `sha256`, `replaced` (whether passages of it are in a later version or another file) and `removed`:
    what happened to its text, unless pairs of the file are in this update's `removed.jsonl` or `dropped.jsonl`, which
    `versions_before` takes into account. `removed` is None if a new adapter was never taught the file.
    """
    lives = {document for document, _ in (*since.changes.now, *since.changes.changed.values())}
    rows: list[JsonObject] = [
        {"name": name, "sha256": sha256, "replaced": name in lives, "removed": "drop"}
        for name, sha256 in since.earlier.files.items()
    ]
    rows += versions_before(since.earlier.folder)
    here = {entry.sha256 for entry in ledger if entry.outcome == "read"}
    starts_anew = recipe.update.start == "new"
    return [
        {**row, "removed": None if starts_anew else "unlearn" if row["removed"] == "unlearn" else "drop"}
        for row in rows if row["sha256"] not in here
    ]  # fmt: skip


def versions_before(folder: RunFolder) -> list[JsonObject]:
    """The files that the adapter of a run was taught before its update and may still know.

    `removed` says what happened to their text: `rehearse`, `unlearn` or `drop` (neither).
    """
    return [row for row in _files_before(folder) if row["removed"]]


def _files_before(folder: RunFolder) -> list[JsonObject]:
    """The rows of `versions_before`, and those of files that a new adapter was never taught (`removed` is None)."""
    record = folder.read_update()
    found = {row.get("sha256"): record["removed"] for row in folder.read_removed()}
    found |= {row.get("sha256"): "drop" for row in folder.read_dropped()}
    return [{**row, "removed": found.get(row["sha256"], row["removed"])} for row in record.get("taught_before", [])]


def taken_out(folder: RunFolder) -> dict[str, str]:
    """For an update: file that is no longer among the documents -> what became of its last version, in words."""
    here = {row["name"] for row in read_jsonl(folder.ledger)}
    rows = {row["name"]: row for row in reversed(_files_before(folder)) if row["name"] not in here}
    return {
        name: "an update removed it from the documents; "
        + "some of its text is in others now, and " * row["replaced"]
        + _BECAME[row["removed"]].format("the rest" if row["replaced"] else "it")
        for name, row in rows.items()
    }


def adapter_steps(summary: Mapping[str, Any]) -> int:
    """The number of steps after which the run's adapter was saved; training may have continued."""
    return int((summary.get("stopped_at") or {}).get("adapter_step", summary["steps"]))


def steps_before(earlier: EarlierRun, recipe: Recipe) -> list[int] | None:
    """The steps of each run whose training an update continues, in order; None if unknown."""
    record = earlier.folder.read_update()
    before = record.get("steps_before") if record else []
    if recipe.update.start == "new":
        return []
    return None if before is None else [*before, adapter_steps(read_json(earlier.folder.summary))]
