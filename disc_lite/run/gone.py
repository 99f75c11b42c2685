"""What documents say no more since an earlier run: the pairs about it, and the files that the adapter was taught.

Does not import torch.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import dropwhile
from typing import Any

from disc_lite.documents import Document, LedgerEntry
from disc_lite.evaluation.retrieval import Passages, places_of
from disc_lite.qa import normalise
from disc_lite.recipe import Recipe
from disc_lite.run.about_pairs import not_unlearned
from disc_lite.run.changes import Changes
from disc_lite.run.earlier import EarlierRun, shown_without_model
from disc_lite.run.folder import RunFolder
from disc_lite.run.inputs import Inputs
from disc_lite.storage import JsonObject, read_json, read_jsonl

_BECAME = {
    "rehearse": "what was taught of {} is rehearsed",
    "unlearn": "what was taught of {} is unlearned",
    "drop": "what was taught of {} may still be known",
    None: "a new adapter was not taught {}",
}


@dataclass(frozen=True)
class Gone:
    """Pairs about what the documents say no more, each with its passage (`shown`) and the SHA-256 of its file."""

    passages: list[JsonObject]  # of whole passages: those that are gone now, and those that were rehearsed since
    sentences: list[JsonObject]  # at most these are about what a passage that has changed says no more
    dropped: list[JsonObject]  # of either kind, which went before and were neither rehearsed nor unlearned


@dataclass(frozen=True)
class Since:
    """What has become of the documents since the run that is updated."""

    earlier: EarlierRun
    changes: Changes
    gone: Gone

    @cached_property
    def kept_pairs(self) -> list[JsonObject]:
        """The pairs of the run about unchanged passages, at their places now."""
        places = ((row, self.changes.now.get((row["document"], row["passage"]))) for row in self.earlier.pairs)
        return [{**row, "document": place[0], "passage": place[1]} for row, place in places if place]


def since_earlier(inputs: Inputs) -> Since | None:
    """Without the model. None where no run is updated, and where only the model's own code can tell its tokens."""
    earlier, model = inputs.earlier, inputs.model
    if earlier is None or not model.is_here:
        return None
    shown = shown_without_model(inputs.documents, model.folder, inputs.resolved.recipe.documents.passage_tokens)
    return None if shown is None else since_run(earlier, shown, inputs.documents)


def since_run(earlier: EarlierRun, shown: Passages, documents: Iterable[Document]) -> Since:
    """By the passages of these documents, as prompts show them."""
    changes = earlier.changes_to(shown, documents)
    return Since(earlier, changes, what_is_gone(earlier, changes, shown))


def what_is_gone(earlier: EarlierRun, changes: Changes, shown: Passages) -> Gone:
    """By the passages of now: what one of them says, under whatever headings, is not gone."""
    now = _Texts(shown)

    def is_gone(row: JsonObject) -> bool:
        if now.have(_body(row["shown"])):
            return False
        if source := _flat(row.get("source") or ""):
            return not now.have(source)
        # A person's pair names no sentence: what its passage said of it stands where all those words do.
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
    """A passage without the headings with which it begins; with them where it has nothing else."""
    lines = dropwhile(lambda line: not line.strip() or line.startswith("#"), shown.splitlines())
    return _flat(" ".join(lines)) or _flat(shown)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


class _Texts:
    """Passages in which a text is looked for only where its rarest word is, since there may be tens of thousands."""

    def __init__(self, shown: Passages) -> None:
        self._texts = list(dict.fromkeys(_flat(text) for _, text in shown))
        self._having: dict[str, list[int]] = {}
        for number, text in enumerate(self._texts):
            for word in set(_words(text)):
                self._having.setdefault(word, []).append(number)
        self.have, self.have_all = cache(self._have), cache(self._have_all)  # several pairs are about one sentence

    def _have(self, text: str) -> bool:
        """Whether a passage has this text, white space apart."""
        words = _words(text)
        inner = words[1:-1] or words  # those at its ends may be parts of words
        return any(text in self._texts[number] for number in self.with_rarest(inner))

    def _have_all(self, words: Collection[str]) -> bool:
        """Whether a passage has all these words."""
        return any(set(words) <= set(_words(self._texts[number])) for number in self.with_rarest(words))

    def with_rarest(self, words: Collection[str]) -> Sequence[int]:
        """The passages, by number, that have the rarest of these words."""
        return min((self._having.get(word, []) for word in words), key=len, default=[])


