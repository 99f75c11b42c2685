"""Greedy answers of the base or the adapted model: to questions, with or without passages, and to prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from disc_lite.distillation.examples import AnsweredPrompt
from disc_lite.documents import sentence_spans
from disc_lite.models import Base, Tokens
from disc_lite.models.generation import Continuation, generate
from disc_lite.packing import Segment
from disc_lite.prompts.answering import answer_task, join_passages
from disc_lite.qa import Question

# Only `thinking_answers` lets a model think: training and all other prompts have thinking off.
THINKING_FACTOR = 4  # factor on the tokens of a long answer, for the thought and the answer together
THOUGHT_ENDS = ("</think>", "[/THINK]", "<channel|>")  # end of a thought: Qwen and most others, Mistral, Gemma 4


def answer(
    base: Base, questions: Sequence[Question], max_tokens: int, *, adapter: bool,
    passages: Sequence[Sequence[str]] = (), on_finished: Callable[[int], None] = lambda questions: None,
    on_cut: Callable[[int], None] = lambda question: None,
) -> list[str]:  # fmt: skip
    """A greedy answer to each question, of at most `max_tokens` tokens.

    `passages` are the passages in each question's prompt; by default the question's own, if it has one. A statement is
    continued as raw text up to the end of its sentence; for multiple choice the answer is the likeliest choice.
    `on_finished` is called with the number of questions answered so far, `on_cut` with the index of each question
    whose answer was cut off.
    """
    tokens = base.tokens
    passages = passages or [[q.passage] if q.passage else [] for q in questions]
    texts = [
        join_passages(p) + (answer_task(q.text) if p else q.text) for q, p in zip(questions, passages, strict=True)
    ]
    open_ended = [i for i, q in enumerate(questions) if not q.choices]
    prompts = [
        [*tokens.bos, *tokens.text(questions[i].text.rstrip())] if questions[i].kind == "completion"
        else tokens.prompt(texts[i]) for i in open_ended
    ]  # fmt: skip
    written = continued(base, prompts, max_tokens, adapter=adapter, on_finished=on_finished)
    answers = {i: tokens.decode(continuation.ids) for i, continuation in zip(open_ended, written, strict=True)}
    for i, continuation in zip(open_ended, written, strict=True):
        if not continuation.ended:
            on_cut(i)
    for i, question in enumerate(questions):
        if question.choices:
            answers[i] = _likeliest(base, texts[i], question.choices, adapter)
            on_finished(len(answers))
    return [
        first_sentence(answers[i]) if q.kind == "completion" else answers[i].strip() for i, q in enumerate(questions)
    ]


def generate_answers(
    base: Base, prompts: Sequence[str], max_tokens: int, *, adapter: bool,
    on_finished: Callable[[int], None] = lambda prompts: None,
) -> list[AnsweredPrompt]:  # fmt: skip
    """Greedy answers of at most `max_tokens` tokens to user turns, each with the token that ended it."""
    prompt_ids = [base.tokens.prompt(prompt) for prompt in prompts]
    answers = continued(base, prompt_ids, max_tokens, adapter=adapter, on_finished=on_finished)
    return [AnsweredPrompt(tuple(p), a.whole_ids) for p, a in zip(prompt_ids, answers, strict=True)]


def continued(
    base: Base, prompts: Sequence[Sequence[int]], max_tokens: int, *, adapter: bool,
    on_finished: Callable[[int], None] = lambda prompts: None,
) -> list[Continuation]:  # fmt: skip
    """Greedy continuations of prompts of token ids, in order; those in the journal are not generated again."""
    with base.frozen(adapter=adapter) as model:
        return generate(
            model, prompts, stop_ids=base.tokens.stop_ids, max_new_tokens=max_tokens, on_finished=on_finished,
            known=base.known(adapter),
        )  # fmt: skip


def thinking_answers(
    base: Base, prompts: Sequence[str], max_tokens: int, *, adapter: bool,
    on_finished: Callable[[int], None] = lambda prompts: None,
) -> list[str]:  # fmt: skip
    """The greedy answer to each prompt after its thought; "" if the thought did not end within the token limit."""
    tokens = base.tokens
    prompt_ids = [tokens.prompt(prompt, thinking=True) for prompt in prompts]
    written = continued(base, prompt_ids, THINKING_FACTOR * max_tokens, adapter=adapter, on_finished=on_finished)
    return [answer_after_thought(tokens, continuation) for continuation in written]


def answer_after_thought(tokens: Tokens, written: Continuation) -> str:
    """The text after the last end of a thought; the whole text if there was none and it ended by itself, else ""."""
    ends = {tokens.hf.convert_tokens_to_ids(name) for name in THOUGHT_ENDS} & tokens.control_ids
    last = max((n for n, token in enumerate(written.ids) if token in ends), default=-1)
    return tokens.decode(written.ids[last + 1 :]).strip() if last >= 0 or written.ended else ""


def _likeliest(base: Base, question: str, choices: Sequence[str], adapter: bool) -> str:
    """The choice with the highest log-probability, including its end token; all choices share one pass."""
    turns = [base.tokens.turn(question, choice) for choice in choices]
    prompt = turns[0][0]
    tree = (Segment(tuple(prompt)), *(Segment(tuple(answer[:-1]), 0) for _, answer in turns))
    places = []
    for number, (_, answer) in enumerate(turns, 1):
        places += [(0, 0, len(prompt) - 1), *((0, number, p) for p in range(len(answer) - 1))]
    by_choice = base.log_probabilities([tree], places, [answer for _, answer in turns], adapter)
    totals = [float(token_values.sum()) for token_values in by_choice]
    return choices[totals.index(max(totals))]


def first_sentence(text: str) -> str:
    """The first sentence of the first line, without its full stop."""
    line = text.strip().split("\n")[0]
    first = next(iter(sentence_spans(line, 0, len(line))), (0, 0))
    return line[slice(*first)].strip().rstrip(".。").strip()
