"""Outputs of a merged model without loading it: the trained model computes with its matrices, one at a time.

Everything else is the same in both models: embeddings, norms and head are never quantised or adapted. Memory holds
the trained model and one merged matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from peft.tuners.lora import LoraLayer
from torch import Tensor
from torch.nn.functional import linear

from disc_lite.exporting.layout import Array
from disc_lite.exporting.outputs import logits_from, token_ids, with_answers
from disc_lite.exporting.proof import Outputs, ProofInputs
from disc_lite.hub.weights import plain_name
from disc_lite.models import Base
from disc_lite.models.tokens import Tokens

Weight = Callable[[str], Tensor]  # plain name of a linear layer -> its matrix [out, in]
Answers = tuple[tuple[int, ...], ...]


def projections(base: Base) -> dict[str, Any]:
    """Return the adapted linear layers, as PEFT has wrapped them, by their plain names."""
    return {plain_name(name): part for name, part in base.causal.named_modules() if isinstance(part, LoraLayer)}


def streamed_logits(base: Base, texts: Sequence[Sequence[int]], firsts: Sequence[int], weight: Weight) -> Array:
    """Return `logits_from` for the model with these weights: [N, V], fp32."""
    with base.frozen(adapter=False), _computing_with(base, weight):
        return logits_from(base, texts, firsts)


def streamed_outputs(base: Base, tokens: Tokens, inputs: ProofInputs, trained: Outputs, weight: Weight) -> Outputs:
    """Return the outputs of the model with these weights, by one forward pass.

    Its greedy answers are those of the trained model if each of their tokens is its likeliest after those before;
    otherwise an answer ends at the first token that differs.
    """
    rows = streamed_logits(base, *with_answers(inputs, trained.answers), weight)
    starts = _starts(trained.answers)
    at = [*starts[:-1], *range(starts[-1], len(rows))]
    return Outputs(token_ids(tokens, inputs), rows[at], answers_from(rows, trained.answers))


def answers_from(rows: Array, answers: Answers) -> Answers:
    """Return the greedy answers of a model with these logits [N, V] for `with_answers`."""
    likeliest = rows.argmax(1).tolist()
    return tuple(
        _until_other(answer, likeliest[start : start + len(answer)])
        for answer, start in zip(answers, _starts(answers), strict=False)
    )


def _starts(answers: Answers) -> list[int]:
    """Return the row at which each answer begins, and the row after the last answer."""
    return [sum(map(len, answers[:n])) for n in range(len(answers) + 1)]


def _until_other(answer: tuple[int, ...], likeliest: list[int]) -> tuple[int, ...]:
    same = next((n for n, (a, b) in enumerate(zip(answer, likeliest, strict=True)) if a != b), len(answer) - 1)
    return (*answer[:same], likeliest[same])


@contextmanager
def _computing_with(base: Base, weight: Weight) -> Iterator[None]:
    """Make every adapted linear layer compute with another matrix, instead of its own and its adapter."""

    def replaced(name: str, part: Any) -> Callable[..., Tensor]:
        bias = part.get_base_layer().bias

        def forward(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            return linear(x, weight(name).to(x), None if bias is None else bias.to(x.dtype))

        return forward

    parts = projections(base)
    own = {name: vars(part).pop("forward", None) for name, part in parts.items()}  # from `models.lora`, or none
    try:
        for name, part in parts.items():
            part.forward = replaced(name, part)
        yield
    finally:
        for name, part in parts.items():
            del part.forward
            if own[name] is not None:
                part.forward = own[name]
