"""Documents and pairs -> what teacher and student read, and which positions are compared.

A **lesson** is one teacher sequence with the student examples that it serves; whatever the method,
its teacher reads every token once:

    disc      BOS + a window of the document; each sentence of it is one example
    prompt    a prompt with the passage, and every question with its answer as a child of it

A position *p* of an example is compared where the token after it is shared: the student's hidden
state at *p* and the teacher's at the corresponding place both predict it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from disc_lite.documents import Document, Passage, cut_passages, is_heading
from disc_lite.models.tokens import Tokens, common_prefix
from disc_lite.packing import Segment, lone
from disc_lite.packing import Sequence as Tree
from disc_lite.prompts import writing
from disc_lite.prompts.answering import about_task, answer_task, heading_lines, join_passages, passage_text
from disc_lite.qa import Pair
from disc_lite.recipe import Recipe

PAIRS_TOGETHER = 64  # that one reading of a passage serves: who sees whom grows with the square of their tokens
# What is learned under one anchor comes out under that one. Under all of them it costs the teacher nothing more.
MIXED = ("heading", "chat", "lead_in", "none")


@dataclass(frozen=True)
class Text:
    """A document tokenised once, and its passages as ranges of those tokens."""

    document: Document
    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    passages: tuple[Passage, ...]

    def passage_text(self, passage: Passage) -> str:
        """The passage as a prompt shows it."""
        text = self.document.text[passage.char_start : passage.char_end]
        return passage_text(text, passage.heading_path)

    def sentence_text(self, start: int, end: int) -> str:
        """What the tokens `start` to `end` cover."""
        return self.document.text[self.offsets[start][0] : self.offsets[end - 1][1]]

    def heading_path(self, start: int) -> tuple[str, ...]:
        """The headings above the token `start`."""
        at = self.offsets[start][1] - 1
        return next((s.heading_path for s in self.document.sections if s.start <= at < s.end), ())


@dataclass(frozen=True)
class Example:
    """What the student reads, and where it is compared."""

    method: str
    document: str
    input_ids: tuple[int, ...]
    compared: tuple[int, ...]  # positions p: input_ids[p + 1] is a shared token

    @property
    def target_ids(self) -> tuple[int, ...]:
        return tuple(self.input_ids[p + 1] for p in self.compared)


@dataclass(frozen=True)
class Lesson:
    """One teacher sequence and the examples it serves."""

    sequence: Tree
    examples: tuple[Example, ...]
    # For every example and compared position in turn: (segment, position in it) of the teacher.
    teacher_at: tuple[tuple[int, int], ...]

    @property
    def tokens(self) -> int:
        return sum(len(s.input_ids) for s in self.sequence)


def tokenise(documents: Iterable[Document], tokens: Tokens, passage_tokens: int) -> tuple[Text, ...]:
    """Each document's tokens, and its passages as ranges of them."""
    texts = []
    for document in documents:
        ids, offsets = tokens.document(document.text)
        passages = cut_passages(document, offsets, passage_tokens)
        texts.append(Text(document, tuple(ids), tuple(offsets), passages))
    return tuple(texts)


# -- DiSC ------------------------------------------------------------------------------------------


