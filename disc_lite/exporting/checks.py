"""Checks whether an export can be made: options, run, disk. Does not import torch, so that errors appear at once."""

from __future__ import annotations

from pathlib import Path

from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.exporting.choice import FORMS, ONTO, WITH_GGUF, Choice
from disc_lite.exporting.layout import find_converter, layout_of, require_gguf
from disc_lite.exporting.llama import find_llama
from disc_lite.exporting.quantising import check_type
from disc_lite.hub.adapters import CONFIG, WEIGHTS, check_fit, read_config
from disc_lite.hub.weights import weight_files
from disc_lite.run.finished import FinishedRun
from disc_lite.run.wording import data_size
from disc_lite.storage import disk, free_disk

# llama.cpp's converter ignores these settings and is silently wrong; they change the meaning of the tensors.
FLAGS = ("use_rslora", "alpha_pattern", "rank_pattern")


def check_call(choice: Choice) -> None:
    """Raise UsageError if options contradict each other, EnvironmentNotReady if a package is missing."""
    to, gguf = choice.to, choice.base_gguf
    for option, value, known in (("--to", to, FORMS), ("--onto", choice.onto, ONTO)):
        if value not in known:
            raise UsageError(f"There is no export {option} {value}.", "", f"Choose {', '.join(known)}.")
    if gguf is not None and to not in WITH_GGUF:
        raise UsageError(f"--base-gguf has no meaning for --to {to}.", "", "Leave it out.")
    for path in (gguf, choice.template):
        if path is not None and not path.is_file():
            raise UsageError(f"There is no file {path}.", "It is a folder." if path.is_dir() else "")
    if choice.onto != "auto" and (to in ("adapter", "gguf-lora") or choice.legacy_adapter):
        raise UsageError("--onto has no meaning where nothing is merged.", "", "Leave it out.")
    if choice.kind and (to not in ("gguf", "ollama") or gguf is None or choice.legacy_adapter):
        raise UsageError("--type needs --to gguf or ollama, and --base-gguf FILE.", "", "Add them, or leave it out.")
    if choice.legacy_adapter and (to != "ollama" or gguf is None):
        raise UsageError("--legacy-adapter needs --to ollama and --base-gguf FILE.", "", "Add them, or leave it out.")
    if choice.template and to != "ollama":
        raise UsageError(f"--template has no meaning for --to {to}.", "", "Leave it out.")
    if choice.template:
        try:
            choice.template.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise UsageError(f"{choice.template} cannot be read as UTF-8.", str(error), "Save it as UTF-8.") from error
    if to in WITH_GGUF:
        require_gguf()
        if choice.kind:
            check_type(choice.kind)
        if to != "gguf-lora" and gguf is None:
            find_converter()


def check_run(run: FinishedRun, choice: Choice) -> None:
    """Raise UsageError if this run cannot be exported in this form."""
    base = run.model.folder
    config = read_config(run.folder.adapter)
    check_fit(run.folder.adapter, config, base)
    if flag := next((name for name in FLAGS if config.get(name)), ""):
        raise UsageError(
            f"The adapter in {run.folder.adapter} cannot be exported.",
            f"Not every program understands its setting {flag}.", "Merge it with PEFT, or adapt again.",
        )  # fmt: skip
    if choice.onto == "nf4" and run.recipe.memory.quantize != "nf4":
        raise UsageError("--onto nf4 needs a run that was trained in 4 bits.", "", "Use --onto original.")
    with_gguf = choice.to in WITH_GGUF
    converted = with_gguf and choice.to != "gguf-lora" and choice.base_gguf is None
    # llama.cpp's converter supports more families, but without llama.cpp its output is verified here.
    if with_gguf and not (converted and find_llama()):
        layout_of(base)


def check_space(run: FinishedRun, choice: Choice) -> None:
    """Raise EnvironmentNotReady if the disk has less free space than the export may take."""
    adapter = sum((run.folder.adapter / name).stat().st_size for name in (CONFIG, WEIGHTS))
    base = sum(path.stat().st_size for path in weight_files(run.model.folder))
    # With a base GGUF: its size; what larger types add is not known yet. With the converter: the merged folder and it.
    whole = choice.base_gguf.stat().st_size if choice.base_gguf else 2 * base
    needed = {"adapter": adapter, "gguf-lora": 2 * adapter, "merged": base, "gguf": whole, "ollama": whole}[choice.to]
    require_space(choice.target, needed)


def require_space(target: Path, needed_bytes: int) -> None:
    """Raise EnvironmentNotReady if the disk of `target` has less free space than `needed_bytes`.

    The target may be in the temporary folder of an export, which the error does not name.
    """
    free = free_disk(target)
    folder = next(place for place in target.absolute().parents if not place.name.startswith(disk.TEMPORARY))
    if free < needed_bytes:
        raise EnvironmentNotReady(
            f"Not enough disk space for the export in {folder}.",
            f"It may take {data_size(needed_bytes)}; {data_size(free)} are free.",
            "Free some space, or choose an --output on another disk.",
        )
