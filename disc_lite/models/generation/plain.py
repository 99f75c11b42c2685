"""One prompt at a time through the model's own cache: for models whose layers do not remember by attention alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from disc_lite.models.generation.requests import Request, Row, Sampling, Step
from disc_lite.models.generation.sampling import log_probabilities, sample

ATTENTION = {"full_attention", "sliding_attention"}  # kinds of layers that `attention.attend` computes


def attends_only(model: PreTrainedModel) -> bool:
    """Whether every layer is attention that calls the registered function with keys and values of its own."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ATTENTION)
    other = [getattr(config, name, None) for name in ("attn_logit_softcapping", "num_kv_shared_layers", "kv_lora_rank")]
    known = model._supports_attention_backend and not model._is_stateful
    return bool(known) and kinds <= ATTENTION and not any(other)


@torch.no_grad()
def decode_one_by_one(model: PreTrainedModel, requests: Sequence[Request], how: Sampling) -> Iterator[list[Step]]:
    """The new token of every forward pass."""
    for request in requests:
        row = Row(request, 0, how.uniforms(request.place))
        ids, cache, done = [*request.prefix, *request.rest], None, None
        while not done:
            out: Any = model(
                input_ids=torch.tensor([ids], device=model.device), past_key_values=cache, use_cache=True,
                logits_to_keep=1,
            )  # fmt: skip
            logits: Tensor = out.logits[:, -1].float()
            drawn = torch.tensor([row.uniforms[len(row.written)]], device=logits.device)
            token = sample(logits, how.temperature, drawn)
            ids, cache = token.tolist(), out.past_key_values
            done = row.write(ids[0], float(log_probabilities(logits, token)), how)
            yield [(request.place, ids[0], done)]
