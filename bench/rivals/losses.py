"""`python -m bench.rivals.losses` compares our divergence alone with whole logits, TRL's and Liger's.

Each goes from hidden states [S, H] and a frozen head [V, H] to the loss (a mean over tokens) and the gradient of the
student's states, at temperature 2. Libraries that cannot be imported are left out; Liger's Triton kernel needs a GPU.
Times are medians of alternating rounds, bytes are beyond the inputs, errors are relative to fp64.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

import disc_lite.models  # noqa: F401  # first, see `bench.gpu.__main__`
from bench.gpu.budget import ROOT
from bench.gpu.machine import commit, describe, synchronize
from bench.memory import peak_allocated
from bench.rivals.setup import TEMPERATURE
from disc_lite.losses import Divergence, Head, divergence
from disc_lite.storage import write_json, write_text

VOCABULARIES = (32_768, 128_256, 151_936)  # Mistral, Llama 3.1, Qwen3
BETAS = {"forward_kl": 0.0, "reverse_kl": 1.0, "jsd": 0.5}  # as TRL and Liger define it
NEAR = 0.03  # relative distance of the student's states from the teacher's, as in self-distillation
EXACT_ROWS = 64  # rows on which the errors are measured
MIB = 1 << 20

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]  # student [S, H], teacher [S, H], head [V, H] -> mean, 0-d


def ours(kind: str) -> Loss:
    how = Divergence(kind, TEMPERATURE, temperature_squared=False)  # type: ignore[arg-type]
    return lambda student, teacher, head: divergence(student, teacher, Head(head), how) / len(student)


def whole(kind: str) -> Loss:
    """Return the loss in its plain form: whole logits of both, in fp32 after the product."""

    def loss(student: Tensor, teacher: Tensor, head: Tensor) -> Tensor:
        with torch.no_grad():
            log_p = log_softmax((teacher @ head.T).to(_exact(teacher)) / TEMPERATURE, -1)
        log_q = log_softmax((student @ head.T).to(_exact(student)) / TEMPERATURE, -1)
        if kind == "forward_kl":
            return kl_div(log_q, log_p, reduction="batchmean", log_target=True)
        if kind == "reverse_kl":
            return kl_div(log_p, log_q, reduction="batchmean", log_target=True)
        beta = BETAS[kind]
        log_m = torch.logaddexp(log_p + math.log(beta), log_q + math.log(1 - beta))
        sides = (kl_div(log_m, side, reduction="batchmean", log_target=True) for side in (log_p, log_q))
        return sum(share * side for share, side in zip((beta, 1 - beta), sides, strict=True))  # type: ignore[return-value]

    return loss


def _exact(hidden: Tensor) -> torch.dtype:
    return torch.float64 if hidden.dtype == torch.float64 else torch.float32


def trl(kind: str) -> Loss:
    from trl.kernels.chunked_divergence import ChunkedDivergenceFunction

    def loss(student: Tensor, teacher: Tensor, head: Tensor) -> Tensor:
        values, _ = ChunkedDivergenceFunction.apply(
            student, head, None, teacher, head, None, BETAS[kind], TEMPERATURE, 1.0, None, 1.0, None
        )  # fmt: skip
        mean: Tensor = values.mean()
        return mean

    return loss


def liger_chunked(kind: str) -> Loss:
    """Return Liger's loss in plain torch, compiled on a GPU; it also computes a gradient of the head."""
    from liger_kernel.chunked_loss import LigerFusedLinearJSDLoss

    def loss(student: Tensor, teacher: Tensor, head: Tensor) -> Tensor:
        function: Any = LigerFusedLinearJSDLoss(
            weight_hard_loss=0.0, weight_soft_loss=1.0, beta=BETAS[kind], temperature=TEMPERATURE,
            compiled=student.is_cuda,
        )  # fmt: skip
        labels = torch.zeros(len(student), dtype=torch.long, device=student.device)
        found: Tensor = function(student, head, teacher, head, labels)
        return found

    return loss


def liger_triton(kind: str) -> Loss:
    from liger_kernel.transformers.fused_linear_jsd import LigerFusedLinearJSD

    function: Any = LigerFusedLinearJSD(jsd_beta=BETAS[kind], temperature=TEMPERATURE)
    return lambda student, teacher, head: function(student, head, teacher, head, None)


