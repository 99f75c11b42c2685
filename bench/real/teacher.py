"""How many of the teacher's own answers are right, by sampling temperature and by their mean log-probability.

`python -m bench.real.teacher --model FOLDER` asks questions written by hand (`real/pairs/handbook.jsonl`) with the
prompts with which answers are drafted, and prints a table. An answer is right if it has three quarters of the words of
the answer by hand that are not in the question.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from random import Random

import disc_lite.models  # noqa: F401  # first, see `bench.gpu.__main__`
from disc_lite.distillation.examples import tokenise
from disc_lite.distillation.prompting import AnswerPrompts, prompts_of
from disc_lite.documents import read_documents
from disc_lite.models import Base, load_base
from disc_lite.models.generation import generate
from disc_lite.packing import lone
from disc_lite.qa import Pair, read_pairs
from disc_lite.synthesis.facts import recalls, says_something
from disc_lite.synthesis.places import Places

HERE = Path(__file__).resolve().parent
FIFTHS = 5


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a model folder")
    parser.add_argument("--quantize", default="none", choices=("none", "nf4"))
    parser.add_argument("--questions", type=int, default=200, help="how many are drawn")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.0, 0.5, 1.0])
    parser.add_argument("--passage-tokens", type=int, default=128)
    parser.add_argument("--answer-tokens", type=int, default=48)
    options = parser.parse_args(arguments)
    base = load_base(options.model, options.quantize)
    documents, _ = read_documents([HERE / "corpus" / "handbook"])
    texts = tokenise(documents, base.tokens, options.passage_tokens)
    places = Places(texts)
    known = [p for pair in read_pairs(HERE / "pairs" / "handbook.jsonl") if (p := places.find(pair))]
    pairs = [pair for pair in known if says_something(pair.question, pair.answer)]
    pairs = Random(3).sample(pairs, min(options.questions, len(pairs)))
    prompts = prompts_of(texts, pairs, AnswerPrompts(base.tokens, True))
    print(f"| temperature | right of {len(pairs)} | by mean log p of a token, best to worst fifth: right of all |")
    print("|---|---|---|")
    for temperature in options.temperatures:
        rows = answers_by_log_p(base, pairs, prompts, temperature, options.answer_tokens)
        fifths = [rows[k * len(rows) // FIFTHS : (k + 1) * len(rows) // FIFTHS] for k in range(FIFTHS)]
        parts = [f"{sum(right for _, right in f)} of {len(f)} (down to {f[-1][0]:.2f})" for f in fifths if f]
        print(f"| {temperature:g} | {sum(right for _, right in rows)} | {', '.join(parts)} |", flush=True)


def answers_by_log_p(
    base: Base, pairs: Sequence[Pair], prompts: Sequence[Sequence[int]], temperature: float, max_tokens: int
) -> list[tuple[float, bool]]:
    """Return (mean log-probability of a token, whether it is right) for an answer to each question, likeliest first."""
    stops = base.tokens.stop_ids
    with base.frozen(adapter=False) as model:
        completions = generate(
            model, list(prompts), stop_ids=stops, max_new_tokens=max_tokens, temperature=temperature, seed=1
        )  # fmt: skip
    rows = []
    for pair, prompt, completion in zip(pairs, prompts, completions, strict=True):
        ids = list(completion.whole_ids)
        places = [(0, 0, len(prompt) - 1 + k) for k in range(len(ids))]
        [log_p] = base.log_probabilities([lone([*prompt, *ids[:-1]])], places, [ids])
        rows.append((float(log_p.mean()), recalls(pair.question, pair.answer, base.tokens.decode(completion.ids))))
    return sorted(rows, reverse=True)


if __name__ == "__main__":
    main()
