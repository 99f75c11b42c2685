"""Documents and a recipe -> how many examples, steps and tokens a run has. Does not import torch.

What the model will write is not known before: the lengths of questions, answers and self-generated prompts are
assumptions, named here. Pairs are counted as wanted and epochs as allowed: a run computes at most so much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from disc_lite.planning.amounts import (
    FIT_CHECKS,
    FIT_SAMPLE,
    disc_examples,
    prompts_needed,
    retention_share,
    step_tokens,
    task_tokens_per_batch,
)
from disc_lite.planning.corpus import Corpus
from disc_lite.planning.sizes import PAIRS_OF_A_TREE, WORTH_SHARING_TOKENS, children_tokens
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import METHODS

QUESTION_TOKENS, ANSWER_TOKENS = 20, 40  # of a pair; an answer has at most `prompt.answer_tokens`
HEADINGS_TOKENS = 32  # of the headings above a passage
ANCHOR_TOKENS = {"heading": 10, "chat": 25, "none": 0}  # `lead_in` has its own number; `mixed` takes all four in turn
PROMPT_TOKENS = 30  # of a self-generated prompt; its answer has 0.6 of `retention.answer_tokens`
# For an accepted pair; Qwen2.5-Coder-1.5B in bench/real has 1.35 to 1.71 and 1.21 to 1.47, small models many more.
ASKED, ANSWERED = 1.6, 1.3  # questions that are drafted, and those of them that are answered
INSTRUCTIONS, NEUTRAL_PROMPTS = 65, 103  # that are answered before and after


@dataclass(frozen=True)
class Frame:
    """Tokens of a prompt that are of no document, question or answer. These are assumed where the model is not here."""

    system: int = 6  # of a chat template, before the words of the user; some write a system turn of hundreds
    turn: int = 12  # of a chat template around the words of a user and an answer to them, those before included
    task: int = 16  # of a task about a passage, without its sentence and its question
    answering: int = 200  # of the worked examples of answers, with their turns
    asking: int = 230  # of those of questions

    @property
    def own(self) -> int:
        """Tokens of a turn and a task that prompts about the same passage do not share."""
        return self.turn - self.system + self.task


ASSUMED = Frame()


@dataclass(frozen=True)
class Kind:
    """One kind of lessons: its examples, and the tokens of one."""

    examples: int  # of all documents
    tokens: float  # that the student reads
    longest: int  # that it reads of one example, at most
    compared: float
    teacher_tokens: float  # in one pass over all documents
    longest_lesson: float  # tokens of one sequence of the teacher, at most
    longest_path: float  # of it, what is read together however little memory there is


@dataclass(frozen=True)
class Workload:
    """What a run computes at most, in numbers of things and of tokens."""

    examples: dict[str, int]  # by kind, in one epoch
    steps: int
    step_tokens: int  # at most; fewer than `train.tokens_per_batch` where there are few documents
    student_tokens: int  # in the whole training, retention included
    computed_tokens: int  # of these, where a step reads a system turn a few times and not in every example
    target_tokens: int
    teacher_tokens: int  # of the documents' lessons
    retention_tokens: int  # that the teacher reads of self-generated prompts and answers
    state_positions: int  # of which teacher hidden states are cached
    prompt_tokens: int  # of a prompt with a passage
    row_tokens: int  # of it, those that it does not share with others
    longest_student: int  # tokens of one example, at most
    longest_lesson: int  # tokens of one sequence of the teacher, at most
    longest_path: int  # of it, what is read together however little memory there is
    generated_tokens: int
    read_tokens: int  # of prompts, before something is generated
    retention_prompts: int


def workload_of(corpus: Corpus, recipe: Recipe, questions: int = 0, frame: Frame = ASSUMED) -> Workload:
    """What a run with these documents computes; `questions` are how many the user has, if any."""
    method = METHODS[recipe.method]
    every = _kinds(corpus, recipe, frame)
    kinds = {name: every[name] for name in method.lessons}
    epoch = _epoch(kinds, recipe)
    retention = recipe.retention.weight > 0
    rehearsed, known = _rehearsed(corpus, recipe)
    example = sum(epoch[name] * kind.tokens for name, kind in kinds.items()) / max(1, sum(epoch.values()))
    epoch_tokens = (1 + rehearsed) * sum(epoch.values()) * example
    task = recipe.train.epochs * epoch_tokens
    targets = (1 + rehearsed) * recipe.train.epochs * sum(epoch[n] * kind.compared for n, kind in kinds.items())
    kept = 0.6 * recipe.retention.answer_tokens
    self_prompt = frame.turn + PROMPT_TOKENS + kept
    prompts = prompts_needed(round(task), self_prompt, recipe.retention) if retention else 0
    share = retention_share(task, self_prompt, recipe.retention) if retention else 0.0
    turns = (1 + rehearsed) * recipe.train.epochs * epoch.get("prompt", 0) + share * task / self_prompt
    states = (1 + known) * sum(kind.examples * kind.compared for kind in kinds.values()) * method.has_teacher
    generated, read = _generation(corpus, recipe, questions, prompts, frame)
    of_task = task_tokens_per_batch(epoch_tokens, recipe, share)
    step = step_tokens(of_task, recipe, share)
    longest = [kind.longest for kind in kinds.values()]
    longest += [frame.turn + recipe.retention.prompt_tokens + recipe.retention.answer_tokens] * retention
    return Workload(
        # A step is full when the next example does not fit, or when it has a single long one.
        examples=epoch, steps=math.ceil(task / max(example, of_task - example / 2, 1)), step_tokens=step,
        student_tokens=round(task * (1 + share)), target_tokens=round(targets * (1 + share)),
        computed_tokens=round(task * (1 + share) - turns * _saved(corpus, recipe, frame, step)),
        teacher_tokens=round((1 + known) * sum(k.teacher_tokens for k in kinds.values()) * method.has_teacher),
        retention_tokens=round(prompts * self_prompt),
        state_positions=round(states + prompts * kept), prompt_tokens=_prompt(corpus, recipe, frame),
        row_tokens=frame.own + 2 * QUESTION_TOKENS,
        longest_student=max(longest),
        longest_lesson=round(max(kind.longest_lesson for kind in kinds.values())),
        longest_path=round(max(kind.longest_path for kind in kinds.values())),
        generated_tokens=round(generated), read_tokens=round(read), retention_prompts=prompts,
    )  # fmt: skip


def beside_passage(recipe: Recipe, writes: bool, frame: Frame = ASSUMED) -> int:
    """Tokens of a prompt about a passage, and of a typical answer to it, that are not the passage's.

    `writes`: whether the model writes questions or pairs, to which worked examples belong.
    """
    examples = max(frame.answering, frame.asking) * (recipe.prompt.worked_examples and writes)
    return examples + frame.turn + frame.task + QUESTION_TOKENS + recipe.prompt.question_tokens + _answer(recipe)


def _saved(corpus: Corpus, recipe: Recipe, frame: Frame, step: int) -> float:
    """Tokens of an example that are computed for several at once: most of the system turn, in a tree of a step."""
    if frame.system < WORTH_SHARING_TOKENS:
        return 0.0
    own = frame.turn - frame.system + sum(_pair(corpus, recipe))
    together = min(children_tokens(frame.system) / own, step / (frame.system + own))
    return frame.system * (1 - 1 / max(1.0, together))


def _kinds(corpus: Corpus, recipe: Recipe, frame: Frame) -> dict[str, Kind]:
    """All kinds of lessons, as far as the documents allow."""
    sentence, passage = corpus.tokens / max(1, corpus.sentences), corpus.tokens / max(1, corpus.passages)
    in_turn = len(ANCHOR_TOKENS) + 1 if recipe.disc.anchor == "mixed" else 1
    (question, answer), worked = _pair(corpus, recipe), recipe.prompt.worked_examples
    # The teacher also reads the sentence that is asked about.
    root, of_pair = passage + frame.system + frame.answering * worked, frame.own + question + answer
    task = of_pair + sentence * worked
    path, child = _longest_path(corpus, recipe, frame)
    window = min(recipe.disc.teacher_tokens, corpus.longest_document)
    target, anchor = corpus.target_tokens / max(1, corpus.targets), _anchor(recipe)
    return {
        "disc": Kind(
            corpus.targets * in_turn, anchor + target, corpus.longest_sentence + max(HEADINGS_TOKENS, round(anchor)),
            target, corpus.tokens + corpus.read_again, window, window,
        ),
        "prompt": Kind(
            corpus.pairs, frame.turn + question + answer, frame.turn + _longest_pair(corpus, recipe), answer,
            corpus.passages * root + corpus.pairs * task,
            path + (min(PAIRS_OF_A_TREE, max(1, corpus.pairs)) - 1) * child, path,
        ),
        "next_token": Kind(
            corpus.passages, passage, corpus.longest_passage, passage, 0, corpus.longest_passage,
            corpus.longest_passage,
        ),
    }  # fmt: skip


def _anchor(recipe: Recipe) -> float:
    """Tokens of a student anchor, before the target."""
    every = {**ANCHOR_TOKENS, "lead_in": recipe.disc.lead_in_tokens}
    return sum(every.values()) / len(every) if recipe.disc.anchor == "mixed" else every[recipe.disc.anchor]


def _longest_path(corpus: Corpus, recipe: Recipe, frame: Frame) -> tuple[int, int]:
    """Tokens of the longest prompt of the teacher with an answer, and of it those that belong to one pair."""
    worked = recipe.prompt.worked_examples
    child = frame.own + _longest_pair(corpus, recipe) + corpus.longest_sentence * worked
    return corpus.longest_passage + HEADINGS_TOKENS + frame.system + frame.answering * worked + child, child


def _epoch(kinds: dict[str, Kind], recipe: Recipe) -> dict[str, int]:
    """The examples in one epoch: beside others, the first kind of a method fills its share of them."""
    (first, *others) = kinds
    rest = {name: kinds[name].examples for name in others}
    return {first: disc_examples(kinds[first].examples, sum(rest.values()), recipe.disc.share), **rest}


def _rehearsed(corpus: Corpus, recipe: Recipe) -> tuple[float, float]:
    """What an update rehearses for each example that it teaches: in an epoch, and different ones in all of them."""
    if corpus.since is None or recipe.update.start == "new":
        return 0.0, 0.0
    known = corpus.since["unchanged"] / max(1, corpus.passages)
    rehearsed = min(recipe.update.rehearse, known)
    return rehearsed, min(known, recipe.train.epochs * rehearsed)


def _pair(corpus: Corpus, recipe: Recipe) -> tuple[float, float]:
    """Tokens of a question and of its answer."""
    own = corpus.own_pairs
    return (own.question, own.answer) if own else (QUESTION_TOKENS, _answer(recipe))


def _longest_pair(corpus: Corpus, recipe: Recipe) -> int:
    own = corpus.own_pairs
    return own.longest if own else recipe.prompt.question_tokens + recipe.prompt.answer_tokens


def _answer(recipe: Recipe) -> int:
    return min(ANSWER_TOKENS, recipe.prompt.answer_tokens)


def _prompt(corpus: Corpus, recipe: Recipe, frame: Frame) -> int:
    """Tokens of a typical prompt with a passage and a task."""
    examples = max(frame.answering, frame.asking) * recipe.prompt.worked_examples
    return round(corpus.tokens / max(1, corpus.passages)) + examples + frame.turn + frame.task + 2 * QUESTION_TOKENS


def _generation(corpus: Corpus, recipe: Recipe, questions: int, prompts: int, frame: Frame) -> tuple[float, float]:
    """Tokens that are generated, and tokens of the prompts that are read for it."""
    prompt, evaluation, passage = (
        _prompt(corpus, recipe, frame),
        recipe.evaluation,
        corpus.tokens / max(1, corpus.passages),
    )
    written, read = _pairs(corpus, recipe, frame) if METHODS[recipe.method].needs_pairs else (0.0, 0.0)
    if not questions:  # they are drafted, answered twice, and about half of them are kept
        fresh = 2 * _fresh(corpus) * evaluation.questions
        written += fresh * (QUESTION_TOKENS + 2 * 10)
        read += 3 * fresh * prompt
    asked = questions or evaluation.questions
    # Closed book, with retrieval and with the right passage before; closed book and with retrieval after.
    written += 5 * asked * min(ANSWER_TOKENS, evaluation.answer_tokens)
    read += asked * (2 * evaluation.rag_passages + 1) * passage
    written += 2 * (INSTRUCTIONS + NEUTRAL_PROMPTS) * 0.7 * evaluation.long_answer_tokens
    written += (prompts + evaluation.drift_prompts) * (PROMPT_TOKENS / 0.35 + 0.6 * recipe.retention.answer_tokens)
    return written, read


def _pairs(corpus: Corpus, recipe: Recipe, frame: Frame) -> tuple[float, float]:
    """Of the pairs, and of what asks in training whether enough of them is known."""
    settings, (question, answer) = recipe.prompt, _pair(corpus, recipe)
    task, shown = frame.own + 2 * question, corpus.passages * _prompt(corpus, recipe, frame)  # a passage once for all
    checks = FIT_CHECKS * min(FIT_SAMPLE, corpus.pairs) * (recipe.train.enough > 0)
    written, read = checks * answer, checks * question
    if corpus.own_pairs:  # they are scored with the passage and without it
        return written, read + shown + 2 * corpus.pairs * (task + answer)
    # The pairs of what is unchanged are taken over; with `update.start: adapter` they are not among these.
    wanted = corpus.pairs * (_fresh(corpus) if recipe.update.start == "new" else 1.0)
    answers = settings.answers_per_question + (settings.agreement and settings.answer_temperature > 0)
    written += wanted * (ASKED * question + ANSWERED * answers * answer)
    return written, read + wanted * (ASKED + ANSWERED * answers) * task + 2 * shown


def _fresh(corpus: Corpus) -> float:
    """The share of the passages that are new or changed since the run that is updated."""
    since = corpus.since or {"unchanged": 0, "changed": 0, "new": 1}
    fresh = since["changed"] + since["new"]
    return fresh / max(1, fresh + since["unchanged"])
