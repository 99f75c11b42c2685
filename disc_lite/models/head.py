"""The output layer of a model, with which training, scoring and generation compute logits: in fp32.

A model's own forward pass rounds its logits to the dtype of its weights: in bf16 two tokens are equally likely at
every twentieth position, and log-probabilities are off by hundredths of a nat.
"""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedModel

from disc_lite.losses import Head


def head_of(model: PreTrainedModel) -> Head:
    """Return the output layer, with what the family does to its logits; the check at loading compares the results."""
    layer: Any = model.get_output_embeddings()
    config = model.get_decoder().config  # for a model with image input that of its text part
    return Head(
        weight=layer.weight,
        bias=getattr(layer, "bias", None),
        scale=float(getattr(config, "logit_scale", None) or 1.0)
        / float(getattr(config, "logits_scaling", None) or 1.0),
        softcap=getattr(config, "final_logit_softcapping", None),
    )
