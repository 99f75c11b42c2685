"""Exports as GGUF: the LoRA alone, the whole model, and a folder for Ollama."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from disc_lite.errors import RunFailed
from disc_lite.exporting.choosing import Written, chosen_weights, merging_of
from disc_lite.exporting.ggufreading import Gguf, open_gguf
from disc_lite.exporting.ggufwriting import (
    ALPHA,
    COARSE,
    ROUNDING,
    check_same_model,
    lora_tensors,
    write_lora,
    write_model,
)
from disc_lite.exporting.job import ExportResult, Job
from disc_lite.exporting.layout import Array, find_converter, numbers
from disc_lite.exporting.llama import Request, run_child, run_llama
from disc_lite.exporting.modelcard import public_name
from disc_lite.exporting.modelfile import modelfile
from disc_lite.exporting.proof import RUNS, Check, compare
from disc_lite.exporting.quantising import SAFE, bits, kinds_to_try, rounded
from disc_lite.exporting.tensors import stored_tensors
from disc_lite.exporting.weights import make_merged
from disc_lite.storage import disk, read_json, write_json, write_text

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType as Kind

GGUF, LORA, BASE = "model.gguf", "adapter.gguf", "base.gguf"
EACH = 50  # tensors between two messages
MOST_LOST = 0.1  # largest share of the update that may be lost
SAMPLED_ROWS = 16  # rows of a tensor in which that share is measured


def make_gguf_lora(job: Job, folder: Path) -> ExportResult:
    """Write the adapter as a LoRA GGUF; verified in llama.cpp if that is installed and a base GGUF is given."""
    path, tensors = folder / LORA, lora_tensors(job.adapter, job.layout)
    write_lora(tensors, job.adapter.alpha, job.layout.architecture, path)
    file = open_gguf(path)
    alpha, there = file.value(ALPHA), file.tensors.keys() & tensors.keys()
    equal = sum(np.array_equal(file.numbers(name), tensors[name]) for name in there)
    same = equal == len(tensors) == len(file.tensors) and alpha == job.adapter.alpha
    text = f"equal: {equal} of {len(tensors)}, alpha {alpha:g}"
    lines = [Check("tensors", same, "read back with gguf", text, equal)]
    base = _check_base(job) if job.choice.base_gguf is not None else None
    if base is not None:
        lines += _through_llama(job, base.path, path)
    options = _options(job, base) if job.choice.to == "gguf-lora" else ""
    if options:
        text = f"llama.cpp adds {job.tokens.beginning} to a conversation, without which it was trained: {options}"
        lines.append(Check("begin", True, "by the chat template", text))
    return ExportResult(lines, {"tensors": len(tensors), **({"options": options} if options else {})})


def _options(job: Job, base: Gguf | None) -> str:
    """Return options for llama.cpp that set the `Job.keys` which another program's base GGUF lacks."""
    others = {key: says for key, says in job.keys.items() if base is None or base.value(key) is not says}
    return " ".join(f"--override-kv {key}=bool:{str(says).lower()}" for key, says in others.items())


def make_gguf(job: Job, folder: Path) -> ExportResult:
    """Write a whole GGUF, from the given base GGUF or with llama.cpp's converter."""
    path = folder / GGUF
    if job.choice.base_gguf is None:
        return _converted(job, folder, path)
    base, merging, modules = _check_base(job), merging_of(job), job.modules

    def progress(number: int, of: int) -> None:
        job.check()
        if number % EACH == 1:
            job.tell(f"writing tensor {number} of {of}, adapted ones in {' and '.join(names)}")

    for kinds in kinds_to_try(base, list(modules), job.choice.kind):
        names = sorted({kind.name for kind in kinds.values()})
        onto, nats = chosen_weights(job, merging, _as_written(job, kinds))
        values = {name: _rows(job, module, partial(merging.exact, module, onto)) for name, module in modules.items()}
        path.unlink(missing_ok=True)  # the file in the previous types, whose space this one needs
        write_model(base, values, kinds, job.keys, path, progress)
        left = _update_left(job, path, values)
        lines = [*(_through_llama(job, path) or _gguf_read_back(job, path, values, base)), left]
        if all(line.passed for line in lines):
            break
    about = {"adapted": len(modules), "adapted_types": names, "copied": len(base.tensors) - len(modules)}
    return ExportResult(lines, {"onto": onto, **nats, **about})


def _as_written(job: Job, kinds: Mapping[str, Kind]) -> Written:
    """Return a function that rounds merged matrices as the file does; rounding to 8 bits or more is ignored."""

    def written(module: str, matrix: Tensor) -> Tensor:
        kind = kinds[job.layout.name(f"{module}.weight")]
        return matrix if bits(kind) >= 8 else torch.from_numpy(rounded(numbers(matrix), kind))

    return written


def _rows(job: Job, module: str, matrix: Callable[[], Tensor]) -> Callable[[], Array]:
    """Return a function that gives the matrix of a module with its rows in llama.cpp's order."""
    return lambda: job.layout.rows(f"{module}.weight", numbers(matrix()))


def _check_base(job: Job) -> Gguf:
    assert job.choice.base_gguf is not None
    job.tell("checking the base GGUF")
    base = open_gguf(job.choice.base_gguf)
    added = set(job.tokens.hf.get_added_vocab())
    vocabulary = {t: i for t, i in job.tokens.hf.get_vocab().items() if t not in added}
    check_same_model(base, job.run.model.folder, job.layout, vocabulary)
    return base


