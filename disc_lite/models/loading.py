"""Loads a model folder, frozen: in 4 bits or as it is stored, without access to a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    BitsAndBytesConfig,
    PretrainedConfig,
    PreTrainedModel,
)

from disc_lite.errors import DiscLiteError, EnvironmentNotReady, memory_ran_out
from disc_lite.models.adapter import quietly
from disc_lite.models.base import Base
from disc_lite.models.check import check
from disc_lite.models.device import LARGE, device_of, dtype_on, give_back_freed_memory, untested, use_device
from disc_lite.models.faults import fault_of
from disc_lite.models.tokens import Tokens


def load_base(
    folder: Path | str, quantize: str = "nf4", device: str | None = None, adapter: Path | str | None = None
) -> Base:
    """Load a model folder, frozen: NF4 with double quantisation, or as it is stored; with a saved adapter, if given.

    bf16 on GPUs and on CPUs that multiply it, else fp32. Raises EnvironmentNotReady if the folder cannot be loaded, or
    the model fails the check of what disc-lite does with it.
    """
    base = load_unchecked(folder, quantize, device)
    found = check(base)
    found.require(base)
    base.warnings = [*filter(None, [untested(base.device)]), *found.warnings]
    if adapter is not None:
        base.load_adapter(Path(adapter))
    return base


def load_unchecked(folder: Path | str, quantize: str = "nf4", device: str | None = None) -> Base:
    """Like `load_base`, but without an adapter and without the check."""
    where, folder = device_of(device), Path(folder)
    if not folder.is_dir():
        raise EnvironmentNotReady(
            f"There is no model folder {folder}.", "A name that `--model` takes is not a folder.",
            "For a name use disc_lite.hub.source.open_model(NAME).folder.",
        )  # fmt: skip
    use_device(where)
    tokens, model = _read(folder, quantize, where)
    model.requires_grad_(False)
    if model.num_parameters() > LARGE:
        give_back_freed_memory()
    return Base(model, tokens, folder, quantize)


def _read(folder: Path, quantize: str, where: torch.device) -> tuple[Tokens, PreTrainedModel]:
    try:
        tokens, config = Tokens(folder), _config(folder)
        auto, dtype = _auto_class(config), dtype_on(where, config)
        with quietly():
            loaded: Any = auto.from_pretrained(
                folder, config=config, dtype=dtype, device_map={"": where},
                attn_implementation=_attention(auto, config),
                quantization_config=_nf4(dtype) if quantize == "nf4" else None, use_safetensors=True,
                local_files_only=True, trust_remote_code=False, output_loading_info=True,
                ignore_mismatched_sizes=True,  # `fault_of` reports them with their names
            )  # fmt: skip
    except DiscLiteError:
        raise
    except Exception as error:  # other packages raise anything for files that they do not expect
        if memory_ran_out(error):
            raise
        why = " ".join(str(error).split())[:200]
        raise EnvironmentNotReady(
            f"The model in {folder} cannot be loaded.", f"{type(error).__name__}: {why}",
            "Check that its files are complete; `disc-lite models` lists names of models that work.",
        ) from error  # fmt: skip
    model, info = loaded
    if fault := fault_of(model, info):
        raise EnvironmentNotReady(
            f"The model in {folder} is damaged.", fault, "Download it again, or use another copy."
        )
    _keep_what_is_read(model)
    return tokens, model


def _keep_what_is_read(model: PreTrainedModel) -> None:
    """Free the weights of image and audio parts: only the decoder and the head are computed.

    Their modules stay, so that an adapter gets the same layer names as on the whole model.
    """
    if model.config.get_text_config() is model.config:
        return
    read = {id(p) for part in (model.get_decoder(), model.get_output_embeddings()) for p in part.parameters()}
    for parameter in model.parameters():
        if id(parameter) not in read:
            parameter.data = parameter.data.new_empty(0)


def _auto_class(config: PretrainedConfig) -> Any:
    """Return the class that loads a model which writes text; if it takes images too, that part is checked and freed."""
    for auto in (AutoModelForCausalLM, AutoModelForImageTextToText):
        if type(config) in auto._model_mapping:
            return auto
    raise ValueError(f"Models of the type {config.model_type} do not generate text.")


def _attention(auto: Any, config: PretrainedConfig) -> str:
    """Return "sdpa", but "eager" for models that cap their attention scores (Gemma 2), which sdpa would ignore."""
    capped = getattr(config.get_text_config(), "attn_logit_softcapping", None)
    return "sdpa" if auto._model_mapping[type(config)]._supports_sdpa and not capped else "eager"


def _nf4(dtype: torch.dtype) -> BitsAndBytesConfig:
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )  # fmt: skip


def _config(folder: Path) -> PretrainedConfig:
    """Return the configuration with every dropout off (the model stays in training mode, see `Base.set_modes`)."""
    config: PretrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    for part in {id(each): each for each in (config, config.get_text_config())}.values():
        for key in list(part.to_dict()):
            if ("dropout" in key or "pdrop" in key) and isinstance(getattr(part, key), (int, float)):
                setattr(part, key, 0.0)
    return config
