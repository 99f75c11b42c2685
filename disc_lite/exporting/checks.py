"""Whether a run can be exported in a form. Does not import torch, so that errors are reported at once."""

from __future__ import annotations

from pathlib import Path

from disc_lite.errors import UsageError
from disc_lite.exporting.choice import WITH_GGUF, Choice
from disc_lite.exporting.layout import layout_of
from disc_lite.exporting.llama import find_llama
from disc_lite.hub.adapters import check_fit, read_config
from disc_lite.run.finished import FinishedRun
from disc_lite.storage import JsonObject

# llama.cpp's converter ignores these settings and is silently wrong; they change the meaning of the tensors.
FLAGS = ("use_rslora", "alpha_pattern", "rank_pattern")


def check_run(run: FinishedRun, choice: Choice) -> None:
    """Raises UsageError where this run cannot be exported in this form."""
    base = run.model.folder
    config = read_config(run.folder.adapter)
    check_fit(run.folder.adapter, config, base)
    _require_plain_settings(run.folder.adapter, config)
    if choice.onto == "nf4" and run.recipe.memory.quantize != "nf4":
        raise UsageError("This run was not trained in 4 bits.", "", "Use --onto original.")
    with_gguf = choice.to in WITH_GGUF
    converted = with_gguf and choice.to != "gguf-lora" and choice.base_gguf is None
    # llama.cpp's converter supports more families, but without llama.cpp its output is verified here.
    if with_gguf and not (converted and find_llama()):
        layout_of(base)


def _require_plain_settings(adapter: Path, config: JsonObject) -> None:
    flag = next((name for name in FLAGS if config.get(name)), None)
    if flag:
        raise UsageError(
            f"The adapter in {adapter} cannot be exported.",
            f"Not every program understands its setting {flag}.",
            "Merge it with PEFT, or adapt again.",
        )
