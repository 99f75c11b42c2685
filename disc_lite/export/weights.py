"""Exports as safetensors: the PEFT adapter folder, and the merged model."""

from __future__ import annotations

import shutil
from math import isfinite
from pathlib import Path

import psutil
import torch
from safetensors import safe_open

from disc_lite.export.job import ExportResult, Job, free_memory
from disc_lite.export.merging import merged_tensors, write_merged
from disc_lite.export.modelcard import model_card, public_name
from disc_lite.export.proof import Check, compare, mean_kl, outputs_of, proof_inputs
from disc_lite.hub.adapters import CONFIG, WEIGHTS
from disc_lite.hub.weights import weight_files
from disc_lite.models import load_base
from disc_lite.storage import JsonObject, disk, read_json, write_json, write_text


def make_adapter(job: Job, folder: Path) -> ExportResult:
    """The PEFT folder, verified by plain PEFT on the same base."""
    assert job.adapter.tensors  # read and checked
    shutil.copyfile(job.run.folder.adapter / WEIGHTS, folder / WEIGHTS)
    config = read_json(job.run.folder.adapter / CONFIG)
    write_json(folder / CONFIG, {**config, "base_model_name_or_path": public_name(job.run.model)})
    write_text(folder / "README.md", model_card(job.run, job.choice.document_names))
    base = job.load_trained()
    inputs = proof_inputs(job.run, base.tokens)
    trained = outputs_of(base, inputs, True)
    base.model.load_adapter(str(folder), adapter_name="exported")
    base.model.set_adapter("exported")
    base.set_modes()
    lines = compare(trained, outputs_of(base, inputs, True), "transformers and peft", exact=True)
    return ExportResult(lines, {"tensors": 2 * len(job.adapter.tensors)})


def make_merged(job: Job, folder: Path) -> ExportResult:
    """The merged model, onto the weights that come closer to the trained model, or those that were chosen."""
    if job.run.recipe.memory.quantize != "nf4":
        return _one_merged(job, "original", folder)
    if job.choice.onto != "auto":
        return _one_merged(job, job.choice.onto, folder)
    made = {}
    for onto in ("original", "nf4"):
        (folder / onto).mkdir()
        made[onto] = _one_merged(job, onto, folder / onto)
    nats = {onto: one.about["kl"] for onto, one in made.items()}
    # If neither could be loaded and measured: the weights that training used.
    best = min(nats, key=lambda onto: (nats[onto] is None, nats[onto] or 0.0, onto))
    for path in sorted((folder / best).iterdir()):
        disk.rename(path, folder / path.name)
    for onto in made:
        disk.remove(folder / onto)
    return ExportResult(
        made[best].proof,
        {**made[best].about, "kl_by_base": {k: v if v is not None and isfinite(v) else None for k, v in nats.items()}},
    )


def _one_merged(job: Job, onto: str, folder: Path) -> ExportResult:
    model = job.run.model.folder
    write_merged(model, job.adapter, onto, folder, lambda name: job.tell(f"writing {name} onto the {onto} weights"))
    about: JsonObject = {"onto": onto, "kl": None}
    where = _room_for(sum(path.stat().st_size for path in weight_files(folder)), job.choice.device)
    if not where:
        return ExportResult([_read_back(job, onto, folder)], about)
    inputs, trained = job.inputs, job.outputs
    job.tell(f"running the merged model ({onto})")
    merged = outputs_of(load_base(folder, "none", where), inputs, False)
    free_memory()
    return ExportResult(
        compare(trained, merged, "transformers", exact=False), {**about, "kl": mean_kl(trained.logits, merged.logits)}
    )


def _room_for(size_bytes: int, device: str | None) -> str:
    """The device on which a model of 16-bit weights can be loaded: the GPU, the CPU (in fp32), or none ("")."""
    cuda = device or "cuda"
    if cuda != "cpu" and torch.cuda.is_available() and torch.cuda.mem_get_info(cuda)[0] > 1.2 * size_bytes:
        return cuda
    return "cpu" if psutil.virtual_memory().available > 2.4 * size_bytes else ""


def _read_back(job: Job, onto: str, folder: Path) -> Check:
    """The proof where the model does not fit into memory: every tensor is read back and compared."""
    wrong = of = 0
    for source, written in zip(weight_files(job.run.model.folder), weight_files(folder), strict=True):
        job.tell(f"reading back {written.name}")
        with safe_open(written, framework="pt") as file:
            names = set(file.keys())
            for name, tensor in merged_tensors(source, job.adapter, onto):
                of += 1
                wrong += name not in names or not torch.equal(file.get_tensor(name), tensor)
    return Check(
        "tensors", not wrong, "read back, since it does not fit into memory", f"equal: {of - wrong} of {of}", wrong
    )
