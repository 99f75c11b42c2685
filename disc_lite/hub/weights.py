"""The weight files of a model folder, and the shapes in them. Does not import torch."""

from __future__ import annotations

import json
from pathlib import Path

from disc_lite.errors import EnvironmentNotReady
from disc_lite.storage import JsonObject

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
Shape = tuple[int, ...]


def read_object(path: Path) -> JsonObject:
    """A JSON object from a model folder. Raises EnvironmentNotReady if the file holds something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError(f"It holds no JSON object, but {type(content).__name__}.")
    except (OSError, ValueError, RecursionError) as error:
        raise EnvironmentNotReady(f"{path} is broken.", str(error), "Copy it again from its source.") from error
    return content


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files with a model's weights, in order; files that an index names may be missing.

    They are chosen as in transformers: `model.safetensors`, else the files that the index names; without an index,
    every file except those of adapters. A folder can have more, such as Mistral's `consolidated.safetensors`. Raises
    EnvironmentNotReady if the index is broken.
    """
    path = folder / INDEX
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    if path.is_file():
        named = read_object(path).get("weight_map")
        if not isinstance(named, dict) or not all(isinstance(shard, str) for shard in named.values()):
            raise EnvironmentNotReady(f"{path} is broken.", "It has no weight_map.", "Copy it again from its source.")
        return [folder / name for name in sorted(set(named.values()))]
    return sorted(path for path in folder.glob("*.safetensors") if not path.name.startswith("adapter_"))


def plain_name(name: str) -> str:
    """The name of a tensor or module without the parts that locate the text model in a larger model.

    `language_model.model.layers.0.…` in the files of Gemma 3 is `model.language_model.layers.0.…` in memory, and
    `model.layers.0.…` in most models.
    """
    return ".".join(part for part in name.split(".") if part not in ("model", "language_model"))


def weight_shapes(folder: Path) -> dict[str, Shape]:
    """Name -> shape of every tensor of a model folder, read from the headers only."""
    return {name: shape for path in weight_files(folder) for name, shape in shapes_in(path).items()}


def shapes_in(path: Path) -> dict[str, Shape]:
    """Name -> shape of every tensor in a safetensors file, read from its header only; () for packed (4-bit) weights.

    Raises EnvironmentNotReady if the file is damaged or cut short.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is not a mapping
            return {n: () if s.get_dtype() == "U8" else tuple(s.get_shape()) for n, s in slices.items()}
    except (SafetensorError, OSError) as error:
        raise EnvironmentNotReady(
            f"{path} cannot be read.", str(error).split("\n")[0], "Copy it again from its source."
        ) from error