def disc_lessons(texts: Iterable[Text], tokens: Tokens, recipe: Recipe, seed: int) -> list[Lesson]:
    """DiSC (arXiv 2602.16093): the teacher has read what stands before, the student has not.

    `targets: all` takes every sentence after the first, `paper` as many as published: the last
    one, and k - 1 others drawn per document. Headings are no targets: the anchor shows them.
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


def _windows(text: Text, most: int) -> list[tuple[int, int]]:
    """Token ranges of at most `most` tokens, each token once: whole passages where they fit, else sentences."""
    windows: list[tuple[int, int]] = []
    for start, end in _pieces(text, most):
        if windows and end - windows[-1][0] <= most:
            windows[-1] = (windows[-1][0], end)
        else:
            windows.append((start, end))
    return windows


def _pieces(text: Text, most: int) -> Iterator[tuple[int, int]]:
    for passage in text.passages:
        if passage.end - passage.start <= most:
            yield passage.start, passage.end
        else:
            for start, end in passage.sentences:
                yield from ((first, min(first + most, end)) for first in range(start, end, most))


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
        # The first shared token is predicted only where something stands before it, on both sides.
        compared = tuple(
            p for p in range(len(before) - 1, len(input_ids) - 1)
            if p >= 0 and start + shift + p - len(before) >= 0
        )  # fmt: skip
        if compared:
            examples.append(Example("disc", text.document.name, input_ids, compared))
            places += [(0, start + shift + p - len(before)) for p in compared]
    return Lesson(lone(teacher), tuple(examples), tuple(places))


def _anchor(text: Text, start: int, kind: str, tokens: Tokens, recipe: Recipe) -> list[int]:
    """What the student reads before the target instead of the document."""
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


# -- prompt distillation -----------------------------------------------------------------------------


def teacher_prompt(shown: str, question: str, source: str, tokens: Tokens, worked_examples: bool) -> list[int]:
    """What the teacher reads before an answer; `shown` is the passage, `source` the sentence that was asked about.

    Answers are drafted after the very same prompt: after another one the teacher would begin them otherwise than
    they were written, and the student, which begins as the teacher does, would leave what it was taught at once.
    """
    if not (worked_examples and source):
        return tokens.prompt(shown + answer_task(question))
    language = writing.language_of(shown)
    task = writing.answer_task(question, source, language)
    return tokens.conversation(writing.answer_turns(language), shown + task)


def prompt_lessons(
    texts: Iterable[Text], pairs: Iterable[Pair], tokens: Tokens, worked_examples: bool = False
) -> list[Lesson]:
    """Prompt distillation (arXiv 2412.14964): the teacher sees the passage, the student does not."""
    of_passage: dict[tuple[str, int], list[Pair]] = {}
    for pair in pairs:
        of_passage.setdefault((pair.document, pair.passage), []).append(pair)
    lessons = []
    for text in texts:
        for passage in text.passages:
            found = of_passage.get((text.document.name, passage.index))
            if found:
                shown = join_passages([text.passage_text(passage)])
                for first in range(0, len(found), PAIRS_TOGETHER):
                    together = found[first : first + PAIRS_TOGETHER]
                    lessons.append(_prompt_lesson(shown, together, tokens, worked_examples))
    return lessons


def _prompt_lesson(shown: str, pairs: Sequence[Pair], tokens: Tokens, worked_examples: bool) -> Lesson:
    asked = [teacher_prompt(shown, pair.question, pair.source, tokens, worked_examples) for pair in pairs]
    # One child alone would leave nothing shared to tell apart; its prompt is then the root.
    root = common_prefix(asked) if len(asked) > 1 else asked[0][:-1]
    segments, examples, places = [Segment(tuple(root))], [], []
    for number, (pair, prompt) in enumerate(zip(pairs, asked, strict=True), 1):
        question, answer = tokens.turn(pair.question, pair.answer)
        tail = prompt[len(root) :]
        segments.append(Segment((*tail, *answer), parent=0))
        compared = tuple(range(len(question) - 1, len(question) + len(answer) - 1))
        examples.append(Example("prompt", pair.document, (*question, *answer), compared))
        places += [(number, len(tail) - 1 + k) for k in range(len(answer))]
    return Lesson(tuple(segments), tuple(examples), tuple(places))


# -- the baselines, and text as it is ------------------------------------------------------------------


def next_token_examples(texts: Iterable[Text], tokens: Tokens) -> list[Example]:
    """Fine-tuning on the documents: every passage as it stands, each token a target."""
    examples = []
    for text in texts:
        for passage in text.passages:
            input_ids = (*tokens.bos, *text.ids[passage.start : passage.end])
            compared = tuple(range(len(input_ids) - 1))
            if compared:
                examples.append(Example("next_token", text.document.name, input_ids, compared))
    return examples


def own_words_lesson(prompt: Sequence[int], answer: Sequence[int]) -> Lesson:
    """Teacher and student read the same: what the base says when nobody asks (retention)."""
    input_ids = (*prompt, *answer)
    compared = tuple(range(len(prompt) - 1, len(input_ids) - 1))
    example = Example("retention", "", input_ids, compared)
    return Lesson(lone(input_ids), (example,), tuple((0, p) for p in compared))
