"""Our error in fp32, of loss and gradient, must not exceed that of the naive fp32 implementation."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from disc_lite.losses import (
    Divergence,
    Head,
    Labels,
    chunked,
    cross_entropy,
    divergence,
    log_probabilities,
    token_divergence,
)
from disc_lite.losses import head as head_module

S, V, H = 9, 50, 16
Kind = Literal["forward_kl", "reverse_kl", "jsd"]
HEADS = ("plain", "bias", "scale", "softcap", "all")
CASES: list[tuple[Kind, float]] = [
    ("forward_kl", 0.5),
    ("reverse_kl", 0.5),
    ("jsd", 0.1),
    ("jsd", 0.5),
    ("jsd", 0.9),
]
KINDS = [
    Divergence(kind, temperature, squared, beta)
    for kind, beta in CASES
    for temperature, squared in ((1.0, False), (2.0, False), (2.0, True))
]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make_head(name: str = "plain") -> Head:
    weight, bias = normal(V, H, seed=1), normal(V, seed=2)
    return {
        "plain": Head(weight),
        "bias": Head(weight, bias),
        "scale": Head(weight, scale=0.25),
        "softcap": Head(weight, softcap=5.0),
        "all": Head(weight, bias, scale=0.5, softcap=3.0),
    }[name]


def naive_logits(hidden: Tensor, head: Head) -> Tensor:
    logits = hidden @ head.weight.to(hidden.dtype).T
    logits = logits if head.bias is None else logits + head.bias.to(hidden.dtype)
    logits = logits * head.scale
    return logits if head.softcap is None else head.softcap * (logits / head.softcap).tanh()


def naive_rows(a: Tensor, b: Tensor, how: Divergence) -> Tensor:
    """The textbook formulae applied to whole logits, in the dtype of the logits."""
    log_q, log_p = (a / how.temperature).log_softmax(-1), (b / how.temperature).log_softmax(-1)
    q, p = log_q.exp(), log_p.exp()
    if how.kind == "forward_kl":
        rows = (p * (log_p - log_q)).sum(-1)
    elif how.kind == "reverse_kl":
        rows = (q * (log_q - log_p)).sum(-1)
    else:
        log_m = torch.logaddexp(log_p + math.log(how.beta), log_q + math.log(1 - how.beta))
        rows = (how.beta * p * (log_p - log_m) + (1 - how.beta) * q * (log_q - log_m)).sum(-1)
    return rows * (how.temperature**2 if how.temperature_squared else 1)


def naive(student: Tensor, teacher: Tensor, head: Head, how: Divergence, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The loss and its gradient by plain autograd in `dtype`."""
    hidden = student.detach().to(dtype).requires_grad_()
    rows = naive_rows(naive_logits(hidden, head), naive_logits(teacher.to(dtype), head), how)
    loss = rows.sum()
    return loss.detach(), torch.autograd.grad(loss, hidden)[0]


