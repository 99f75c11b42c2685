"""Tokens per second of generation, by disc-lite with and without CUDA graphs and by transformers.

`python -m bench.gpu.generation --model FOLDER` writes questions about the passages of `bench/real/corpus` with the
prompts of the synthesis, and prints a table; about a minute on a GPU. `--continuous` adds transformers' continuous
batching. Greedy texts for the first prompts are compared with those of transformers' `generate`, one by one. On a CPU,
seconds are processor time; `--requests 16 --new-tokens 16 --compared 0` keeps the run short there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from transformers import ContinuousBatchingConfig, GenerationConfig

import disc_lite.models  # noqa: F401  # first, see `bench.gpu.__main__`
from bench.gpu.budget import ROOT
from bench.gpu.machine import device_name, synchronize
from disc_lite.distillation.examples import tokenise
from disc_lite.documents import read_documents
from disc_lite.models import Base, load_base
from disc_lite.models.generation import generate, graphs
from disc_lite.packing import shared_length
from disc_lite.recipe import load_recipe
from disc_lite.synthesis.drafting import Drafter, askable_sentences
from disc_lite.synthesis.requests import Request

NEW_TOKENS = 64
COMPARED, COMPARED_TOKENS = 16, 48
BATCH = 64  # rows of transformers' generate
PAGE_TOKENS = 64  # of transformers' continuous batching on a CPU


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a model folder")
    parser.add_argument("--requests", type=int, default=512)
    parser.add_argument("--max-rows", type=int, default=0, help="of this package; default: what fits")
    parser.add_argument("--quantize", default="none", choices=("none", "nf4"))
    parser.add_argument("--device", help="cuda or cpu; by default cuda where there is one")
    parser.add_argument("--continuous", action="store_true", help="transformers' continuous batching, too")
    parser.add_argument("--ours", action="store_true", help="this package's only")
    parser.add_argument("--new-tokens", type=int, default=NEW_TOKENS, help="of every request, at most")
    parser.add_argument("--compared", type=int, default=COMPARED, help="texts")
    parser.add_argument("--adapter", action="store_true", help="with a LoRA of rank 16, switched off")
    options = parser.parse_args(arguments)
    bench = Bench(load_base(options.model, options.quantize, options.device), options)
    bench.run()


class Bench:
    """The model and the prompts that all measurements share."""

    def __init__(self, base: Base, options: argparse.Namespace) -> None:
        self.base, self.options = base, options
        self.prompts, self.groups = prompts_of(base, options.requests)
        if options.adapter:
            base.attach(16, 32, seed=0, recomputed=0)
        self.passes = 0
        base.before_each_forward(self._count)

    def _count(self) -> None:
        self.passes += 1

    def run(self) -> None:
        base, prompts = self.base, self.prompts
        mean, most = sum(map(len, prompts)) / len(prompts), self.options.new_tokens
        print(f"{device_name(base.device)}, {self.options.model.name}, {self.options.quantize}: {len(prompts)} prompts")
        print(f"of {mean:.0f} tokens with {len(set(self.groups))} prefixes, at most {most} new tokens each\n")
        print("| what | new tokens | seconds | tokens/s | passes | rows/pass | peak GiB |")
        print("|---|---|---|---|---|---|---|")
        if base.device.type == "cuda":
            self.ours(self.options.new_tokens)  # the set-up of the first use is not measured
            self.measure("disc-lite", lambda: self.ours(self.options.new_tokens))
        with without_graphs():
            self.measure("disc-lite, no CUDA graph", lambda: self.ours(self.options.new_tokens))
        if not self.options.ours:
            self.measure(f"transformers generate, {BATCH} rows", self.by_transformers)
        if self.options.continuous:
            try:
                self.measure("transformers generate_batch", self.by_continuous_batching)
            except Exception as error:  # any exception is the result
                print(f"| transformers generate_batch: {type(error).__name__}, {str(error)[:100]} | | | | | | |")
        if self.options.compared:
            self.compare()

    def measure(self, what: str, run: Callable[[], list[list[int]]]) -> None:
        """Print a row of the table; `run` returns the new tokens of each prompt."""
        on_card = self.base.device.type == "cuda"
        if on_card:
            torch.cuda.reset_peak_memory_stats()
        synchronize(self.base.device)
        clock = time.perf_counter if on_card else time.process_time
        self.passes, began = 0, clock()
        tokens = sum(map(len, run()))
        synchronize(self.base.device)
        seconds = clock() - began
        peak = torch.cuda.max_memory_allocated() / 2**30 if on_card else 0.0
        figures = f"{tokens} | {seconds:.2f} | {tokens / seconds:.0f} | {self.passes} | {tokens / self.passes:.0f}"
        print(f"| {what} | {figures} | {peak:.1f} |", flush=True)

    def ours(self, max_tokens: int, temperature: float = 1.0, number: int = sys.maxsize) -> list[list[int]]:
        with self.base.frozen(adapter=False) as model:
            found = generate(
                model, self.prompts[:number], groups=self.groups[:number], stop_ids=self.base.tokens.stop_ids,
                max_new_tokens=max_tokens, temperature=temperature, seed=1, max_rows=self.options.max_rows,
            )  # fmt: skip
        return [list(f.whole_ids) for f in found]

    def by_transformers(self) -> list[list[int]]:
        """Generate with transformers in batches of prompts of similar length, padded on the left."""
        order = sorted(range(len(self.prompts)), key=lambda i: len(self.prompts[i]))
        batches = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
        return [ids for batch in batches for ids in self._drawn([self.prompts[i] for i in batch])]

    def _drawn(self, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
        return self._plain(prompts, self.options.new_tokens, True)

    def _plain(self, prompts: Sequence[Sequence[int]], max_tokens: int, drawn: bool) -> list[list[int]]:
        width = max(map(len, prompts))
        padded = torch.tensor([[0] * (width - len(p)) + list(p) for p in prompts], device=self.base.device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.base.device)
        with self.base.frozen(adapter=False) as model:
            found: Any = cast(Any, model).generate(
                padded, attention_mask=mask, generation_config=self._config(max_tokens, drawn)
            )
        return [self._cut(row[width:].tolist()) for row in found]

    def by_continuous_batching(self) -> list[list[int]]:
        how = self._config(self.options.new_tokens, True)
        with self.base.frozen(adapter=False) as model:
            found = cast(Any, model).generate_batch(self.prompts, generation_config=how, **self._room())
        return [self._cut(output.generated_tokens) for output in found.values()]

    def _room(self) -> dict[str, ContinuousBatchingConfig]:
        """Return, for a CPU, a cache for `BATCH` rows; the default first fills 80 % of all memory with zeros."""
        if self.base.device.type == "cuda":
            return {}
        pages = -(-(max(map(len, self.prompts)) + self.options.new_tokens) // PAGE_TOKENS)
        rows = min(BATCH, len(self.prompts))
        config = ContinuousBatchingConfig(
            page_size=PAGE_TOKENS, num_blocks=rows * pages, max_requests_per_batch=rows, max_batch_tokens=1024
        )
        return {"continuous_batching_config": config}

    def _config(self, max_tokens: int, drawn: bool) -> GenerationConfig:
        return GenerationConfig(
            max_new_tokens=max_tokens, do_sample=drawn, temperature=1.0, top_k=0, pad_token_id=0,
            eos_token_id=sorted(self.base.tokens.stop_ids),
        )  # fmt: skip

    def _cut(self, ids: list[int]) -> list[int]:
        """Return the ids up to and including the stop token."""
        stops = [n for n, token in enumerate(ids) if token in self.base.tokens.stop_ids]
        return ids[: stops[0] + 1] if stops else ids

    def compare(self) -> None:
        """Compare greedy texts of the first prompts with graphs, without graphs, and by transformers one by one."""
        number = min(self.options.compared, len(self.prompts))
        with_graphs = self.ours(COMPARED_TOKENS, 0.0, number)
        with without_graphs():
            without = self.ours(COMPARED_TOKENS, 0.0, number)
        alone = [self._plain([prompt], COMPARED_TOKENS, False)[0] for prompt in self.prompts[:number]]
        for what, ours, others in (("and without graphs", with_graphs, without), ("and transformers", without, alone)):
            same = sum(a == b for a, b in zip(ours, others, strict=True))
            until = sum(shared_length([a, b]) for a, b in zip(ours, others, strict=True)) / sum(map(len, others))
            print(f"\nGreedy, ours {what}: {same} of {number} texts equal, {until:.0%} of tokens before a difference.")


def prompts_of(base: Base, number: int) -> tuple[list[list[int]], list[int]]:
    """Return prompts for questions about sentences of the corpus, two of each kind, and their prefix numbers."""
    recipe = load_recipe("handbook").recipe
    documents, _ = read_documents([ROOT / "bench" / "real" / "corpus"])
    texts = tokenise(documents, base.tokens, recipe.documents.passage_tokens)
    passages = [(text, passage) for text in texts for passage in text.passages]
    prompts: list[list[int]] = []
    groups: list[int] = []
    prefixes = 0
    while len(prompts) < number:
        for text, passage in passages:
            sentences = askable_sentences(text, passage)
            drafter = Drafter(base.tokens, text, passage, sentences, recipe, 1)
            for kind in ("plain", "reversed"):
                asked = [drafter.question_prompt(Request(i, kind)) for i in range(len(sentences)) for _ in range(2)]
                prompts += asked
                groups += [prefixes] * len(asked)
                prefixes += 1
    return prompts[:number], groups[:number]


@contextmanager
def without_graphs() -> Iterator[None]:
    before, graphs.WORTH_CAPTURING = graphs.WORTH_CAPTURING, sys.maxsize
    try:
        yield
    finally:
        graphs.WORTH_CAPTURING = before


if __name__ == "__main__":
    main()
