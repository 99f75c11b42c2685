"""Sentences about the pairs of a run: what they leave out and which contradict. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from disc_lite.run.wording import counted, listed
from disc_lite.synthesis.contradictions import CONTRADICTED

MOST_NAMED = 5  # documents in a sentence
MOST_CONTRADICTIONS = 3  # questions in a sentence


def sentences_asked(pairs: Mapping[str, Any]) -> str:
    """What the coverage counts, in words: all sentences, or the new and changed ones of an update."""
    return "new or changed sentences" if "kept" in pairs else "sentences"


def few_pairs(pairs: Mapping[str, Any]) -> str:
    """A warning if few of the sentences that were asked about have a pair; empty otherwise."""
    if not pairs.get("low_coverage"):
        return ""
    return (
        f"Few pairs: {pairs['coverage']:.0%} of the {sentences_asked(pairs)} have one; what the others say is hardly "
        "learned from pairs. Another model may write more, or give pairs of your own with --pairs."
    )


def without_pairs(pairs: Mapping[str, Any]) -> str:
    """Names the documents and counts the passages without a pair; empty if there are none, or the method has none."""
    without = pairs.get("without") or {"passages": 0}
    if not without["passages"]:
        return ""
    names = without["documents"]
    passages = f"{without['passages']:,} of {without['of']:,} passages have no question-answer pair"
    if not names:
        return f"{passages} (disc-lite inspect shows which)."
    return (
        f"No question-answer pair is about {listed(names, MOST_NAMED)}: what is said there is not learned "
        f"from pairs. {passages}. Give pairs of your own with --pairs."
    )


def not_unlearned(pairs: Mapping[str, Any]) -> str:
    """Counts the pairs about removed text that an update's adapter may still know; empty if there are none."""
    number = pairs.get("not_unlearned", 0)
    if not number:
        return ""
    return (
        f"{counted(number, 'pair')} about text that was removed from the documents: neither rehearsed nor unlearned. "
        "The adapter may still know that text; an update with --set update.removed=unlearn unlearns it."
    )


def left_out(pairs: Mapping[str, Any]) -> str:
    """Counts the pairs left out because another passage contradicts them; empty if there are none."""
    number = (pairs.get("dropped") or {}).get(CONTRADICTED, 0)
    if not number:
        return ""
    every = counted(pairs["accepted"] + number, "pair")
    return (
        f"{number:,} of {every} {'is' if number == 1 else 'are'} left out, since another passage answers the question "
        "differently."
    )


def contradictions(pairs: Mapping[str, Any]) -> str:
    """Lists questions that several documents answer differently; empty if there are none."""
    found = pairs.get("contradictions") or []
    if not found:
        return ""
    questions = [
        f"\u201c{each['question']}\u201d "
        + " / ".join(f"{answer} ({document})" for document, answer in each["answers"].items())
        for each in found
    ]
    return (
        "Documents answer the same question differently, so none of these answers is taught: "
        f"{listed(questions, MOST_CONTRADICTIONS)}. "
        "If they are about the same thing, correct one of them."
    )


def about_pairs(pairs: Mapping[str, Any]) -> list[str]:
    """All sentences of this module that apply to a run: what its pairs do not teach, and what may still be known."""
    return [
        text for part in (left_out, contradictions, few_pairs, without_pairs, not_unlearned) if (text := part(pairs))
    ]