MADE: dict[str, Callable[[str], Loss]] = {
    "disc-lite": ours, "whole logits": whole, "TRL chunked": trl, "Liger chunked": liger_chunked,
    "Liger Triton": liger_triton,
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """The figures of one loss at one vocabulary."""

    loss: str
    vocabulary: int
    seconds: float  # processor time on a CPU
    bytes: int
    value_error: float
    gradient_error: float


def states(rows: int, vocabulary: int, hidden: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return student and teacher states that are near each other, and a head whose logits are as large as a model's."""
    rng, dtype = torch.Generator(device).manual_seed(0), torch.bfloat16 if device.type == "cuda" else torch.float32
    teacher = torch.randn(rows, hidden, generator=rng, device=device)
    student = teacher + NEAR * torch.randn(rows, hidden, generator=rng, device=device)
    head = torch.empty(vocabulary, hidden, device=device).normal_(0, 3 * hidden**-0.5, generator=rng)
    return student.to(dtype), teacher.to(dtype), head.to(dtype)


def value_and_gradient(loss: Loss, student: Tensor, teacher: Tensor, head: Tensor) -> tuple[Tensor, Tensor]:
    leaf = student.detach().requires_grad_()
    value = loss(leaf, teacher, head)
    value.backward()
    assert leaf.grad is not None
    return value.detach(), leaf.grad


def measure(losses: dict[str, Loss], kind: str, vocabulary: int, options: argparse.Namespace) -> list[Row]:
    device = torch.device(options.device)
    student, teacher, head = states(options.rows, vocabulary, options.hidden, device)
    few = slice(0, EXACT_ROWS)
    exact = value_and_gradient(whole(kind), student[few].double(), teacher[few].double(), head.double())
    errors, sizes = {}, {}
    for name, loss in losses.items():
        found = value_and_gradient(loss, student[few], teacher[few], head)
        errors[name] = [float((a.double() - b).norm() / b.norm()) for a, b in zip(found, exact, strict=True)]
        with peak_allocated(device) as peak:
            value_and_gradient(loss, student, teacher, head)
        sizes[name] = peak.allocated
    times: dict[str, list[float]] = {name: [] for name in losses}
    for _ in range(options.rounds):
        for name, loss in losses.items():
            begin = _now(device)
            value_and_gradient(loss, student, teacher, head)
            times[name].append(_now(device) - begin)
    return [Row(name, vocabulary, median(times[name]), sizes[name], *errors[name]) for name in losses]


def _now(device: torch.device) -> float:
    synchronize(device)
    return time.perf_counter() if device.type == "cuda" else time.process_time()


def available(kind: str) -> dict[str, Loss]:
    found = {}
    for name, make in MADE.items():
        with suppress(ImportError):
            found[name] = make(kind)
    return found


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| V | loss | seconds | MiB | error of the value | of the gradient |", "|---|---|---|---|---|---|"]
    for row in rows:
        lines.append(
            f"| {row['vocabulary']:,} | {row['loss']} | {row['seconds']:.3g} | {row['bytes'] / MIB:,.0f} | "
            f"{row['value_error']:.1e} | {row['gradient_error']:.1e} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--kind", choices=BETAS, default="forward_kl")
    parser.add_argument("--rows", type=int, help="S; by default 4096 on a card, 256 on a CPU")
    parser.add_argument("--hidden", type=int, help="H; by default 4096 on a card, 576 on a CPU")
    parser.add_argument("--vocabularies", type=int, nargs="+", default=VOCABULARIES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results")
    options = parser.parse_args()
    on_card = options.device.startswith("cuda")
    options.rows, options.hidden = (
        options.rows or (4096 if on_card else 256),
        options.hidden or (4096 if on_card else 576),
    )
    losses = available(options.kind)
    found: dict[str, Any] = {
        "format": 1, "date": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC", "commit": commit(), "rows": [],
        "machine": describe(torch.device(options.device)),
        "command": f"python -m bench.rivals.losses {' '.join(sys.argv[1:])}",
        "settings": {"kind": options.kind, "tokens": options.rows, "hidden": options.hidden, "rounds": options.rounds},
    }  # fmt: skip
    path = options.output / f"losses-{'card' if on_card else 'cpu'}-{options.kind}.json"
    for vocabulary in options.vocabularies:
        found["rows"] += [vars(row) for row in measure(losses, options.kind, vocabulary, options)]
        write_json(path, found)
        write_text(path.with_suffix(".md"), _page(found))
        print(json.dumps(found["rows"][-len(losses) :]), flush=True)
    print(table(found["rows"]))


def _page(found: dict[str, Any]) -> str:
    settings, device = found["settings"], found["machine"]["device"]
    versions = ", ".join(f"{name} {number}" for name, number in found["machine"]["versions"].items())
    return f"""# The divergence alone: {settings["kind"]}

{found["date"]}, commit {found["commit"]}, {device}, {versions}.
`{found["command"]}`

{settings["tokens"]} tokens of {settings["hidden"]} values.
Medians of {settings["rounds"]} rounds; on a CPU seconds are those of the processor.

{table(found["rows"])}
"""


if __name__ == "__main__":
    main()
