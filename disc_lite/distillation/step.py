"""The method: the loss of one training step, and its gradient.

Teacher and student are one frozen base with the head W; the student has the adapter. Both read the shared tokens of an
example, the teacher after the document, the student without it: a later sentence (DiSC, arXiv 2602.16093), or the
answer to a question (prompt distillation, arXiv 2412.14964). With h their last hidden states before the N shared
tokens of a step, and g those before the M tokens of answers that the base generated itself,

    p = softmax(W h_teacher / T)     q = softmax(W h_student / T)

    loss = T^2 (1 / N * sum D(p' || q)  +  w / M * sum KL(softmax(W g_base) || softmax(W g_student)))

D is `loss.divergence`, by default KL. The factor T^2 is present if `loss.temperature_squared`. w is `retention.weight`;
T^2 multiplies it too, so that its weight relative to D is the same at every T. p' is p itself, except at the tokens y
of an answer, where it is (1-l) p + l [y] with l = `loss.label_share`. Methods without a teacher have the cross-entropy
of y instead of D, and no T^2.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from disc_lite.distillation.data import Task, TrainingData
from disc_lite.distillation.examples import Example, together
from disc_lite.distillation.methods import LESSON_KINDS
from disc_lite.distillation.schedule import Batch
from disc_lite.losses import RETENTION_KL, Divergence, Labels, cross_entropy, divergence
from disc_lite.models import Base
from disc_lite.models.device import to_device
from disc_lite.recipe import Recipe
from disc_lite.recipe.schema import Loss


def step(base: Base, data: TrainingData, recipe: Recipe, batch: Batch, counts: tuple[int, int]) -> Tensor:
    """Add the gradient of a batch's loss to the adapter; returns the two sums of the loss over the batch, [2].

    `counts` are N and M. If a step consists of several micro-batches, they are the counts of the whole step, so that
    the gradients add up to that of the step. The host does not wait for the device.
    """
    task, retention = data.examples(batch)
    with base.autocast():
        student = base.hidden_at(*together([*task, *retention]))  # [S + R, H], from one packed forward pass
    border = sum(len(example.compared) for example in task)
    task_sum = _task_sum(base, data.task, batch.task, student[:border], recipe.loss)
    retention_sum = _retention_sum(base, data.retention, batch.retention, student[border:])
    del student  # the graph holds what the backward pass needs of it
    # Without a teacher the first sum has no T.
    factor = _how(recipe.loss).factor if data.task.states is not None else 1.0
    loss = task_sum / counts[0] + factor * recipe.retention.weight * retention_sum / max(1, counts[1])
    loss.backward()
    return torch.stack([task_sum, retention_sum]).detach()


def _task_sum(base: Base, task: Task, indices: Sequence[int], student: Tensor, loss: Loss) -> Tensor:
    """Sum over the shared tokens of T^2 D(p' || q), or of -log q(y) without a teacher."""
    labels = _labels([task.examples[i] for i in indices], loss.label_share, base.device)
    if task.states is None:
        return cross_entropy(student, labels.ids, base.head)
    teacher = to_device(task.states.rows(indices), base.device)  # [S, H]
    return divergence(student, teacher, base.head, _how(loss), labels=labels if loss.label_share else None)


def _how(loss: Loss) -> Divergence:
    return Divergence(loss.divergence, loss.temperature, loss.temperature_squared, loss.beta)


def _retention_sum(base: Base, retention: Task, indices: Sequence[int], student: Tensor) -> Tensor:
    """Sum of KL(base || student) over tokens that the base generated; 0 if a batch has none."""
    if not indices or retention.states is None:
        return student.new_zeros((), dtype=torch.float32)
    return divergence(student, to_device(retention.states.rows(indices), base.device), base.head, RETENTION_KL)


def _labels(examples: Sequence[Example], share: float, device: torch.device) -> Labels:
    """Return the tokens after all compared positions, and their share l of p': the recipe's in answers, else 0."""
    ids = [token for example in examples for token in example.target_ids]
    shares = [share * LESSON_KINDS[e.kind].labelled for e in examples for _ in e.compared]
    on_host = torch.tensor(ids, dtype=torch.long), torch.tensor(shares, dtype=torch.float32)
    return Labels(*(to_device(tensor, device) for tensor in on_host))
