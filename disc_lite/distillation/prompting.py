"""Prompt distillation (arXiv 2412.14964): pairs -> the prompts before their answers, and lessons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from disc_lite.distillation.examples import Example, Lesson
from disc_lite.models.tokens import Tokens, common_prefix
from disc_lite.packing import Segment
from disc_lite.planning.sizes import PAIRS_OF_A_TREE
from disc_lite.prompts import writing
from disc_lite.prompts.answering import answer_task, join_passages
from disc_lite.prompts.texts import Text
from disc_lite.qa import Pair
from disc_lite.recipe.methods import PAIRS

OnPairs = Callable[[int], None]


@dataclass(frozen=True)
class AnswerPrompts:
    """The prompts before an answer: the teacher's, with the passage, or the same without it.

    Answers are drafted with exactly the teacher's prompts. With other prompts the teacher would begin them differently
    from how they were written, and the student, which learns to begin as the teacher does, would deviate at the first
    word of an answer. Prompts without the passage separate the value of a fact from that of an answer's form, which the
    worked examples show.
    """

    tokens: Tokens
    worked_examples: bool = False  # before questions whose sentence is known
    with_passage: bool = True

    def prompt(self, shown: str, language: str, question: str, source: str) -> list[int]:
        """Return the prompt; `shown` is the passage, `source` the sentence the question is about, "" if not known."""
        shown = shown if self.with_passage else ""
        if not (self.worked_examples and source):
            return self.tokens.prompt(shown + answer_task(question))
        task = writing.answer_task(question, source if self.with_passage else "", language)
        return self.tokens.conversation(writing.answer_turns(language), shown + task)


def by_passage(pairs: Iterable[Pair]) -> dict[tuple[str, int], list[Pair]]:
    """Return (document, index of the passage) -> its pairs, in order."""
    found: dict[tuple[str, int], list[Pair]] = {}
    for pair in pairs:
        found.setdefault((pair.document, pair.passage), []).append(pair)
    return found


def prompt_lessons(
    texts: Iterable[Text], pairs: Iterable[Pair], prompts: AnswerPrompts, on_pairs: OnPairs = lambda number: None
) -> list[Lesson]:
    """Return the lessons of prompt distillation: the teacher sees the passage, the student does not.

    `on_pairs` is called with the number of pairs of each passage, once their lessons are made.
    """
    of_passage, lessons = by_passage(pairs), []
    for text in texts:
        for passage in text.passages:
            own = of_passage.get((text.document.name, passage.index))
            if own:
                shown, language = text.passage_text(passage), text.language(passage)
                lessons += lessons_about(shown, language, own, prompts)
                on_pairs(len(own))
    return lessons


def lessons_about(passage: str, language: str, pairs: Sequence[Pair], prompts: AnswerPrompts) -> list[Lesson]:
    """Return the lessons of one passage, given as a prompt shows it."""
    shown = join_passages([passage])
    trees = [pairs[first : first + PAIRS_OF_A_TREE] for first in range(0, len(pairs), PAIRS_OF_A_TREE)]
    return [
        _prompt_lesson([prompts.prompt(shown, language, p.question, p.source) for p in some], some, prompts.tokens)
        for some in trees
    ]


def prompts_of(texts: Iterable[Text], pairs: Iterable[Pair], prompts: AnswerPrompts) -> list[list[int]]:
    """Return the prompt before the answer of each pair."""
    by_name = {text.document.name: text for text in texts}
    found = []
    for pair in pairs:
        text = by_name[pair.document]
        passage = text.passage(pair.passage)
        shown, language = join_passages([text.passage_text(passage)]), text.language(passage)
        found.append(prompts.prompt(shown, language, pair.question, pair.source))
    return found


def pair_example(pair: Pair, tokens: Tokens) -> Example:
    """Return what the student reads of a pair: the question, and the answer, whose tokens are compared."""
    question, answer = tokens.turn(pair.question, pair.answer)
    compared = tuple(range(len(question) - 1, len(question) + len(answer) - 1))
    return Example(PAIRS, pair.document, (*question, *answer), compared)


def _prompt_lesson(prompts: Sequence[list[int]], pairs: Sequence[Pair], tokens: Tokens) -> Lesson:
    # With a single child, its whole prompt except the last token is the root.
    root = common_prefix(prompts) if len(prompts) > 1 else prompts[0][:-1]
    segments, examples, places = [Segment(tuple(root))], [], []
    for number, (pair, prompt) in enumerate(zip(pairs, prompts, strict=True), 1):
        example, tail = pair_example(pair, tokens), prompt[len(root) :]
        answer = example.target_ids
        segments.append(Segment((*tail, *answer), parent=0))
        examples.append(example)
        places += [(number, len(tail) - 1 + k) for k in range(len(answer))]
    return Lesson(tuple(segments), tuple(examples), tuple(places))
