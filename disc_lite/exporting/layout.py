"""Names and row order of a model's tensors in llama.cpp, as llama.cpp's converters write them."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.hub.configuration import text_configuration
from disc_lite.hub.families import FAMILIES, WRITTEN
from disc_lite.hub.weights import plain_name, read_object

if TYPE_CHECKING:
    from gguf import TensorNameMap
    from torch import Tensor

CONVERTER = "convert_hf_to_gguf.py"
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Layout:
    """A model's architecture and the names of its tensors in llama.cpp."""

    architecture: str
    layers: int
    heads: int
    kv_heads: int
    reordered: bool
    tied: bool  # the head is the embedding matrix
    norm_shift: float  # what llama.cpp adds to the weights of norms
    names: TensorNameMap

    def name(self, tensor: str) -> str:
        """`model.layers.0.self_attn.q_proj.weight` -> `blk.0.attn_q.weight`. Raises UsageError if there is none."""
        plain = plain_name(tensor)  # for a model that takes images too, only the text part
        key = plain if plain.startswith("lm_head.") else f"model.{plain}"
        name = self.names.get_name(key, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise UsageError(f"llama.cpp has no name for the tensor {tensor}.", "", "Use --to adapter or --to merged.")
        return str(name)

    def rows(self, tensor: str, values: Array) -> Array:
        """Return rows [out, …] in llama.cpp's order: rows of the two halves of a head alternate."""
        heads = self.heads if ".q_proj." in tensor else self.kv_heads if ".k_proj." in tensor else 0
        if not (heads and self.reordered):
            return values
        swapped: Array = values.reshape(heads, 2, -1, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
        return swapped


def layout_of(folder: Path) -> Layout:
    """Return the layout of a model folder. Raises UsageError for a family that is not supported."""
    gguf = require_gguf()
    model_type = read_object(folder / "config.json").get("model_type")
    family = FAMILIES.get(str(model_type))
    if family is None or not family.gguf_written:
        raise UsageError(
            f"disc-lite does not write GGUF files of the model type {model_type} itself.",
            f"It does for {', '.join(WRITTEN)}; the row order of others is not tested, and a wrong one gives nonsense.",
            "Use --to gguf with llama.cpp's converter and library installed (docs/exporting.md)." if family
            else "Use --to adapter or --to merged.",
        )  # fmt: skip
    config = text_configuration(folder)
    layers, heads, kv_heads = (
        int(config[key]) for key in ("num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    )
    arch = next(a for a, name in gguf.MODEL_ARCH_NAMES.items() if name == family.gguf_architecture)
    tied = bool(config["tie_word_embeddings"])
    names = gguf.get_tensor_name_map(arch, layers)
    return Layout(
        family.gguf_architecture, layers, heads, kv_heads, family.gguf_reorders, tied, family.gguf_norm_shift, names
    )


def require_gguf() -> ModuleType:
    """Return the package `gguf`. Raises EnvironmentNotReady without it."""
    try:
        import gguf
    except ImportError as error:
        raise EnvironmentNotReady(
            "Writing GGUF needs the package gguf.", "", "pip install 'disc-lite[gguf]'"
        ) from error
    return gguf


def numbers(tensor: Tensor) -> Array:
    """Return a torch tensor as an fp32 array."""
    array: Array = np.ascontiguousarray(tensor.float().cpu().numpy())
    return array


def find_converter() -> Path:
    """Return llama.cpp's converter, from `$DISC_LITE_LLAMA_CPP` or the PATH. Raises UsageError without it."""
    root = os.environ.get("DISC_LITE_LLAMA_CPP")
    path = Path(root, CONVERTER) if root else Path(shutil.which(CONVERTER) or "")
    if not path.is_file():
        raise UsageError(
            "A whole GGUF needs a GGUF of the base, or llama.cpp's converter.",
            f"{CONVERTER} is not in $DISC_LITE_LLAMA_CPP, {root}." if root else f"{CONVERTER} is not on the PATH.",
            "Add --base-gguf FILE (`ollama show --modelfile BASE` names Ollama's after FROM), or set "
            "DISC_LITE_LLAMA_CPP to a checkout of llama.cpp.",
        )
    return path
