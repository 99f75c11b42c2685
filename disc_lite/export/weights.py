"""Exports as safetensors: the PEFT folder, and base and adapter merged."""

from __future__ import annotations

import shutil
from math import isfinite
from pathlib import Path
from typing import Any

import psutil
import torch
from safetensors import safe_open

from disc_lite.export.adapter import weight_files
from disc_lite.export.job import Job, Made, forget
from disc_lite.export.merging import merged_tensors, write_merged
from disc_lite.export.modelcard import model_card, public_name
from disc_lite.export.proof import Line, compare, mean_kl, outputs_of, questions_for
from disc_lite.hub.adapters import CONFIG, WEIGHTS
from disc_lite.models import load_base
from disc_lite.storage import disk, read_json, write_json, write_text


def make_adapter(job: Job, folder: Path) -> Made:
    """The PEFT folder, proved by plain PEFT on the same base."""
    assert job.adapter.tensors  # read and checked
    shutil.copyfile(job.run.folder.adapter / WEIGHTS, folder / WEIGHTS)
    config = read_json(job.run.folder.adapter / CONFIG)
    write_json(folder / CONFIG, {**config, "base_model_name_or_path": public_name(job.run.model)})
    write_text(folder / "README.md", model_card(job.run))
    base = job.load_trained()
    asked = questions_for(job.run, base.tokens)
    ours = outputs_of(base, asked, True)
    base.model.load_adapter(str(folder), adapter_name="exported")
    base.model.set_adapter("exported")
    base.model.train()  # eval() would repack 4-bit weights on a CPU, see models.base
    lines = compare(ours, outputs_of(base, asked, True), "transformers and peft", exact=True)
    return Made(lines, {"tensors": 2 * len(job.adapter.tensors)})


def make_merged(job: Job, folder: Path) -> Made:
    """Base and adapter in one, onto the weights that come closer to the trained model, or those asked for."""
    if job.run.recipe.memory.quantize != "nf4":
        return _one_merged(job, "original", folder)
    if job.choice.onto != "auto":
        return _one_merged(job, job.choice.onto, folder)
    made = {}
    for onto in ("original", "nf4"):
        (folder / onto).mkdir()
        made[onto] = _one_merged(job, onto, folder / onto)
    nats = {onto: one.about["kl"] for onto, one in made.items()}
    # Where none could be loaded and measured: the weights that were trained against.
    best = min(nats, key=lambda onto: (nats[onto] is None, nats[onto] or 0.0, onto))
    for path in sorted((folder / best).iterdir()):
        disk.rename(path, folder / path.name)
    for onto in made:
        disk.remove(folder / onto)
    return Made(
        made[best].proof,
        {**made[best].about, "kl_by_base": {k: v if v is not None and isfinite(v) else None for k, v in nats.items()}},
    )


def _one_merged(job: Job, onto: str, folder: Path) -> Made:
    model = job.run.model.folder
    write_merged(model, job.adapter, onto, folder, lambda name: job.tell(f"writing {name} onto the {onto} weights"))
    about: dict[str, Any] = {"onto": onto, "kl": None}
    where = _room_for(sum(path.stat().st_size for path in weight_files(folder)), job.choice.device)
    if not where:
        return Made([_read_back(job, onto, folder)], about)
    asked, trained = job.asked, job.said
    job.tell(f"asking the merged model ({onto})")
    given = outputs_of(load_base(folder, "none", where), asked, False)
    forget()
    return Made(
        compare(trained, given, "transformers", exact=False), {**about, "kl": mean_kl(trained.logits, given.logits)}
    )


def _room_for(size_bytes: int, device: str | None) -> str:
    """Where a model of 16-bit weights can be loaded: on the GPU, in fp32 in memory, or nowhere ("")."""
    cuda = device or "cuda"
    if cuda != "cpu" and torch.cuda.is_available() and torch.cuda.mem_get_info(cuda)[0] > 1.2 * size_bytes:
        return cuda
    return "cpu" if psutil.virtual_memory().available > 2.4 * size_bytes else ""


def _read_back(job: Job, onto: str, folder: Path) -> Line:
    """The proof where memory does not allow another: every tensor read again equals what it should be."""
    wrong = of = 0
    for source, written in zip(weight_files(job.run.model.folder), weight_files(folder), strict=True):
        job.tell(f"reading {written.name} again")
        with safe_open(written, framework="pt") as file:
            there = set(file.keys())
            for name, tensor in merged_tensors(source, job.adapter, onto):
                of += 1
                wrong += name not in there or not torch.equal(file.get_tensor(name), tensor)
    return Line("tensors", not wrong, "read back, for want of memory to load it", f"equal: {of - wrong} of {of}", wrong)
