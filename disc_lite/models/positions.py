"""Position embeddings that depend on a text's length: LongRoPE (Phi-3, Phi-4-mini) has two sets of frequencies.

One set is for texts up to the length that the model was first trained on, the other for longer ones. transformers
chooses for a whole pass, by its largest position: every text gets the set of the longest. So texts of the two kinds
are never in one pass here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

LONGROPE = "longrope"


def original_length(config: PretrainedConfig) -> int | None:
    """Maximum tokens of a text with the first set; None for a model whose positions do not depend on lengths."""
    rope = getattr(config, "rope_parameters", None) or {}
    return int(rope["original_max_position_embeddings"]) if rope.get("rope_type") == LONGROPE else None


def by_frequencies(lengths: Sequence[int], limit: int | None) -> dict[bool, list[int]]:
    """Return indices of texts by whether they are longer than the limit; no list is empty."""
    sides: dict[bool, list[int]] = {}
    for i, length in enumerate(lengths):
        sides.setdefault(limit is not None and length > limit, []).append(i)
    return sides


@contextmanager
def long_texts(model: PreTrainedModel, wanted: bool) -> Iterator[None]:
    """Use the second set at every position, for a text that grows beyond the limit token by token."""
    modules: list[Any] = [m for m in model.modules() if getattr(m, "rope_type", None) == LONGROPE] if wanted else []
    usual = [module.original_inv_freq for module in modules]
    try:
        for module in modules:
            module.original_inv_freq = _long(module)
        yield
    finally:
        for module, frequencies in zip(modules, usual, strict=True):
            module.original_inv_freq = frequencies


def _long(module: Any) -> Any:
    """Return the second set, which the module stores, so that it has the same address in CUDA graphs."""
    device = module.inv_freq.device
    if getattr(module, "long_inv_freq", None) is None:
        longer = (original_length(module.config) or 0) + 1
        module.long_inv_freq, _ = ROPE_INIT_FUNCTIONS[LONGROPE](module.config, device, seq_len=longer)
    module.long_inv_freq = module.long_inv_freq.to(device)
    return module.long_inv_freq
