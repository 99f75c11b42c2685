"""The sum of a divergence over rows of hidden states; only one chunk of rows has logits at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from disc_lite.losses.divergences import KINDS, Divergence, Labels, token_cross_entropy
from disc_lite.losses.head import Head, logits, to_hidden
from disc_lite.planning.sizes import LOSS_ROWS

PARTS = 16  # number of parts in which a chunk's logits are compared: temporaries have C/16 rows, not C


def divergence(
    student: Tensor,
    teacher: Tensor,
    head: Head,
    how: Divergence,
    *,
    labels: Labels | None = None,
    chunk: int = LOSS_ROWS,
) -> Tensor:
    """Return the sum over rows of D_i, a 0-d fp32 tensor; times T^2 if `how` says so.

    Divide it by the number of targets in the step. student, teacher: hidden states after the final norm, [S, H].
    Differentiable with respect to `student` only. Raises ValueError if shapes do not match.
    """
    return _sum(student, _Comparison(teacher, head, how, chunk, labels))


def cross_entropy(student: Tensor, target_ids: Tensor, head: Head, *, chunk: int = LOSS_ROWS) -> Tensor:
    """Return the sum over rows of -log q(target_i) at T = 1, a 0-d fp32 tensor.

    Like `divergence`, but with target_ids: [S], each in [0, V). No id is ignored: drop such rows.
    """
    return _sum(student, _Comparison(target_ids, head, None, chunk))


def log_probabilities(hidden: Tensor, target_ids: Tensor, head: Head, *, chunk: int = LOSS_ROWS) -> Tensor:
    """Return log p(target_i) at T = 1, [S] fp32, without gradient; hidden: [S, H], target_ids: [S]."""
    return -_sweep(hidden, _Comparison(target_ids, head, None, chunk))


def token_divergence(
    student: Tensor, teacher: Tensor, head: Head, how: Divergence, *, chunk: int = LOSS_ROWS
) -> Tensor:
    """Return D_i of every row, [S] fp32, without gradient; their sum is `divergence`."""
    return _sweep(student, _Comparison(teacher, head, how, chunk))


@dataclass(frozen=True)
class _Comparison:
    """What the student's hidden states are compared with, and how."""

    target: Tensor  # the teacher's hidden states [S, H], or token ids [S]
    head: Head
    how: Divergence | None  # None: cross-entropy against token ids
    chunk: int
    labels: Labels | None = None

    def check(self, student: Tensor) -> None:
        vocabulary, width = self.head.weight.shape
        rows = student.shape[:1]
        for name, tensor, shape in (
            ("hidden states", student, (*rows, width)),
            ("target", self.target, (*rows, width) if self.how else rows),
            ("labels", None if self.labels is None else self.labels.ids, rows),
            ("shares of the labels", None if self.labels is None else self.labels.share, rows),
            ("bias", self.head.bias, (vocabulary,)),
        ):
            if tensor is not None and tensor.shape != shape:
                raise ValueError(f"{name} must be {list(shape)}, got {list(tensor.shape)}")


class _Loss(torch.autograd.Function):
    """The sum over rows; its gradient is computed in the forward pass."""

    @staticmethod
    def forward(ctx: Any, student: Tensor, comparison: _Comparison) -> Tensor:
        gradient = torch.empty_like(student) if ctx.needs_input_grad[0] else None
        values = _sweep(student, comparison, gradient)
        ctx.save_for_backward(gradient)
        return values.sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        return ctx.saved_tensors[0] * grad_output, None


_sum: Callable[[Tensor, _Comparison], Tensor] = _Loss.apply


@torch.no_grad()
def _sweep(student: Tensor, comparison: _Comparison, gradient: Tensor | None = None) -> Tensor:
    """Return D_i of all rows, [S] fp32, times T^2 if `how` says so; fills `gradient` [S, H], if given."""
    comparison.check(student)
    how = comparison.how
    factor = how.factor if how else 1.0
    values = torch.full((len(student),), factor, dtype=torch.float32, device=student.device)
    with torch.autocast(student.device.type, enabled=False):
        for start in range(0, len(student), comparison.chunk):
            rows = slice(start, start + comparison.chunk)
            slope = None if gradient is None else gradient[rows]
            _one_chunk(comparison, rows, student[rows], values[rows], slope)
    return values


def _one_chunk(comparison: _Comparison, chunk: slice, student: Tensor, values: Tensor, slope: Tensor | None) -> None:
    """Multiply `values` [C], the factor of each row, by D_i, and fill `slope` [C, H].

    A separate function, so that its logits are freed before the next chunk's are computed.
    """
    head, how, target = comparison.head, comparison.how, comparison.target[chunk]
    labels = comparison.labels[chunk] if comparison.labels else None
    if how is None:
        own, other = logits(student, head), target
    else:
        own, other = logits(torch.cat([student, target]), head).chunk(2)
    row_factor = values * (head.scale / (how.temperature if how else 1.0))
    size = max(1, -(-len(own) // PARTS))
    for start in range(0, len(own), size):
        part = slice(start, start + size)
        a, b, value = own[part], other[part], values[part]
        if how is None:
            rows, gradient = token_cross_entropy(a.log_softmax(-1), b)
        else:
            log_q, log_p = ((each / how.temperature).log_softmax(-1) for each in (a, b))
            log_p = labels[part].mixed_into(log_p) if labels else log_p
            rows, gradient = KINDS[how.kind](log_p, log_q, how.beta)
        if head.softcap is not None:  # tanh' = 1 - tanh^2, and the logits are softcap * tanh
            gradient *= 1 - (a / head.softcap) ** 2
        value *= rows
        a.copy_(gradient)  # the gradient overwrites the student's logits
    if slope is not None:
        slope.copy_(to_hidden(own, row_factor, head))
