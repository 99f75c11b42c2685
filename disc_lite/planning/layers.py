"""The kinds of decoder layers of a model, from its configuration: attention, and in hybrids what replaces it.

LFM2 has short convolutions, Qwen3.5 the gated delta rule, Granite 4 hybrid Mamba 2. Gemma 4 has wider heads in layers
without a window, and layers that attend to the keys of earlier layers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from disc_lite.storage import JsonObject

Matrices = tuple[tuple[int, int], ...]  # (in, out) of each linear layer
# Families (`model_type`) with one matrix for q, k and v; with one for gate and up; and with an MLP without a gate.
FUSED_ATTENTION, FUSED_MLPS = {"phi3", "gpt_neox"}, {"phi3", "glm4", "granitemoehybrid"}
TWO_MATRICES = {"phi", "gpt_neox", "starcoder2", "nemotron"}
GATED_ATTENTION = {"qwen3_5_text"}  # their attention has a gate as wide as the queries
DELTA_CHUNK = 64  # tokens that transformers' gated delta rule computes at once


@dataclass(frozen=True)
class Mixer:
    """The part of a layer that mixes tokens (attention, convolution or recurrence); sizes are in elements."""

    matrices: Matrices
    queries: int = 0  # width of the queries; 0 if it is not attention
    gate: int = 0  # width of its gate
    cached: int = 0  # keys and values of a token
    others: int = 0  # weights outside of the matrices
    channels: int = 0  # of its convolution
    state: int = 0  # values of the recurrent state, in fp32
    chunk: int = 1  # tokens that the recurrence computes at once; rows are padded to a multiple of it
    recurrent: float = 0  # fp32 values per token that transformers' own functions make, without kernels


@dataclass(frozen=True)
class Layers:
    """Layers of the same kind, and their number."""

    count: int
    mixer: Mixer
    intermediate: int  # width of the MLP
    mlp: Matrices

    @property
    def matrices(self) -> Matrices:
        return self.mixer.matrices + self.mlp

    @property
    def fused(self) -> bool:
        """Whether gate and up are one matrix."""
        return self.mlp[0][1] > self.intermediate


def layers_of(config: JsonObject) -> tuple[Layers, ...]:
    """Return the kinds of layers of a decoder from its complete configuration.

    Raises KeyError, TypeError or ValueError if the configuration does not give the sizes as most families do.
    """
    kinds = Counter(_each_layer(config))
    return tuple(Layers(count, mixer, width, _mlp(config, width)) for (mixer, width), count in kinds.items())


def _each_layer(config: JsonObject) -> list[tuple[Mixer, int]]:
    """Return the mixer and the MLP's width of every layer."""
    number, kind = int(config["num_hidden_layers"]), config.get("model_type")
    if kind == "gemma4_text":
        return [_gemma4(config, n, number) for n in range(number)]
    of_other = _OTHERS.get(str(kind))
    attention, width = _attention(config), _mlp_width(config)
    return [(of_other(config) if of_other and not _attends(config, n) else attention, width) for n in range(number)]


def _attends(config: JsonObject, layer: int) -> bool:
    """Whether this layer of a hybrid is attention; without types in the configuration, as its class decides."""
    if types := config.get("layer_types") or config.get("layers_block_type"):
        return "attention" in types[layer].replace("linear_attention", "")
    indices = config.get("full_attn_idxs")
    if config["model_type"] == "lfm2":
        return indices is None or layer in indices
    return config["model_type"] == "qwen3_5_text" and (layer + 1) % (config.get("full_attention_interval") or 4) == 0


def _attention(config: JsonObject) -> Mixer:
    hidden, heads, kv_heads, head_dim = (
        int(config[key]) for key in ("hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim")
    )
    kind, q, kv = config.get("model_type"), heads * head_dim, kv_heads * head_dim
    gate = q if kind in GATED_ATTENTION else 0
    fused = kind in FUSED_ATTENTION
    inputs = ((hidden, q + 2 * kv),) if fused else ((hidden, q + gate), (hidden, kv), (hidden, kv))
    return Mixer((*inputs, (q, hidden)), q, gate, 2 * kv)


