"""How much of what a run makes: the numbers that follow from documents and recipe alone."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import accumulate
from random import Random

from disc_lite.documents import Passage
from disc_lite.prompts.texts import Text
from disc_lite.prompts.writing import kinds_in
from disc_lite.qa import words_of
from disc_lite.qa.details import details_of
from disc_lite.recipe import Recipe
from disc_lite.recipe.schema import Prompt, Retention

FEWEST_PROMPTS = 200  # self-generated ones of a run, even if its corpus is small
# Compared positions of a shard, whose teacher hidden states are cached or read again together: 4 GiB of a 7B's.
SHARD_POSITIONS = 1 << 19
SCRATCH_SHARDS = 2  # for which there must be room: a step may begin in one and end in the next
MOST_CHECKPOINTS = 2  # that are on disk: the newest, beside one that is being written
FIT_SAMPLE = 64  # trained questions that are asked whether enough is known; 0.95 of them is 61
FIT_CHECKS = 20  # of those, at most, over a whole training
SMALLEST_STEP = 256  # tokens, to which `train.least_steps` may shorten a step


def wanted_pairs(passage: Passage, details: Sequence[int], recipe: Recipe) -> int:
    """The number of pairs wanted of a passage; `details` counts those of each of its sentences."""
    settings = recipe.prompt
    if settings.questions_per_passage:
        return settings.questions_per_passage
    if settings.questions_per_1000_tokens:
        return max(1, round(settings.questions_per_1000_tokens * (passage.end - passage.start) / 1000))
    return sum(pairs_of_sentence(number, settings) for number in details)


def pairs_of_sentence(details: int, settings: Prompt) -> int:
    """As many as of a sentence without details, or half as many for each detail and for the sentence beside them."""
    return max(settings.questions_per_sentence, math.ceil(settings.questions_per_sentence * (details + 1) / 2))


def details_asked(sentence: str, language: str, recipe: Recipe) -> tuple[str, ...]:
    """The details of a sentence that are asked for, if the recipe wants them to be."""
    asks = recipe.prompt.worked_examples and "detail" in kinds_in(recipe.prompt.kinds)
    return details_of(sentence, language) if asks else ()


def is_askable(sentence: str) -> bool:
    """Whether there is something to ask about: two words that are not only symbols."""
    return len(words_of(sentence)) > 1 and re.search(r"\w", sentence) is not None


def disc_lead_tokens(window: int) -> int:
    """How many tokens of a window are text of the one before it, at most: a quarter."""
    return window // 4


def disc_read_again(tokens: int, window: int) -> int:
    """Tokens of a document that the teacher reads twice, at the beginnings of all windows but the first."""
    lead = disc_lead_tokens(window)
    return math.ceil(max(0, tokens - window) / (window - lead)) * lead


def disc_targets(text: Text, recipe: Recipe) -> list[tuple[int, int]]:
    """The sentences of a document that DiSC teaches, as ranges of its tokens.

    `targets: all` takes every sentence after the first, `paper` as many as published: the last
    one, and k - 1 others drawn per document. Headings are not targets, since the anchor shows them.
    """
    sentences = [(s, s[0] in passage.headings) for passage in text.passages for s in passage.sentences]
    later = [sentence for sentence, is_heading in sentences[1:] if not is_heading]
    if recipe.disc.targets == "all" or not later:
        return later
    rng = Random(f"{recipe.seed} targets {text.document.sha256}")
    drawn = rng.sample(later[:-1], min(recipe.disc.targets_per_document - 1, len(later) - 1))
    return [*drawn, later[-1]]


def prompts_needed(task_tokens: int, tokens_per_prompt: float, settings: Retention) -> int:
    """The number of self-generated prompts with which none is read more than `max_reads` times in the whole training.

    `task_tokens` are those of the task in all epochs. At least `FEWEST_PROMPTS`, at most `settings.prompts`.
    """
    reads = settings.share * task_tokens / max(1.0, tokens_per_prompt)
    return min(settings.prompts, max(FEWEST_PROMPTS, math.ceil(reads / settings.max_reads)))


def retention_share(task_tokens: float, tokens_per_prompt: float, settings: Retention) -> float:
    """Tokens of the retention term for each token of the task; the task has `task_tokens` in all epochs.

    `settings.share`, unless `settings.prompts` prompts would be read more than `max_reads` times for it: then less, at
    least `least_share`, since reading the same prompts again takes time and retains nothing new.
    """
    fitting = settings.max_reads * settings.prompts * tokens_per_prompt / max(1.0, task_tokens)
    return min(settings.share, max(settings.least_share, fitting))


def shards_needed(positions: int) -> int:
    """The number of shards of a corpus with `positions` compared positions, all of about the same size."""
    return max(1, math.ceil(positions / SHARD_POSITIONS))


def kept_shards(shard_bytes: Sequence[int], limit_bytes: float) -> int:
    """How many shards, the first ones, stay cached: all where they fit, else what the two in use leave of the limit."""
    if sum(shard_bytes) <= limit_bytes:
        return len(shard_bytes)
    room = limit_bytes - sum(sorted(shard_bytes)[-SCRATCH_SHARDS:])
    return sum(total <= room for total in accumulate(shard_bytes))


def optimizer_bytes(adapter_bytes: int, bits: int) -> int:
    """Of AdamW's two moments of an adapter in fp32: in 32 bits, or in 8 with a scale of 4 bytes for 256 values."""
    return round(adapter_bytes / 2 * (1 + 4 / 256)) if bits == 8 else 2 * adapter_bytes


def saved_bytes(adapter_bytes: int, optimizer_bits: int, recipe: Recipe) -> int:
    """What training has on the disk at most: checkpoints, the adapter, and two within the limit on drift."""
    checkpoints = (MOST_CHECKPOINTS + 1) * (adapter_bytes + optimizer_bytes(adapter_bytes, optimizer_bits))
    return checkpoints + adapter_bytes * (3 if recipe.retention.max_kl else 1)


def task_tokens_per_batch(epoch_tokens: float, recipe: Recipe, share: float) -> int:
    """The tokens of a step that are the task's, where an epoch has `epoch_tokens` of them.

    `share` is the retention term's, 0 without one.

    An adapter needs steps more than it needs tokens, so where there are few tokens a step takes fewer of them.
    """
    settings, task_share = recipe.train, 1 / (1 + share)
    largest, smallest = (int(tokens * task_share) for tokens in (settings.tokens_per_batch, SMALLEST_STEP))
    fitting = int(settings.epochs * epoch_tokens / settings.least_steps) if settings.least_steps else largest
    return min(largest, max(smallest, fitting))


def step_tokens(task_tokens: int, recipe: Recipe, share: float) -> int:
    """The tokens of a step: those of the task, and those of the retention term, its `share` of them."""
    return min(recipe.train.tokens_per_batch, math.ceil((task_tokens + 1) * (1 + share)))


def disc_examples(disc: int, others: int, share: float) -> int:
    """How many of the `disc` DiSC examples an epoch has: all where there are no others, else `share` of its examples.

    Where pairs are few it is `share` of an epoch that has as many examples as DiSC alone would have, so that few pairs
    do not take DiSC away.
    """
    if not (disc and others):
        return disc
    return max(1, round(others * share / (1 - share)), round(share * disc))


def rehearsed_examples(disc: int, others: int, number: int, share: float) -> tuple[int, int]:
    """How many DiSC examples, and how many others, an update rehearses: `number` in all, mixed as in an epoch."""
    rest = min(others, round(number * (1 - share)) if disc and others else number)
    return min(disc, number - rest, disc_examples(disc, rest, share)), rest
