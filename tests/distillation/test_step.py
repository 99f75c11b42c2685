"""The loss of a step and its gradient match the equation in plain torch, however the step is divided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from disc_lite.distillation.accumulation import Gradient, accumulate, apply
from disc_lite.distillation.data import Task
from disc_lite.distillation.optimizer import adamw
from disc_lite.distillation.schedule import Batch
from disc_lite.distillation.step import step
from disc_lite.recipe.fields import LONGEST
from tests.made import FAST, SmallTraining, recipe_of


def naive_logits(setup: SmallTraining, task: Task, number: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of student and teacher at the compared positions of an example, and the tokens after these."""
    base, example = setup.base, task.examples[number]
    hidden = base.causal.get_decoder()(torch.tensor([example.input_ids])).last_hidden_state[0]
    student = base.causal.lm_head(hidden[list(example.compared)])
    teacher = base.causal.lm_head(task.states.rows([number])) if task.states else student.detach()
    return student.double(), teacher.double(), torch.tensor(example.target_ids)


def gradient_of(setup: SmallTraining, loss: Tensor) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(setup.base.adapter_parameters().values()))])


@pytest.mark.parametrize(("temperature", "squared", "share"), [(2.0, True, 0.5), (3.0, False, 0.2), (1.0, True, 0.0)])
def test_the_loss_is_that_of_the_equation(
    load: Callable[..., Any], tmp_path: Path, temperature: float, squared: bool, share: float
) -> None:
    loss = {"temperature": temperature, "temperature_squared": squared, "label_share": share}
    setup = SmallTraining(load, tmp_path, loss=loss, retention={"weight": 2.5})
    batch = Batch((0, 1, 2, len(setup.task.examples) - 1), (0, 1, 2))
    methods = [setup.task.examples[i].kind for i in batch.task]
    assert methods == ["disc", "disc", "disc", "prompt"]
    rows, factor = list[Tensor](), temperature**2 if squared else 1.0
    for number, method in zip(batch.task, methods, strict=True):
        student, teacher, labels = naive_logits(setup, setup.task, number)
        p, log_q = (teacher / temperature).softmax(-1), (student / temperature).log_softmax(-1)
        label = share if method == "prompt" else 0.0  # tokens of sentences are not labels
        target = (1 - label) * p + label * torch.nn.functional.one_hot(labels, p.shape[-1])
        rows.append(factor * (target * (target.log() - log_q)).sum(-1))
    retained: list[Tensor] = []
    for number in batch.retention:
        student, base, _ = naive_logits(setup, setup.retention, number)
        retained.append((base.softmax(-1) * (base.log_softmax(-1) - student.log_softmax(-1))).sum(-1))
    sums = torch.cat(rows), torch.cat(retained)
    expected = gradient_of(setup, sums[0].mean() + factor * 2.5 * sums[1].mean())
    found = step(setup.base, setup.data, setup.recipe, batch, (len(sums[0]), len(sums[1])))
    assert found.tolist() == pytest.approx([float(each.detach().sum()) for each in sums], rel=1e-5)
    gradient = torch.cat([p.grad.flatten() for p in setup.base.adapter_parameters().values()])
    assert (gradient - expected).norm() < 1e-5 * expected.norm()


def test_without_a_teacher_it_is_cross_entropy_and_no_temperature(load: Callable[..., Any], tmp_path: Path) -> None:
    setup = SmallTraining(load, tmp_path, loss={"temperature": 2.0}, retention={"weight": 2.5})
    setup.task = Task(setup.task.examples, None)
    student, _, labels = naive_logits(setup, setup.task, 2)
    loss = torch.nn.functional.cross_entropy(student, labels)
    own, base, _ = naive_logits(setup, setup.retention, 0)
    kl = (base.softmax(-1) * (base.log_softmax(-1) - own.log_softmax(-1))).sum(-1)
    expected = gradient_of(setup, loss + 2.5 * kl.mean())
    found = step(setup.base, setup.data, setup.recipe, Batch((2,), (0,)), (len(labels), len(kl)))
    assert found.tolist() == pytest.approx([len(labels) * float(loss.detach()), float(kl.detach().sum())], rel=1e-5)
    gradient = torch.cat([p.grad.flatten() for p in setup.base.adapter_parameters().values()])
    assert (gradient - expected).norm() < 1e-5 * expected.norm()


