"""The report card: recall before and after with confidence intervals, for all questions and by document.

A pure function of questions and answers; does not import torch.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from disc_lite.evaluation.grading import grade_all, is_stated
from disc_lite.evaluation.intervals import Interval, paired_difference, share_right
from disc_lite.evaluation.wordings import facts_of
from disc_lite.qa import Grade, NearDuplicates, Pair, Question, normalise

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
# Retained rows about how the model answers, not what it can do: they do not count as forgotten.
STOPPING = "answers that stop"
LENGTH = "answers at least half as long"
MANNER = (STOPPING, LENGTH)
MOST_MISSES = 20
DIGITS = 6  # of shares: tables round again, and 14 of 27 as 0.5185 would become 51.8%

AnswersByRow = Mapping[str, Sequence[str]]  # row -> an answer to each question
Items = tuple[Sequence[bool], Sequence[bool], Sequence[Hashable]]  # per item: right before, right after, its fact


def report_card(
    questions: Sequence[Question], answers: AnswersByRow, passages: Sequence[str], pairs: Sequence[Pair], grading: str,
    near: float,
) -> dict[str, Any]:  # fmt: skip
    """The report card as JSON.

    `answers` has all rows of ROWS, `passages` the right passage of each question (or ""), `pairs` are those that were
    trained on, `near` is the word-set Jaccard index from which two questions are near-duplicates.
    """
    grades = {row: grade_all(questions, answers[row]) for row in ROWS}
    overlap = overlaps(questions, pairs, near)
    everywhere, facts = list(range(len(questions))), facts_of(questions)
    states = [bool(p) and is_stated(q, p) for q, p in zip(questions, passages, strict=True)]
    # The base wrote these, and only those that it answers with the right passage were taken: that row measures nothing.
    chosen = [question.passage_index >= 0 for question in questions]

    readable = [i for i in everywhere if states[i] and not chosen[i]]
    by_document: dict[str, list[int]] = {}
    for i, question in enumerate(questions):
        by_document.setdefault(question.document, []).append(i)

    def rows(places: Sequence[int]) -> dict[str, dict[str, Any]]:
        of = [facts[i] for i in places]
        table = {row: row_of([every[i] for i in places], grading, of) for row, every in grades.items()}
        if any(chosen[i] for i in places):
            table["ceiling"] |= {"low": None, "high": None}
        return table

    return {
        "grading": grading,
        "questions": len(questions),
        "facts": len(set(facts)),
        "self_written": sum(chosen),
        "unstated": sum(passages[i] != "" and not states[i] and not chosen[i] for i in everywhere),
        # Whether the base can read the documents: only questions whose passage states an accepted answer.
        "reading": share_of([grades["ceiling"][i].right(grading) for i in readable], [facts[i] for i in readable]),
        "rows": rows(everywhere),
        "documents": {name: rows(by_document[name]) for name in sorted(by_document) if name},
        "differences": _differences(grades, grading, any(chosen), facts),
        "overlap": {
            "exact": overlap.count("exact"), "near": overlap.count("near"), "limit": near, "pairs": len(pairs),
            "with": rows([i for i in everywhere if overlap[i]]),
            "without": rows([i for i in everywhere if not overlap[i]]),
        },
        "misses": misses(questions, answers, passages, grades, grading),
    }  # fmt: skip


def _differences(
    grades: Mapping[str, Sequence[Grade]], grading: str, chosen: bool, facts: Sequence[Hashable]
) -> dict[str, dict[str, float]]:  # fmt: skip
    """The paired differences in DIFFERENCES; without the ceiling if questions were chosen by it."""
    right = {row: _right(every, grading) for row, every in grades.items()}
    pairs = [(first, second) for first, second in DIFFERENCES if facts and not (chosen and first == "ceiling")]
    return {
        f"{second} - {first}": _interval(paired_difference(right[first], right[second], facts))
        for first, second in pairs
    }


def overlaps(questions: Sequence[Question], pairs: Sequence[Pair], near: float) -> list[str]:
    """For each question `exact` if a pair has the same question, `near` if it has a near-duplicate, else ""."""
    trained, index = set[str](), NearDuplicates((), near)
    for pair in pairs:  # both together, so that the words of each question are read once
        trained.add(normalise(pair.question))
        index.add(pair.question)
    return ["exact" if normalise(q.text) in trained else "near" if index.near(q.text) else "" for q in questions]


def misses(
    questions: Sequence[Question], answers: AnswersByRow, passages: Sequence[str],
    grades: Mapping[str, Sequence[Grade]], grading: str,
) -> list[dict[str, Any]]:  # fmt: skip
    """Wrong answers of the adapted model: those first that the base has right with the passage, then by rising F1."""
    wrong = [i for i, right in enumerate(_right(grades["adapted"], grading)) if not right]
    could = _right(grades["ceiling"], grading)
    wrong.sort(key=lambda i: (-could[i], grades["adapted"][i].f1, i))
    return [
        {"document": questions[i].document, "question": questions[i].text, "expected": list(questions[i].answers),
         **{row: answers[row][i] for row in ROWS}, "passage": passages[i],
         "right": [row for row, every in grades.items() if every[i].right(grading)]}
        for i in wrong[:MOST_MISSES]
    ]  # fmt: skip


def _right(grades: Sequence[Grade], grading: str) -> list[bool]:
    return [each.right(grading) for each in grades]


def row_of(grades: Sequence[Grade], grading: str, facts: Sequence[Hashable] = ()) -> dict[str, Any]:
    """Counts and shares of one row by every rule; `right` follows `grading`, `facts` has the fact of each item."""
    total = max(1, len(grades))
    return {
        **share_of(_right(grades, grading), facts),
        "exact": round(sum(g.exact for g in grades) / total, DIGITS),
        "contains": round(sum(g.contains for g in grades) / total, DIGITS),
        "f1": round(sum(g.f1 for g in grades) / total, DIGITS),
    }


def share_of(right: Sequence[bool], facts: Sequence[Hashable] = ()) -> dict[str, Any]:
    """The number and share of right answers, with the interval of the share."""
    share = share_right(right, facts)
    return {"right": sum(right), "of": len(right), **_interval(share), "share": round(share.mean, DIGITS)}


def change(before: Sequence[bool], after: Sequence[bool], facts: Sequence[Hashable] = ()) -> dict[str, Any]:
    """Shares right before and after, and how many of the items were lost and gained."""
    both = list(zip(before, after, strict=True))
    return {
        "before": share_of(before, facts), "after": share_of(after, facts),
        "lost": sum(was and not now for was, now in both), "gained": sum(now and not was for was, now in both),
    }  # fmt: skip


def forgetting(rows: Iterable[Items]) -> dict[str, Any]:
    """The number and share, with its interval, of answers that were right before and are wrong after; and the gains.

    Rows are pooled, since one answer is many percentage points of a small row. Gains are not set off against losses.
    """
    items = [item for row in rows for item in zip(*row, strict=True)]
    lost, facts = [not now for was, now, _ in items if was], [fact for was, _, fact in items if was]
    row, gained = share_of(lost, facts), sum(now and not was for was, now, _ in items)
    return {"lost": row.pop("right"), **row, "gained": gained}


def _interval(interval: Interval) -> dict[str, float]:
    return {end: round(getattr(interval, end), DIGITS) for end in ("mean", "low", "high")}
