"""A PEFT adapter folder: its base model, and checks that it fits that base. Does not import torch.

PEFT only warns if the tensors of an adapter do not match, and ignores settings that it does not know: such a model
would answer like the base. So names, shapes and settings are checked before loading.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.hub.source import Model, open_trained_on
from disc_lite.hub.weights import Shape, plain_name, read_object, shapes_in, weight_shapes
from disc_lite.storage import Json, JsonObject, is_noted, require_unchanged, sha256_of

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
TRAINED_ON = "trained_on.json"  # disc-lite writes it next to an adapter; PEFT's configuration has no place for it
EXPORT_RECORD = "export.json"  # `export` writes it into every folder
PREFIX = "base_model.model."
# LoRA settings that do not matter for loading, or that PEFT applies itself.
HARMLESS = frozenset(
    "alpha_pattern auto_mapping base_model_name_or_path exclude_modules inference_mode layers_pattern "
    "layers_to_transform lora_alpha lora_dropout megatron_core peft_type peft_version qalora_group_size r "
    "rank_pattern target_modules use_rslora".split()
)
# Other settings, with the values that have no effect; initialisations that change the base are not among these.
IDLE: dict[str, tuple[Json, ...]] = {
    "bias": ("none",), "task_type": ("CAUSAL_LM",), "revision": ("main",), "init_lora_weights": (True, "gaussian"),
}  # fmt: skip


@dataclass(frozen=True)
class TrainedOn:
    """The base that an adapter was trained on; stored in the adapter folder, so that it is copied with it."""

    weights: str  # digest of its weights, see `hub.identity`
    quantize: str  # value of `memory.quantize` in the recipe


def trained_on(folder: Path) -> TrainedOn | None:
    """The base recorded with an adapter; None if disc-lite did not train it. Raises EnvironmentNotReady if broken."""
    path = folder / TRAINED_ON
    if not path.is_file():
        return None
    require_unchanged(path)
    record = read_object(path)
    try:
        base = TrainedOn(**record)
    except TypeError:
        base = TrainedOn("", "")
    if base.quantize not in ("nf4", "none") or not isinstance(base.weights, str):
        raise EnvironmentNotReady(f"{path} is broken.", "", "Copy the adapter folder again.")
    return base


def open_base(folder: Path) -> Model:
    """Open the base model of an adapter folder and check it against the adapter.

    Raises UsageError if disc-lite does not load this kind of adapter, the base is not found or has changed, or the
    tensors do not match it; EnvironmentNotReady if the base is incomplete or cannot be downloaded.
    """
    config = read_config(folder)
    name = config.get("base_model_name_or_path")
    if not isinstance(name, str) or not name:
        raise UsageError(
            f"{folder} does not name the model that it was trained on.", f"{CONFIG} has no base_model_name_or_path.",
            "Add it, with the model's folder or hub id.",
        )  # fmt: skip
    written = f"Write its folder as base_model_name_or_path into {folder / CONFIG}, or"
    recorded = trained_on(folder)
    weights = recorded.weights if recorded else None
    fits = (lambda model: bool(model.weights == weights)) if weights else None
    model = open_trained_on(name, folder, fits, *([] if is_noted(folder / CONFIG) else [written]))
    check_fit(folder, config, model.folder)
    _require_trained_on(folder, model)
    return model


def _require_trained_on(folder: Path, model: Model) -> None:
    """Raises UsageError if the base has other weights than the one that the adapter was trained on.

    Shapes do not show that: a folder can have the name of a model of the hub, and a publisher can replace weights.
    """
    recorded = trained_on(folder)
    if recorded is not None and recorded.weights != model.weights:
        raise UsageError(
            f"{model.name} is not the model that {folder} was trained on.", "Its weight files hold other weights.",
            "Put the old files back."
            if is_noted(folder / CONFIG)
            else f"Write the folder of that model as base_model_name_or_path into {folder / CONFIG}; to use this one "
            f"anyway, remove {TRAINED_ON}.",
        )  # fmt: skip


def read_config(folder: Path) -> JsonObject:
    """Read the configuration of a LoRA adapter. Raises UsageError if it is of a kind that cannot be loaded.

    Raises EnvironmentNotReady if a file of an adapter in a run folder is not the one that training wrote.
    """
    if not (folder / CONFIG).is_file():
        raise UsageError(
            f"{folder} is not an adapter folder: it has no {CONFIG}.", "", "Copy the adapter folder again."
        )
    require_unchanged(folder / CONFIG)
    try:
        config = read_object(folder / CONFIG)
    except EnvironmentNotReady as error:
        raise UsageError(error.what, error.why, "Copy the adapter folder again.") from error
    _require_weights(folder)
    if config.get("peft_type") != "LORA":
        raise UsageError(
            f"The adapter in {folder} is of type {config.get('peft_type')}.", "disc-lite loads LoRA adapters only.",
            "Merge it into its base with PEFT, and use the merged folder.",
        )  # fmt: skip
    alpha = config.get("lora_alpha")
    if not isinstance(alpha, (int, float)) or alpha <= 0:
        raise UsageError(f"{folder / CONFIG} is broken.", f"lora_alpha is {alpha!r}.", "Copy the adapter folder again.")
    effective = {key: value for key, value in config.items() if value and value not in IDLE.get(key, ())}
    unsupported = sorted(effective.keys() - HARMLESS)
    if unsupported:
        raise UsageError(
            f"The adapter in {folder} has settings that disc-lite does not support: "
            + ", ".join(f"{key} = {json.dumps(config[key])[:40]}" for key in unsupported[:3]),
            "Without them it would not answer as it was trained.",
            "Merge it into its base with PEFT, and use the merged folder.",
        )
    return config


def _require_weights(folder: Path) -> None:
    """Raises UsageError without weights, EnvironmentNotReady if they are not what training or `export` wrote."""
    if not (folder / WEIGHTS).is_file():
        pickled = any(folder.glob("adapter_model.*"))
        raise UsageError(
            f"{folder} has no {WEIGHTS}.",
            "Its weights are a pickle file, and loading one executes code in it." if pickled else "",
            "If you trust it, load it with PEFT and call save_pretrained(folder)." if pickled else "Copy it again.",
        )
    require_unchanged(folder / WEIGHTS)
    record = folder / EXPORT_RECORD
    if not record.is_file():
        return
    written = read_object(record).get("files")
    weights = written.get(WEIGHTS) if isinstance(written, dict) else None
    if not isinstance(weights, dict) or weights.get("sha256") != sha256_of(folder / WEIGHTS):
        raise EnvironmentNotReady(
            f"{folder / WEIGHTS} is not what `export` wrote.", f"Its SHA-256 is not the one in {EXPORT_RECORD}.",
            "Export the run again, or copy the folder again.",
        )  # fmt: skip


def check_fit(folder: Path, config: JsonObject, base: Path) -> None:
    """Raises UsageError unless the adapter has A and B for exactly the modules that its configuration names."""
    try:
        lora = shapes_in(folder / WEIGHTS)
    except EnvironmentNotReady as error:
        raise UsageError(*error.args) from error
    fault = _fault(lora, weight_shapes(base), config)
    if fault:
        raise UsageError(
            f"The adapter in {folder} does not fit its base.", fault,
            f"Check that {base} is the model it was trained on, and that the adapter was copied completely.",
        )  # fmt: skip


def _fault(lora: dict[str, Shape], weights: dict[str, Shape], config: JsonObject) -> str:
    """A sentence about the first mismatch between adapter and base, or ""."""
    modules = {n.removesuffix(f".lora_{x}.weight") for x in "AB" for n in lora if n.endswith(f".lora_{x}.weight")}
    parts = {f"{module}.lora_{x}.weight" for module in modules for x in "AB"}
    if parts != set(lora):
        kind = "lacks the tensor" if parts - set(lora) else "has, besides A and B of LoRA, the tensor"
        return f"It {kind} {min(parts ^ set(lora))}."
    shapes = {plain_name(name): shape for name, shape in weights.items()}
    for module in sorted(modules):
        weight = shapes.get(plain_name(f"{module.removeprefix(PREFIX)}.weight"))
        if weight is None or not module.startswith(PREFIX):
            return f"The base has no weight {module.removeprefix(PREFIX)}."
        a, b = (lora[f"{module}.lora_{x}.weight"] for x in "AB")
        if weight and not (len(weight) == len(a) == 2 and a[1] == weight[1] and b == (weight[0], a[0])):
            return f"{module.removeprefix(PREFIX)} is {weight} in the base; its A and B are {a} and {b}."
        if a[:1] != (config.get("r"),) and not config.get("rank_pattern"):
            return f"A of {module.removeprefix(PREFIX)} is {a}; the rank in {CONFIG} is {config.get('r')}."
    adapted = {plain_name(module.removeprefix(PREFIX)) for module in modules}
    missing = _named_modules(config, shapes, adapted) - adapted
    if missing:
        return f"It has no tensors for {min(missing)}, which {CONFIG} names."
    return "" if modules else "It holds no tensors."


def _named_modules(config: JsonObject, weights: dict[str, Shape], adapted: set[str]) -> set[str]:
    """The modules of the base that the configuration names; empty if it uses a pattern or a selection of layers.

    Only modules in the same lists of layers as the adapted ones count: a folder can also hold an image tower and layers
    for speculative decoding, which are not part of the text model.
    """
    targets = config.get("target_modules")
    if not isinstance(targets, list) or config.get("exclude_modules") or config.get("layers_to_transform"):
        return set()
    endings = tuple(f".{plain_name(target)}" for target in targets)
    lists = {_list_of(name) for name in adapted}  # modules in no list, such as the head, count too
    names = {n.removesuffix(".weight") for n, shape in weights.items() if n.endswith(".weight") and len(shape) != 1}
    return {name for name in names if f".{name}".endswith(endings) and _list_of(name) in {*lists, name}}


def _list_of(name: str) -> str:
    """`layers.0.mlp.up_proj` -> `layers`: the part before the layer number."""
    return ".".join(takewhile(lambda part: not part.isdigit(), name.split(".")))
