"""Which weights the adapter is added to: the stored ones, or those that are rounded as the trained model has them."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from torch import Tensor

from disc_lite.export.job import Job
from disc_lite.export.merging import Merging
from disc_lite.export.outputs import logits_from, with_answers
from disc_lite.export.proof import mean_kl
from disc_lite.export.streaming import Weight, streamed_logits
from disc_lite.export.tensors import stored_tensors
from disc_lite.models.device import device_of
from disc_lite.storage import JsonObject

Written = Callable[[str, Tensor], Tensor]  # module, its merged matrix in fp32 -> what is read from the export


def merging_of(job: Job) -> Merging:
    return Merging(stored_tensors(job.run.model.folder), job.adapter, lambda: job.trained, device_of(job.choice.device))


def chosen_weights(job: Job, merging: Merging, written: Written | None = None) -> tuple[str, JsonObject]:
    """`original` or `nf4`; and for the record, where both were tried, KL(trained || merged) of each in nats.

    The mean over the tokens of the trained model's answers and the first after the neutral prompts, with the weights as
    they are `written`. NF4 weights are those that were trained on, but types of about four bits round them back to the
    sixteen levels they had, and a small update with them; stored weights in 16 bits lie on no grid.
    """
    if job.run.recipe.memory.quantize != "nf4":
        return "original", {}
    if job.choice.onto != "auto":
        return job.choice.onto, {}
    names, (texts, firsts) = job.adapter.plain_names, with_answers(job.inputs, job.outputs.answers)
    with job.trained.frozen(adapter=True):
        trained = logits_from(job.trained, texts, firsts)

    def weights(onto: str) -> Weight:
        def weight(name: str) -> Tensor:
            job.check()
            module = names[name]
            return written(module, merging.exact(module, onto)) if written else merging.weight(module, onto)

        return weight

    nats = dict[str, float]()
    for onto in ("nf4", "original"):
        job.tell(f"comparing a merge onto the {onto} weights with the trained model")
        nats[onto] = mean_kl(trained, streamed_logits(job.trained, texts, firsts, weights(onto)))
    known = {onto: value if isfinite(value) else None for onto, value in nats.items()}
    return min(nats, key=lambda onto: nats[onto]), {"kl_by_base": known}
