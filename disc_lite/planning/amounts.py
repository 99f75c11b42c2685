"""The amounts in a run that follow from the documents and the recipe alone: pairs, prompts, shards, tokens per step."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from random import Random

from disc_lite.documents import Passage
from disc_lite.prompts.texts import Text
from disc_lite.prompts.writing import kinds_in
from disc_lite.qa import words_of
from disc_lite.qa.details import details_of
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import DISC
from disc_lite.recipe.schema import Prompt, Retention

FEWEST_PROMPTS = 200  # smallest number of self-generated prompts, even for a small corpus
# Compared positions in a shard, whose teacher hidden states are cached or read again together: 4 GiB for a 7B model.
SHARD_POSITIONS = 1 << 19
SCRATCH_SHARDS = 2  # shards that must fit beside the cached ones: a step may begin in one and end in the next
MOST_CHECKPOINTS = 2  # checkpoints on disk at once: the newest, and one that is being written
FIT_SAMPLE = 64  # trained questions asked to decide whether enough is known; 0.95 of them is 61
FIT_CHECKS = 20  # such checks in a whole training, at most
SMALLEST_STEP = 256  # tokens; `train.least_steps` does not shorten a step below this


def wanted_pairs(passage: Passage, details: Sequence[int], recipe: Recipe) -> int:
    """Number of pairs wanted from a passage; `details` holds the number of details in each of its sentences.

    The questions that names get in addition (`questions_with_name`) are not counted, because the other questions decide
    how many a name lacks: for the pairs in bench/real/pairs, at most 6 % of the number wanted.
    """
    settings = recipe.prompt
    if settings.questions_per_passage:
        return settings.questions_per_passage
    if settings.questions_per_1000_tokens:
        return max(1, round(settings.questions_per_1000_tokens * (passage.end - passage.start) / 1000))
    return sum(pairs_of_sentence(number, settings) for number in details)


def pairs_of_sentence(details: int, settings: Prompt) -> int:
    """Number of pairs wanted from a sentence with that many details.

    `questions_per_sentence`, or half of that for each detail plus half for the sentence itself if this is more.
    """
    return max(settings.questions_per_sentence, math.ceil(settings.questions_per_sentence * (details + 1) / 2))


def details_asked(sentence: str, language: str, recipe: Recipe) -> tuple[str, ...]:
    """The details of a sentence to ask about; empty unless the recipe asks for details."""
    asks = recipe.prompt.worked_examples and "detail" in kinds_in(recipe.prompt.kinds)
    return details_of(sentence, language) if asks else ()


def questions_with_name(recipe: Recipe) -> int:
    """Number of questions that should contain each name, beyond the pairs that are wanted otherwise if necessary.

    Half of `questions_per_sentence`, as for a detail; 0 if the recipe has no `mention`, or fixes the number of pairs.
    """
    settings = recipe.prompt
    is_fixed = settings.questions_per_passage or settings.questions_per_1000_tokens
    asks = settings.worked_examples and not is_fixed and "mention" in kinds_in(settings.kinds)
    return math.ceil(settings.questions_per_sentence / 2) if asks else 0


def is_askable(sentence: str) -> bool:
    """Whether a sentence can be asked about: it has at least two words, and not only symbols."""
    return len(words_of(sentence)) > 1 and re.search(r"\w", sentence) is not None


def disc_lead_tokens(window: int) -> int:
    """Maximum number of tokens at the start of a window that repeat the previous window: a quarter of it."""
    return window // 4


def disc_read_again(tokens: int, window: int) -> int:
    """Number of tokens of a document that the teacher reads twice: the starts of all windows but the first."""
    lead = disc_lead_tokens(window)
    return math.ceil(max(0, tokens - window) / (window - lead)) * lead


def disc_targets(text: Text, recipe: Recipe) -> list[tuple[int, int]]:
    """The sentences of a document that DiSC teaches, as ranges of its tokens.

    `targets: all` takes every sentence after the first, `paper` takes as many as the paper: the last
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
    """Number of self-generated prompts so that none is read more than `max_reads` times in the whole training.

    `task_tokens` counts the task's tokens in all epochs. The result is at least `FEWEST_PROMPTS` and at most
    `settings.prompts`.
    """
    reads = settings.share * task_tokens / max(1.0, tokens_per_prompt)
    return min(settings.prompts, max(FEWEST_PROMPTS, math.ceil(reads / settings.max_reads)))


