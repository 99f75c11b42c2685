"""How much of a small update survives GGUF's types, on top of NF4 weights and of the stored weights.

`python -m bench.roundings` rounds a matrix of normal numbers: half a minute on one core.
`python -m bench.roundings MODEL ADAPTER PAIRS.jsonl` rounds a model and also measures what it still knows: some minutes
for 135 million parameters. The trained model is the adapter on NF4 weights. Only adapted matrices are rounded; if 256
does not divide the length of their rows, blocks continue in the next row, unlike in llama.cpp.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from bitsandbytes.functional import dequantize_4bit, quantize_4bit
from gguf import GGMLQuantizationType as Kind
from torch import Tensor

from disc_lite.evaluation.instructions import neutral_prompts
from disc_lite.exporting.adapter import Adapter, read_adapter
from disc_lite.exporting.layout import Array
from disc_lite.exporting.proof import mean_kl
from disc_lite.exporting.quantising import rounded
from disc_lite.exporting.streaming import streamed_logits
from disc_lite.exporting.tensors import Stored, stored_tensors
from disc_lite.models import Base
from disc_lite.models.loading import load_unchecked

KINDS = ("Q4_0", "Q4_1", "Q4_K", "Q5_K", "Q6_K", "Q8_0")
ONTO = ("nf4", "original")
UPDATES = (0.003, 0.01, 0.02, 0.05, 0.1)  # relative to the norm of the weights
MOST_PAIRS, NEUTRAL = 40, 6


def nf4(weights: Tensor) -> Tensor:
    """Return the weights after NF4 quantisation and back, in fp32."""
    made, state = quantize_4bit(weights.bfloat16(), quant_type="nf4", blocksize=64, compress_statistics=True)
    back: Tensor = dequantize_4bit(made, state)
    return back.float()


def as_type(matrix: Array, kind: str) -> Array:
    flat = matrix if matrix.shape[1] % 256 == 0 else matrix.reshape(-1, 256)
    return rounded(flat, Kind[kind]).reshape(matrix.shape)


def shares() -> Iterator[str]:
    """Yield the rows of a table: the share of a low-rank update that is left in a matrix of normal numbers."""
    torch.manual_seed(0)
    weights = (torch.randn(1024, 2048) * 0.02).bfloat16().float()
    direction = torch.randn(1024, 16) @ torch.randn(16, 2048)
    for onto, plain in zip(ONTO, (nf4(weights), weights), strict=True):
        for size in UPDATES:
            update = (direction * (size * weights.norm() / direction.norm())).numpy()
            right = plain.numpy() + update
            left = [1 + np.vdot(as_type(right, k) - right, update) / np.vdot(update, update) for k in KINDS]
            yield f"| {onto} | {size:.1%} | " + " | ".join(f"{share:.0%}" for share in left) + " |"


@dataclass(frozen=True)
class Questions:
    """Trained pairs, as one text each, and neutral prompts."""

    texts: list[list[int]]
    firsts: list[int]
    ids: Array  # all tokens of the answers
    pair: Array  # the pair of each token


def read_questions(base: Base, path: Path) -> Questions:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if "question" in row]
    texts, firsts, ids, pair = [], [], [], []
    for number, row in enumerate(rows[:: max(1, len(rows) // MOST_PAIRS)][:MOST_PAIRS]):
        prompt, answer = base.tokens.prompt(row["question"]), row.get("answer") or row["answers"][0]
        tokens = [*base.tokens.hf.encode(answer, add_special_tokens=False), min(base.tokens.stop_ids)]
        texts.append([*prompt, *tokens[:-1]])
        firsts.append(len(prompt) - 1)
        ids += tokens
        pair += [number] * len(tokens)
    for text in neutral_prompts()[:NEUTRAL]:
        texts.append(list(base.tokens.prompt(text)))
        firsts.append(len(texts[-1]) - 1)
    return Questions(texts, firsts, np.array(ids), np.array(pair))


@dataclass(frozen=True)
class Subject:
    """A model with an adapter that was trained on it."""

    base: Base
    adapter: Adapter
    stored: dict[str, Stored]
    questions: Questions

    def matrices(self, kind: str, onto: str) -> tuple[dict[str, Tensor], float]:
        """Return every merged matrix as it is read back, and the share of the update left; `exact` does not round."""
        found, lost, whole = dict[str, Tensor](), 0.0, 0.0
        for name, module in self.adapter.plain_names.items():
            stored, update = self.stored[f"{module}.weight"].read(), self.adapter.delta(module).numpy()
            right = (nf4(stored) if onto == "nf4" else stored.float()).numpy() + update
            written = right if kind == "exact" else as_type(right, kind)
            lost -= float(np.vdot(written - right, update))
            whole += float(np.vdot(update, update))
            found[name] = torch.from_numpy(written)
        return found, 1 - lost / whole

    def logits(self, matrices: dict[str, Tensor]) -> Array:
        return streamed_logits(self.base, self.questions.texts, self.questions.firsts, matrices.__getitem__)

    def row(self, kind: str, onto: str, trained: Array) -> str:
        matrices, share = self.matrices(kind, onto)
        found, of = self.logits(matrices), len(self.questions.ids)
        right = found[:of].argmax(1) == self.questions.ids
        chosen = torch.log_softmax(torch.from_numpy(found[:of]), 1)[range(of), self.questions.ids].mean()
        pairs = set(self.questions.pair.tolist())
        whole = sum(bool(right[self.questions.pair == number].all()) for number in pairs)
        return (
            f"| {onto} | {kind} | {share:.0%} | {mean_kl(trained[:of], found[:of]):.3f} | "
            f"{mean_kl(trained[of:], found[of:]):.3f} | {chosen:.2f} | {right.mean():.0%} | {whole} of {len(pairs)} |"
        )


def main() -> None:
    if len(sys.argv) == 1:
        print(f"| onto | update | {' | '.join(KINDS)} |\n|{'---|' * (len(KINDS) + 2)}")
        for line in shares():
            print(line, flush=True)
        return
    model, folder, pairs = map(Path, sys.argv[1:])
    base = load_unchecked(model, "none", "cpu")
    base.load_adapter(folder)
    subject = Subject(base, read_adapter(folder, model), stored_tensors(model), read_questions(base, pairs))
    print("| onto | type | update left | KL, answers | KL, neutral | log p of answers | tokens right | answers right |")
    print("|---|---|---|---|---|---|---|---|")
    trained = subject.logits(subject.matrices("exact", "nf4")[0])
    for kind in ("exact", *KINDS):
        for onto in ONTO:
            print(subject.row(kind, onto, trained), flush=True)


if __name__ == "__main__":
    main()
