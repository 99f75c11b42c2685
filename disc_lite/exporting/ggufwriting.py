"""Writes GGUF files with the package `gguf`: a LoRA, or a whole model from a base GGUF."""

from __future__ import annotations

import errno
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from disc_lite.errors import UsageError
from disc_lite.exporting.adapter import Adapter
from disc_lite.exporting.checks import require_space
from disc_lite.exporting.ggufreading import Gguf, KeyValue, check_bounds
from disc_lite.exporting.layout import Array, Layout, numbers, require_gguf
from disc_lite.exporting.quantising import quantised
from disc_lite.exporting.tensors import Stored, stored_tensors
from disc_lite.hub.configuration import text_configuration
from disc_lite.hub.weights import plain_name

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType as Kind
    from gguf import GGUFWriter

ALPHA, FILE_TYPE = "adapter.lora.alpha", "general.file_type"  # keys
SAMPLED_ROWS = 8
OF_TOKENS = ("embed_tokens.weight", "lm_head.weight")  # tensors with a row for every token
# Largest relative rounding error of a row, by type of the tensor; for other types COARSE.
ROUNDING = {
    "F32": 1e-3, "F16": 5e-3, "BF16": 1e-2, "Q8_0": 2e-2, "Q6_K": 0.06, "Q5_K": 0.1, "Q5_0": 0.1, "Q5_1": 0.1,
    "Q4_K": 0.2, "Q4_0": 0.2, "Q4_1": 0.2, "IQ2_XXS": 0.5, "IQ1_M": 0.65, "IQ1_S": 0.65,
}  # fmt: skip
COARSE = 0.35


def lora_tensors(adapter: Adapter, layout: Layout) -> dict[str, Array]:
    """Return the tensors of a LoRA GGUF, f32: the same as from llama.cpp's converter."""
    found = {}
    for module, (a, b) in adapter.tensors.items():
        name = layout.name(f"{module}.weight")
        found[f"{name}.lora_a"] = numbers(a)
        found[f"{name}.lora_b"] = np.ascontiguousarray(layout.rows(f"{module}.weight", numbers(b)))
    return found


def write_lora(tensors: Mapping[str, Array], alpha: float, architecture: str, path: Path) -> None:
    """Write a GGUF for `llama-cli --lora`."""
    gguf = require_gguf()
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(ALPHA, alpha)  # llama.cpp scales by alpha / rank of the tensor
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    _close(writer, path)


