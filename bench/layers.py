"""What disc-lite's own adapter layers and gated MLPs save compared with PEFT's and transformers', in one process.

    python -m bench.layers FOLDER [--quantize none] [--tokens 1024] [--rank 16] [--steps 7] [--recomputed N]

A step is a forward and a backward pass of a packed batch of random texts of 32 to 95 tokens, with every layer
recomputed or only the first N.
Both variants take turns; the seconds are medians of this process's CPU time. The peak is the most that PyTorch's CPU
allocator held beyond the beginning, in values per token, without the inputs of recomputed layers.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from bench.memory import peak_allocated
from disc_lite.models import Base, load_base
from disc_lite.packing import Packed, lone, pack

TEXT_TOKENS = (32, 96)


def main() -> None:
    asked = _arguments()
    base = load_base(asked.folder, asked.quantize, "cpu")
    base.attach(asked.rank, 2 * asked.rank, 0, asked.recomputed)
    inputs = len(base._layers[: asked.recomputed]) * base.head.weight.shape[1]
    rng = torch.Generator().manual_seed(0)
    ids = torch.randint(len(base.head.weight), (asked.tokens,), generator=rng)
    sizes = torch.randint(*TEXT_TOKENS, (asked.tokens // TEXT_TOKENS[0],), generator=rng)
    ends = sizes.cumsum(0)
    packed = pack([lone(text.tolist()) for text in ids.tensor_split(ends[ends < asked.tokens])])
    ours = {module: module.forward for module in base.model.modules() if "forward" in module.__dict__}
    gradients, seconds = {}, {"ours": list[float](), "PEFT's": list[float]()}
    for n in range(2 * asked.steps + 2):
        which = "ours" if n % 2 else "PEFT's"
        begin, gradients[which] = time.process_time(), _step(base, packed, ours, which)
        if n > 1:  # the first step of each warms up
            seconds[which].append(time.process_time() - begin)
    differs = (gradients["ours"] - gradients["PEFT's"]).norm() / gradients["PEFT's"].norm()
    print(
        f"{asked.folder}, {asked.quantize}, {base.state_dtype}, rank {asked.rank}, {packed.input_ids.numel()} places;"
        f" gradients differ by {differs:.1e}"
    )
    for which, times in seconds.items():
        with peak_allocated(torch.device("cpu")) as peak:
            _step(base, packed, ours, which)
        values = peak.allocated / packed.input_ids.numel() / base.state_dtype.itemsize - inputs
        print(f"{which:>7}: {statistics.median(times):.3f} s a step; at most {values:,.0f} values a token")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quantize", choices=("nf4", "none"), default="nf4")
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--recomputed", type=int, help="layers with gradient checkpointing; default: all")
    return parser.parse_args()


def _step(base: Base, packed: Packed, ours: dict[Any, Any], which: str) -> torch.Tensor:
    """Run one step and return the gradient of all trained parameters."""
    for module, forward in ours.items():
        module.__dict__.pop("forward", None)
        if which == "ours":
            module.forward = forward
    base.model.zero_grad()
    with base.autocast():  # bf16 for a wide model, where the processor multiplies it
        states = base.hidden(packed)
    states.float().square().mean().backward()
    return torch.cat([p.grad.flatten() for p in base.adapter_parameters().values() if p.grad is not None])


if __name__ == "__main__":
    main()
