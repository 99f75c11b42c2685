"""Short names of models with hub id, shape and licence; and the meaning of a `--model` value.

The shapes are those of each model's `config.json`, so that wrong names are recognised and memory is estimated without
the network and without torch.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from disc_lite.errors import EnvironmentNotReady, UsageError, did_you_mean, of_windows
from disc_lite.hub.identity import TOKENIZER, has_tokenizer
from disc_lite.hub.weights import read_object, weight_files
from disc_lite.storage import JsonObject

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_LFS = b"version https://git-lfs"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")
# Files of a model folder that must each hold a JSON object; other packages notice a broken one only when they use it.
OBJECTS = {
    "config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
}  # fmt: skip
_RECOMMENDED = "Choose a name of `disc-lite models`, a model folder, or a hub id `owner/name`."
_FOR_GGUF = "Name the model in safetensors that it was made from; `export --base-gguf` takes the GGUF."


@dataclass(frozen=True)
class Alias:
    """A model known by a short name. Sizes are in elements, not bytes."""

    name: str
    hub_id: str  # empty for a model inside the package
    model_type: str  # of the text part, in transformers
    parameters_billion: float
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    tied: bool  # the head shares the embedding matrix
    licence: str
    gated: bool  # its publisher requires a login and consent before the download
    note: str = ""
    more: JsonObject = field(default_factory=dict)  # other entries of its `config.json` that its memory depends on


@dataclass(frozen=True)
class ModelSource:
    """Where a model is loaded from, and its alias, if it has one."""

    kind: Literal["folder", "hub"]
    location: str  # an absolute path, or `owner/name`
    alias: str | None


# fmt: off
_TABLE = (
    # name, hub id, type, billions,
    # hidden, layers, heads, kv heads, head dim, intermediate, vocabulary, tied, licence, gated
    Alias("pocket", "", "llama", 0.00308,
          256, 4, 8, 4, 32, 640, 1280, True, "Apache-2.0", False,
          "reads only its own small made-up world, such as examples/handbook"),
    Alias("smollm2-135m", "HuggingFaceTB/SmolLM2-135M-Instruct", "llama", 0.1345,
          576, 30, 9, 3, 64, 1536, 49152, True, "Apache-2.0", False),
    Alias("smollm2-360m", "HuggingFaceTB/SmolLM2-360M-Instruct", "llama", 0.362,
          960, 32, 15, 5, 64, 2560, 49152, True, "Apache-2.0", False),
    Alias("smollm2-1.7b", "HuggingFaceTB/SmolLM2-1.7B-Instruct", "llama", 1.71,
          2048, 24, 32, 32, 64, 8192, 49152, True, "Apache-2.0", False),
    Alias("mistral-7b", "mistralai/Mistral-7B-Instruct-v0.3", "mistral", 7.25,
          4096, 32, 32, 8, 128, 14336, 32768, False, "Apache-2.0", False),
    Alias("mistral-nemo-12b", "mistralai/Mistral-Nemo-Instruct-2407", "mistral", 12.25,
          5120, 40, 32, 8, 128, 14336, 131072, False, "Apache-2.0", False),
    Alias("mistral-small-24b", "mistralai/Mistral-Small-24B-Instruct-2501", "mistral", 23.57,
          5120, 40, 32, 8, 128, 32768, 131072, False, "Apache-2.0", False),
    Alias("qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B-Instruct", "qwen2", 0.49,
          896, 24, 14, 2, 64, 4864, 151936, True, "Apache-2.0", False),
    Alias("qwen2.5-1.5b", "Qwen/Qwen2.5-1.5B-Instruct", "qwen2", 1.54,
          1536, 28, 12, 2, 128, 8960, 151936, True, "Apache-2.0", False),
    Alias("qwen2.5-3b", "Qwen/Qwen2.5-3B-Instruct", "qwen2", 3.09,
          2048, 36, 16, 2, 128, 11008, 151936, True, "Qwen Research", False,
          "in both papers; not for commercial use"),
    Alias("qwen2.5-7b", "Qwen/Qwen2.5-7B-Instruct", "qwen2", 7.62,
          3584, 28, 28, 4, 128, 18944, 152064, False, "Apache-2.0", False, "in the DiSC paper"),
    Alias("qwen2.5-14b", "Qwen/Qwen2.5-14B-Instruct", "qwen2", 14.77,
          5120, 48, 40, 8, 128, 13824, 152064, False, "Apache-2.0", False),
    Alias("llama-3-8b", "meta-llama/Meta-Llama-3-8B-Instruct", "llama", 8.03,
          4096, 32, 32, 8, 128, 14336, 128256, False, "Llama 3 Community", True,
          "in the prompt distillation paper"),
    Alias("llama-3.1-8b", "meta-llama/Llama-3.1-8B-Instruct", "llama", 8.03,
          4096, 32, 32, 8, 128, 14336, 128256, False, "Llama 3.1 Community", True,
          "in the DiSC paper"),
    Alias("llama-3.2-1b", "meta-llama/Llama-3.2-1B-Instruct", "llama", 1.24,
          2048, 16, 32, 8, 64, 8192, 128256, True, "Llama 3.2 Community", True),
    Alias("llama-3.2-3b", "meta-llama/Llama-3.2-3B-Instruct", "llama", 3.21,
          3072, 28, 24, 8, 128, 8192, 128256, True, "Llama 3.2 Community", True),
    Alias("qwen3-0.6b", "Qwen/Qwen3-0.6B", "qwen3", 0.60,
          1024, 28, 16, 8, 128, 3072, 151936, True, "Apache-2.0", False),
    Alias("qwen3-1.7b", "Qwen/Qwen3-1.7B", "qwen3", 1.72,
          2048, 28, 16, 8, 128, 6144, 151936, True, "Apache-2.0", False),
    Alias("qwen3-4b", "Qwen/Qwen3-4B", "qwen3", 4.02,
          2560, 36, 32, 8, 128, 9728, 151936, True, "Apache-2.0", False),
    Alias("qwen3-8b", "Qwen/Qwen3-8B", "qwen3", 8.19,
          4096, 36, 32, 8, 128, 12288, 151936, False, "Apache-2.0", False, "in the DiSC paper"),
    Alias("qwen3-14b", "Qwen/Qwen3-14B", "qwen3", 14.77,
          5120, 40, 40, 8, 128, 17408, 151936, False, "Apache-2.0", False),
    Alias("qwen3-4b-2507", "Qwen/Qwen3-4B-Instruct-2507", "qwen3", 4.02,
          2560, 36, 32, 8, 128, 9728, 151936, True, "Apache-2.0", False),
    Alias("gemma-3-1b", "google/gemma-3-1b-it", "gemma3_text", 1.00,
          1152, 26, 4, 1, 256, 6912, 262144, True, "Gemma", True),
    Alias("gemma-3-4b", "google/gemma-3-4b-it", "gemma3_text", 3.88,
          2560, 34, 8, 4, 256, 10240, 262208, True, "Gemma", True, "without its part for images"),
    Alias("gemma-3-12b", "google/gemma-3-12b-it", "gemma3_text", 11.77,
          3840, 48, 16, 8, 256, 15360, 262208, True, "Gemma", True, "without its part for images"),
    Alias("gemma-4-e4b", "google/gemma-4-E4B-it", "gemma4_text", 4.52,
          2560, 42, 8, 2, 256, 10240, 262144, True, "Apache-2.0", False,
          "plus 2.8 billion of per-layer embeddings, 5.3 GiB that stay in 16 bits",
          {"hidden_size_per_layer_input": 256, "num_kv_shared_layers": 18, "global_head_dim": 512}),
    Alias("phi-4-mini", "microsoft/Phi-4-mini-instruct", "phi3", 3.84,
          3072, 32, 24, 8, 128, 8192, 200064, True, "MIT", False),
    Alias("phi-4", "microsoft/phi-4", "phi3", 14.66,
          5120, 40, 40, 10, 128, 17920, 100352, False, "MIT", False),
    Alias("smollm3-3b", "HuggingFaceTB/SmolLM3-3B", "smollm3", 3.08,
          2048, 36, 16, 4, 128, 11008, 128256, True, "Apache-2.0", False),
    Alias("ministral-3-3b", "mistralai/Ministral-3-3B-Instruct-2512-BF16", "ministral3", 3.43,
          3072, 26, 32, 8, 128, 9216, 131072, True, "Apache-2.0", False, "without its part for images"),
    Alias("ministral-3-8b", "mistralai/Ministral-3-8B-Instruct-2512-BF16", "ministral3", 8.49,
          4096, 34, 32, 8, 128, 14336, 131072, False, "Apache-2.0", False, "without its part for images"),
    Alias("granite-4-micro", "ibm-granite/granite-4.0-micro", "granitemoehybrid", 3.40,
          2560, 40, 40, 8, 64, 8192, 100352, True, "Apache-2.0", False, "",
          {"shared_intermediate_size": 8192, "layer_types": ["attention"] * 40}),
    Alias("olmo-3-7b", "allenai/Olmo-3-7B-Instruct", "olmo3", 7.30,
          4096, 32, 32, 32, 128, 11008, 100278, False, "Apache-2.0", False),
)
# fmt: on
ALIASES: dict[str, Alias] = {alias.name: alias for alias in _TABLE}


def resolve(name: str) -> ModelSource:
    """Resolve `--model NAME`: an alias, else a folder, else a hub id.

    An alias takes precedence over a folder of the same name (`./pocket` is the folder). Does not use the network.
    Raises UsageError if it is none of the three, EnvironmentNotReady if it is a folder without the files of a model.
    """
    alias = ALIASES.get(name.lower())
    if alias is not None and alias.hub_id:
        return ModelSource("hub", alias.hub_id, alias.name)
    if alias is not None:
        folder = Path(__file__).resolve().parents[1] / alias.name
        check_folder(folder)
        return ModelSource("folder", str(folder), alias.name)
    if _is_there(name, Path.is_dir):
        folder = Path(name).expanduser().absolute()  # a run may be opened from another directory
        check_folder(folder)
        return ModelSource("folder", str(folder), None)
    if _HUB_ID.fullmatch(name) and ".." not in name and not _is_there(name, Path.is_file):
        known = (a.name for a in _TABLE if a.hub_id.lower() == name.lower())
        return ModelSource("hub", name, next(known, None))
    raise _unknown(name)


def check_folder(folder: Path) -> None:
    """Raises EnvironmentNotReady, naming what is missing or broken, unless `folder` holds a loadable model."""
    names = _names_in(folder)
    weights = [path.name for path in weight_files(folder)]
    if "config.json" not in names and (folder / "adapter" / "adapter_config.json").is_file():
        raise UsageError(
            f"{folder} is a run, not a model.", "A run is taught more with an update.",
            f"Leave --model out and add --update {shlex.quote(str(folder))}.",
        )  # fmt: skip
    if "adapter_config.json" in names and not weights:
        raise EnvironmentNotReady(
            f"{folder} is an adapter, not a model.",
            remedy="Name the model it was trained on; a run is taught more with --update RUN.",
        )
    missing = [] if "config.json" in names else ["config.json"]
    missing += [name for name in weights or ["*.safetensors"] if name not in names]
    missing += [] if has_tokenizer(folder) else [TOKENIZER]
    if not missing:
        _require_contents(folder, names, weights)
        return
    pickles = sorted(name for name in names if name.endswith(_PICKLES))
    if not weights and pickles:
        raise EnvironmentNotReady(
            f"{folder} holds its weights as pickle only ({pickles[0]}).",
            "Loading a pickle runs whatever code is in it.",
            "If you trust it, convert it: load it once and call save_pretrained(folder).",
        )
    raise EnvironmentNotReady(
        f"{folder} is not a complete model.",
        f"Missing: {', '.join(missing)}.",
        "Copy the whole model folder, or let `--model owner/name` fetch it.",
    )


def _require_contents(folder: Path, names: set[str], weights: list[str]) -> None:
    """Raises EnvironmentNotReady if a JSON file holds no object, or a file is only a Git LFS pointer."""
    for name in OBJECTS & names:
        read_object(folder / name)
    if pointers := [name for name in (*weights, TOKENIZER) if name in names and _is_pointer(folder / name)]:
        raise EnvironmentNotReady(
            f"{folder} was cloned without its large files.",
            f"In their place it has pointers of Git LFS: {', '.join(pointers)}.",
            f"Install git-lfs, then: git -C {shlex.quote(str(folder))} lfs pull",
        )


def _is_pointer(path: Path) -> bool:
    """Whether a file is the pointer that `git clone` leaves instead of a large file if Git LFS is not installed."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(len(_LFS)) == _LFS
    return False


def _names_in(folder: Path) -> set[str]:
    """The names in a folder, without broken links: a cache may have lost the files that its snapshots link to."""
    try:
        return {path.name for path in folder.iterdir() if path.exists()}
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise EnvironmentNotReady(f"{folder} cannot be read.", error.strerror or str(error)) from error


def _is_there(name: str, what: Callable[[Path], bool]) -> bool:
    try:
        return name != "" and what(Path(name).expanduser())
    except (OSError, RuntimeError, ValueError):  # too long, no home, a NUL
        return False


def _unknown(name: str) -> UsageError:
    short = name if len(name) <= 80 else name[:77] + "..."
    shown = f"'{short}'" if short.isprintable() else repr(short)
    if _is_there(name, Path.is_file):
        remedy = _FOR_GGUF if name.lower().endswith(".gguf") else _RECOMMENDED
        return UsageError(f"{shown} is a file.", "A model is a folder.", remedy)
    if advice := of_windows(name):
        return UsageError(f"There is no model folder {shown}.", remedy=advice)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        return UsageError(f"There is no model folder {shown}.", remedy=_RECOMMENDED)
    return UsageError(f"There is no model {shown}.", remedy=did_you_mean(name, ALIASES) or _RECOMMENDED)
