"""Hidden states x frozen lm_head -> divergence and its gradient, chunk by chunk; independent of the model.

With W the head, s its scale and T the temperature, row i of the student and of the teacher give

    a = softcap(s * (h_student W^T + bias)) / T        q = softmax(a)        [V]
    b = softcap(s * (h_teacher W^T + bias)) / T        p = softmax(b)        [V]

    forward_kl  sum p log(p/q)                                d/da = q - p
    reverse_kl  sum q log(q/p)                                d/da = q (log(q/p) - reverse_kl)
    jsd         sum beta p log(p/m) + (1-beta) q log(q/m)     d/da = (1-beta) q (log(q/m) - KL(q|m))
                with m = beta p + (1-beta) q                  (GKD, arXiv:2306.13649)

Where a row has a label y with share l, p is (1-l) softmax(b) + l [y]: at l = 1 forward_kl would be cross-entropy.

The head is frozen, so no gradient of W exists, and the gradient of the student's hidden states,
(d/da) W s/T, is computed in the forward: of S rows only C have logits at any time (about 10*C*V
bytes), and [S, H] is all that stays for the backward. Logits leave the product in fp32 whatever
goes in: rounded to bf16 they drown p - q just where self-distillation works, near p = q.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK = 256  # rows that have logits at the same time; fixed, as "what is free now" crashes late
PARTS = 16  # a chunk's logits are compared in so many parts: temporaries of C/16 rows, not of C
VOCABULARY_BLOCK = 4096  # rows of a half-precision head that are upcast at a time


@dataclass(frozen=True)
class Head:
    """The frozen output layer: logits = softcap(scale * (h @ weight.T + bias))."""

    weight: Tensor  # [V, H]
    bias: Tensor | None = None  # [V]
    scale: float = 1.0  # Granite's 1/logits_scaling, Cohere's logit_scale
    softcap: float | None = None  # Gemma 2: softcap * tanh(logits / softcap)


@dataclass(frozen=True)
class Divergence:
    """Which divergence, at which temperature."""

    kind: Literal["forward_kl", "reverse_kl", "jsd"]
    temperature: float  # > 0; the recipe checks all ranges
    temperature_squared: bool  # times T^2, so that T leaves the gradient's size (1503.02531)
    beta: float = 0.5  # jsd only: the teacher's share in the mixture, 0 < beta < 1


@dataclass(frozen=True)
class Labels:
    """The token after each row, and its share of the distribution that the row is compared with."""

    ids: Tensor  # [S], each in [0, V)
    share: Tensor  # [S], 0 <= share < 1

    def __getitem__(self, rows: slice) -> Labels:
        return Labels(self.ids[rows], self.share[rows])

    def mixed_into(self, log_p: Tensor) -> Tensor:
        """log((1 - share) p + share [id]) of log p, [S, V]."""
        index, share = self.ids.long().unsqueeze(-1), self.share.unsqueeze(-1)
        log_p = log_p + torch.log1p(-share)
        return log_p.scatter_(-1, index, torch.logaddexp(log_p.gather(-1, index), share.log()))


RETENTION_KL = Divergence("forward_kl", temperature=1.0, temperature_squared=False)  # of the retention loss


def divergence(
    student: Tensor,
    teacher: Tensor,
    head: Head,
    how: Divergence,
    weight: Tensor | None = None,
    *,
    labels: Labels | None = None,
    chunk: int = CHUNK,
) -> Tensor:
    """Sum over rows of weight_i * D_i, a 0-d fp32 tensor; divide by the step's count of targets.

    student, teacher: hidden states after the final norm, [S, H]; weight: [S], ones if None; labels: none if None.
    Differentiable in `student` alone. Raises ValueError if shapes do not match.
    """
    return _weighted_sum(student, _Comparison(teacher, head, how, chunk, weight, labels))


def cross_entropy(
    student: Tensor,
    target_ids: Tensor,
    head: Head,
    weight: Tensor | None = None,
    *,
    chunk: int = CHUNK,
) -> Tensor:
    """Sum over rows of weight_i * -log q(target_i) at T = 1, a 0-d fp32 tensor.

    As `divergence`, but target_ids: [S], each in [0, V): there is no ignored id, drop such rows.
    """
    return _weighted_sum(student, _Comparison(target_ids, head, None, chunk, weight))


def log_probabilities(hidden: Tensor, target_ids: Tensor, head: Head, *, chunk: int = CHUNK) -> Tensor:
    """log p(target_i) at T = 1, [S] fp32, no gradient; hidden: [S, H], target_ids: [S]."""
    return -_sweep(hidden, _Comparison(target_ids, head, None, chunk))


def token_divergence(student: Tensor, teacher: Tensor, head: Head, how: Divergence, *, chunk: int = CHUNK) -> Tensor:
    """D_i of every row, [S] fp32, no gradient; their sum is `divergence` without weights."""
    return _sweep(student, _Comparison(teacher, head, how, chunk))


@dataclass(frozen=True)
class _Comparison:
    """All that the student's hidden states are compared with, and how."""

    target: Tensor  # the teacher's hidden states [S, H], or token ids [S]
    head: Head
    how: Divergence | None  # None: cross-entropy against token ids
    chunk: int
    weight: Tensor | None = None  # [S]
    labels: Labels | None = None

    def check(self, student: Tensor) -> None:
        vocabulary, width = self.head.weight.shape
        rows = student.shape[:1]
        for name, tensor, shape in (
            ("hidden states", student, (*rows, width)),
            ("target", self.target, (*rows, width) if self.how else rows),
            ("weight", self.weight, rows),
            ("labels", None if self.labels is None else self.labels.ids, rows),
            ("shares of the labels", None if self.labels is None else self.labels.share, rows),
            ("bias", self.head.bias, (vocabulary,)),
        ):
            if tensor is not None and tensor.shape != shape:
                raise ValueError(f"{name} must be {list(shape)}, got {list(tensor.shape)}")


