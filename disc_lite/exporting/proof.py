"""The proof of an export: its outputs are compared with those of the trained model.

tokens   ids of texts that are difficult for tokenizers
logits   of the next token after fixed prompts, up to a constant: the largest difference, and KL(trained || exported)
answers  greedy, to questions: held-out ones, or trained ones if there are few of those
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from disc_lite.errors import GateFailed
from disc_lite.exporting.layout import Array

RUNS = "runs"  # the check that exists only if llama.cpp ended without outputs
EXACT = 1e-2  # difference of logits that another order of additions may cause
# KL(trained || exported) that other or rounded weights may cause. On pocket, trained in NF4: 0.13 with the
# original weights, 0.21 with K-quants, 5.6 without the adapter.
ROUNDED_NATS = 0.5
FLOOR_NATS = -80.0  # smaller log-probabilities are raised to this: llama.cpp's server does not report them
# From this KL(trained || base) on, an export must be nearer to the trained model than to the base. The base itself
# never is, but if little was learned its KL is below ROUNDED_NATS (pocket, a tenth of B: 0.13).
DISTINCT_NATS = 0.02


@dataclass(frozen=True)
class ProofInputs:
    """The inputs on which all forms of the model are compared."""

    texts: tuple[str, ...]
    certain: int  # number of texts, from the first, whose ids must be equal
    prompts: tuple[tuple[int, ...], ...]  # questions first; the first `answered` are answered
    answered: int
    answer_tokens: int


@dataclass(frozen=True)
class Outputs:
    """The outputs of one form of the model."""

    ids: tuple[tuple[int, ...], ...]
    logits: Array  # [P, V], fp32, up to a constant for each prompt
    answers: tuple[tuple[int, ...], ...]
    untrained: Array | None = None  # [P, V]: logits of the base, adapter off


@dataclass(frozen=True)
class Check:
    """One check of a proof."""

    what: str
    passed: bool
    how: str  # the program that ran it
    text: str
    figure: float | None = None


def compare(inputs: ProofInputs, trained: Outputs, exported: Outputs, how: str, exact: bool) -> list[Check]:
    """Return the three checks of the proof; `exact` if the weights are those that were trained, not rounded."""
    same_ids = [a == b for a, b in zip(trained.ids, exported.ids, strict=True)]
    certain, others = same_ids[: inputs.certain], same_ids[inputs.certain :]
    words = f"equal on {sum(certain)} of {len(certain)} texts"
    if not all(others):
        words += f", and on {sum(others)} of {len(others)} that begin with a space or a control token"
    width = min(trained.logits.shape[1], exported.logits.shape[1])  # a GGUF's vocabulary may be padded
    ours, theirs = trained.logits[:, :width], exported.logits[:, :width]
    largest = float(np.abs(log_probabilities(ours) - log_probabilities(theirs)).max())
    nats = mean_kl(ours, theirs)
    same = sum(a == b for a, b in zip(trained.answers, exported.answers, strict=True))
    of = len(trained.answers)
    near = bool(np.isfinite(theirs).all()) and (largest <= EXACT if exact else nats <= ROUNDED_NATS)
    kl = f"{nats:.2g} nats"
    if trained.untrained is not None:
        base = trained.untrained[:, :width]
        from_base = mean_kl(base, theirs)
        near = near and (mean_kl(ours, base) < DISTINCT_NATS or nats < from_base)
        kl += f", of the base {from_base:.2g}"
    return [
        Check("tokens", all(certain), how, words, sum(same_ids)),
        Check("logits", near, how, f"of the next token differ by at most {largest:.2g} (KL {kl})", largest),
        # Rounded weights may change one answer of three.
        Check("answers", same >= (of if exact else of - of // 3), how, f"to questions equal: {same} of {of}", same),
    ]  # fmt: skip


def log_probabilities(logits: Array) -> Array:
    """Return log-probabilities [P, V], at least FLOOR_NATS, from logits [P, V] that are known up to a constant."""
    exact = logits.astype(float)
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        values: Array = np.maximum(exact - np.logaddexp.reduce(exact, axis=1, keepdims=True), FLOOR_NATS)
    return values


def mean_kl(ours: Array, theirs: Array) -> float:
    """Return the mean over prompts of KL(ours || theirs), nats, from logits [P, V]; one row at a time is fp64."""
    if not np.isfinite(theirs).all():
        return float("inf")
    rows = ((log_probabilities(a[None]), log_probabilities(b[None])) for a, b in zip(ours, theirs, strict=True))
    return float(np.mean([(np.exp(p) * (p - q)).sum() for p, q in rows]))


def require_passed(checks: Sequence[Check], output: Path) -> None:
    """Raise GateFailed with the first check that did not pass."""
    failed = next((check for check in checks if not check.passed), None)
    if failed is not None:
        found = "cannot be run" if failed.what == RUNS else "differs from the trained one"
        raise GateFailed(
            f"The exported model {found}; {output} was not written.",
            f"{failed.what} ({failed.how}): {failed.text}.",
            "Try another form (--to, --onto, --base-gguf), or a larger GGUF (--type F16). Rounding changes the answers "
            "of small models; if it is a large one, report this.",
        )
