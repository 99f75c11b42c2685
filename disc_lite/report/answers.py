"""Answers before and after: instructive ones, and those to neutral prompts that changed most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from disc_lite.report.markup import Child, Html, element, foreign, paragraph
from disc_lite.report.reading import AnsweredQuestion, Row, RunFiles

SHOWN = 10
EMPTY = "(empty)"
MISSED = 3  # at least this many of those shown are misses, if there are so many


def chosen(run: RunFiles) -> list[AnsweredQuestion]:
    """The questions to show: some that were learned, then misses that the base answers with the passage.

    Documents alternate; questions of one document keep their order.
    """
    learned = [a for a in run.questions if a.kind == "question" and a.right_after and not a.right_before]
    missed = [_missed(row) for row in run.card["misses"] if "ceiling" in row["right"]]
    room = SHOWN - min(MISSED, len(missed))
    first = _alternating(learned)[:room]
    return [*first, *_alternating(missed)[: SHOWN - len(first)]]


def _missed(row: Row) -> AnsweredQuestion:
    return AnsweredQuestion(
        row["question"], "question", row["document"], tuple(row["expected"]), row["floor"], row["adapted"],
        "floor" in row["right"], False,
    )  # fmt: skip


def _alternating(questions: Iterable[AnsweredQuestion]) -> list[AnsweredQuestion]:
    by_document: dict[str, list[AnsweredQuestion]] = {}
    for one in questions:
        by_document.setdefault(one.document, []).append(one)
    columns = [by_document[name] for name in sorted(by_document)]
    return [one for turn in zip_longest(*columns) for one in turn if one is not None]


def instructive(run: RunFiles) -> list[Child]:
    shown = chosen(run)
    if not shown:
        return []
    note = (
        "Closed book. First come questions that the base gets wrong and the adapted model right, then questions that "
        "the base answers with the passage in its prompt and the adapted model does not."
    )
    return [paragraph(note, class_="note"), *(_answer(one) for one in shown)]


def _answer(one: AnsweredQuestion) -> Html:
    listed = [
        ("expected", foreign(" / ".join(one.expected), "span"), None),
        ("before", foreign(one.before or EMPTY, "span"), one.right_before),
        ("after", foreign(one.after or EMPTY, "span"), one.right_after),
    ]
    head = element("h3", foreign(one.text))
    where = paragraph(foreign(one.document), class_="where") if one.document else None
    return element("article", head, where, element("dl", *_entries(listed)))


def _entries(listed: Sequence[tuple[str, Html, bool | None]]) -> list[Html]:
    made = []
    for name, answer, right in listed:
        mark: Child = None
        if right is not None:
            mark = element("span", " ✓ right" if right else " ✗ wrong", class_="right" if right else "wrong")
        made += [element("dt", name), element("dd", answer, mark)]
    return made


def changed(run: RunFiles) -> list[Child]:
    """Neutral prompts with both answers, by falling drift."""
    rows = run.card["farthest"]
    if not rows:
        return []
    note = (
        "Prompts that no document is about, those with the largest drift from the base first "
        "(nats per token of the base's answer)."
    )
    return [paragraph(note, class_="note"), *(_change(row) for row in rows)]


def _change(row: Row) -> Html:
    sides = (
        element("div", element("h4", when), foreign(row[when] or EMPTY, "p"))
        for when in ("before", "after")
    )  # fmt: skip
    nats = paragraph(f"{row['nats']:.4f} nats per token", class_="where")
    return element("article", element("h3", foreign(row["prompt"])), nats, element("div", *sides, class_="sides"))
