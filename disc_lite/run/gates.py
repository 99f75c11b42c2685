"""Gates for CI: whether a report card shows enough recall and little enough forgetting. Does not import torch."""

from __future__ import annotations

from disc_lite.errors import GateFailed, UsageError
from disc_lite.evaluation.intervals import items_needed, wilson
from disc_lite.evaluation.sentences import forgotten, unreadable
from disc_lite.evaluation.updates import fresh_and_unchanged
from disc_lite.storage import JsonObject


def require_shares(min_recall: float | None, max_forgetting: float | None) -> None:
    """Raises UsageError if a limit is not between 0 and 1, or is NaN."""
    for name, limit in (("min_recall", min_recall), ("max_forgetting", max_forgetting)):
        if limit is not None and not 0 <= limit <= 1:
            raise UsageError(f"{name} cannot be {limit}.", "", "Give a share from 0 to 1: 0.8 for 80%.")


def remark_on_forgetting(card: JsonObject, most: float) -> str:
    """A warning if even a model that lost no answer could have forgotten more than the limit; else empty.

    Other questions do not change the prompts of this gate, so the card of the finished run is enough.
    Raises UsageError if the base answered nothing right that could be lost.
    """
    of = card["forgetting"]["of"]
    if not of:
        raise _nothing_to_lose()
    reach, allowed = wilson(0, of).high, sum(lost / of <= most for lost in range(1, of + 1))
    if not most or reach <= most:  # a limit of 0 is no estimate: no answer may be lost
        return ""
    return (
        f"--max-forgetting {_percent(most)} allows the loss of {allowed} of the {of:,} answers that should stay right. "
        f"If none is lost, the 95% interval still reaches {reach:.1%}. For an interval of at most {_percent(most)} "
        f"there have to be at least {items_needed(most):,} answers: put probes into the model folder before you adapt."
    )


def check_gates(card: JsonObject, min_recall: float | None = None, max_forgetting: float | None = None) -> None:
    """Raises GateFailed if the recall is below `min_recall` or more was forgotten than `max_forgetting`.

    Both are shares from 0 to 1: of all questions and statements together, and of what the base answered right. For an
    update the recall of what is new or changed and of what is unchanged must each be high enough too, if it was asked.
    Raises UsageError if no gate failed and one could not be decided because nothing was asked.
    """
    require_shares(min_recall, max_forgetting)
    failed: list[tuple[str, str, str]] = []
    undecided: list[UsageError] = []
    for gate, limit in ((_too_little_known, min_recall), (_too_much_lost, max_forgetting)):
        try:
            found = None if limit is None else gate(card, limit)
        except UsageError as error:
            undecided.append(error)
        else:
            failed += [found] if found else []
    if failed:
        raise GateFailed(*(" ".join(filter(None, part)) for part in zip(*failed, strict=True)))
    if undecided:
        raise undecided[0]


def _too_little_known(card: JsonObject, least: float) -> tuple[str, str, str] | None:
    """What happened, why and what to do if the recall is below a limit; None if it is not."""
    asked = (card["rows"]["adapted"], card["completions"]["after"])
    parts = {"": {count: sum(row[count] for row in asked) for count in ("right", "of")}, **fresh_and_unchanged(card)}
    if not parts[""]["of"]:
        raise UsageError("No question was asked, so --min-recall cannot be checked.", "", "Give --questions FILE.")
    # Shares are compared, as 0.07 * 100 is more than 7.
    found = ((part, row["right"], row["of"]) for part, row in parts.items() if row["of"])
    part, right, of = next((each for each in found if each[1] / each[2] < least), ("", 0, 0))
    if not of:
        return None
    what = f"The adapted model answers {_percent(right / of)}{part} ({right} of {of}), less than {_percent(least)}."
    if cannot_read := unreadable(card):
        why, _, remedy = cannot_read.partition(" What may help:")
        return what, why, f"What may help:{remedy}"
    return what, "", f"What may help: more train.epochs, a higher train.learning_rate; or {card['advice']['pairs']}."


def _too_much_lost(card: JsonObject, most: float) -> tuple[str, str, str] | None:
    """What happened, why and what to do if a larger share than the limit was forgotten; None if not."""
    lost, of = card["forgetting"]["lost"], card["forgetting"]["of"]
    if not of:
        raise _nothing_to_lose()
    if lost / of <= most:
        return None
    chance = "The limit is within the interval, so this can be chance. " * (card["forgetting"]["low"] <= most)
    return (
        f"The adapted model forgot more than the {_percent(most)} that --max-forgetting allows.",
        forgotten(card), f"{chance}A larger retention.weight retains more.",
    )  # fmt: skip


def _percent(share: float) -> str:
    """With four digits, so that a limit is shown as it was given, and 79.96% is not "80.0%, less than 80.0%"."""
    return f"{100 * share:.4g}%"


def _nothing_to_lose() -> UsageError:
    return UsageError(
        "The base answered nothing right that could be lost, so --max-forgetting cannot be checked.", "",
        "Leave it out, or adapt again with probes of your own in the model folder (probes.json).",
    )  # fmt: skip
