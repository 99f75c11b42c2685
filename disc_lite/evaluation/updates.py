"""A report card's part about an update: recall by the state of passages (new, changed, …). Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from disc_lite.storage import JsonObject

LEARNED = 0.6  # the card warns below this share of the ceiling
FRESH_AND_UNCHANGED = {" of what is new or changed": ("new", "changed"), " of what is unchanged": ("unchanged",)}
# `update.removed` -> what happens to the pairs about removed passages.
GONE = {"rehearse": "rehearsed", "drop": "dropped", "unlearn": "unlearned"}


def since_rows(update: JsonObject) -> list[tuple[str, int | None, JsonObject]]:
    """(label, number of passages, row) for each state of passages; rows of statements have None as their number."""
    rows: list[tuple[str, int | None, JsonObject]] = []
    for state, row in update["rows"].items():
        label = f"gone, {GONE[update['removed']]}" if state == "removed" else state
        rows.append((label, update["passages"][state], row))
        if (finished := update["completions"][state])["adapted"]["of"]:
            rows.append((f"{label}, statements", None, finished))
    return rows


def gained_in_words(count: int) -> str:
    """The number of gains in words: `3 that were wrong are right now`."""
    return f"{count:,} that {'was wrong is' if count == 1 else 'were wrong are'} right now"


def fresh_and_unchanged(card: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """`right` and `of` for what is new or changed and for what is unchanged; empty unless the run is an update.

    Questions and statements are counted together.
    """
    update = card.get("update")
    if not update:
        return {}
    return {
        part: {count: sum(row["adapted"][count] for row in _in_states(update, states)) for count in ("right", "of")}
        for part, states in FRESH_AND_UNCHANGED.items()
    }


def _in_states(update: Mapping[str, Any], states: Sequence[str]) -> list[Mapping[str, Any]]:
    """The rows of questions, then of statements, about passages in these states."""
    return [update[kind][state] for kind in ("rows", "completions") for state in states]


def since_update(card: Mapping[str, Any]) -> str:
    """What an update lost since the earlier run, and a warning if no question is about what is new; else empty."""
    update = card.get("update")
    if not update:
        return ""
    sentences, fresh = [], update["passages"]["new"] + update["passages"]["changed"]
    if fresh and not next(iter(fresh_and_unchanged(card).values()))["of"]:
        sentences.append("No question is about what is new or changed, so it is not known whether that was learned.")
    unchanged = _in_states(update, ("unchanged",))
    if lost := sum(row["lost"] for row in unchanged):
        had, gained = sum(row["earlier"]["right"] for row in unchanged), sum(row["gained"] for row in unchanged)
        sentences.append(
            f"Of {had:,} answers about unchanged passages that were right before the update, {lost:,} "
            f"{'is' if lost == 1 else 'are'} wrong now{f'; {gained_in_words(gained)}' if gained else ''}."
        )
    return " ".join(sentences)


def _share(rows: Sequence[Mapping[str, Any]], of: str = "right") -> float:
    """The share of right answers in several rows; if `of` is "low" or "high", the mean of that end of their intervals.

    That mean is wider than the interval of the rows together.
    """
    total: int = max(1, sum(row["of"] for row in rows))
    number: float = sum(row["right"] if of == "right" else row[of] * row["of"] for row in rows)
    return number / total


def short_part(card: Mapping[str, Any]) -> tuple[str, float, float] | None:
    """(part of an update, share of the adapted model, share of the base with the right passage), or None.

    It is the first part in which even the upper end of the adapted model's share is below LEARNED times the base's.
    """
    rows = (card.get("update") or {"rows": {}})["rows"]
    for part, states in FRESH_AND_UNCHANGED.items() if rows else ():
        adapted, ceiling = ([rows[state][row] for state in states] for row in ("adapted", "ceiling"))
        if _share(adapted, "high") < LEARNED * _share(ceiling):
            return part, _share(adapted), _share(ceiling)
    return None


def still_known(card: Mapping[str, Any]) -> str:
    """A sentence about the questions that an update was to unlearn; empty if none was asked."""
    unlearned = card["fit"].get("unlearned")
    if not unlearned:
        return ""
    text = (
        f"Of {unlearned['of']} questions to unlearn, it still answers {unlearned['known']} as it was taught; the base "
        f"itself answers {unlearned['base']} that way."
    )
    return text if unlearned["known"] <= unlearned["base"] else f"{text} What may help: more train.epochs."
