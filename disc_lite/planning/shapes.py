"""The sizes of a model: of a name without the network, else from the `config.json` of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from disc_lite.errors import EnvironmentNotReady
from disc_lite.hub.aliases import ALIASES, Alias
from disc_lite.hub.configuration import text_configuration

# NF4 with double quantisation: half a byte a value, for 64 of them a scale of a byte, for 256 scales one of 4 bytes.
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
# Families (`model_type`) whose MLP is not silu(gate) * up with layers of their own, which `models.mlp` leaves alone.
OTHER_MLPS = {
    "gemma", "gemma2", "gemma3_text", "gemma4_text", "phi", "phi3", "glm4", "starcoder2", "gpt_neox", "nemotron",
    "lfm2", "granitemoehybrid",
}  # fmt: skip
TWO_MATRICES = {"phi", "gpt_neox", "starcoder2", "nemotron"}  # of the MLP, which has no gate
# With a gate as wide as the queries. Most layers of Qwen 3.5 are recurrent: they have about as many weights.
GATED_ATTENTION = {"qwen3_5_text"}
QK_NORMS = {"qwen3", "qwen3_5_text", "olmo2", "olmo3", "exaone4", "gemma3_text", "gemma4_text", "lfm2"}
QK_SETTINGS = ("use_qk_norm", "qk_layernorm")  # of families that may normalise queries and keys
# Of `config.json`, in the order of `Shape`.
SIZES = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "intermediate_size",
    "vocab_size",
)  # fmt: skip
BY_LAYER = ("hidden_size_per_layer_input", "vocab_size_per_layer_input")


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
    capped: bool = False  # its attention scores are, so they are computed whole (transformers' `eager` attention)
    by_layer: int = 0  # values of the embeddings that every layer has of its own (Gemma 3n and 4)
    mlp_inputs: int = 2  # matrices of the MLP that read its input: gate and up, or one
    query_inputs: int = 1  # as wide as the queries: these, and in some families a gate

    @property
    def projections(self) -> tuple[tuple[int, int], ...]:
        """(in, out) of the linear layers of a decoder layer: seven in most families."""
        h, i, q, kv = self.hidden, self.intermediate, self.heads * self.head_dim, self.kv_heads * self.head_dim
        return (*[(h, q)] * self.query_inputs, (h, kv), (h, kv), (q, h), *[(h, i)] * self.mlp_inputs, (i, h))

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
        """The frozen base in memory; embeddings, head and norms are never quantised."""
        linear = NF4_BYTES if quantize == "nf4" else value_bytes
        others = self.vocabulary_parameters + self.by_layer + (2 * self.layers + 1) * self.hidden
        return round(self.linear_parameters * linear + others * value_bytes)

    def cache_bytes(self, places: int, value_bytes: int) -> int:
        """The key/value cache of so many tokens in generation."""
        return 2 * self.layers * self.kv_heads * self.head_dim * value_bytes * places


def shape_of_alias(alias: Alias) -> Shape:
    return Shape(
        alias.name, alias.hidden, alias.layers, alias.heads, alias.kv_heads, alias.head_dim, alias.intermediate,
        alias.vocab, alias.tied, alias.model_type in QK_NORMS, alias.model_type not in OTHER_MLPS,
        by_layer=alias.vocab * alias.layers * alias.by_layer,
    )  # fmt: skip


def shape_of_folder(folder: Path) -> Shape | None:
    """Of a model folder; None where its `config.json` does not say the sizes as most families do."""
    try:
        config = text_configuration(folder)
        hidden, layers, heads, kv_heads, head_dim, intermediate, vocab = (int(config[key]) for key in SIZES)
        kind, tied = config.get("model_type"), bool(config.get("tie_word_embeddings"))
        normalised = kind in QK_NORMS or any(bool(config.get(key)) for key in QK_SETTINGS)
        by_layer, its_vocab = (int(config.get(key) or 0) for key in BY_LAYER)
        return Shape(
            str(folder), hidden, layers, heads, kv_heads, head_dim, intermediate, vocab, tied, normalised,
            kind not in OTHER_MLPS, bool(config.get("attn_logit_softcapping")), layers * by_layer * its_vocab,
            1 if kind in TWO_MATRICES else 2, 2 if kind in GATED_ATTENTION else 1,
        )  # fmt: skip
    except (EnvironmentNotReady, ValueError, KeyError, TypeError):
        return None


def known_shapes() -> tuple[Shape, ...]:
    """Of all names, the largest first."""
    shapes = (shape_of_alias(alias) for alias in ALIASES.values())
    return tuple(sorted(shapes, key=lambda shape: -shape.linear_parameters))