def retention_share(task_tokens: float, tokens_per_prompt: float, settings: Retention) -> float:
    """Number of retention tokens for each token of the task; `task_tokens` counts the task's tokens in all epochs.

    This is `settings.share`, unless `settings.prompts` prompts would then be read more than `max_reads` times. In that
    case it is smaller, but at least `least_share`: reading the same prompts again takes time and retains nothing new.
    """
    fitting = settings.max_reads * settings.prompts * tokens_per_prompt / max(1.0, task_tokens)
    return min(settings.share, max(settings.least_share, fitting))


def shards_needed(positions: int) -> int:
    """Number of shards for a corpus with `positions` compared positions; all shards have about the same size."""
    return max(1, math.ceil(positions / SHARD_POSITIONS))


def kept_shards(shard_bytes: Sequence[int], limit_bytes: float) -> int:
    """Number of shards, counted from the first, that stay cached.

    All of them if they fit; otherwise as many as fit beside the two that are in use.
    """
    if sum(shard_bytes) <= limit_bytes:
        return len(shard_bytes)
    room = limit_bytes - sum(sorted(shard_bytes)[-SCRATCH_SHARDS:])
    return sum(total <= room for total in accumulate(shard_bytes))


def optimizer_bytes(adapter_bytes: int, bits: int) -> int:
    """Bytes of AdamW's two moments of the fp32 adapter: fp32, or 8-bit with one 4-byte scale per 256 values."""
    return round(adapter_bytes / 2 * (1 + 4 / 256)) if bits == 8 else 2 * adapter_bytes


def saved_bytes(adapter_bytes: int, optimizer_bits: int, recipe: Recipe) -> int:
    """Maximum bytes that training has on disk: checkpoints and adapter, and two more adapters if drift is limited."""
    checkpoints = (MOST_CHECKPOINTS + 1) * (adapter_bytes + optimizer_bytes(adapter_bytes, optimizer_bits))
    return checkpoints + adapter_bytes * (3 if recipe.retention.max_kl else 1)


def task_tokens_per_batch(epoch_tokens: float, recipe: Recipe, share: float) -> int:
    """Number of task tokens in a step, if an epoch has `epoch_tokens` of them.

    `share` is the number of retention tokens for each task token, 0 without the retention term.

    An adapter needs steps more than it needs tokens, so with few tokens in an epoch a step takes fewer of them.
    """
    settings, task_share = recipe.train, 1 / (1 + share)
    largest, smallest = (int(tokens * task_share) for tokens in (settings.tokens_per_batch, SMALLEST_STEP))
    fitting = int(settings.epochs * epoch_tokens / settings.least_steps) if settings.least_steps else largest
    return min(largest, max(smallest, fitting))


def step_tokens(task_tokens: int, recipe: Recipe, share: float) -> int:
    """Number of tokens in a step: `task_tokens`, and `share` retention tokens for each of them."""
    return min(recipe.train.tokens_per_batch, math.ceil((task_tokens + 1) * (1 + share)))


def disc_examples(disc: int, others: int, share: float) -> int:
    """Number of the `disc` DiSC examples in an epoch: all if there are no others, else `share` of its examples.

    If there are few pairs, `share` is taken of as many examples as DiSC alone would have, so that few pairs do not
    crowd out DiSC.
    """
    if not (disc and others):
        return disc
    return max(1, round(others * share / (1 - share)), round(share * disc))


def examples_in_epoch(sizes: Mapping[str, int], share: float) -> dict[str, int]:
    """Number of examples of each kind in an epoch, of `sizes` examples: all, except of DiSC among others."""
    others = sum(size for kind, size in sizes.items() if kind != DISC)
    return {kind: disc_examples(size, others, share) if kind == DISC else size for kind, size in sizes.items()}


def rehearsed_examples(sizes: Mapping[str, int], number: int, share: float) -> dict[str, int]:
    """Number of examples of each kind that an update rehearses: at most `number` in total, mixed as in an epoch.

    There is at most one kind besides DiSC.
    """
    disc, others = sizes.get(DISC, 0), sum(size for kind, size in sizes.items() if kind != DISC)
    rest = min(others, round(number * (1 - share)) if disc and others else number)
    disc = min(disc, number - rest, disc_examples(disc, rest, share))
    return {kind: disc if kind == DISC else rest for kind in sizes}
