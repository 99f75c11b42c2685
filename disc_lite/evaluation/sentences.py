"""The sentences of a report card, for the terminal, the page and the gates. Does not import torch.

Sentences about an update are in `updates`, those about pairs in `run.about_pairs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from disc_lite.evaluation.card import LENGTH, MANNER, ROWS
from disc_lite.evaluation.updates import LEARNED, gained_in_words, short_part

UNREADABLE = 0.4  # the base hardly reads the documents if even the upper end of its share with the passage is lower
TERSE = 0.05  # the card warns if a larger share of answers to neutral prompts is less than half as long as before
FITTED = 0.8  # if a smaller share of the trained questions is answered, training was too short; else pairs too alike


def recalled(card: Mapping[str, Any]) -> str:
    """The number of questions answered closed book, by the adapted model and by the base."""
    floor, adapted = card["rows"]["floor"], card["rows"]["adapted"]
    return f"Closed book, it answers {adapted['right']} of {adapted['of']} questions (the base: {floor['right']})."


def about_facts(card: Mapping[str, Any]) -> str:
    """The number of facts, if several questions ask for the same one in other words; else empty."""
    facts = card["facts"]
    return f" about {facts:,} fact{'s' * (facts > 1)}" if facts < card["questions"] else ""


def unreadable(card: Mapping[str, Any]) -> str:
    """A warning if the base hardly answers anything even with the right passage in its prompt; else empty."""
    reading = card["reading"]
    if reading["high"] >= UNREADABLE:
        return ""
    how = "can hardly" if reading["right"] else "cannot"
    return (
        f"This model {how} read these documents: with the right passage in its prompt it answers {reading['right']} of "
        f"{reading['of']} questions. What may help: a larger model, or, where its answers are right in other "
        "words, all accepted forms of an answer in the questions file, short ones too."
    )


def unstated(card: Mapping[str, Any]) -> str:
    """A warning if the right passage of some questions states none of their accepted answers; else empty."""
    number, of = card["unstated"], card["questions"]
    if not number:
        return ""
    return (
        f"For {number:,} of these {of:,} questions no passage states an accepted answer, so they may never be "
        "graded right. What may help: a short form, or all forms, of the answers in the questions file."
    )


def verdict(card: Mapping[str, Any]) -> str:
    """Whether the adapted model or retrieval does better, as a sentence; empty if both answer nothing."""
    gain = card["differences"].get("adapted - rag")
    if gain is None or not (card["rows"]["rag"]["right"] or card["rows"]["adapted"]["right"]):
        return ""
    rag, adapted = (card["rows"][row]["share"] for row in ("rag", "adapted"))
    favoured = ", on questions that favour retrieval" if card["self_written"] else ""
    shares = f"retrieval (RAG) answers {rag:.0%}, the adapted model {adapted:.0%} without any passage{favoured}"
    if gain["low"] > 0:
        return f"The adapted model knows more than retrieval finds: {shares}."
    if gain["high"] < 0:
        return f"Retrieval alone does better here: {shares}."
    return (
        f"Retrieval alone may do as well here, since the difference may be chance: {shares}. "
        "Adapt where a prompt cannot carry passages."
    )


def compared(pair: str) -> str:
    """The rows of a difference ("adapted - rag") by their labels in the card."""
    return " minus ".join(ROWS.get(row, row) for row in pair.split(" - "))


def choice_of_questions(card: Mapping[str, Any]) -> str:
    """A caveat about questions that the base wrote itself; empty if the user gave all of them."""
    number, of = card["self_written"], card["questions"]
    if not number:
        return ""
    which = "these questions" if number == of else f"{number} of these {of} questions"
    return (
        f"The base wrote {which}, and only those that it answers with the right passage were taken: the row "
        f"“{ROWS['ceiling']}” is no measurement, and retrieval is favoured. Your own questions (--questions) compare "
        "fairly."
    )


def forgotten(card: Mapping[str, Any]) -> str:
    """The number of answers that should have stayed right and are wrong, by row; empty if none was right before."""
    total = card["forgetting"]
    if not total["of"]:
        return ""
    if not total["lost"]:
        return f"No answer that should stay right was lost (of {total['of']:,})."
    rows = ", ".join(
        f"{name.replace('_', ' ')} {row['lost']} of {row['before']['right']}"
        for name, row in card["retained"].items()
        if row["lost"] and name not in MANNER
    )
    gained = f"; {gained_in_words(total['gained'])}" if total["gained"] else ""
    return (
        f"The adapted model lost {total['lost']:,} of {total['of']:,} answers that should stay right "
        f"({total['share']:.1%}; 95% interval: {total['low']:.1%} to {total['high']:.1%}): {rows}{gained}."
    )


def terser(card: Mapping[str, Any]) -> str:
    """A warning if more than a few answers to neutral prompts became less than half as long; else empty."""
    row = card["retained"].get(LENGTH)
    if not row or row["lost"] <= TERSE * row["before"]["of"]:
        return ""
    return (
        f"Of {row['before']['of']:,} answers to neutral prompts, {row['lost']:,} {'is' if row['lost'] == 1 else 'are'} "
        "less than half as long as the base's: the adapted model answers more briefly."
    )


def overlap_sentences(card: Mapping[str, Any]) -> list[str]:
    """The number of questions that pairs ask too, with the recall of these and of the others; empty without pairs."""
    overlap = card["overlap"]
    if not overlap["pairs"]:
        return []
    if not overlap["exact"] + overlap["near"]:
        return [
            f"None of the {overlap['pairs']:,} pairs asks what one of these questions asks (Jaccard index of at least "
            f"{overlap['limit']:g})."
        ]
    known, unknown = (overlap[part]["adapted"] for part in ("with", "without"))
    others = f"; without: {in_words(unknown)}" if unknown["of"] else ""
    return [
        f"Of these {card['questions']:,} questions, pairs ask {overlap['exact']:,} word for word and "
        f"{overlap['near']:,} in nearly the same words (Jaccard index of at least {overlap['limit']:g}); "
        f"pairs: {overlap['pairs']:,}.",
        f"Recall with such a pair: {in_words(known)}{others}.",
    ]


def in_words(row: Mapping[str, Any]) -> str:
    """The share and the counts of a row: `75.0% (15 of 20)`."""
    return f"{row['share']:.1%} ({row['right']} of {row['of']})"


def interval(row: Mapping[str, Any]) -> str:
    """The 95 % interval, `53.1% to 88.8%`; empty if the row has none because the questions were chosen by it."""
    return "" if row["low"] is None else f"{row['low']:.1%} to {row['high']:.1%}"


def shortfall(card: Mapping[str, Any]) -> str:
    """A warning with advice if the model did not learn its documents; empty if it did.

    `card["fit"]` has the shares of trained questions answered closed book and by the teacher, if measured;
    `card["advice"]` has the settings that have an effect in such a run.
    """
    rows, fit = card["rows"], card["fit"]
    if not rows["ceiling"]["right"]:
        return ""
    part, adapted, ceiling = short_part(card) or ("", rows["adapted"]["share"], rows["ceiling"]["share"])
    if not part and adapted >= LEARNED * ceiling:
        return ""
    all_chosen = card["self_written"] == card["questions"]
    readable = "of what the base answers with the passage" if all_chosen else f"where the passage gives {ceiling:.0%}"
    text = f"It did not learn enough{part}: the adapted model answers {adapted:.0%} {readable}. "
    advice = card["advice"]
    if fit.get("share") is None:
        return text + f"What may help: more train.epochs, a higher train.learning_rate; or {advice['pairs']}."
    recalled, teacher = fit["share"], fit["teacher"]
    if teacher < FITTED and recalled >= FITTED * teacher:
        return text + (
            f"It answers {recalled:.0%} of the questions it was trained on, and the teacher, with the passage, "
            f"{teacher:.0%}: the model cannot read these documents well enough. What may help: "
            f"{advice['passages']}; better pairs (--pairs, with loss.label_share); a larger model."
        )
    if recalled < FITTED:
        return text + (
            f"It answers {recalled:.0%} of the questions it was trained on: train longer (train.epochs) or at a "
            "higher rate (train.learning_rate)."
        )
    return text + (
        f"It answers {recalled:.0%} of the questions it was trained on, but not when they are asked in other words. "
        f"What may help: {advice['pairs']}."
    )
