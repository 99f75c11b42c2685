"""The report card: recall before and after with confidence intervals, for all questions and by document.

A pure function of questions and answers; does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from disc_lite.evaluation.grading import Grade, grade
from disc_lite.evaluation.intervals import Interval, paired_difference, wilson
from disc_lite.qa import NearDuplicates, Pair, Question, normalise

# Row -> its label, in the order of every table.
ROWS = {
    "floor": "base, closed book",
    "rag": "base + RAG",
    "ceiling": "base + right passage",
    "adapted": "adapted, closed book",
    "adapted_rag": "adapted + RAG",
}
DIFFERENCES = (("floor", "adapted"), ("rag", "adapted"), ("ceiling", "adapted"), ("rag", "adapted_rag"))
DRIFTS = {"general": "neutral prompts", "self_generated": "self-generated prompts"}
MOST_MISSES = 20
LEARNED = 0.6  # share of the ceiling below which the card warns
FITTED = 0.8  # share of the trained questions below which training was too short, rather than the pairs too alike
EQUAL = 0.02  # a difference of shares that does not count

AnswersByRow = Mapping[str, Sequence[str]]  # row -> an answer to each question


def report_card(
    questions: Sequence[Question], answers: AnswersByRow, passages: Sequence[str], pairs: Sequence[Pair], grading: str,
    near: float,
) -> dict[str, Any]:  # fmt: skip
    """The card as JSON.

    `answers` are those of the rows of ROWS that were asked, `passages` the right passage of each question (or ""),
    `pairs` those that were trained on, `near` the word-set Jaccard index above which a question is a near-duplicate.
    """
    grades = {
        row: [grade(a, q.answers) for a, q in zip(answers[row], questions, strict=True)]
        for row in ROWS
        if row in answers
    }
    overlap = overlaps(questions, pairs, near)
    everywhere = list(range(len(questions)))

    def rows(places: Sequence[int]) -> dict[str, dict[str, Any]]:
        return {row: row_of([every[i] for i in places], grading) for row, every in grades.items()}

    return {
        "grading": grading,
        "questions": len(questions),
        "rows": rows(everywhere),
        "documents": {
            name: rows([i for i in everywhere if questions[i].document == name])
            for name in sorted({q.document for q in questions} - {""})
        },
        "differences": _differences(grades, grading),
        "overlap": {
            "exact": overlap.count("exact"), "near": overlap.count("near"), "limit": near, "pairs": len(pairs),
            "with": rows([i for i in everywhere if overlap[i]]),
            "without": rows([i for i in everywhere if not overlap[i]]),
        },
        "misses": misses(questions, answers, passages, grades, grading),
    }  # fmt: skip


def _differences(grades: Mapping[str, Sequence[Grade]], grading: str) -> dict[str, dict[str, float]]:
    differences = {}
    for first, second in DIFFERENCES:
        if first in grades and second in grades:
            gain = paired_difference(_right(grades[first], grading), _right(grades[second], grading))
            differences[f"{second} - {first}"] = _interval(gain)
    return differences


def overlaps(questions: Sequence[Question], pairs: Sequence[Pair], near: float) -> list[str]:
    """For each question `exact` if a pair has the same question, `near` if it has a near-duplicate, else ""."""
    trained = {normalise(p.question) for p in pairs}
    index = NearDuplicates((p.question for p in pairs), near)
    return ["exact" if normalise(q.text) in trained else "near" if index.near(q.text) else "" for q in questions]


def misses(
    questions: Sequence[Question], answers: AnswersByRow, passages: Sequence[str],
    grades: Mapping[str, Sequence[Grade]], grading: str,
) -> list[dict[str, Any]]:  # fmt: skip
    """Wrong answers of the adapted model: first those that the base has right with the passage, then by F1."""
    if "adapted" not in grades:
        return []
    wrong = [i for i, right in enumerate(_right(grades["adapted"], grading)) if not right]
    could = _right(grades["ceiling"], grading) if "ceiling" in grades else [0.0] * len(questions)
    wrong.sort(key=lambda i: (-could[i], grades["adapted"][i].f1, i))
    return [
        {"document": questions[i].document, "question": questions[i].text, "expected": list(questions[i].answers),
         **{row: answers[row][i] for row in ROWS if row in answers}, "passage": passages[i]}
        for i in wrong[:MOST_MISSES]
    ]  # fmt: skip


def verdict(card: Mapping[str, Any]) -> str:
    """A sentence that compares the adapted model with retrieval; also where retrieval does as well or better."""
    rows, differences = card["rows"], card["differences"]
    if "rag" not in rows or "adapted" not in rows or not rows["rag"]["of"]:
        return ""
    rag, adapted, gain = rows["rag"]["share"], rows["adapted"]["share"], differences["adapted - rag"]
    shares = f"retrieval (RAG) answers {rag:.0%}, the adapted model {adapted:.0%} without any passage"
    if rag > adapted + EQUAL:
        sure = "" if gain["high"] < 0 else ", though not beyond chance"
        return f"Retrieval alone does better here{sure}: {shares}."
    if gain["low"] > 0:
        return f"The adapted model knows more than retrieval finds: {shares}."
    return f"Retrieval alone is as good here: {shares}. Adapt where a prompt cannot carry passages."


def overlap_sentences(card: Mapping[str, Any]) -> list[str]:
    """How many questions were trained on, and the recall of those and of the others, where there are both."""
    overlap = card["overlap"]
    if not overlap["pairs"]:
        return []
    sentences = [
        f"Of the questions {overlap['exact']} were trained on word for word and {overlap['near']} are near-duplicates "
        f"(Jaccard index of at least {overlap['limit']:g}), of {overlap['pairs']} pairs."
    ]
    known, unknown = (overlap[part].get("adapted", {"of": 0}) for part in ("with", "without"))
    if known["of"]:
        sentences.append(f"Recall with such a pair {in_words(known)}, without {in_words(unknown)}.")
    return sentences


def in_words(row: Mapping[str, Any]) -> str:
    """`75.0% (15 of 20)`"""
    return f"{row['share']:.1%} ({row['right']} of {row['of']})"


def shortfall(card: Mapping[str, Any]) -> str:
    """A sentence where the model did not learn its documents, with what to change; empty where it did.

    `card["fit"]` has the shares of trained questions that are answered closed book, and by the teacher, if measured.
    """
    rows, fit = card["rows"], card.get("fit") or {}
    if "adapted" not in rows or "ceiling" not in rows or not rows["ceiling"]["right"]:
        return ""
    adapted, ceiling = rows["adapted"]["share"], rows["ceiling"]["share"]
    if adapted >= LEARNED * ceiling:
        return ""
    text = f"It did not learn enough: the adapted model answers {adapted:.0%} where the passage gives {ceiling:.0%}. "
    if not fit:
        return text + "Train longer (train.epochs), at a higher rate (train.learning_rate), or with more pairs."
    recalled, teacher = fit["share"], fit["teacher"]
    if teacher < FITTED and recalled >= FITTED * teacher:
        return text + (
            f"Of the questions it was trained on it answers {recalled:.0%}, and the teacher, with the passage, "
            f"{teacher:.0%}: the model cannot read these documents well enough. Shorter passages "
            "(documents.passage_tokens), better pairs (--pairs, with loss.label_share) or a larger model help."
        )
    if recalled < FITTED:
        return text + (
            f"Of the questions it was trained on it answers {recalled:.0%}: train longer (train.epochs) or at a "
            "higher rate (train.learning_rate)."
        )
    return text + (
        f"It answers {recalled:.0%} of the questions it was trained on, but not in other words: more pairs for "
        "each sentence (prompt.questions_per_sentence) teach that."
    )


def _right(grades: Sequence[Grade], grading: str) -> list[float]:
    return [float(g.exact if grading == "exact" else g.contains) for g in grades]


def row_of(grades: Sequence[Grade], grading: str) -> dict[str, Any]:
    """Counts and shares of one row by every rule; `right` counts by `grading`."""
    total = max(1, len(grades))
    return {
        **counted(_right(grades, grading)),
        "exact": round(sum(g.exact for g in grades) / total, 4),
        "contains": round(sum(g.contains for g in grades) / total, 4),
        "f1": round(sum(g.f1 for g in grades) / total, 4),
    }


def counted(right: Sequence[float]) -> dict[str, Any]:
    """The number and share of right answers, with the interval of the share."""
    number = round(sum(right))
    share = wilson(number, len(right))
    return {"right": number, "of": len(right), **_interval(share), "share": round(share.mean, 4)}


def forgetting(card: Mapping[str, Any]) -> tuple[float, str]:
    """How much of what should not have changed was lost, and which rows fell, in words.

    Right answers that the rows which fell have lost, as a share of all that was asked. Rows are pooled, since one
    answer of a small row is many points of it; what another row gained makes up for nothing.
    """
    rows = {name: (row["before"]["right"], row["after"]["right"], row["before"]["of"])
            for name, row in card["retained"].items()}  # fmt: skip
    fell = {name: row for name, row in rows.items() if row[1] < row[0]}
    lost = sum(before - after for before, after, _ in fell.values())
    words = (f"{name.replace('_', ' ')} {before} to {after} of {of}" for name, (before, after, of) in fell.items())
    return lost / max(1, sum(of for _, _, of in rows.values())), "; ".join(words)


def _interval(interval: Interval) -> dict[str, float]:
    return {"mean": round(interval.mean, 4), "low": round(interval.low, 4), "high": round(interval.high, 4)}
