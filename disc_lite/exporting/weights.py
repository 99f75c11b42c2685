"""Exports as safetensors: the PEFT adapter folder, and the merged model."""

from __future__ import annotations

import shutil
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor

from disc_lite.exporting.choosing import chosen_weights, merging_of, on_stored_base
from disc_lite.exporting.job import ExportResult, Job
from disc_lite.exporting.merging import Merging, write_merged
from disc_lite.exporting.modelcard import named_base
from disc_lite.exporting.outputs import outputs_of
from disc_lite.exporting.prompting import add_settings
from disc_lite.exporting.proof import Check, Outputs, compare, mean_kl
from disc_lite.exporting.streaming import streamed_outputs
from disc_lite.exporting.tensors import stored_tensors
from disc_lite.hub.adapters import CONFIG, TRAINED_ON, WEIGHTS
from disc_lite.hub.weights import weight_files
from disc_lite.models import load_base
from disc_lite.models.device import device_of, free_bytes, free_memory, has_own_memory
from disc_lite.models.host import available_host_bytes
from disc_lite.models.tokens import Tokens
from disc_lite.storage import read_json, write_json


def make_adapter(job: Job, folder: Path) -> ExportResult:
    """Write the PEFT folder, verified by plain PEFT on the same base; if that is NF4, measure the stored base too."""
    tensors = 2 * len(job.adapter.tensors)  # read and checked here, before any of it is copied
    for name in (WEIGHTS, TRAINED_ON):
        shutil.copyfile(job.run.folder.adapter / name, folder / name)
    config = read_json(job.run.folder.adapter / CONFIG)
    write_json(folder / CONFIG, {**config, "base_model_name_or_path": named_base(job.run.model)})
    base, inputs = job.trained, job.inputs
    elsewhere, about = on_stored_base(job) if base.quantize == "nf4" else (None, {})
    base.compute_by_peft()  # as users of the folder do
    trained = outputs_of(base, inputs, True)
    base.model.load_adapter(str(folder), adapter_name="exported")
    base.model.set_adapter("exported")
    base.set_modes()
    lines = compare(inputs, trained, outputs_of(base, inputs, True), "transformers and peft", exact=True)
    lines += [elsewhere] if elsewhere else []
    return ExportResult(lines, {"tensors": tensors, **about})


def make_merged(job: Job, folder: Path) -> ExportResult:
    """Write the merged model, with the base weights that come closer to the trained model, or those chosen."""
    merging = merging_of(job)
    onto, nats = chosen_weights(job, merging)
    write_merged(job.run.model.folder, merging, onto, folder, lambda name: job.tell(f"writing {name}, {onto} weights"))
    add_settings(job.tokens, folder)
    size_bytes = sum(path.stat().st_size for path in weight_files(folder))
    inputs, trained, where = job.inputs, job.outputs, _room_for(size_bytes, job.choice.device)
    if where:
        job.unload()
        job.tell("loading and running the merged model")
        merged = outputs_of(load_base(folder, "none", where), inputs, False)
        free_memory()
        lines = compare(inputs, trained, merged, "transformers", exact=False)
    else:
        job.tell("running the merged model, a matrix at a time")
        merged, read = _streamed(job, merging, onto, folder)
        how = "a matrix at a time, as it does not fit into memory"
        lines = [*compare(inputs, trained, merged, how, exact=False), read]
    kl = mean_kl(trained.logits, merged.logits)
    return ExportResult(lines, {"onto": onto, "kl": kl if isfinite(kl) else None, **nats})


def _streamed(job: Job, merging: Merging, onto: str, folder: Path) -> tuple[Outputs, Check]:
    """Return the outputs of the written model, and whether all of its tensors are as they should be, byte for byte."""
    names, base, written = job.adapter.plain_names, merging.stored, stored_tensors(folder)
    others = [name for name in base if name.removesuffix(".weight") not in job.adapter.tensors]
    wrong = {name for name in others if base[name].raw() != written[name].raw()}

    def weight(name: str) -> Tensor:
        job.check()
        tensor = f"{names[name]}.weight"
        read = written[tensor].read()
        if not torch.equal(read, merging.weight(names[name], onto).cpu()):
            wrong.add(tensor)
        return read

    outputs = streamed_outputs(job.trained, Tokens(folder), job.inputs, job.outputs, weight)
    text = f"equal: {len(base) - len(wrong)} of {len(base)}"
    return outputs, Check("tensors", not wrong, "read back", text, len(wrong))


def _room_for(size_bytes: int, device: str | None) -> str:
    """Return the device that can load a model of 16-bit weights: the GPU, the CPU (in fp32 at most), or "".

    The trained model may still be in memory.
    """
    gpu = device_of(device)
    if has_own_memory(gpu) and free_bytes(gpu) > 1.2 * size_bytes:
        return str(gpu)
    return "cpu" if available_host_bytes() > 2.4 * size_bytes else ""