def _gemma4(config: JsonObject, layer: int, number: int) -> tuple[Mixer, int]:
    """A Gemma 4 layer: without a window heads have another size, and the last layers use keys of earlier ones."""
    types, hidden, by_layer = config.get("layer_types"), int(config["hidden_size"]), _by_layer(config)
    windowed = layer < number - 1 and (types[layer] == "sliding_attention" if types else (layer + 1) % 6 > 0)
    shares = layer >= number - config["num_kv_shared_layers"]
    own_sizes = (config.get("per_layer_config") or {}).get(str(layer), {})  # as transformers saves them
    head_dim = own_sizes.get("head_dim") or (config["head_dim"] if windowed else config.get("global_head_dim") or 512)
    one_matrix = config["attention_k_eq_v"] and not windowed
    own_heads = own_sizes.get("num_key_value_heads") or (one_matrix and config.get("num_global_key_value_heads"))
    kv_heads = own_heads or config["num_key_value_heads"]
    q, kv = config["num_attention_heads"] * head_dim, 0 if shares else kv_heads * head_dim
    keys = () if shares else ((hidden, kv),) * (1 if one_matrix else 2)
    own = ((hidden, by_layer), (by_layer, hidden)) if by_layer else ()  # for the layer's own embeddings
    wide = shares and config["use_double_wide_mlp"]
    return Mixer(((hidden, q), *keys, (q, hidden), *own), q, 0, 2 * kv), int(config["intermediate_size"]) * (1 + wide)


def _by_layer(config: JsonObject) -> int:
    """Width of a layer's own embeddings (Gemma 4); 0 if layers have none."""
    return int(config.get("hidden_size_per_layer_input") or 0)


def by_layer_embeddings(config: JsonObject) -> tuple[int, Matrices]:
    """Return the number of values in the layers' own embeddings, and the matrix from the input to their width."""
    width = int(config["num_hidden_layers"]) * _by_layer(config)
    if not width:
        return 0, ()
    return width * int(config["vocab_size_per_layer_input"]), ((int(config["hidden_size"]), width),)


def _convolution(config: JsonObject) -> Mixer:
    """LFM2: a short convolution, whose input and two gates come from one matrix."""
    hidden = int(config["hidden_size"])
    return Mixer(((hidden, 3 * hidden), (hidden, hidden)), others=3 * hidden, channels=hidden)


def _delta(config: JsonObject) -> Mixer:
    """Qwen3.5: the gated delta rule."""
    hidden, values = int(config["hidden_size"]), config["linear_num_value_heads"]
    key_size, value_size = config["linear_key_head_dim"], config["linear_value_head_dim"]
    inner = values * value_size
    channels = 2 * config["linear_num_key_heads"] * key_size + inner
    inputs = ((hidden, channels), (hidden, inner), (hidden, values), (hidden, values))
    state, others = inner * key_size, channels * config["linear_conv_kernel_dim"]
    of_token = values * (4.8 * key_size + 3.4 * value_size + 4.2 * DELTA_CHUNK) + state / DELTA_CHUNK
    return Mixer((*inputs, (inner, hidden)), 0, inner, 0, others, channels, state, DELTA_CHUNK, of_token)


def _mamba2(config: JsonObject) -> Mixer:
    """Granite 4 hybrid: Mamba 2."""
    hidden, heads, size = int(config["hidden_size"]), config["mamba_n_heads"], config["mamba_d_state"]
    inner, chunk = config["mamba_expand"] * hidden, config["mamba_chunk_size"]
    channels = inner + 2 * config["mamba_n_groups"] * size
    others = channels * (config["mamba_d_conv"] + 1) + inner
    of_token = heads * (5.3 * size + 3.6 * chunk) + inner * (2 + 3 * size / chunk)
    matrices = ((hidden, inner + channels + heads), (inner, hidden))
    return Mixer(matrices, 0, inner, 0, others, channels, inner * size, chunk, of_token)


_OTHERS: dict[str, Callable[[JsonObject], Mixer]] = {
    "lfm2": _convolution, "qwen3_5_text": _delta, "granitemoehybrid": _mamba2,
}  # fmt: skip


def _mlp_width(config: JsonObject) -> int:
    if config.get("model_type") == "granitemoehybrid":
        return int(config["shared_intermediate_size"])
    width = int(config.get("block_ff_dim") or config["intermediate_size"])
    if not config.get("block_auto_adjust_ff_dim"):  # LFM2 uses two thirds of it, rounded up to a multiple
        return width
    multiple, factor = config["block_multiple_of"], config["block_ffn_dim_multiplier"]
    return width * 2 // 3 if factor is None else -(-int(factor * (width * 2 // 3)) // multiple) * multiple


def _mlp(config: JsonObject, width: int) -> Matrices:
    hidden, kind = int(config["hidden_size"]), config.get("model_type")
    if kind in FUSED_MLPS:
        return (hidden, 2 * width), (width, hidden)
    return (*((hidden, width),) * (1 if kind in TWO_MATRICES else 2), (width, hidden))