class _Loss(torch.autograd.Function):
    """The weighted sum; its gradient is ready before the backward begins."""

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


_weighted_sum: Callable[[Tensor, _Comparison], Tensor] = _Loss.apply


@torch.no_grad()
def _sweep(student: Tensor, comparison: _Comparison, gradient: Tensor | None = None) -> Tensor:
    """weight_i * D_i of all rows, [S] fp32; `gradient` [S, H], where given, is filled."""
    comparison.check(student)
    how = comparison.how
    factor = how.temperature**2 if how and how.temperature_squared else 1.0
    values = torch.full((len(student),), factor, dtype=torch.float32, device=student.device)
    if comparison.weight is not None:
        values *= comparison.weight
    with torch.autocast(student.device.type, enabled=False):
        for start in range(0, len(student), comparison.chunk):
            rows = slice(start, start + comparison.chunk)
            slope = None if gradient is None else gradient[rows]
            _one_chunk(comparison, rows, student[rows], values[rows], slope)
    return values


def _one_chunk(comparison: _Comparison, chunk: slice, student: Tensor, values: Tensor, slope: Tensor | None) -> None:
    """Multiply `values` [C], the factor of each row, by D_i, and fill `slope` [C, H].

    A function of its own, so that its logits are gone before those of the next chunk come.
    """
    head, how, target = comparison.head, comparison.how, comparison.target[chunk]
    labels = comparison.labels[chunk] if comparison.labels else None
    if how is None:
        logits, other = _logits(student, head), target
    else:
        logits, other = _logits(torch.cat([student, target]), head).chunk(2)
    row_factor = values * (head.scale / (how.temperature if how else 1.0))
    size = max(1, -(-len(logits) // PARTS))
    for start in range(0, len(logits), size):
        part = slice(start, start + size)
        a, b, value = logits[part], other[part], values[part]
        if how is None:
            rows, gradient = _cross_entropy(a.log_softmax(-1), b)
        else:
            log_q, log_p = ((each / how.temperature).log_softmax(-1) for each in (a, b))
            log_p = labels[part].mixed_into(log_p) if labels else log_p
            rows, gradient = _KINDS[how.kind](log_p, log_q, how.beta)
        if head.softcap is not None:  # tanh' = 1 - tanh^2, and the logits are softcap * tanh
            gradient *= 1 - (a / head.softcap) ** 2
        value *= rows
        a.copy_(gradient)  # the student's logits make room for their gradient
    if slope is not None:
        slope.copy_(_to_hidden(logits, row_factor, head))


def _forward_kl(log_p: Tensor, log_q: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Log-probabilities [C, V] -> values [C] and the gradient to a [C, V]; so do the next three."""
    gap = log_p - log_q
    gradient = _difference(gap, log_p, log_q)
    # sum(q - p) is 0 but for the rounding of log p and log q. Near p = q that rounding is most of
    # sum p log(p/q); the sum of both is free of it, and right to 1 % at 1e-8 nat.
    return gap.mul_(log_p.exp()).sum(-1) + gradient.sum(-1), gradient


def _reverse_kl(log_p: Tensor, log_q: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    gap, q = log_q - log_p, log_q.exp()
    value = (q * gap).sum(-1, keepdim=True)
    correction = _difference(gap, log_q, log_p).sum(-1)
    return value.squeeze(-1) + correction, gap.sub_(value).mul_(q)


def _difference(gap: Tensor, log_p: Tensor, log_q: Tensor) -> Tensor:
    """q - p without cancellation, gap being log p - log q."""
    larger = torch.maximum(log_p, log_q).exp_()
    return gap.abs().neg_().expm1_().mul_(larger).mul_(gap.sign())


def _jsd(log_p: Tensor, log_q: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    gap = log_p - log_q
    # log(p/m) and log(q/m) from the gap alone, from the side that cannot overflow: log(p/m) is
    # -log(1 + (1-beta)(e^-gap - 1)) where p > q, log(q/m) is -log(1 + beta(e^gap - 1)) elsewhere.
    shrink = gap.abs().neg_().expm1_()
    larger = torch.where(gap > 0, (1 - beta) * shrink, beta * shrink).log1p_().neg_()
    teacher_side = (larger + gap.clamp(max=0)).mul_(log_p.exp()).sum(-1)
    log_q_m, q = larger.sub_(gap.clamp_(min=0)), log_q.exp()
    student_side = (q * log_q_m).sum(-1, keepdim=True)
    value = beta * teacher_side + (1 - beta) * student_side.squeeze(-1)
    return value, log_q_m.sub_(student_side).mul_(q).mul_(1 - beta)


def _cross_entropy(log_q: Tensor, target_ids: Tensor) -> tuple[Tensor, Tensor]:
    index = target_ids.long().unsqueeze(-1)
    value = -log_q.gather(-1, index).squeeze(-1)
    return value, log_q.exp().scatter_add_(-1, index, -torch.ones_like(log_q[:, :1]))


_KINDS = {"forward_kl": _forward_kl, "reverse_kl": _reverse_kl, "jsd": _jsd}


def _logits(hidden: Tensor, head: Head) -> Tensor:
    """softcap(scale * (hidden @ weight.T + bias)) in fp32; hidden: [R, H] -> [R, V]."""
    if hidden.is_cuda and hidden.dtype == head.weight.dtype != torch.float32:  # torch >= 2.8
        logits = torch.mm(hidden, head.weight.T, out_dtype=torch.float32)
    else:
        logits = hidden.new_empty(len(hidden), len(head.weight), dtype=torch.float32)
        for out, block in _fp32_blocks(logits, head.weight):
            torch.mm(hidden.float(), block.T, out=out)
    if head.bias is not None:
        logits += head.bias
    if head.scale != 1:
        logits *= head.scale
    if head.softcap is not None:
        logits.div_(head.softcap).tanh_().mul_(head.softcap)
    return logits


def _to_hidden(gradient: Tensor, row_factor: Tensor, head: Head) -> Tensor:
    """row_factor * (gradient @ weight) in fp32; [C, V], [C] -> [C, H]."""
    # bf16 alone, as p - q over a large vocabulary lies below the smallest fp16 number.
    if gradient.is_cuda and head.weight.dtype == torch.bfloat16:
        hidden = torch.mm(gradient.bfloat16(), head.weight, out_dtype=torch.float32)
    else:
        hidden = gradient.new_zeros(len(gradient), head.weight.shape[1])
        for part, block in _fp32_blocks(gradient, head.weight):
            hidden.addmm_(part, block)
    return hidden.mul_(row_factor.unsqueeze(-1))


def _fp32_blocks(columns: Tensor, weight: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Columns of a [R, V] with their rows of `weight` [V, H] in fp32, never a whole copy of it."""
    size = len(weight) if weight.dtype == torch.float32 else VOCABULARY_BLOCK
    pairs = zip(torch.split(columns, size, dim=1), torch.split(weight, size), strict=True)
    return ((part, block.float()) for part, block in pairs)
