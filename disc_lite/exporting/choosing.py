"""Chooses the weights to add the adapter to: those stored, or those rounded as in the trained model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite

from torch import Tensor

from disc_lite.exporting.job import Job
from disc_lite.exporting.layout import Array
from disc_lite.exporting.merging import Merging
from disc_lite.exporting.outputs import logits_from, with_answers
from disc_lite.exporting.proof import Check, mean_kl
from disc_lite.exporting.streaming import answers_from, streamed_logits
from disc_lite.exporting.tensors import stored_tensors
from disc_lite.models.device import device_of
from disc_lite.storage import JsonObject

Texts = Sequence[Sequence[int]]
Weight = Callable[[str], Tensor]  # module -> its matrix
Written = Callable[[str, Tensor], Tensor]  # module, its merged matrix in fp32 -> the matrix as read from the export


def merging_of(job: Job) -> Merging:
    return Merging(stored_tensors(job.run.model.folder), job.adapter, lambda: job.trained, device_of(job.choice.device))


def chosen_weights(job: Job, merging: Merging, written: Written | None = None) -> tuple[str, JsonObject]:
    """Return `original` or `nf4`, and, if both were tried, KL(trained || merged) of each in nats for the record.

    The KL is the mean over the tokens of the trained model's answers and the first token after the neutral prompts,
    with the weights as they are `written`. The model was trained on NF4 weights, but types of about four bits round
    them back to their sixteen levels, and lose a small update with that; stored 16-bit weights lie on no grid.
    """
    if job.run.recipe.memory.quantize != "nf4":
        return "original", {}
    if job.choice.onto != "auto":
        return job.choice.onto, {}
    texts, firsts = with_answers(job.inputs, job.outputs.answers)
    trained = _logits(job, texts, firsts, adapter=True)

    def weights(onto: str) -> Weight:
        if written is None:
            return lambda module: merging.weight(module, onto)
        return lambda module: written(module, merging.exact(module, onto))

    nats = dict[str, float]()
    for onto in ("nf4", "original"):
        job.tell(f"comparing a merge onto the {onto} weights with the trained model")
        nats[onto] = mean_kl(trained, _streamed(job, texts, firsts, weights(onto)))
    known = {onto: value if isfinite(value) else None for onto, value in nats.items()}
    return min(nats, key=lambda onto: nats[onto]), {"kl_by_base": known}


def on_stored_base(job: Job) -> tuple[Check, JsonObject]:
    """Measure how far the adapter on the stored base is from the trained model, whose base is in NF4; never fails.

    Over the tokens of the trained model's answers and the first token after the neutral prompts.
    """
    merging, answers = merging_of(job), job.outputs.answers
    texts, firsts = with_answers(job.inputs, answers)
    trained, base = (_logits(job, texts, firsts, adapter) for adapter in (True, False))
    job.tell("comparing the adapter on the base as it is stored with the trained model")
    stored = _streamed(job, texts, firsts, lambda module: merging.exact(module, "original"))
    nats, of_base = mean_kl(trained, stored), mean_kl(trained, base)
    same = sum(a == b for a, b in zip(answers, answers_from(stored, answers), strict=True))
    text = (
        f"on the base as it is stored, and not in NF4, answers equal: {same} of {len(answers)} (KL {nats:.2g} nats, of "
        f"the base alone {of_base:.2g})"
    )
    about = {"kl": nats if isfinite(nats) else None, "kl_of_base": of_base, "equal": same, "of": len(answers)}
    return Check("elsewhere", True, "a matrix at a time", text, same), {"on_stored_base": about}


def _logits(job: Job, texts: Texts, firsts: Sequence[int], adapter: bool) -> Array:
    with job.trained.frozen(adapter=adapter):
        return logits_from(job.trained, texts, firsts)


def _streamed(job: Job, texts: Texts, firsts: Sequence[int], weight: Weight) -> Array:
    """Return the logits with these matrices; `weight` maps a module in the base's files to one. A signal stops it."""
    names = job.adapter.plain_names

    def checked(name: str) -> Tensor:
        job.check()
        return weight(names[name])

    return streamed_logits(job.trained, texts, firsts, checked)
