"""How many tokens a model reads at once. Does not import torch."""

from __future__ import annotations

from pathlib import Path

from disc_lite.hub.configuration import text_configuration

UNLIMITED = 1 << 20  # tokens, for a model whose configuration has no limit


def context_tokens(folder: Path) -> int:
    """The context length of the model in this folder. Raises EnvironmentNotReady where its `config.json` is broken."""
    longest = text_configuration(folder).get("max_position_embeddings")
    return longest if isinstance(longest, int) and longest > 0 else UNLIMITED