def nothing_to_teach(since: Since, recipe: Recipe) -> str:
    """A sentence where an update would train nothing; "" where it would train something."""
    earlier, changes, gone = since.earlier, since.changes, since.gone
    if changes.changed or changes.new:
        return ""
    removes, starts_anew = recipe.update.removed, recipe.update.start == "new"
    # A question that a pair of now asks is not unlearned.
    taught = {normalise(row["question"]) for row in since.kept_pairs}
    known = [row for row in gone.dropped if normalise(row["question"]) not in taught]
    if removes == "unlearn" and not starts_anew:
        if known or any(normalise(row["question"]) not in taught for row in gone.passages):
            return ""
    elif changes.removed and starts_anew and removes != "rehearse":
        return ""
    if not changes.removed:
        same = f"Nothing has changed since {earlier.folder}: its {len(changes.unchanged)} passages are these."
        return f"{same} {not_unlearned({'not_unlearned': len(known)})}".strip()
    return (
        f"Nothing is new or changed since {earlier.folder}; {len(changes.removed)} of its passages are gone, "
        f"and update.removed: {removes} teaches nothing in their place."
        + " All that was taught of them is said elsewhere."
        * (removes == "unlearn" and not starts_anew)
    )


def taught_before(since: Since, ledger: Sequence[LedgerEntry], recipe: Recipe) -> list[JsonObject]:
    """The files that an adapter was taught before its update and that are not here: name, SHA-256, what became of it.

    `replaced` says whether passages of it are in a later version, or in another file. `removed` is what holds unless
    pairs of the file are rehearsed, dropped or unlearned now, which `versions_before` knows; none where a new adapter
    knows nothing of it.
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
    """The files that the adapter of a run was taught before, and what became of what the documents say no more.

    `removed` is `rehearse`, `unlearn`, or `drop`: neither, so the adapter may still know it.
    """
    return [row for row in _files_before(folder) if row["removed"]]


def _files_before(folder: RunFolder) -> list[JsonObject]:
    """As `versions_before`, with those that a new adapter knows nothing of."""
    record = folder.read_update()
    found = {row.get("sha256"): record["removed"] for row in folder.read_removed()}
    found |= {row.get("sha256"): "drop" for row in folder.read_dropped()}
    return [{**row, "removed": found.get(row["sha256"], row["removed"])} for row in record.get("taught_before", [])]


def taken_out(folder: RunFolder) -> dict[str, str]:
    """Of an update: file that is not among its documents -> what became of it, the last version of each, in words."""
    here = {row["name"] for row in read_jsonl(folder.ledger)}
    rows = {row["name"]: row for row in reversed(_files_before(folder)) if row["name"] not in here}
    return {
        name: "an update took it out of the documents; "
        + "some of its text is in others now, and " * row["replaced"]
        + _BECAME[row["removed"]].format("the rest" if row["replaced"] else "it")
        for name, row in rows.items()
    }


def adapter_steps(summary: Mapping[str, Any]) -> int:
    """The steps of a run up to its adapter: training may have gone on after that."""
    return int((summary.get("stopped_at") or {}).get("adapter_step", summary["steps"]))


def steps_before(earlier: EarlierRun, recipe: Recipe) -> list[int] | None:
    """The steps of each of the runs whose training an update takes up, the first one first; None where unknown."""
    record = earlier.folder.read_update()
    before = record.get("steps_before") if record else []
    if recipe.update.start == "new":
        return []
    return None if before is None else [*before, adapter_steps(read_json(earlier.folder.summary))]
