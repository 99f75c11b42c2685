"""Simulates the number of forward passes of a synthesis: `python -m bench.passes`. Needs no model, takes a minute.

The schedule of generation is the real one; only the lengths of the texts are drawn: for each passage 53 questions of
about 20 tokens and 49 answers of about 60 (standard deviation 45, at most 256). With these, 700 passages would take
594,000 passes if no batch crossed passages. `--greedy` adds the likeliest answer to each question, with which answers
are compared.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Iterator, Sequence
from random import Random

import disc_lite.models  # noqa: F401  # first, see `bench.gpu.__main__`
from disc_lite.models.generation.cache import CacheShape
from disc_lite.models.generation.decoding import AWAITED
from disc_lite.models.generation.requests import Limits, Request
from disc_lite.models.generation.schedule import Schedule
from disc_lite.planning.sizes import PREFIX_ROWS, PROMPT_TOKENS
from disc_lite.synthesis.pairs import ROWS

STOP = 1
PASSAGE_TOKENS, PAIRS, QUESTIONS, ANSWERS = 735, 30, 53, 49  # per passage; the tokens are those of its prompt
QUESTION_LENGTH, ANSWER_LENGTH = (20, 6, 64), (60, 45, 256)  # mean, standard deviation, most
BEFORE = 849  # passes per passage if each passage has batches of its own


def lengths(number: int, mean: float, deviation: float, most: int, rng: Random) -> list[int]:
    """Return log-normal lengths with this mean and standard deviation, cut at `most`."""
    spread = math.log(1 + (deviation / mean) ** 2)
    middle = math.log(mean) - spread / 2
    return [max(1, min(most, round(rng.lognormvariate(middle, math.sqrt(spread))))) for _ in range(number)]


def call(of_passages: Sequence[Sequence[int]], rows: int, most: int, on_card: bool) -> tuple[int, int]:
    """Return (passes that write, passes that read passages) of one call, given the text lengths of every passage."""
    flat = [(passage, length) for passage, texts in enumerate(of_passages) for length in texts]
    requests = [Request(place, (passage,) * PASSAGE_TOKENS, (0,) * 20) for place, (passage, _) in enumerate(flat)]
    rows = min(rows, len(requests))
    per_prefix = max(1, min(len(of_passages[0]), PREFIX_ROWS) // 2)  # as in `generation.cache.shape_for`
    prefixes = min(-(-rows // per_prefix), len(of_passages))
    shape = CacheShape(rows, 20 + most, prefixes, PASSAGE_TOKENS, max(PREFIX_ROWS, -(-rows // prefixes)))
    schedule = Schedule(requests, shape, Limits(frozenset({STOP}), most))
    left = [length for _, length in flat]
    max_tokens, fewest = PROMPT_TOKENS["cuda"], max(1, int(rows * AWAITED)) if on_card else 1
    writing = reading = 0
    while schedule.left:
        going = sorted(schedule.rows)
        replaced, fresh = schedule.admit(max_tokens, fewest)
        reading += math.ceil(len(replaced) / (max_tokens // PASSAGE_TOKENS))
        writing += 1
        rows_now, tokens = [*going, *fresh], []
        for row in rows_now:
            place = schedule.rows[row].request.place
            left[place] -= 1
            tokens.append((0 if left[place] else STOP, 0.0))
        schedule.record(rows_now, tokens)
    return writing, reading


def synthesis(passages: int, rows: int, greedy: bool, on_card: bool, seed: int = 0) -> tuple[int, int, int]:
    """Return (passes that write, passes that read passages, tokens written) for this many passages."""
    rng, together = Random(seed), -(-ROWS // PAIRS)
    writing = reading = written = 0
    for first in range(0, passages, together):
        group = range(min(together, passages - first))
        kinds = [(QUESTIONS, QUESTION_LENGTH), (ANSWERS, ANSWER_LENGTH), *([(ANSWERS, ANSWER_LENGTH)] * greedy)]
        for number, drawn in kinds:
            texts = [lengths(number, *drawn, rng) for _ in group]
            passes = call(texts, rows, drawn[2], on_card)
            writing, reading = writing + passes[0], reading + passes[1]
            written += sum(map(sum, texts))
    return writing, reading, written


def table(passages: int, rows: Iterable[int], greedy: bool) -> Iterator[str]:
    yield f"| rows | passes for {passages} passages | of them read passages | rows written a pass | before |"
    yield "|---|---|---|---|---|"
    for number in rows:
        writing, reading, written = synthesis(passages, number, greedy, on_card=True)
        yield (f"| {number} | {writing + reading:,} | {reading:,} | {written / writing:.0f} | {passages * BEFORE:,} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, nargs="+", default=[500, 700])
    parser.add_argument("--rows", type=int, nargs="+", default=[16, 48, 128, 512])
    parser.add_argument("--greedy", action="store_true")
    options = parser.parse_args()
    for passages in options.passages:
        for line in table(passages, options.rows, options.greedy):
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