@pytest.mark.parametrize("quantize", ["none", "nf4"])
def test_one_gradient_however_the_step_is_cut(load: Callable[..., Any], tmp_path: Path, quantize: str) -> None:
    setup = SmallTraining(load, tmp_path, quantize=quantize, train={**FAST, "clip_norm": 1e6})
    parameters = list(setup.base.adapter_parameters().values())
    before = setup.weights()
    changes = []
    batch = Batch(tuple(range(12)), tuple(range(4)))
    for max_tokens in (LONGEST, 300, 90, 1):  # uneven parts, so that a mean of means would be far off
        for parameter, value in zip(parameters, before, strict=True):
            parameter.data.copy_(value)
        sgd = torch.optim.SGD(parameters, lr=1.0)
        gradient = accumulate(setup.base, setup.data, setup.recipe, batch, max_tokens)
        norm = apply(gradient, parameters, sgd, 1.0, 1e6)
        changes.append(torch.cat([(p - b).detach().flatten() for p, b in zip(parameters, before, strict=True)]))
        assert norm == pytest.approx(changes[-1].norm().item(), rel=1e-3)
        assert gradient.target_tokens == sum(len(e.compared) for e in setup.task.examples[:12])
        assert gradient.max_tokens == max_tokens
    counts = tuple(sum(len(e.compared) for e in each) for each in setup.data.examples(batch))
    for parameter, value in zip(parameters, before, strict=True):
        parameter.data.copy_(value)
    step(setup.base, setup.data, setup.recipe, batch, counts)  # N and M differ, and each term has its own mean
    assert counts[0] > 2 * counts[1]
    changes.append(torch.cat([-p.grad.flatten() for p in parameters]))
    for change in changes[1:]:
        # fp32: other parts are added in another order (1.1e-6 on one of the machines tried).
        assert (change - changes[0]).norm() < 3e-6 * changes[0].norm()


def test_an_update_is_that_of_adamw_by_the_settings_with_a_clipped_gradient() -> None:
    """Decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), in fp64."""
    rate, decay, beta1, beta2, clip = 0.01, 0.3, 0.8, 0.95, 0.5
    recipe = recipe_of(train={"weight_decay": decay, "beta1": beta1, "beta2": beta2})
    rng = torch.Generator().manual_seed(0)
    parameters = [torch.nn.Parameter(torch.randn(n, 3, generator=rng)) for n in (2, 4)]
    naive = torch.cat([p.detach().flatten() for p in parameters]).double()
    mean, square = torch.zeros_like(naive), torch.zeros_like(naive)
    optimizer = adamw(parameters, recipe)
    for n, scale in enumerate((3.0, 0.01, 1.0), 1):
        for parameter in parameters:
            parameter.grad = scale * torch.randn(parameter.shape, generator=rng)
        gradient = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None]).double()
        norm = apply(Gradient(1.0, 0.0, 1, 1, 1), parameters, optimizer, rate, clip)
        assert norm == pytest.approx(float(gradient.norm()))
        gradient *= min(1.0, clip / norm)
        mean, square = beta1 * mean + (1 - beta1) * gradient, beta2 * square + (1 - beta2) * gradient**2
        step_size = (mean / (1 - beta1**n)) / ((square / (1 - beta2**n)).sqrt() + 1e-8)
        naive = naive - rate * (step_size + decay * naive)
        torch.testing.assert_close(
            torch.cat([p.detach().flatten() for p in parameters]).double(), naive, rtol=1e-5, atol=1e-6
        )
