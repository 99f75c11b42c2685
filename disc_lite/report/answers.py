"""What it says now: the most instructive answers, and the neutral prompts whose answers changed most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from disc_lite.qa import is_right
from disc_lite.report.markup import Child, Html, element, foreign, paragraph
from disc_lite.report.reading import Asked, Row, RunFiles

SHOWN = 10
MISSED = 3  # at least so many of them are misses, if there are


def chosen(run: RunFiles) -> list[Asked]:
    """Questions that were learned, then such as the base had right with the passage and the adapted model has wrong.

    Those of a document follow each other in their order, and the documents take turns.
    """
    learned = [a for a in run.asked if a.kind == "question" and a.right_after and not a.right_before]
    grading = run.card["grading"]
    could = [row for row in run.card["misses"] if is_right(row.get("ceiling", ""), row["expected"], grading)]
    missed = [_missed(row, grading) for row in could]
    room = SHOWN - min(MISSED, len(missed))
    first = _in_turns(learned)[:room]
    return [*first, *_in_turns(missed)[: SHOWN - len(first)]]


def _missed(row: Row, grading: str) -> Asked:
    before = row.get("floor", "")
    return Asked(
        row["question"], "question", row["document"], tuple(row["expected"]), before, row["adapted"],
        is_right(before, row["expected"], grading), False,
    )  # fmt: skip


def _in_turns(asked: Iterable[Asked]) -> list[Asked]:
    by_document: dict[str, list[Asked]] = {}
    for one in asked:
        by_document.setdefault(one.document, []).append(one)
    columns = [by_document[name] for name in sorted(by_document)]
    return [one for turn in zip_longest(*columns) for one in turn if one is not None]


def instructive(run: RunFiles) -> list[Child]:
    found = chosen(run)
    if not found:
        return []
    note = (
        "Closed book. First questions that the base had wrong and the adapted model has right, then such as "
        "the base answers with the passage before it and the adapted model does not."
    )
    return [paragraph(note, class_="note"), *(_answer(one) for one in found)]


def _answer(one: Asked) -> Html:
    listed = [
        ("expected", foreign(" / ".join(one.expected), "span"), None),
        ("before", foreign(one.before, "span"), one.right_before),
        ("after", foreign(one.after, "span"), one.right_after),
    ]
    head = element("h3", foreign(one.text))
    return element("article", head, _where(one.document), element("dl", *_entries(listed)))


def _where(document: str) -> Html | None:
    return paragraph(foreign(document), class_="where") if document else None


def _entries(listed: Sequence[tuple[str, Html, bool | None]]) -> list[Html]:
    made = []
    for name, said, right in listed:
        mark: Child = None
        if right is not None:
            mark = element("span", " ✓ right" if right else " ✗ wrong", class_="right" if right else "wrong")
        made += [element("dt", name), element("dd", said, mark)]
    return made


def changed(run: RunFiles) -> list[Child]:
    """Neutral prompts, farthest from the base first."""
    rows = run.card.get("farthest", ())
    if not rows:
        return []
    note = (
        "Prompts that no document is about, those first where the adapted model is farthest from the base "
        "(nats per token of the base's answer)."
    )
    return [paragraph(note, class_="note"), *(_change(row) for row in rows)]


def _change(row: Row) -> Html:
    sides = (
        element("div", element("h4", when), foreign(row.get(when, ""), "p"))
        for when in ("before", "after")
    )  # fmt: skip
    nats = paragraph(f"{row['nats']:.4f} nats per token", class_="where")
    return element("article", element("h3", foreign(row["prompt"])), nats, element("div", *sides, class_="sides"))
