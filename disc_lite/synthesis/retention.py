"""Self-generated prompts and answers, trained with KL(base || student) against forgetting.

The base samples user turns from nothing but the opening of one (arXiv 2406.08464) and answers them
itself: no data and no download. They depend on the model and the settings only, never on the
documents, so they are generated once per model and cached for the user; the cache grows when a run needs more.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from disc_lite.distillation.examples import Lesson, retention_lesson
from disc_lite.models import Base
from disc_lite.models.generation import generate
from disc_lite.recipe.schema import Retention
from disc_lite.storage import line_of, read_bytes, read_jsonl, value_in, write_bytes, write_jsonl

COMMON = 0.05  # a word in a larger share of the prompts is not a name of the documents: "I", "English"
INSIDE = re.compile(r"(?<=[\w,;:()] )[^\W\d_]\w*")  # words that do not begin a sentence
# Turns sampled in one round. A fixed number: the turns of a round share a batch and a random stream, so with another
# number the prompts would depend on which run generated them first.
ROUND = 64
PATIENCE = 16  # rounds with less than one new prompt in twenty turns, after which the model counts as exhausted


@dataclass(frozen=True)
class RetentionExample:
    """A self-generated prompt (one user turn) and the answer of the base, as ids; the answer ends or is cut."""

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]

    @property
    def tokens(self) -> int:
        return len(self.prompt_ids) + len(self.answer_ids)


Round = list[RetentionExample]


def cache_folder() -> Path:
    """`$DISC_LITE_CACHE`, or the user's cache folder."""
    root = os.environ.get("DISC_LITE_CACHE")
    if root:
        return Path(root)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "disc-lite"


# -- generation ------------------------------------------------------------------------------------------


def generate_retention_examples(
    base: Base, settings: Retention, reserved_names: Sequence[str], cache: Path, wanted: int,
    on_round: Callable[[int], None] = lambda prompts: None,
) -> list[RetentionExample]:  # fmt: skip
    """The first `wanted` prompts and answers of this model; fewer where it generates no more new ones.

    They are read from the file `cache`; missing and damaged ones are generated, and the file is rewritten after every
    round. Round n is the same in every run. No example contains a reserved name.
    """
    rounds = read_rounds(cache) if cache.is_file() else []
    examples = [example for one_round in rounds for example in one_round]
    seen = {example.prompt_ids for example in examples}
    while len(examples) < wanted and not _exhausted(rounds):
        rounds.append(_generate_round(base, settings, reserved_names, seen, seed=len(rounds) + 1))
        write_rounds(cache, rounds)
        examples += rounds[-1]
        seen |= {example.prompt_ids for example in rounds[-1]}
        on_round(len(examples))
    return examples[:wanted]


def _exhausted(rounds: Sequence[Round]) -> bool:
    new = sum(map(len, rounds[-PATIENCE:]))
    return len(rounds) >= PATIENCE and new < PATIENCE * ROUND / 20


def _generate_round(
    base: Base, settings: Retention, reserved: Sequence[str], seen: AbstractSet[tuple[int, ...]], seed: int
) -> Round:
    """The new prompts among `ROUND` sampled turns, each with its answer.

    A turn that does not end within `prompt_tokens` is dropped. An answer that does not end within `answer_tokens` is
    cut: the divergence at a token does not depend on the tokens after it.
    """
    tokens, known = base.tokens, base.known(adapter=False)
    with base.frozen(adapter=False) as model:
        turns = generate(
            model, [tokens.user_opening()] * ROUND, stop_ids=tokens.control_ids, seed=seed,
            max_new_tokens=settings.prompt_tokens, temperature=settings.temperature, known=known,
        )  # fmt: skip
        different = dict.fromkeys(turn.ids for turn in turns if turn.ended and turn.ids)
        prompts = [tuple(tokens.after_user(t)) for t in different if not names_any(tokens.decode(t), reserved)]
        prompts = [prompt for prompt in prompts if prompt not in seen]
        answers = generate(
            model, prompts, stop_ids=tokens.stop_ids, seed=-seed,  # random streams other than those of the turns
            max_new_tokens=settings.answer_tokens, temperature=settings.temperature, known=known,
        )  # fmt: skip
    return [
        RetentionExample(prompt, answer.whole_ids)
        for prompt, answer in zip(prompts, answers, strict=True)
        if not names_any(tokens.decode(answer.ids), reserved)
    ]


# -- files -----------------------------------------------------------------------------------------------


def read_examples(path: Path) -> list[RetentionExample]:
    return [_example(row) for row in read_jsonl(path)]


def write_examples(path: Path, examples: Iterable[RetentionExample]) -> None:
    write_jsonl(path, map(_row, examples))


def read_rounds(path: Path) -> list[Round]:
    """A cache file: a numbered line a round, also for an empty one; up to the first that is damaged or missing."""
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


def _example(row: dict[str, list[int]]) -> RetentionExample:
    return RetentionExample(tuple(row["prompt_ids"]), tuple(row["answer_ids"]))


def _row(example: RetentionExample) -> dict[str, list[int]]:
    return {"prompt_ids": list(example.prompt_ids), "answer_ids": list(example.answer_ids)}


# -- selection ---------------------------------------------------------------------------------------


def without_document_names(
    documents: Iterable[str], examples: Sequence[RetentionExample], decode: Callable[[Sequence[int]], str]
) -> list[RetentionExample]:
    """Those whose prompt has no name of the documents: answers of the base must not be trained against new facts."""
    in_prompts = [names(decode(example.prompt_ids)) for example in examples]
    frequency = Counter(name for in_prompt in in_prompts for name in in_prompt)
    in_documents = {name for text in documents for name in names(text) if frequency[name] <= COMMON * len(examples)}
    return [example for example, in_prompt in zip(examples, in_prompts, strict=True) if not in_prompt & in_documents]


def names(text: str) -> set[str]:
    """Capitalised words that do not begin a sentence or a line."""
    return {word for word in INSIDE.findall(text) if word[0].isupper()}


def names_any(text: str, names: Iterable[str]) -> bool:
    return any(name in text for name in names)


def retention_lessons(examples: Iterable[RetentionExample]) -> list[Lesson]:
    """Teacher and student read the same prompt and answer; the tokens of the answer are compared."""
    return [retention_lesson(example.prompt_ids, example.answer_ids) for example in examples]
