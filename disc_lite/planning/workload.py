"""Documents and a recipe -> the examples, steps and tokens of a run. Does not import torch.

Pairs are counted as wanted and epochs as allowed, so the numbers are upper bounds. What is trained on is in `lessons`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from disc_lite.planning.amounts import (
    FIT_CHECKS,
    FIT_SAMPLE,
    prompts_needed,
    retention_share,
    step_tokens,
    task_tokens_per_batch,
)
from disc_lite.planning.corpus import Corpus
from disc_lite.planning.lessons import (
    ANSWER_TOKENS,
    ASSUMED,
    QUESTION_TOKENS,
    PromptOverhead,
    answer_tokens,
    lesson_totals,
    pair_tokens,
)
from disc_lite.planning.sizes import WORTH_SHARING_TOKENS, children_tokens
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import METHODS

PROMPT_TOKENS = 30  # of a self-generated prompt; its answer is assumed to have 0.6 of `retention.answer_tokens`
# Per accepted pair; Qwen2.5-Coder-1.5B in bench/real has 1.35 to 1.71 and 1.21 to 1.47, small models many more.
ASKED, ANSWERED = 1.6, 1.3  # questions drafted, and questions answered
INSTRUCTIONS, NEUTRAL_PROMPTS = 65, 103  # answered before and after training


@dataclass(frozen=True)
class Workload:
    """What a run computes at most, in examples, steps and tokens."""

    examples: dict[str, int]  # of each kind, in one epoch
    steps: int
    step_tokens: int  # maximum; fewer than `train.tokens_per_batch` if there are few documents
    student_tokens: int  # in the whole training, including retention
    computed_tokens: int  # of these, if a step reads a system turn a few times instead of once per example
    target_tokens: int
    teacher_tokens: int  # in the documents' lessons
    measured_tokens: int  # that the student reads for the teachability
    measured_targets: int
    retention_tokens: int  # of self-generated prompts and answers that the teacher reads
    state_positions: int  # positions whose teacher hidden states are cached
    prompt_tokens: int  # of a prompt with a passage
    row_tokens: int  # of it, tokens not shared with other prompts
    example_tokens: int  # mean number that the student reads of one example
    longest_student: int  # longest example
    longest_lesson: int  # tokens of the teacher's longest sequence
    longest_path: int  # tokens of it that must be read in one pass, however little memory there is
    generated_tokens: int
    read_tokens: int  # of prompts that are read for generation
    retention_prompts: int


def workload_of(corpus: Corpus, recipe: Recipe, questions: int = 0, overhead: PromptOverhead = ASSUMED) -> Workload:
    """Return what a run with these documents computes; `questions` is the number of the user's questions, if any."""
    method = METHODS[recipe.method]
    epoch, epochs = lesson_totals(corpus, recipe, overhead, method.lessons), recipe.train.epochs
    example, task = epoch.tokens / max(1, epoch.examples), epochs * epoch.tokens
    retention = recipe.retention.weight > 0
    kept = 0.6 * recipe.retention.answer_tokens
    self_prompt = overhead.turn + PROMPT_TOKENS + kept
    prompts = prompts_needed(round(task), self_prompt, recipe.retention) if retention else 0
    share = retention_share(task, self_prompt, recipe.retention) if retention else 0.0
    retained = share * task / self_prompt  # retention examples
    generated, read = _generation(corpus, recipe, questions, prompts, overhead)
    prompt = _prompt(corpus, recipe, overhead)
    of_task = task_tokens_per_batch(epoch.tokens, recipe, share)
    step = step_tokens(of_task, recipe, share)
    longest_retention = overhead.turn + recipe.retention.prompt_tokens + recipe.retention.answer_tokens
    return Workload(
        # A step is full if the next example does not fit, or if it holds a single long one.
        examples=epoch.taught, steps=math.ceil(task / max(example, of_task - example / 2, 1)), step_tokens=step,
        student_tokens=round(task * (1 + share)), target_tokens=round(epochs * epoch.compared * (1 + share)),
        computed_tokens=round(
            task * (1 + share) - (epochs * epoch.turns + retained) * _saved(corpus, recipe, overhead, step)
        ),
        teacher_tokens=round(epoch.teacher_tokens * method.has_teacher),
        measured_tokens=round(epoch.measured_tokens), measured_targets=round(epoch.measured_targets),
        retention_tokens=round(prompts * self_prompt),
        state_positions=round(epoch.positions * method.has_teacher + prompts * kept),
        prompt_tokens=prompt, row_tokens=prompt if overhead.apart else overhead.own + 2 * QUESTION_TOKENS,
        example_tokens=round(task * (1 + share) / max(1, epochs * epoch.examples + retained)),
        longest_student=max(epoch.longest_example, longest_retention * retention),
        longest_lesson=epoch.longest_lesson, longest_path=epoch.longest_path,
        generated_tokens=round(generated), read_tokens=round(read), retention_prompts=prompts,
    )  # fmt: skip


