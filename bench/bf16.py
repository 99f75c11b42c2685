"""What bf16 gains over fp32 on a processor that multiplies bf16, measured in one process.

    python -m bench.bf16 FOLDER [--quantize none] [--tokens 512] [--steps 3]

Reading is a forward pass of `--tokens` tokens. Writing is a forward pass of one token for each of 1, 16 or 48 texts,
without the tokens before it. Learning is a forward and a backward pass with an adapter of rank 16 and every layer
recomputed. Each figure is the least CPU time of the process over the steps; with one thread (`OMP_NUM_THREADS=1`) that
is what an idle core takes.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from pathlib import Path

import torch

from disc_lite.losses.head import logits
from disc_lite.models import Base, load_base
from disc_lite.packing import lone, pack
from disc_lite.planning import cpu

ROWS = (1, 16, 48)  # texts written at once


def main() -> None:
    asked = _arguments()
    itself = "multiplies" if cpu.computes_in_bf16(cpu.NARROWEST) else "does not multiply"
    print(f"{asked.folder}, {asked.quantize}; torch {torch.__version__}; the processor {itself} bf16 itself")
    for bf16 in (False, True):
        cpu.computes_in_bf16 = lambda hidden, bf16=bf16: bf16  # type: ignore[misc]
        base = load_base(asked.folder, asked.quantize, "cpu")
        base.attach(16, 32, 0)
        print(_figures(base, asked.tokens, asked.steps), flush=True)
        del base
        gc.collect()


def _figures(base: Base, tokens: int, steps: int) -> str:
    ids = torch.randint(len(base.head.weight), (tokens,), generator=torch.Generator().manual_seed(0)).tolist()
    packed, rows = pack([lone(ids)]), {n: pack([lone([token]) for token in ids[:n]]) for n in ROWS}

    def write(n: int) -> None:
        with torch.no_grad(), base.autocast():
            logits(base.hidden(rows[n]), base.head)

    def read() -> None:
        with torch.no_grad(), base.autocast():
            base.hidden(packed)

    def learn() -> None:
        with base.autocast():
            states = base.hidden(packed)
        states.float().square().mean().backward()

    written = ", ".join(f"{_least(lambda n=n: write(n), steps):.3f}" for n in ROWS)  # type: ignore[misc]
    return (
        f"{str(base.state_dtype).removeprefix('torch.'):>8}: reads {tokens / _least(read, steps):.0f} tokens a second, "
        f"learns {tokens / _least(learn, steps):.0f}; s for a token of {' / '.join(map(str, ROWS))} texts: {written}"
    )


def _least(work: Callable[[], None], steps: int) -> float:
    """Return the least CPU seconds of several calls, after one to warm up."""
    times = []
    for _ in range(steps + 1):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times[1:])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quantize", choices=("nf4", "none"), default="nf4")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--steps", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