def ours(student: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    hidden = student.detach().requires_grad_()
    loss = divergence(hidden, *args, **kwargs)
    return loss.detach(), torch.autograd.grad(loss, hidden)[0]


def error(found: Tensor, truth: Tensor) -> float:
    return (found.double() - truth.double()).abs().max().item()


@pytest.mark.parametrize("head_name", HEADS)
@pytest.mark.parametrize("how", KINDS, ids=str)
def test_error_is_at_most_the_naive_error_for_every_chunk_size(how: Divergence, head_name: str) -> None:
    student, teacher, head = normal(S, H), normal(S, H, seed=3), make_head(head_name)
    truth = naive(student, teacher, head, how, torch.float64)
    plain = naive(student, teacher, head, how, torch.float32)
    for chunk in range(1, S + 2):
        found = ours(student, teacher, head, how, chunk=chunk)
        for mine, theirs, true in zip(found, plain, truth, strict=True):
            assert error(mine, true) <= error(theirs, true) + 1e-6 * true.abs().max().item()


@pytest.mark.parametrize("how", KINDS, ids=str)
def test_parts_of_several_numbers_are_as_exact(how: Divergence) -> None:
    """A chunk is compared in PARTS parts. With more rows, a part has several, which must not be added up."""
    rows = 3 * chunked.PARTS + 1
    student, teacher, head = normal(rows, H), normal(rows, H, seed=3), make_head("all")
    truth = naive(student, teacher, head, how, torch.float64)
    plain = naive(student, teacher, head, how, torch.float32)
    for mine, theirs, true in zip(ours(student, teacher, head, how), plain, truth, strict=True):
        assert error(mine, true) <= error(theirs, true) + 1e-6 * true.abs().max().item()


@pytest.mark.parametrize("how", KINDS, ids=str)
def test_labels_have_their_share_of_the_teachers_distribution(how: Divergence) -> None:
    number = 2 * chunked.PARTS + 1  # parts of one row and of several
    student, teacher, head = normal(number, H), normal(number, H, seed=3), make_head("all")
    ids, share = torch.arange(number) * 7 % V, torch.linspace(0, 0.9, number)
    hidden = student.double().requires_grad_()
    p = (naive_logits(teacher.double(), head) / how.temperature).softmax(-1) * (1 - share.double()[:, None])
    p[torch.arange(number), ids] += share
    rows = naive_rows(naive_logits(hidden, head), how.temperature * p.log(), how)
    gradient = torch.autograd.grad(rows.sum(), hidden)[0]
    for chunk in (1, 20, number + 1):
        found = ours(student, teacher, head, how, labels=Labels(ids, share), chunk=chunk)
        torch.testing.assert_close(found[0].double(), rows.sum().detach(), rtol=2e-6, atol=0)
        torch.testing.assert_close(found[1].double(), gradient, rtol=1e-5, atol=1e-5)


def test_a_label_with_nearly_all_of_the_share_is_cross_entropy() -> None:
    student, teacher, head, ids = normal(S, H), normal(S, H, seed=3), make_head(), torch.arange(S) * 5
    labels = Labels(ids, torch.full((S,), 1 - 1e-6))
    hidden = student.clone().requires_grad_()
    truth = torch.autograd.grad(cross_entropy(hidden, ids, head), hidden)[0]
    found = ours(student, teacher, head, Divergence("forward_kl", 1.0, False), labels=labels)[1]
    torch.testing.assert_close(found, truth, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("head_name", HEADS)
@pytest.mark.parametrize("chunk", [1, 4, S, S + 1])
def test_cross_entropy_and_log_probabilities_agree_with_torch(head_name: str, chunk: int) -> None:
    head, ids = make_head(head_name), torch.arange(S) * 5
    student = normal(S, H).requires_grad_()
    truth_student = student.detach().double().requires_grad_()
    rows = functional.cross_entropy(naive_logits(truth_student, head), ids, reduction="none")
    truth = torch.autograd.grad(rows.sum(), truth_student)[0]

    loss = cross_entropy(student, ids, head, chunk=chunk)
    gradient = torch.autograd.grad(loss, student)[0]

    torch.testing.assert_close(loss.double(), rows.sum(), rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient.double(), truth, rtol=1e-5, atol=1e-5)
    log_p = log_probabilities(student, ids, head, chunk=chunk)
    torch.testing.assert_close(log_p.double(), -rows, rtol=1e-6, atol=1e-6)
    assert not log_p.requires_grad


@pytest.mark.parametrize("how", KINDS, ids=str)
def test_every_row_is_on_its_own_and_token_divergence_gives_it(how: Divergence) -> None:
    student, teacher, head = normal(S, H), normal(S, H, seed=3), make_head("all")
    rows = token_divergence(student.requires_grad_(), teacher, head, how, chunk=4)
    assert rows.shape == (S,) and rows.dtype == torch.float32 and not rows.requires_grad
    loss, gradient = ours(student, teacher, head, how, chunk=4)
    torch.testing.assert_close(loss, rows.sum())
    each = torch.cat([ours(student[[i]], teacher[[i]], head, how)[1] for i in range(S)])
    torch.testing.assert_close(gradient, each)


def cosine(found: Tensor, truth: Tensor) -> float:
    return functional.cosine_similarity(found.double().flatten(), truth.flatten(), dim=0).item()


@pytest.mark.parametrize("kind", ["forward_kl", "reverse_kl", "jsd"])
def test_tiny_divergence_keeps_its_gradient_and_its_value(kind: Any) -> None:
    how = Divergence(kind, 1.0, False)
    head = Head(normal(512, 64, seed=1) / 2)
    teacher = normal(S, 64)
    student = teacher + 1e-3 * normal(S, 64, seed=3)
    value, truth = naive(student, teacher, head, how, torch.float64)
    loss, gradient = ours(student, teacher, head, how)
    assert cosine(gradient, truth) > 0.999
    assert loss.item() == pytest.approx(value.item(), rel=0.005)

    # Logits in bf16 would exceed the same bound.
    a, b = (naive_logits(hidden, head).bfloat16().float() for hidden in (student, teacher))
    a.requires_grad_()
    slope = torch.autograd.grad(naive_rows(a, b, how).sum(), a)[0]
    assert cosine(slope @ head.weight, truth) < 0.999


@pytest.mark.parametrize("kind", ["forward_kl", "reverse_kl", "jsd"])
def test_each_row_is_right_at_a_hundred_millionth_of_a_nat(kind: Any) -> None:
    how, head = Divergence(kind, 1.0, False), Head(normal(512, 64, seed=1) / 2)
    rows = 2 * chunked.PARTS + 1  # parts of several rows
    teacher = normal(rows, 64)
    student = teacher + 1e-4 * normal(rows, 64, seed=3)
    a, b = (naive_logits(hidden.double(), head) for hidden in (student, teacher))
    truth = naive_rows(a, b, how)
    assert truth.max() < 3e-7
    found = token_divergence(student, teacher, head, how)
    torch.testing.assert_close(found.double(), truth, rtol=0.05, atol=0)
    rough = naive_rows(a.float(), b.float(), how)
    assert (rough - truth).abs().max() > truth.max()  # the textbook formulae are not this exact


@pytest.mark.parametrize("how", KINDS, ids=str)
def test_agreement_has_no_divergence_and_no_gradient(how: Divergence) -> None:
    teacher = normal(S, H)
    loss, gradient = ours(teacher, teacher, make_head("all"), how)
    assert abs(loss.item()) < 1e-6
    assert gradient.abs().max().item() < 1e-6


@pytest.mark.parametrize("how", KINDS, ids=str)
def test_huge_logits_stay_finite_and_right(how: Divergence) -> None:
    student, teacher = normal(S, H), normal(S, H, seed=3)
    head = Head(make_head().weight * 1e4)
    assert naive_logits(student, head).abs().max() > 5e4
    loss, gradient = ours(student, teacher, head, how)
    assert math.isfinite(loss.item()) and gradient.isfinite().all()
    value, _ = naive(student, teacher, head, how, torch.float64)
    torch.testing.assert_close(loss.double(), value, rtol=1e-5, atol=0)


@pytest.mark.parametrize("how", KINDS[:1] + KINDS[-1:], ids=str)
def test_no_numbergive_zero_and_an_empty_gradient(how: Divergence) -> None:
    student = torch.empty(0, H, requires_grad=True)
    head, ids = make_head(), torch.empty(0, dtype=torch.long)
    loss = divergence(student, torch.empty(0, H), head, how) + cross_entropy(student, ids, head)
    assert loss.item() == 0 and loss.shape == () and loss.dtype == torch.float32
    assert torch.autograd.grad(loss, student)[0].shape == (0, H)
    assert log_probabilities(student, ids, head).shape == (0,)


@pytest.mark.parametrize("kind", ["forward_kl", "reverse_kl", "jsd"])
def test_gradient_is_the_slope_of_the_value(kind: Any) -> None:
    how, head = Divergence(kind, 2.0, True, 0.3), make_head("all")
    student, teacher, step = normal(S, H), normal(S, H, seed=3), 1e-2 * normal(S, H, seed=5)
    _, gradient = ours(student, teacher, head, how)
    ahead, behind = (divergence(student + d, teacher, head, how) for d in (step, -step))
    assert (gradient * step).sum().item() == pytest.approx((ahead - behind).item() / 2, rel=1e-3)


def test_no_gradient_is_computed_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked, "to_hidden", lambda *_: pytest.fail("gradient computed"))
    student, teacher, head = normal(S, H), normal(S, H, seed=3), make_head()
    assert not divergence(student, teacher, head, KINDS[0]).requires_grad


@pytest.mark.parametrize("how", KINDS, ids=str)
def test_bf16_inputs_on_cpu_are_computed_in_fp32(how: Divergence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_module, "VOCABULARY_BLOCK", 7)
    head = Head(make_head().weight.bfloat16(), normal(V, seed=2).bfloat16(), softcap=5.0)
    student, teacher = normal(S, H).bfloat16(), normal(S, H, seed=3).bfloat16()
    value, truth = naive(student, teacher, head, how, torch.float64)
    loss, gradient = ours(student, teacher, head, how, chunk=4)
    assert loss.dtype == torch.float32 and gradient.dtype == torch.bfloat16
    torch.testing.assert_close(loss.double(), value, rtol=1e-5, atol=0)
    torch.testing.assert_close(gradient, truth.bfloat16(), rtol=0.008, atol=1e-6)


@pytest.mark.parametrize("how", KINDS, ids=str)
def test_autocast_changes_nothing(how: Divergence) -> None:
    student, teacher, head = normal(S, H), normal(S, H, seed=3), make_head("all")
    outside = ours(student, teacher, head, how)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = ours(student, teacher, head, how)
    assert all(torch.equal(a, b) for a, b in zip(inside, outside, strict=True))


@pytest.mark.parametrize("scale", [2.0, 1.0, -1.0])
def test_the_scale_of_the_head_is_that_of_its_logits(scale: float) -> None:
    hidden, head = normal(S, H), Head(make_head().weight, scale=scale)
    torch.testing.assert_close(head_module.logits(hidden, head), scale * (hidden @ head.weight.T))


def test_gradient_is_multiplied_by_what_follows() -> None:
    student, teacher, head = normal(S, H).requires_grad_(), normal(S, H, seed=3), make_head()
    loss = divergence(student, teacher, head, KINDS[0]) / 7 + student.sum()
    gradient = torch.autograd.grad(loss, student)[0]
    torch.testing.assert_close(gradient, ours(student, teacher, head, KINDS[0])[1] / 7 + 1)


@pytest.mark.parametrize(
    ("student", "target"),
    [((S, H + 1), (S, H + 1)), ((S, H), (S - 1, H)), ((S, H), (1, H)), ((3, S, H), (3, S, H))],
)
def test_shapes_that_do_not_match_are_refused(student: Any, target: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        divergence(normal(*student), normal(*target), make_head(), KINDS[0])
    labels = Labels(torch.zeros(S, 1, dtype=torch.long), torch.zeros(S))
    with pytest.raises(ValueError, match="labels must be"):
        divergence(normal(S, H), normal(S, H), make_head(), KINDS[0], labels=labels)
    with pytest.raises(ValueError, match="must be"):
        cross_entropy(normal(S, H), torch.zeros(S, 1, dtype=torch.long), make_head())


def test_what_does_not_match_is_named_with_both_shapes() -> None:
    head, how, hidden = make_head("bias"), KINDS[0], normal(S, H)
    ids, share = torch.zeros(S, dtype=torch.long), torch.zeros(S)
    wrong: dict[str, Any] = {
        "hidden states must be [9, 16], got [9, 17]": lambda: divergence(normal(S, H + 1), hidden, head, how),
        "target must be [9, 16], got [8, 16]": lambda: divergence(hidden, normal(S - 1, H), head, how),
        "target must be [9], got [9, 16]": lambda: cross_entropy(hidden, hidden, head),
        "labels must be [9], got [8]": lambda: divergence(hidden, hidden, head, how, labels=Labels(ids[1:], share)),
        "shares of the labels must be [9], got [1]": lambda: divergence(
            hidden, hidden, head, how, labels=Labels(ids, share[:1])
        ),
        "bias must be [50], got [1]": lambda: divergence(hidden, hidden, Head(head.weight, share[:1]), how),
    }
    for words, call in wrong.items():
        with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
            call()
