"""The sizes of a model: by a known name without network access, or from the `config.json` of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from disc_lite.errors import EnvironmentNotReady
from disc_lite.hub.aliases import ALIASES, Alias
from disc_lite.hub.configuration import completed, text_configuration
from disc_lite.planning.layers import Layers, Matrices, by_layer_embeddings, layers_of
from disc_lite.storage import JsonObject

# NF4 with double quantisation: half a byte per value, a 1-byte scale per 64 values, a 4-byte scale per 256 scales.
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
# Families (`model_type`) whose MLP is not silu(gate) * up with separate layers; `models.mlp` does not replace it.
OTHER_MLPS = {
    "gemma", "gemma2", "gemma3_text", "gemma4_text", "phi", "phi3", "glm4", "starcoder2", "gpt_neox", "nemotron",
    "lfm2", "granitemoehybrid",
}  # fmt: skip
QK_NORMS = {"qwen3", "qwen3_5_text", "olmo2", "olmo3", "exaone4", "gemma3_text", "gemma4_text", "lfm2"}
QK_SETTINGS = ("use_qk_norm", "qk_layernorm")  # in families that may normalise queries and keys


@dataclass(frozen=True)
class Shape:
    """Sizes of a decoder, in elements."""

    name: str
    hidden: int
    kinds: tuple[Layers, ...]  # most models have one kind
    heads: int
    vocab: int
    tied: bool  # the head is the embedding matrix
    qk_norm: bool
    gated: bool = True  # the MLP is gated, as `models.mlp` computes it
    capped: bool = False  # attention scores are capped, so computed whole (transformers' `eager` attention)
    by_layer: int = 0  # values in the layers' own embeddings (Gemma 4)
    outside: Matrices = ()  # matrices of the decoder outside of its layers

    @property
    def layers(self) -> int:
        return sum(kind.count for kind in self.kinds)

    @property
    def apart(self) -> bool:
        """Whether a layer carries a state from token to token, so that the model reads one text per row."""
        return any(kind.mixer.channels for kind in self.kinds)

    @property
    def matrices(self) -> tuple[tuple[int, tuple[int, int]], ...]:
        """The linear layers of the decoder as (number of such layers, (in, out))."""
        inside = ((kind.count, each) for kind in self.kinds for each in kind.matrices)
        return (*inside, *((1, each) for each in self.outside))

    @property
    def linear_parameters(self) -> int:
        """N: number of parameters in all linear layers of the decoder, without embedding and head."""
        return sum(count * a * b for count, (a, b) in self.matrices)

    def adapter_parameters(self, rank: int) -> int:
        return rank * sum(count * (a + b) for count, (a, b) in self.matrices)

    def weight_bytes(self, quantize: str, value_bytes: int) -> int:
        """Bytes of the frozen base; embeddings, head, norms and convolutions are never quantised."""
        linear = NF4_BYTES if quantize == "nf4" else value_bytes
        vocabulary = self.vocab * self.hidden * (1 if self.tied else 2)  # embedding and head
        others = vocabulary + self.by_layer + (2 * self.layers + 1) * self.hidden
        others += sum(kind.count * kind.mixer.others for kind in self.kinds)
        return round(self.linear_parameters * linear + others * value_bytes)

    def cache_bytes(self, value_bytes: int) -> int:
        """Bytes of one token in the key/value cache."""
        return sum(kind.count * kind.mixer.cached for kind in self.kinds) * value_bytes

    @property
    def state_bytes(self) -> int:
        """Bytes of one text's state in the recurrent layers."""
        return 4 * sum(kind.count * kind.mixer.state for kind in self.kinds)


def shape_of_alias(alias: Alias) -> Shape:
    sizes: JsonObject = {
        "model_type": alias.model_type, "hidden_size": alias.hidden, "num_hidden_layers": alias.layers,
        "num_attention_heads": alias.heads, "num_key_value_heads": alias.kv_heads, "head_dim": alias.head_dim,
        "intermediate_size": alias.intermediate, "vocab_size": alias.vocab, "tie_word_embeddings": alias.tied,
    }  # fmt: skip
    return _shape(alias.name, completed({**sizes, **alias.more}))


def shape_of_folder(folder: Path) -> Shape | None:
    """Return the shape of a model folder; None if its `config.json` does not give the sizes as most families do."""
    try:
        return _shape(str(folder), text_configuration(folder))
    except (EnvironmentNotReady, ValueError, KeyError, TypeError, IndexError):
        return None


def _shape(name: str, config: JsonObject) -> Shape:
    hidden, heads, vocab = (int(config[key]) for key in ("hidden_size", "num_attention_heads", "vocab_size"))
    kind, (by_layer, outside) = config.get("model_type"), by_layer_embeddings(config)
    return Shape(
        name, hidden, layers_of(config), heads, vocab, bool(config.get("tie_word_embeddings")),
        kind in QK_NORMS or any(bool(config.get(key)) for key in QK_SETTINGS),
        kind not in OTHER_MLPS, bool(config.get("attn_logit_softcapping")), by_layer, outside,
    )  # fmt: skip


def known_shapes() -> tuple[Shape, ...]:
    """Return the shapes of all known names, the largest first."""
    shapes = (shape_of_alias(alias) for alias in ALIASES.values())
    return tuple(sorted(shapes, key=lambda shape: -shape.linear_parameters))
