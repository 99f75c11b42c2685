"""Loading a model folder, frozen: in 4 bits or as it is stored, without access to a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig, PretrainedConfig, PreTrainedModel

from disc_lite.errors import EnvironmentNotReady
from disc_lite.models.base import Base, quietly
from disc_lite.models.device import device_of
from disc_lite.models.tokens import Tokens


def load_base(folder: Path, quantize: str = "nf4", device: str | None = None, adapter: Path | None = None) -> Base:
    """Load a model folder, frozen: NF4 with double quantisation, or as it is stored; with a saved adapter, if named.

    bf16 on CUDA, fp32 on CPU. Raises EnvironmentNotReady where the folder cannot be loaded.
    """
    where = device_of(device)
    tokens, model = _read(folder, quantize, where)
    model.requires_grad_(False)
    # Never eval(): a no-grad forward pass on CPU then repacks 4-bit weights in place, and the gradient through them
    # is silently lost (bitsandbytes, AVX512-BF16). With every dropout 0, train() computes the same.
    model.train()
    base = Base(model, tokens, folder, quantize)
    if adapter is not None:
        base.load_adapter(adapter)
    return base


def _read(folder: Path, quantize: str, where: torch.device) -> tuple[Tokens, PreTrainedModel]:
    dtype = torch.bfloat16 if where.type == "cuda" else torch.float32
    try:
        tokens = Tokens(folder)
        with quietly():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder, config=_config(folder), dtype=dtype, device_map={"": where}, attn_implementation="sdpa",
                quantization_config=_nf4(dtype) if quantize == "nf4" else None, use_safetensors=True,
                local_files_only=True, trust_remote_code=False, output_loading_info=True,
                ignore_mismatched_sizes=True,  # an error below, with their names
            )  # fmt: skip
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise EnvironmentNotReady(
            f"The model in {folder} cannot be loaded.", str(error).split("\n")[0],
            "Check that the folder is complete; `disc-lite models` lists names of models that work.",
        ) from error  # fmt: skip
    model, info = loaded
    faults = sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]]))
    if faults:
        raise EnvironmentNotReady(
            f"The model in {folder} is incomplete.", f"Missing or misshapen tensors: {faults[:3]}", "Download it again."
        )
    return tokens, model


def _nf4(dtype: torch.dtype) -> BitsAndBytesConfig:
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )  # fmt: skip


def _config(folder: Path) -> PretrainedConfig:
    """The model's configuration with every dropout off (the model stays in training mode, see `load_base`)."""
    config: PretrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    for key in list(config.to_dict()):
        if "dropout" in key and isinstance(getattr(config, key), (int, float)):
            setattr(config, key, 0.0)
    return config
