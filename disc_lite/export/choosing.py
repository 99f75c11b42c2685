"""Which weights the adapter is added to: the stored ones, or those that are rounded as the trained model has them."""

from __future__ import annotations

from math import isfinite

from disc_lite.export.job import Job
from disc_lite.export.merging import Merging
from disc_lite.export.proof import mean_kl
from disc_lite.export.streaming import Weight, streamed_logits
from disc_lite.export.tensors import stored_tensors
from disc_lite.models.device import device_of
from disc_lite.storage import JsonObject


def merging_of(job: Job) -> Merging:
    return Merging(stored_tensors(job.run.model.folder), job.adapter, lambda: job.trained, device_of(job.choice.device))


def chosen_weights(job: Job, merging: Merging) -> tuple[str, JsonObject]:
    """`original` or `nf4`; and for the record, where both were tried, KL(trained || merged) of each in nats."""
    if job.run.recipe.memory.quantize != "nf4":
        return "original", {}
    if job.choice.onto != "auto":
        return job.choice.onto, {}
    names, trained = job.adapter.plain_names, job.outputs

    def weights(onto: str) -> Weight:
        return lambda name: merging.weight(names[name], onto)

    nats = dict[str, float]()
    for onto in ("nf4", "original"):
        job.tell(f"comparing a merge onto the {onto} weights with the trained model")
        nats[onto] = mean_kl(trained.logits, streamed_logits(job.trained, job.inputs.prompts, weights(onto)))
    known = {onto: value if isfinite(value) else None for onto, value in nats.items()}
    return min(nats, key=lambda onto: nats[onto]), {"kl_by_base": known}
