"""Exports as GGUF: the LoRA alone, the whole model, and a folder for Ollama."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from disc_lite.errors import RunFailed
from disc_lite.exporting.choosing import Written, chosen_weights, merging_of
from disc_lite.exporting.ggufkeys import ADD_BOS, CHAT_TEMPLATE, changed_keys, keys_line
from disc_lite.exporting.ggufproof import EACH, read_back, update_left
from disc_lite.exporting.ggufreading import Gguf, KeyValue, open_gguf
from disc_lite.exporting.ggufwriting import ALPHA, check_same_model, lora_tensors, write_lora, write_model
from disc_lite.exporting.job import ExportResult, Job
from disc_lite.exporting.layout import find_converter, numbers
from disc_lite.exporting.llama import Request, run_child, run_llama
from disc_lite.exporting.merging import copy_licence
from disc_lite.exporting.modelcard import public_name
from disc_lite.exporting.modelfile import modelfile
from disc_lite.exporting.proof import RUNS, Check, compare
from disc_lite.exporting.quantising import bits, kinds_to_try, rounded
from disc_lite.exporting.tensors import stored_tensors
from disc_lite.exporting.weights import make_merged
from disc_lite.storage import disk, write_text

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType as Kind

GGUF, LORA, BASE = "model.gguf", "adapter.gguf", "base.gguf"


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
    options = ""
    if job.choice.to == "gguf-lora":
        options, advice = _advice(job, base)
        lines += advice
    return ExportResult(lines, {"tensors": len(tensors), **({"options": options} if options else {})})


def _advice(job: Job, base: Gguf | None) -> tuple[str, list[Check]]:
    """Return the options that llama.cpp needs with another program's base GGUF, and lines about them."""
    of_any = dict[str, KeyValue]({ADD_BOS: False} if job.tokens.omits_bos else {})
    changed = of_any if base is None else changed_keys(job.tokens, base)
    lines, how = list[Check](), "by the chat template"
    if changed.pop(CHAT_TEMPLATE, None):
        text = "that of the base GGUF writes other prompts; give llama.cpp the model's with --chat-template-file"
        lines.append(Check("template", True, how, text))
    kinds = {key: "bool" if isinstance(value, bool) else "int" for key, value in changed.items()}
    options = ",".join(f"{key}={kind}:{str(changed[key]).lower()}" for key, kind in kinds.items())
    if options:
        options = f"--override-kv {options}"
        begins = f"llama.cpp adds {job.tokens.beginning} to a conversation, without which it was trained"
        text = begins if ADD_BOS in changed else "llama.cpp does not know the token that ends an answer"
        lines.append(Check("options", True, how, f"{text}: {options}"))
    return options, lines


def make_gguf(job: Job, folder: Path) -> ExportResult:
    """Write a whole GGUF, from the given base GGUF or with llama.cpp's converter."""
    path = folder / GGUF
    if job.choice.base_gguf is None:
        return _converted(job, folder, path)
    base, merging, modules = _check_base(job), merging_of(job), job.modules
    keys = changed_keys(job.tokens, base)

    def progress(number: int, of: int) -> None:
        job.check()
        if number % EACH == 1:
            job.tell(f"writing tensor {number} of {of}, adapted ones in {' and '.join(names)}")

    for kinds in kinds_to_try(base, list(modules), job.choice.kind):
        names = sorted({kind.name for kind in kinds.values()})
        onto, nats = chosen_weights(job, merging, _as_written(job, kinds))
        values = {name: job.rows(module, partial(merging.exact, module, onto)) for name, module in modules.items()}
        path.unlink(missing_ok=True)  # the file in the previous types, whose space this one needs
        write_model(base, values, kinds, keys, path, progress)
        left = update_left(job, path, values)
        lines = [*(_through_llama(job, path) or read_back(job, path, values, base, keys)), left]
        if all(line.passed for line in lines):
            break
    about = {"adapted": len(modules), "adapted_types": names, "copied": len(base.tensors) - len(modules)}
    copy_licence(job.run.model.folder, folder)
    return ExportResult([*lines, *keys_line(path, keys)], {"onto": onto, **nats, **about})


def _as_written(job: Job, kinds: Mapping[str, Kind]) -> Written:
    """Return a function that rounds merged matrices as the file does; rounding to 8 bits or more is ignored."""

    def written(module: str, matrix: Tensor) -> Tensor:
        kind = kinds[job.layout.name(f"{module}.weight")]
        return matrix if bits(kind) >= 8 else torch.from_numpy(rounded(numbers(matrix), kind))

    return written


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
    job.tell("llama.cpp converts the merged model")
    command = [sys.executable, str(converter), str(merged), "--outfile", str(path), "--outtype", "auto"]
    # Without a name the converter takes that of the folder, "Merged".
    code, last = run_child([*command, "--model-name", public_name(job.run.model)], job.check)
    if code or not path.is_file():
        raise RunFailed(
            "llama.cpp's converter could not convert the merged model.", last, "Use --base-gguf FILE instead."
        )
    keys = _with_own_keys(job, path)
    lines = _through_llama(job, path)
    if not lines:
        stored = stored_tensors(merged)
        expected = {name: job.rows(module, stored[f"{module}.weight"].read) for name, module in job.modules.items()}
        lines = [*made.proof, *read_back(job, path, expected), update_left(job, path, expected)]
    disk.remove(merged)
    copy_licence(job.run.model.folder, folder)
    return ExportResult([*lines, *keys_line(path, keys)], {**made.about, "converter": converter.name})


def _with_own_keys(job: Job, path: Path) -> dict[str, KeyValue]:
    """Write a file of the converter again, in its place, if it lacks keys, and return them.

    The converter cannot be told: it takes from `tokenizer.json`, whose digest it knows, whether BOS is added, and the
    chat template from `tokenizer_config.json`, although transformers prefers `chat_template.jinja`.
    """
    file = open_gguf(path)
    keys = changed_keys(job.tokens, file)
    if keys:
        changed = path.with_name(f"{disk.TEMPORARY}{path.name}")
        write_model(file, {}, {}, keys, changed, lambda *_: job.check())
        disk.rename(changed, path)
    return keys


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


# -- Ollama ----------------------------------------------------------------------------------------------


def make_ollama(job: Job, folder: Path) -> ExportResult:
    """Write a GGUF and the Modelfile for `ollama create`; with `legacy_adapter` base and adapter as two files."""
    legacy, other = job.choice.legacy_adapter, job.choice.template
    template = other.read_text(encoding="utf-8") if other else None
    text = modelfile(job.run.model.folder, BASE if legacy else GGUF, LORA if legacy else None, template)
    if legacy:
        assert job.choice.base_gguf is not None
        made = make_gguf_lora(job, folder)
        base = open_gguf(job.choice.base_gguf)
        if keys := changed_keys(job.tokens, base):
            write_model(base, {}, {}, keys, folder / BASE, lambda *_: job.check())
        else:
            shutil.copyfile(job.choice.base_gguf, folder / BASE)
        copy_licence(job.run.model.folder, folder)
    else:
        made = make_gguf(job, folder)
    write_text(folder / "Modelfile", text)
    return made