def _converted(job: Job, folder: Path, path: Path) -> ExportResult:
    converter = find_converter()
    merged = folder / "merged"
    merged.mkdir()
    made = make_merged(job, merged)
    if job.keys:
        settings = merged / "tokenizer_config.json"
        write_json(settings, {**read_json(settings, missing_ok=True), "add_bos_token": False})
    job.tell("llama.cpp converts the merged model")
    command = [sys.executable, str(converter), str(merged), "--outfile", str(path), "--outtype", "auto"]
    # Without a name the converter takes that of the folder, "Merged".
    code, last = run_child([*command, "--model-name", public_name(job.run.model)], job.check)
    if code or not path.is_file():
        raise RunFailed(
            "llama.cpp's converter could not convert the merged model.", last, "Use --base-gguf FILE instead."
        )
    lines = _through_llama(job, path)
    if not lines:
        stored = stored_tensors(merged)
        expected = {name: _rows(job, module, stored[f"{module}.weight"].read) for name, module in job.modules.items()}
        lines = [*made.proof, *_gguf_read_back(job, path, expected, None), _update_left(job, path, expected)]
    disk.remove(merged)
    lines += _begins(job, path)
    return ExportResult(lines, {**made.about, "converter": converter.name})


def _begins(job: Job, path: Path) -> list[Check]:
    """Check that a file written by another program has the values of `Job.keys`."""
    file = open_gguf(path) if job.keys else None
    return [
        Check("begin", file.value(key) is says, "read back with gguf", f"{key} is {file.value(key)}")
        for key, says in job.keys.items() if file
    ]  # fmt: skip


def _through_llama(job: Job, model: Path, lora: Path | None = None) -> list[Check]:
    """Return the proof by llama.cpp itself; empty if it is not installed."""
    if not job.llama:
        return []
    inputs, trained = job.inputs, job.outputs
    job.unload()
    job.tell("running llama.cpp")
    file, other = (str(path.absolute()) if path else "" for path in (model, lora))
    request = Request(
        file, other, list(inputs.texts), [list(p) for p in inputs.prompts], inputs.answered,
        sorted(job.tokens.stop_ids), inputs.answer_tokens,
    )  # fmt: skip
    try:
        exported = run_llama(request, job.check)
    except ValueError as error:
        return [Check(RUNS, False, job.llama, str(error))]
    return compare(inputs, trained, exported, job.llama, exact=False)


def _update_left(job: Job, path: Path, expected: Mapping[str, Callable[[], Array]]) -> Check:
    """Measure the share of the update in the file: 1 + (written - right)·(scale · B·A) / |scale · B·A|².

    It is taken over sampled rows. A small update may lie within the rounding of a type, which then restores every
    weight to what it was, or moves it further than it should. With llama.cpp the logits decide whether that is too
    much; without it, this share does.
    """
    file, lost, whole = open_gguf(path), 0.0, 0.0
    for name, values in expected.items():
        job.check()
        right = values()
        at = np.linspace(0, len(right) - 1, SAMPLED_ROWS).astype(int)
        off = file.rows(name, at) - right[at]
        module = job.modules[name]
        update = _rows(job, module, partial(job.adapter.delta, module))()[at]
        lost, whole = lost - float(np.vdot(off, update)), whole + float(np.vdot(update, update))
    share = 1 - lost / max(whole, 1e-30)
    near = abs(1 - share) <= MOST_LOST
    text = f"{share:.0%} of the adapter's update is there" + ("" if near else f"; --type {SAFE} keeps it")
    return Check("update", near or bool(job.llama), "read back with gguf", text, share)


def _gguf_read_back(
    job: Job, path: Path, expected: Mapping[str, Callable[[], Array]], base: Gguf | None
) -> list[Check]:
    """Return the proof without llama.cpp: adapted tensors are close to what they should be, others equal the base."""
    file, how = open_gguf(path), "read back with gguf; llama.cpp is not installed"
    worst, near = 0.0, True
    for number, (name, values) in enumerate(expected.items(), 1):
        job.check()
        if number % EACH == 1:
            job.tell(f"reading back tensor {number} of {len(expected)}")
        right = values()
        error = float(np.linalg.norm(file.numbers(name) - right) / max(1e-12, float(np.linalg.norm(right))))
        near = near and error <= ROUNDING.get(file.tensors[name].tensor_type.name, COARSE)
        worst = max(worst, error)
    text = f"{len(expected)} adapted, off by at most {worst:.2%} of their norm"
    lines = [Check("tensors", near, how, text, worst)]
    if base is not None:
        others = [name for name in base.tensors if name not in expected]
        equal = sum(np.array_equal(base.tensors[n].data, file.tensors[n].data) for n in others)
        # The file type describes the types of the tensors, and may change with them.
        ours = {"general.file_type", *job.keys}
        keys = [k for k in base.reader.fields if not k.startswith("GGUF.") and k not in ours]
        same = sum(base.value(key) == file.value(key) for key in keys)
        text = f"as in the base: {equal} of {len(others)} tensors, {same} of {len(keys)} keys"
        lines.append(Check("the rest", equal == len(others) and same == len(keys), how, text, equal))
    return lines


# -- Ollama ----------------------------------------------------------------------------------------------


def make_ollama(job: Job, folder: Path) -> ExportResult:
    """Write a GGUF and the Modelfile for `ollama create`; with `legacy_adapter` base and adapter as two files."""
    legacy, other = job.choice.legacy_adapter, job.choice.template
    template = other.read_text(encoding="utf-8") if other else None
    text = modelfile(job.run.model.folder, BASE if legacy else GGUF, LORA if legacy else None, template)
    if legacy:
        assert job.choice.base_gguf is not None
        made = make_gguf_lora(job, folder)
        if job.keys:
            write_model(open_gguf(job.choice.base_gguf), {}, {}, job.keys, folder / BASE, lambda *_: job.check())
        else:
            shutil.copyfile(job.choice.base_gguf, folder / BASE)
    else:
        made = make_gguf(job, folder)
    write_text(folder / "Modelfile", text)
    return made
