"""The lessons of DiSC: the teacher reads a window of the document, the student a sentence of it after an anchor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random

from disc_lite.distillation.examples import Example, Lesson, Text
from disc_lite.documents import is_heading
from disc_lite.models.tokens import Tokens
from disc_lite.packing import filled, lone
from disc_lite.prompts.answering import about_task, heading_lines
from disc_lite.recipe import Recipe

# What is learned with one anchor is recalled with that one. All of them together cost the teacher nothing more.
MIXED = ("heading", "chat", "lead_in", "none")


def disc_lessons(texts: Iterable[Text], tokens: Tokens, recipe: Recipe, seed: int) -> list[Lesson]:
    """DiSC (arXiv 2602.16093): the teacher has read the text before the sentence, the student has not.

    `targets: all` takes every sentence after the first, `paper` as many as published: the last
    one, and k - 1 others drawn per document. Headings are not targets, since the anchor shows them.
    """
    lessons = []
    for text in texts:
        chosen = set(_targets(text, recipe, seed))
        for window in _windows(text, recipe.disc.teacher_tokens - len(tokens.bos)):
            # A window cuts no sentence, unless one is longer than a window.
            targets = [(max(t[0], window[0]), min(t[1], window[1])) for t in chosen]
            targets = [(start, end) for start, end in targets if start < end]
            if targets:
                lessons.append(_disc_lesson(text, window, sorted(targets), tokens, recipe))
    return lessons


def _targets(text: Text, recipe: Recipe, seed: int) -> list[tuple[int, int]]:
    sentences = [s for passage in text.passages for s in passage.sentences]
    later = [s for s in sentences[1:] if not is_heading(text.sentence_text(*s))]
    if recipe.disc.targets == "all" or not later:
        return later
    rng = Random(f"{seed} targets {text.document.sha256}")
    drawn = rng.sample(later[:-1], min(recipe.disc.targets_per_document - 1, len(later) - 1))
    return [*drawn, later[-1]]


def _windows(text: Text, max_tokens: int) -> list[tuple[int, int]]:
    """Token ranges of at most `max_tokens`, each token once: whole passages where they fit, else sentences."""
    pieces = list(_pieces(text, max_tokens))  # one after another, without a gap
    together = filled(range(len(pieces)), [end - start for start, end in pieces], max_tokens)
    return [(pieces[window[0]][0], pieces[window[-1]][1]) for window in together]


def _pieces(text: Text, max_tokens: int) -> Iterator[tuple[int, int]]:
    for passage in text.passages:
        if passage.end - passage.start <= max_tokens:
            yield passage.start, passage.end
        else:
            for start, end in passage.sentences:
                yield from ((first, min(first + max_tokens, end)) for first in range(start, end, max_tokens))


def _disc_lesson(
    text: Text, window: tuple[int, int], targets: Sequence[tuple[int, int]], tokens: Tokens, recipe: Recipe
) -> Lesson:
    teacher = [*tokens.bos, *text.ids[window[0] : window[1]]]
    shift = len(tokens.bos) - window[0]
    examples, places = [], []
    kinds = MIXED if recipe.disc.anchor == "mixed" else (recipe.disc.anchor,)
    for start, end, kind in [(*target, kind) for target in targets for kind in kinds]:
        before = [*tokens.bos, *_anchor(text, start, kind, tokens, recipe)]
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
    """The student anchor: what the student reads before the target instead of the document."""
    if kind == "lead_in":
        return list(text.ids[max(0, start - recipe.disc.lead_in_tokens) : start])
    if kind == "chat":
        path = text.heading_path(start) or (text.document.title,)
        return tokens.prompt(about_task(path[-1]))[len(tokens.bos) :]
    if kind == "none":
        return []
    lines = heading_lines(text.heading_path(start) or (text.document.title,))
    # White space is part of the text: a paragraph's own break follows the heading, or a new one.
    own_break = text.sentence_text(start, start + 1).startswith("\n")
    return tokens.text(lines if own_break else lines + "\n\n")
