"""Documents and pairs -> teacher and student sequences, and the positions that are compared.

A **lesson** is one teacher sequence with the student examples that it serves. With every method the
teacher reads every token once, except for the overlap of windows (a quarter):

    disc      BOS + a window of the document; each sentence in it is one example
    prompt    a prompt with the passage, and every question with its answer as a child of it

A position *p* of an example is compared if the token after it is shared: the student's hidden
state at *p* and the teacher's at the corresponding position both predict it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from disc_lite.documents import Document, Passage, cut_passages
from disc_lite.models.tokens import Tokens
from disc_lite.packing import Place, Tree, lone, shared
from disc_lite.prompts.texts import Text

Taught = Callable[[Passage], bool]  # whether a passage is taught


@dataclass(frozen=True)
class Example:
    """A student sequence, and the positions at which it is compared with the teacher."""

    kind: str  # kind of its lesson, see `methods`
    document: str
    input_ids: tuple[int, ...]
    compared: tuple[int, ...]  # positions p: input_ids[p + 1] is a shared token
    rehearsed: bool = False  # from a passage that an earlier run taught; taken in turn, see `schedule`

    @property
    def target_ids(self) -> tuple[int, ...]:
        return tuple(self.input_ids[p + 1] for p in self.compared)

    @property
    def name(self) -> str:
        """A name for messages."""
        return f"{self.kind} of {self.document}" if self.document else f"{self.kind} example"


@dataclass(frozen=True)
class Lesson:
    """One teacher sequence and the examples it serves, of which there is one at least."""

    sequence: Tree
    examples: tuple[Example, ...]
    # For every example and compared position in turn: (segment, position in it) of the teacher.
    teacher_at: tuple[tuple[int, int], ...]

    @property
    def tokens(self) -> int:
        return sum(len(s.input_ids) for s in self.sequence)

    @property
    def name(self) -> str:
        """A name for messages."""
        return f"teacher's sequence, {self.examples[0].name}"


def together(examples: Sequence[Example]) -> tuple[tuple[Tree, ...], list[Place]]:
    """Return the examples as sequences and all their compared positions: the arguments of `Base.hidden_at`.

    Most examples begin with the same system turn of the chat template: it is computed once per sequence, not once per
    example.
    """
    places = [(n, 0, p) for n, example in enumerate(examples) for p in example.compared]
    return shared([lone(example.input_ids) for example in examples], places)


def thinned(lesson: Lesson, chosen: AbstractSet[int]) -> Lesson:
    """Return a lesson with only the chosen examples, to be rehearsed; the teacher reads only what they need."""
    part = _part(lesson, chosen)
    return replace(part, examples=tuple(replace(example, rehearsed=True) for example in part.examples))


def halves(lesson: Lesson) -> tuple[Lesson, ...]:
    """Return a lesson as two with half of its examples each, both with the shared root; () if it cannot be halved."""
    number = len(lesson.examples)
    if number < 2 or len(lesson.sequence) == 1:
        return ()
    return _part(lesson, range(number // 2)), _part(lesson, range(number // 2, number))


def within(lesson: Lesson, max_tokens: int) -> list[Lesson]:
    """Return a lesson in parts of at most `max_tokens` tokens, as far as it can be halved."""
    parts = halves(lesson) if lesson.tokens > max_tokens else ()
    return [small for part in parts for small in within(part, max_tokens)] or [lesson]


def _part(lesson: Lesson, chosen: Container[int]) -> Lesson:
    """Return a lesson with only the chosen examples, by number; the teacher reads only what they need."""
    examples, places, first = [], list[tuple[int, int]](), 0
    for number, example in enumerate(lesson.examples):
        last = first + len(example.compared)
        if number in chosen:
            examples.append(example)
            places += lesson.teacher_at[first:last]
        first = last
    needed = {segment for segment, _ in places}
    needed |= {lesson.sequence[segment].parent for segment in needed} - {-1}
    at = {-1: -1} | {segment: n for n, segment in enumerate(sorted(needed))}
    sequence = tuple(replace(s, parent=at[s.parent]) for n, s in enumerate(lesson.sequence) if n in needed)
    return Lesson(sequence or lesson.sequence, tuple(examples), tuple((at[n], position) for n, position in places))


def tokenise(documents: Iterable[Document], tokens: Tokens, passage_tokens: int) -> tuple[Text, ...]:
    """Return each document's tokens, and its passages as ranges of them."""
    texts = []
    for document in documents:
        ids, offsets = tokens.document(document.text)
        passages = cut_passages(document, offsets, passage_tokens)
        texts.append(Text(document, offsets, passages, ids))
    return tuple(texts)


# -- next-token training, and retention ------------------------------------------------------------------


def next_token_lessons(texts: Iterable[Text], tokens: Tokens, taught: Taught = lambda passage: True) -> list[Lesson]:
    """Return lessons for fine-tuning on the documents: each passage is an example, each token a target; no teacher."""
    lessons = []
    for text in texts:
        for passage in filter(taught, text.passages):
            input_ids = (*tokens.bos, *text.ids[passage.start : passage.end])
            if compared := tuple(range(len(input_ids) - 1)):
                example = Example("next_token", text.document.name, input_ids, compared)
                lessons.append(Lesson(lone(input_ids), (example,), teacher_at=()))
    return lessons


@dataclass(frozen=True)
class AnsweredPrompt:
    """A prompt of one user turn and a model's answer, as ids; the answer includes its stop token, unless it was cut."""

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]

    @property
    def tokens(self) -> int:
        return len(self.prompt_ids) + len(self.answer_ids)


def retention_lesson(answered: AnsweredPrompt, kind: str = "retention") -> Lesson:
    """Return a lesson: teacher and student read the same prompt and answer, and the answer's tokens are compared."""
    input_ids = (*answered.prompt_ids, *answered.answer_ids)
    compared = tuple(range(len(answered.prompt_ids) - 1, len(input_ids) - 1))
    example = Example(kind, "", input_ids, compared)
    return Lesson(lone(input_ids), (example,), tuple((0, p) for p in compared))