def beside_passage(recipe: Recipe, writes: bool, overhead: PromptOverhead) -> int:
    """Tokens of a prompt about a passage and of a typical answer, without the passage.

    `writes`: whether the model writes questions or pairs, which needs worked examples.
    """
    examples = max(overhead.answering, overhead.asking) * (recipe.prompt.worked_examples and writes)
    written = recipe.prompt.question_tokens + answer_tokens(recipe)
    return examples + overhead.turn + overhead.task + QUESTION_TOKENS + written


def _saved(corpus: Corpus, recipe: Recipe, overhead: PromptOverhead, step: int) -> float:
    """Tokens saved per example because a tree computes most of the system turn once for several examples."""
    if overhead.apart or overhead.system < WORTH_SHARING_TOKENS:
        return 0.0
    own = overhead.turn - overhead.system + sum(pair_tokens(corpus, recipe))
    together = min(children_tokens(overhead.system) / own, step / (overhead.system + own))
    return overhead.system * (1 - 1 / max(1.0, together))


def _prompt(corpus: Corpus, recipe: Recipe, overhead: PromptOverhead) -> int:
    """Tokens of a typical prompt with a passage and a task."""
    examples = max(overhead.answering, overhead.asking) * recipe.prompt.worked_examples
    passage = round(corpus.tokens / max(1, corpus.passages))
    return passage + examples + overhead.turn + overhead.task + 2 * QUESTION_TOKENS


def _generation(
    corpus: Corpus, recipe: Recipe, questions: int, prompts: int, overhead: PromptOverhead
) -> tuple[float, float]:
    """Number of generated tokens, and number of prompt tokens that are read for them."""
    prompt, evaluation = _prompt(corpus, recipe, overhead), recipe.evaluation
    written, read = _pairs(corpus, recipe, overhead) if METHODS[recipe.method].needs_pairs else (0.0, 0.0)
    if not questions:  # they are drafted and answered twice, and about half of them are accepted
        fresh = 2 * _fresh(corpus) * evaluation.questions
        written += fresh * (QUESTION_TOKENS + 2 * 10)
        read += 3 * fresh * prompt
    asked = questions or evaluation.questions
    if corpus.unlearned.number:  # the base answers these, closed book; some are asked in training
        checked = FIT_CHECKS * min(FIT_SAMPLE, corpus.unlearned.number) * (recipe.train.enough > 0)
        written += (corpus.unlearned.number + checked) * answer_tokens(recipe)
        read += (corpus.unlearned.number + checked) * (overhead.turn + corpus.unlearned.question)
    # Closed book, with retrieval and with the right passage before; closed book and with retrieval after.
    written += 5 * asked * min(ANSWER_TOKENS, evaluation.answer_tokens)
    read += asked * (2 * evaluation.rag_passages + 1) * corpus.tokens / max(1, corpus.passages)
    written += 2 * (INSTRUCTIONS + NEUTRAL_PROMPTS) * 0.7 * evaluation.long_answer_tokens
    written += (prompts + evaluation.drift_prompts) * (PROMPT_TOKENS / 0.35 + 0.6 * recipe.retention.answer_tokens)
    return written, read


def _pairs(corpus: Corpus, recipe: Recipe, overhead: PromptOverhead) -> tuple[float, float]:
    """Tokens generated and read for the pairs, and for the checks in training whether enough of them is known."""
    settings, (question, answer) = recipe.prompt, pair_tokens(corpus, recipe)
    task = overhead.own + 2 * question

    def shown(prompts: float, times: int) -> float:
        """Prompt tokens: each passage is read `times` times for all its prompts, or once per prompt if read apart."""
        return (prompts if overhead.apart else times * corpus.passages) * _prompt(corpus, recipe, overhead)

    checks = FIT_CHECKS * min(FIT_SAMPLE, corpus.pairs) * (recipe.train.enough > 0)
    written, read = checks * answer, checks * question
    if corpus.own_pairs:  # they are scored with the passage and without it
        return written, read + shown(corpus.pairs, 1) + 2 * corpus.pairs * (task + answer)
    # Pairs about unchanged passages are taken over; with `update.start: adapter` they are not counted here.
    wanted = corpus.pairs * (_fresh(corpus) if recipe.update.start == "new" else 1.0)
    answers = settings.answers_per_question + (settings.agreement and settings.answer_temperature > 0)
    written += wanted * (ASKED * question + ANSWERED * answers * answer)
    drafts = wanted * (ASKED + ANSWERED * answers)
    return written, read + drafts * task + shown(drafts, 2)


def _fresh(corpus: Corpus) -> float:
    """Share of the passages that are new or changed since the run that is updated."""
    since = corpus.since or {"unchanged": 0, "changed": 0, "new": 1}
    fresh = since["changed"] + since["new"]
    return fresh / max(1, fresh + since["unchanged"])