def write_model(
    base: Gguf, values: Mapping[str, Callable[[], Array]], kinds: Mapping[str, Kind],
    keys: Mapping[str, KeyValue], path: Path, on_tensor: Callable[[int, int], None],
) -> None:  # fmt: skip
    """Write the base GGUF with new values in some tensors and `keys`, one tensor at a time; the rest is copied.

    Among the copied keys only the file type follows the tensors. `values` gives the rows of a tensor [out, in] in
    llama.cpp's order, `kinds` the types to write them in.
    """
    gguf = require_gguf()
    writer = gguf.GGUFWriter(path, str(base.value("general.architecture")))
    writer.data_alignment = base.reader.alignment
    _copy_keys(base, writer, _file_type(base, kinds), keys)
    needed = 0
    for name, tensor in base.tensors.items():
        kind = kinds.get(name, tensor.tensor_type)
        shape = [int(n) for n in reversed(tensor.shape)]
        block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
        # With `raw_dtype` the dtype of the array is ignored; uint8 would be taken for raw bytes.
        needed += prod(shape) // block * block_bytes
        writer.add_tensor_info(name, shape, np.dtype(np.float32), prod(shape) // block * block_bytes, raw_dtype=kind)
    require_space(path, needed)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for number, (name, tensor) in enumerate(base.tensors.items(), 1):
        on_tensor(number, len(base.tensors))
        writer.write_tensor_data(quantised(values[name](), kinds[name]) if name in values else tensor.data)
    _close(writer, path)


# -- the same model -------------------------------------------------------------------------------


def check_same_model(base: Gguf, folder: Path, layout: Layout, vocabulary: dict[str, int]) -> None:
    """Raise UsageError unless the GGUF is the model of this folder, by sizes, vocabulary, norms and sampled rows.

    Norms are stored exactly in a GGUF and change with any training, so they distinguish two fine-tunings.
    """
    parts = base.value("split.count")  # parts other than the first hold hardly any other key
    if isinstance(parts, int) and parts > 1:
        raise UsageError(
            f"{base.path} is one of {parts} files of a model.",
            "",
            "Join them: `llama-gguf-split --merge FIRST ALL.gguf`.",
        )
    architecture = base.value("general.architecture")
    if architecture != layout.architecture:
        raise _other(base, f"Its architecture is {architecture}; that of the run is {layout.architecture}.")
    config = text_configuration(folder)
    stretched = "yarn" in str((config.get("rope_scaling"), config.get("rope_parameters")))
    if base.value(f"{architecture}.rope.scaling.type") == "yarn" and not stretched:
        raise _other(base, "It scales positions for a longer context (YaRN), which the model does not.")
    _check_vocabulary(base, vocabulary)
    stored = {name: at for name, at in stored_tensors(folder).items() if _in_every_gguf(name)}
    _check_shapes(base, layout, stored, 1 + max(vocabulary.values()))
    for tensor in (name for name in stored if "norm" in name):
        expected = numbers(stored[tensor].read()) + layout.norm_shift
        if not np.allclose(base.numbers(layout.name(tensor)), expected, rtol=4e-3, atol=1e-5):
            raise _other(base, f"The values of {layout.name(tensor)} differ: it is another model of this architecture.")
    _check_rows(base, layout, {name: at for name, at in stored.items() if len(at.shape) > 1 and ".layers." in name})


def _in_every_gguf(tensor: str) -> bool:
    """Whether a tensor is of the text model; not an older Llama's rotary table, which the configuration implies."""
    text = plain_name(tensor).startswith(("layers.", "embed_tokens.", "norm.", "lm_head."))
    return text and not tensor.endswith(".rotary_emb.inv_freq")


def _check_shapes(base: Gguf, layout: Layout, stored: Mapping[str, Stored], tokens: int) -> None:
    """Check the shapes of all tensors; those with a row per token may have other rows beyond the vocabulary.

    For Gemma 3, llama.cpp's converter leaves out rows that belong to no token.
    """
    for tensor, at in stored.items():
        name = layout.name(tensor)
        if tensor == "lm_head.weight" and layout.tied and name not in base.tensors:
            continue
        if name not in base.tensors:
            fused = f"{name.partition('.attn_')[0]}.attn_qkv.weight" in base.tensors
            raise _other(base, f"It has no tensor {name}{' (it was converted with --fuse-qkv)' if fused else ''}.")
        shape = tuple(int(n) for n in reversed(base.tensors[name].shape))
        padded = plain_name(tensor) in OF_TOKENS and shape[0] >= tokens and shape[1:] == at.shape[1:]
        if shape != at.shape and not padded:
            raise _other(base, f"The tensor {name} has the shape {shape}; in the model it has {at.shape}.")


def _check_rows(base: Gguf, layout: Layout, matrices: dict[str, Stored]) -> None:
    """Check a few rows of every matrix against those of the model folder."""
    for tensor, stored in matrices.items():
        name, rows = layout.name(tensor), stored.shape[0]
        at = np.linspace(0, rows - 1, SAMPLED_ROWS).astype(int)
        order = layout.rows(tensor, np.arange(rows))
        expected = numbers(stored.rows(order[at].tolist()))
        off = np.linalg.norm(base.rows(name, at) - expected) / max(1e-12, float(np.linalg.norm(expected)))
        if off > ROUNDING.get(base.tensors[name].tensor_type.name, COARSE):
            raise _other(base, f"Rows of {name} are off by {off:.0%}.")


def _check_vocabulary(base: Gguf, vocabulary: dict[str, int]) -> None:
    tokens = base.value("tokenizer.ggml.tokens")
    tokens = tokens if isinstance(tokens, list) else []
    if len(tokens) <= max(vocabulary.values()):
        raise _other(base, f"It has {len(tokens):,} tokens; the model has {max(vocabulary.values()) + 1:,}.")
    different = next((t for t, i in sorted(vocabulary.items(), key=lambda item: item[1]) if tokens[i] != t), None)
    if different is not None:
        raise _other(base, f"Its token {vocabulary[different]} is not {different!r}.")


def _other(base: Gguf, why: str) -> UsageError:
    return UsageError(
        f"{base.path} is not the base of this run.", why, "Use a GGUF of exactly the model that was adapted."
    )


def _file_type(base: Gguf, kinds: Mapping[str, Kind]) -> int | None:
    """Return `general.file_type` of the new file if most of its values are in another type than the base's, or None."""
    import gguf

    before, after = Counter[str](), Counter[str]()
    for name, tensor in base.tensors.items():
        size = prod(int(n) for n in tensor.shape)
        before[tensor.tensor_type.name] += size
        after[kinds.get(name, tensor.tensor_type).name] += size
    most = max(after, key=lambda kind: after[kind])
    if most == max(before, key=lambda kind: before[kind]):
        return None
    known = gguf.LlamaFileType.__members__
    found = (known[name] for name in (f"MOSTLY_{most}", f"MOSTLY_{most}_M", f"ALL_{most}") if name in known)
    return next(found, None)


def _copy_keys(base: Gguf, writer: GGUFWriter, file_type: int | None, keys: Mapping[str, KeyValue]) -> None:
    """Copy every key except `keys`, which are set, and architecture, version and counts, which the writer sets."""
    from gguf import GGUFValueType, Keys

    for field in base.reader.fields.values():
        if field.name == Keys.General.ARCHITECTURE or field.name.startswith("GGUF.") or field.name in keys:
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == GGUFValueType.ARRAY else None
        value = base.value(field.name)
        if value == []:
            raise UsageError(
                f"{base.path} cannot be copied.",
                f"`gguf` cannot write an empty array: {field.name}.",
                "Use another base GGUF.",
            )
        if field.name == FILE_TYPE and file_type is not None:
            value = file_type
        writer.add_key_value(field.name, value, kind, sub_type=inner)
    kinds = {bool: GGUFValueType.BOOL, int: GGUFValueType.UINT32, str: GGUFValueType.STRING}
    for name, changed in keys.items():
        writer.add_key_value(name, changed, kinds[type(changed)])


def _close(writer: GGUFWriter, path: Path) -> None:
    """Close the file. Raises OSError if it is shorter than what was written: numpy's `tofile` may not report that."""
    writer.close()
    try:
        check_bounds(path)
    except (ValueError, struct.error) as error:
        raise OSError(errno.ENOSPC, "The file was cut off while it was written.") from error
