"""The lessons of DiSC: the teacher reads a window of the document, the student one of its sentences after an anchor."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from disc_lite.distillation.examples import Example, Lesson, Taught
from disc_lite.models.tokens import Tokens
from disc_lite.packing import lone
from disc_lite.planning.amounts import disc_lead_tokens, disc_targets
from disc_lite.prompts.answering import about_task, heading_lines
from disc_lite.prompts.texts import Text
from disc_lite.recipe import Recipe

# What is learned with one anchor is recalled with that anchor. Using all of them costs the teacher nothing more.
MIXED = ("heading", "chat", "lead_in", "none")


def disc_lessons(
    texts: Iterable[Text], tokens: Tokens, recipe: Recipe, taught: Taught = lambda passage: True
) -> list[Lesson]:
    """Return the lessons of DiSC (arXiv 2602.16093): the teacher reads text before a sentence, the student does not.

    Sentences of passages that are not taught are not targets.
    """
    lessons = []
    for text in texts:
        targets = disc_targets(text, recipe)
        chosen = sorted({s for p in text.passages if taught(p) for s in p.sentences} & set(targets))
        for window in _windows(text, tokens, recipe):
            first = bisect_right(chosen, window.start, key=lambda target: target[1])
            last = bisect_left(chosen, window.end, key=lambda target: target[0])
            # A window splits no sentence, unless the sentence is longer than a window.
            cut = [(max(start, window.start), min(end, window.end)) for start, end in chosen[first:last]]
            lesson = _disc_lesson(text, window, cut, tokens, recipe)
            if lesson.examples:  # without an anchor, a sentence of one token has none: nothing precedes it
                lessons.append(lesson)
    return lessons


@dataclass(frozen=True)
class _Window:
    """What the teacher reads at once: from `begin` to `end`, with the targets from `start` to `end`."""

    headings: tuple[int, ...]  # ids of the headings above `begin`, read first
    begin: int
    start: int
    end: int

    @property
    def tokens(self) -> int:
        return len(self.headings) + self.end - self.begin


def _windows(text: Text, tokens: Tokens, recipe: Recipe) -> Iterator[_Window]:
    """Yield windows of at most `teacher_tokens` with BOS; they hold whole passages where those fit.

    Each token is a target once. A window after the first starts with the headings above it and the last sentences of
    the previous window, up to a quarter of a window: otherwise the teacher would know less at its first targets than at
    its last ones.
    """
    longest = recipe.disc.teacher_tokens - len(tokens.bos)
    lead_tokens = disc_lead_tokens(longest)
    sentences = [first for passage in text.passages for first, _ in passage.sentences]
    window: _Window | None = None
    for start, end in _pieces(text, longest - lead_tokens):  # one after another, without a gap
        if window and window.tokens + end - start <= longest:
            window = replace(window, end=end)
            continue
        if window:
            yield window
            window = _opened(text, start, end, lead_tokens, sentences, tokens)
        else:
            window = _Window((), start, start, end)
    if window:
        yield window


def _opened(text: Text, start: int, end: int, lead_tokens: int, sentences: Sequence[int], tokens: Tokens) -> _Window:
    """Return a later window, which starts with headings and as many whole sentences as fit into `lead_tokens`.

    If no sentence begins in the first half of these tokens, the window begins within one.
    """
    first = bisect_left(sentences, start - lead_tokens)
    for begin in sentences[first : bisect_right(sentences, start - lead_tokens // 2)]:
        headings = _headings(text, begin, tokens)
        if len(headings) + start - begin <= lead_tokens:
            return _Window(headings, begin, start, end)
    headings = _headings(text, start - lead_tokens // 2, tokens)
    headings = headings if len(headings) <= lead_tokens // 2 else ()
    return _Window(headings, start - lead_tokens + len(headings), start, end)


def _headings(text: Text, begin: int, tokens: Tokens) -> tuple[int, ...]:
    """Return the ids of the headings above the token `begin`."""
    path, (first, last) = text.heading_path(begin), text.offsets[begin]
    section = text.section(last - 1)
    if section and first <= section.start:
        path = path[:-1]  # the text goes on with the last heading itself
    return tuple(tokens.text(heading_lines(path) + "\n\n")) if path else ()


def _pieces(text: Text, max_tokens: int) -> Iterator[tuple[int, int]]:
    for passage in text.passages:
        if passage.end - passage.start <= max_tokens:
            yield passage.start, passage.end
        else:
            for start, end in passage.sentences:
                yield from ((first, min(first + max_tokens, end)) for first in range(start, end, max_tokens))


def _disc_lesson(
    text: Text, window: _Window, targets: Sequence[tuple[int, int]], tokens: Tokens, recipe: Recipe
) -> Lesson:
    teacher = [*tokens.bos, *window.headings, *text.ids[window.begin : window.end]]
    shift = len(tokens.bos) + len(window.headings) - window.begin
    examples, places = [], []
    kinds = MIXED if recipe.disc.anchor == "mixed" else (recipe.disc.anchor,)
    for start, end, kind in [(*target, kind) for target in targets for kind in kinds]:
        before = _anchor(text, start, kind, tokens, recipe)
        input_ids = (*before, *text.ids[start:end])
        # The first shared token is compared only if a token precedes it on both sides.
        compared = tuple(
            p for p in range(len(before) - 1, len(input_ids) - 1)
            if p >= 0 and start + shift + p - len(before) >= 0
        )  # fmt: skip
        if compared:
            examples.append(Example("disc", text.document.name, input_ids, compared))
            places += [(0, start + shift + p - len(before)) for p in compared]
    return Lesson(lone(teacher), tuple(examples), tuple(places))


def _anchor(text: Text, start: int, kind: str, tokens: Tokens, recipe: Recipe) -> list[int]:
    """Return BOS and the student anchor: what the student reads before the target instead of the document."""
    path = text.heading_path(start) or (text.document.title,)
    if kind == "chat":
        return tokens.prompt(about_task(path[-1]))  # some templates write no BOS
    if kind == "lead_in":
        return [*tokens.bos, *text.ids[max(0, start - recipe.disc.lead_in_tokens) : start]]
    if kind == "none":
        return list(tokens.bos)
    lines = heading_lines(path)
    # White space is part of the text: the heading is followed by the paragraph's own break, or else by a new one.
    own_break = text.sentence_text(start, start + 1).startswith("\n")
    return [*tokens.bos, *tokens.text(lines if own_break else lines + "\n\n")]
