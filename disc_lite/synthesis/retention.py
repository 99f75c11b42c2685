"""Self-generated prompts and answers, trained with KL(base || student) against forgetting.

The base samples user turns, given only the opening of a turn (arXiv 2406.08464) or also its first words, and answers
them itself, so that no data is needed. Prompts and answers depend only on the model and the settings, never on the
documents, so they are generated once per model and cached for the user; the cache grows when a run needs more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from disc_lite.distillation.examples import AnsweredPrompt
from disc_lite.errors import EnvironmentNotReady
from disc_lite.models import Base
from disc_lite.models.generation import Continuation, generate, stream_seed
from disc_lite.recipe.schema import Retention
from disc_lite.storage import line_of, read_bytes, read_jsonl, value_in, waiting_lock, write_bytes, write_jsonl
from disc_lite.synthesis.document_names import names_of
from disc_lite.synthesis.drafting import OnDrafts

# Every second turn begins with one of these. Sampling from nothing gives fragments, code and texts of all kinds, and
# few of the plain questions that people type. The pairs are such questions: if only the pairs are learned, all other
# questions are answered as briefly (bench/notes/retention.md). If a model does not continue the words as a user's turn,
# the turn does not end and is dropped.
BEGINNINGS = (
    "What", "How", "Why", "Can you", "I", "Give me", "Write", "Explain", "Which", "Tell me", "Is", "When", "Who",
    "Where", "Do", "Are", "Please", "My", "Could you", "Should", "Describe", "List", "Help me", "Does", "What is the",
    "How do I", "How many", "Was", "Wie", "Quel", "¿Qué", "什么",
)  # fmt: skip
# Turns sampled in one round. The number is fixed: random streams follow from the round, and a line of the cache is a
# round, so with another number the prompts would depend on which run generated them first.
ROUND = 2 * len(BEGINNINGS)
MOST_ROUNDS = 8  # most rounds generated in one call: as many rows as a GPU generates at once
PATIENCE = 16  # rounds with less than one new prompt per twenty turns, after which the model counts as exhausted


Round = list[AnsweredPrompt]


# -- generation ------------------------------------------------------------------------------------------


def generate_retention_examples(
    base: Base, settings: Retention, reserved_names: Sequence[str], cache: Path, wanted: int,
    on_round: Callable[[int], None] = lambda prompts: None, on_wait: Callable[[], None] = lambda: None,
    on_unsaved: Callable[[EnvironmentNotReady], None] = lambda why: None,
    on_drafts: OnDrafts = lambda what, done, of: None,
) -> list[AnsweredPrompt]:  # fmt: skip
    """Return the first `wanted` prompts and answers of this model; fewer if it generates no more new ones.

    They are read from the file `cache`; missing and damaged ones are generated, and the file is rewritten after every
    few rounds. Round n is the same in every run. No example contains a reserved name. `on_round` is called with the
    number of examples, `on_drafts` with the number of prompts generated for the next ones, then of answers. If two runs
    lack examples, one generates them and the other waits and calls `on_wait` repeatedly. If the cache is read-only,
    `on_unsaved` gets the reason, and the examples are generated all the same: the run has them in its journal.
    """
    rounds = read_rounds(cache) if cache.is_file() else []
    if sum(map(len, rounds)) < wanted and not _exhausted(rounds):
        with _locked(cache, on_wait, on_unsaved) as saves:
            rounds = read_rounds(cache) if cache.is_file() else []  # another run may have added some
            while (number := _rounds_missing(rounds, wanted)) and not _exhausted(rounds):
                for one_round in _generate_rounds(base, settings, reserved_names, rounds, number, on_drafts):
                    rounds.append(one_round)
                    if _exhausted(rounds):
                        break
                if saves:
                    write_rounds(cache, rounds)
                on_round(sum(map(len, rounds)))
    return [example for one_round in rounds for example in one_round][:wanted]


@contextmanager
def _locked(
    cache: Path, on_wait: Callable[[], None], on_unsaved: Callable[[EnvironmentNotReady], None]
) -> Iterator[bool]:
    """Yield whether the cache can be written; if so, no other run writes it inside the block."""
    with ExitStack() as held:
        try:
            held.enter_context(waiting_lock(cache.with_suffix(".lock"), on_wait))
        except EnvironmentNotReady as error:
            on_unsaved(error)
            yield False
        else:
            yield True


def _rounds_missing(rounds: Sequence[Round], wanted: int) -> int:
    """Return how many more rounds give `wanted` examples at the rate so far; at first as if no example were dropped."""
    have = sum(map(len, rounds))
    each = max(1.0, have / len(rounds)) if rounds else ROUND
    return min(MOST_ROUNDS, math.ceil(max(0, wanted - have) / each))


def _exhausted(rounds: Sequence[Round]) -> bool:
    new = sum(map(len, rounds[-PATIENCE:]))
    return len(rounds) >= PATIENCE and new < PATIENCE * ROUND / 20


def _generate_rounds(
    base: Base, settings: Retention, reserved: Sequence[str], rounds: Sequence[Round], number: int,
    on_drafts: OnDrafts,
) -> list[Round]:  # fmt: skip
    """Return the next rounds, at most `number`: the new prompts among `ROUND` sampled turns each, with answers.

    A turn that does not end within `prompt_tokens` is dropped. An answer that does not end within `answer_tokens` is
    cut: the divergence at a token does not depend on the tokens after it.
    """
    first = len(rounds) + 1
    candidates = _prompts(base, settings, reserved, range(first, first + number), on_drafts)
    seen, fresh = {example.prompt_ids for one_round in rounds for example in one_round}, list[list[tuple[int, ...]]]()
    for prompts in candidates:
        fresh.append([prompt for prompt in prompts if prompt not in seen])
        seen.update(fresh[-1])
    answers = iter(_answers(base, settings, fresh, first, on_drafts))
    finished, unanswered = list[Round](), set[tuple[int, ...]]()
    for prompts, new_prompts in zip(candidates, fresh, strict=True):
        if not unanswered.isdisjoint(prompts):  # a later round has to try that prompt again, so it is generated again
            break
        answered = [AnsweredPrompt(prompt, next(answers).whole_ids) for prompt in new_prompts]
        finished.append([e for e in answered if not names_any(base.tokens.decode(e.answer_ids), reserved)])
        unanswered.update({e.prompt_ids for e in answered} - {e.prompt_ids for e in finished[-1]})
    return finished


def _prompts(
    base: Base, settings: Retention, reserved: Sequence[str], numbers: Sequence[int], on_drafts: OnDrafts
) -> list[list[tuple[int, ...]]]:
    """Return the distinct prompts among the turns of each of these rounds, without those that have a reserved name."""
    tokens, by_round = base.tokens, []
    opens = bool(tokens.user_opening())  # without tokens that open a user turn, a model needs a beginning
    beginnings = ["" if n % 2 and opens else BEGINNINGS[n // 2] for n in range(ROUND)]
    openings = [tokens.user_opening(words) for words in beginnings]
    streams = [stream_seed(number, n) for number in numbers for n in range(ROUND)]
    turns = _sampled(
        base, openings * len(numbers), tokens.control_ids, settings.prompt_tokens, settings, streams,
        lambda written: on_drafts("prompts", written, len(streams)),
    )  # fmt: skip
    for begin in range(0, len(turns), ROUND):
        written = zip(turns[begin : begin + ROUND], beginnings, strict=True)
        whole = [(t.ids, words) for t, words in written if t.ended and t.ids]
        unnamed = [turn for turn in whole if not names_any(tokens.decode(turn[0]), reserved)]
        by_round.append(list(dict.fromkeys(tuple(tokens.after_user(*turn)) for turn in unnamed)))
    return by_round


def _answers(
    base: Base, settings: Retention, prompts: Sequence[Sequence[tuple[int, ...]]], first: int, on_drafts: OnDrafts
) -> list[Continuation]:
    """Return an answer to each prompt of these rounds; their random streams differ from those of the turns."""
    streams = [stream_seed(-(first + k), n) for k, of_round in enumerate(prompts) for n in range(len(of_round))]
    every = [prompt for of_round in prompts for prompt in of_round]
    return _sampled(
        base, every, base.tokens.stop_ids, settings.answer_tokens, settings, streams,
        lambda written: on_drafts("answers", written, len(every)),
    )  # fmt: skip


def _sampled(
    base: Base, prompts: Sequence[Sequence[int]], stop_ids: frozenset[int], max_tokens: int, settings: Retention,
    streams: Sequence[int], on_finished: Callable[[int], None],
) -> list[Continuation]:  # fmt: skip
    with base.frozen(adapter=False) as model:
        return generate(
            model, prompts, stop_ids=stop_ids, max_new_tokens=max_tokens, temperature=settings.temperature,
            streams=streams, known=base.known(adapter=False), on_finished=on_finished,
        )  # fmt: skip


# -- files -----------------------------------------------------------------------------------------------


def read_examples(path: Path) -> list[AnsweredPrompt]:
    return [_example(row) for row in read_jsonl(path)]


def write_examples(path: Path, examples: Iterable[AnsweredPrompt]) -> None:
    write_jsonl(path, map(_row, examples))


def read_rounds(path: Path) -> list[Round]:
    """Read a cache file: a numbered line for each round, even an empty one; stops at a damaged or missing line."""
    rounds: list[Round] = []
    for line in read_bytes(path).splitlines():
        value = value_in(line)
        if not isinstance(value, list) or value[0] != len(rounds):
            break
        rounds.append([_example(row) for row in value[1]])
    return rounds


def write_rounds(path: Path, rounds: Iterable[Round]) -> None:
    lines = ((number, [_row(example) for example in one_round]) for number, one_round in enumerate(rounds))
    write_bytes(path, b"".join(map(line_of, lines)))


def _example(row: dict[str, list[int]]) -> AnsweredPrompt:
    return AnsweredPrompt(tuple(row["prompt_ids"]), tuple(row["answer_ids"]))


def _row(example: AnsweredPrompt) -> dict[str, list[int]]:
    return {"prompt_ids": list(example.prompt_ids), "answer_ids": list(example.answer_ids)}


# -- selection ---------------------------------------------------------------------------------------


def without_document_names(
    documents: Iterable[str], examples: Sequence[AnsweredPrompt], decode: Callable[[Sequence[int]], str]
) -> list[AnsweredPrompt]:
    """Return examples without names of the documents: the base's answers must not train against new facts."""
    prompts = [decode(example.prompt_ids) for example in examples]
    names = names_of(documents, prompts)
    return [example for example, prompt in zip(examples, prompts, strict=True) if not names.are_in(prompt)]


def names_any(text: str, names: Iterable[str]) -> bool:
    return any(name in text for name in names)
