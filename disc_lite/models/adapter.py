"""LoRA adapters through PEFT: creates a new one or loads a saved one; its parameters have the names of PEFT's files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from peft import (
    LoraConfig,
    PeftConfig,
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils import logging

from disc_lite.errors import EnvironmentNotReady
from disc_lite.hub.adapters import WEIGHTS
from disc_lite.models.coverage import target_modules
from disc_lite.storage import Json, JsonObject


def new_adapter(model: PreTrainedModel, rank: int, alpha: int, seed: int) -> PeftModel:
    """Return the model with an adapter on all linear layers of its decoder; A is drawn from `seed` alone, B is 0."""
    config = LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=target_modules(model), lora_dropout=0.0, bias="none",
        task_type="CAUSAL_LM",
    )  # fmt: skip
    with quietly():
        adapted = get_peft_model(model, config)
    rng = torch.Generator().manual_seed(seed)
    for name, parameter in parameters_of(adapted).items():
        if "lora_A" in name:  # kaiming_uniform(a=sqrt(5)), PEFT's own choice
            bound = parameter.shape[1] ** -0.5
            parameter.data.copy_(torch.empty(parameter.shape).uniform_(-bound, bound, generator=rng))
    return adapted


def take_over(model: PeftModel, folder: Path) -> None:
    """Copy the weights of a saved adapter into the model's. Raises EnvironmentNotReady if they do not fit."""
    try:
        saved = load_file(folder / WEIGHTS)
        if differing := saved.keys() ^ state_of(model).keys():
            raise ValueError(f"Its tensors have other names: {min(differing)}.")
        set_peft_model_state_dict(model, saved)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise misfit(folder, _last_line(error)) from error


def save_weights(model: PeftModel, folder: Path) -> None:
    """Write the weights of the adapter, for `take_over` and `add_saved` to read."""
    save_file({n: tensor.detach().cpu().contiguous() for n, tensor in state_of(model).items()}, folder / WEIGHTS)


def add_saved(model: PreTrainedModel | PeftModel, folder: Path, name: str) -> PeftModel:
    """Return the model with a saved adapter, for inference only. Raises EnvironmentNotReady if it does not fit."""
    config = PeftConfig.from_pretrained(str(folder))
    config.lora_dropout = 0.0  # the model stays in training mode, see `Base.set_modes`
    try:
        with quietly():
            warnings.filterwarnings("ignore", "Found missing adapter keys", UserWarning)  # an error below
            if isinstance(model, PeftModel):
                model.add_adapter(name, config)
                model.load_adapter(str(folder), name, torch_device=str(model.device))
            else:
                model = PeftModel.from_pretrained(model, str(folder), name, config=config)
        with safe_open(folder / WEIGHTS, framework="pt") as file:
            unexpected = set(file.keys()) ^ set(state_of(model, name))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:  # wrong shapes raise RuntimeError
        raise misfit(folder, _last_line(error)) from error
    if unexpected:
        raise misfit(folder, f"Its tensors do not match its configuration: {min(unexpected)}.")
    return model


def config_of(model: PeftModel) -> JsonObject:
    """Return the adapter's configuration, as in PEFT's adapter folders."""
    (config,) = model.peft_config.values()
    return {name: _as_json(value) for name, value in sorted(config.to_dict().items())}


def parameters_of(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return name -> parameter for all trained parameters, in a fixed order."""
    return {n: p for n, p in sorted(model.named_parameters()) if "lora_" in n}


def state_of(model: PeftModel, name: str = "default") -> dict[str, Tensor]:
    """Return name -> tensor, as in PEFT's adapter files."""
    state: dict[str, Tensor] = get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False)
    return state


def misfit(folder: Path, why: str) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        f"The adapter in {folder} cannot be loaded onto its base.", why, "Check that both were copied completely."
    )


def _last_line(error: Exception) -> str:
    return str(error).split("\n")[-1].strip()


def _as_json(value: object) -> Json:
    """Convert the enums and sets of a PEFT configuration to JSON values."""
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return getattr(value, "value", value)


@contextmanager
def quietly() -> Iterator[None]:
    """Silence transformers' progress bars and tables, and a deprecation warning that PEFT causes."""
    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
