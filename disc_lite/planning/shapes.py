"""The sizes of a model: of a name without the network, else from the `config.json` of a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disc_lite.hub.aliases import ALIASES, Alias

# NF4 with double quantisation: half a byte a value, for 64 of them a scale of a byte, for 256 scales one of 4 bytes.
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
# Families whose MLP is not silu(gate) * up with layers of their own, so that `models.mlp` does not compute it.
OTHER_MLPS = ("gemma", "phi", "glm", "starcoder", "gpt", "nemotron", "lfm")
QK_NORMS = ("qwen3", "olmo2", "gemma3")  # families that normalise queries and keys, as `model_type` or name begins


@dataclass(frozen=True)
class Shape:
    """A decoder; sizes are in elements."""

    name: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    tied: bool  # the head is the embedding matrix
    qk_norm: bool
    gated: bool = True  # the MLP, as `models.mlp` computes it

    @property
    def projections(self) -> tuple[tuple[int, int], ...]:
        """(in, out) of the seven linear layers of a decoder layer."""
        h, i, q, kv = self.hidden, self.intermediate, self.heads * self.head_dim, self.kv_heads * self.head_dim
        return ((h, q), (h, kv), (h, kv), (q, h), (h, i), (h, i), (i, h))

    @property
    def linear_parameters(self) -> int:
        """N: of all decoder layers, without embedding and head."""
        return self.layers * sum(a * b for a, b in self.projections)

    @property
    def vocabulary_parameters(self) -> int:
        """Of embedding and head."""
        return self.vocab * self.hidden * (1 if self.tied else 2)

    def adapter_parameters(self, rank: int) -> int:
        return self.layers * rank * sum(a + b for a, b in self.projections)

    def weight_bytes(self, quantize: str, value_bytes: int) -> int:
        """The frozen base in memory; embedding, head and norms are never quantised."""
        linear = NF4_BYTES if quantize == "nf4" else value_bytes
        norms = (2 * self.layers + 1) * self.hidden
        return round(self.linear_parameters * linear + (self.vocabulary_parameters + norms) * value_bytes)

    def cache_bytes(self, places: int, value_bytes: int) -> int:
        """The key/value cache of so many tokens in generation."""
        return 2 * self.layers * self.kv_heads * self.head_dim * value_bytes * places


def shape_of_alias(alias: Alias) -> Shape:
    return Shape(
        alias.name, alias.hidden, alias.layers, alias.heads, alias.kv_heads, alias.head_dim, alias.intermediate,
        alias.vocab, alias.tied, alias.name.startswith(QK_NORMS), not alias.name.startswith(OTHER_MLPS),
    )  # fmt: skip


def shape_of_folder(folder: Path) -> Shape | None:
    """Of a model folder; None where its `config.json` does not say the sizes as most families do."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config = {**config, **config.get("text_config", {})}
        heads, kind = int(config["num_attention_heads"]), str(config.get("model_type", ""))
        return Shape(
            str(folder), int(config["hidden_size"]), int(config["num_hidden_layers"]), heads,
            int(config.get("num_key_value_heads") or heads),
            int(config.get("head_dim") or config["hidden_size"] // heads), int(config["intermediate_size"]),
            int(config["vocab_size"]), bool(config.get("tie_word_embeddings", False)),
            kind.startswith(QK_NORMS), not kind.startswith(OTHER_MLPS),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def known_shapes() -> tuple[Shape, ...]:
    """Of all names, the largest first."""
    shapes = (shape_of_alias(alias) for alias in ALIASES.values())
    return tuple(sorted(shapes, key=lambda shape: -shape.linear_parameters))
