"""Divergences of two distributions and their gradients, from log-probabilities; without cancellation near p = q."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class Divergence:
    """Which divergence, at which temperature."""

    kind: Literal["forward_kl", "reverse_kl", "jsd"]
    temperature: float  # > 0; the recipe checks all ranges
    temperature_squared: bool  # multiply by T^2, so that T does not scale the gradient of soft targets (1503.02531)
    beta: float = 0.5  # jsd only: the teacher's share in the mixture, 0 < beta < 1

    @property
    def factor(self) -> float:
        return self.temperature**2 if self.temperature_squared else 1.0


@dataclass(frozen=True)
class Labels:
    """The token y after each row, and its share l of the target distribution: (1 - l) p + l [y].

    p and q are at the divergence's temperature T, but answers are decoded at 1, where q_1 is proportional to q^T. So
    the label weighs more than l: with q = 1/2 at T = 2, and the rest on many tokens, nearly all of q_1 is on the label.
    Hinton et al. (1503.02531) have two terms instead, (1-l) T^2 KL(p || q) + l CE(y) at T = 1.
    """

    ids: Tensor  # [S], each in [0, V)
    share: Tensor  # [S], 0 <= share < 1

    def __getitem__(self, rows: slice) -> Labels:
        return Labels(self.ids[rows], self.share[rows])

    def mixed_into(self, log_p: Tensor) -> Tensor:
        """Return log((1 - share) p + share [id]), given log p, [S, V]."""
        index, share = self.ids.long().unsqueeze(-1), self.share.unsqueeze(-1)
        log_p = log_p + torch.log1p(-share)
        return log_p.scatter_(-1, index, torch.logaddexp(log_p.gather(-1, index), share.log()))


RETENTION_KL = Divergence("forward_kl", temperature=1.0, temperature_squared=False)  # of the retention loss


def _forward_kl(log_p: Tensor, log_q: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Return the values [C] and the gradient to a [C, V], from log-probabilities [C, V]; so do the next two."""
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
    """Return q - p without cancellation; gap = log p - log q."""
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


def token_cross_entropy(log_q: Tensor, target_ids: Tensor) -> tuple[Tensor, Tensor]:
    index = target_ids.long().unsqueeze(-1)
    value = -log_q.gather(-1, index).squeeze(-1)
    return value, log_q.exp().scatter_add_(-1, index, -torch.ones_like(log_q[:, :1]))


KINDS: dict[str, Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]] = {
    "forward_kl": _forward_kl,
    "reverse_kl": _reverse_kl,
    "jsd": _jsd,
}
