"""The key/value cache: each prefix is stored once for all rows that share it; a row's own tokens are stored per row.

Everything is allocated once and written in place. The number of rows follows from the free memory.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from disc_lite.models.device import dtype_on, free_bytes, to_device
from disc_lite.models.generation.requests import Request
from disc_lite.planning.sizes import LOGITS_BYTES, MAX_ROWS, PREFIX_ROWS, ROWS_SHARE

STEP = 16  # places are a multiple of this, as CUDA's attention kernels require of a mask


@dataclass(frozen=True)
class CacheShape:
    """The numbers of prefixes and rows, and of places (tokens) in each of them."""

    rows: int
    own_places: int
    prefixes: int
    prefix_places: int
    prefix_rows: int  # rows that may have the same stored prefix


@dataclass(frozen=True)
class LayerCache:
    """Keys and values of one layer."""

    prefix_keys: Tensor  # [prefixes, kv heads, prefix places, D]
    prefix_values: Tensor
    own_keys: Tensor  # [rows, kv heads, own places, D]
    own_values: Tensor


class KeyValueCache:
    """Keys and values of all layers."""

    def __init__(self, shape: CacheShape, long: bool = False) -> None:
        self.shape = shape
        self.long = long  # for texts with the second set of frequencies of `models.positions`
        self._layers: dict[int, LayerCache] = {}

    def layer(self, number: int, key: Tensor, value: Tensor) -> LayerCache:
        """Return the cache of a layer with these keys and values, [T, kv heads, D]; allocated at the first call."""
        if number not in self._layers:
            self._layers[number] = LayerCache(*(self._zeros(t, own) for own in (False, True) for t in (key, value)))
        return self._layers[number]

    def _zeros(self, like: Tensor, own: bool) -> Tensor:
        """Allocate zeros, since masked values are still multiplied by 0."""
        s = self.shape
        first, places = (s.rows, s.own_places) if own else (s.prefixes, s.prefix_places)
        return like.new_zeros(first, like.shape[1], places, like.shape[2])

    def copy_prefix(self, source: int, target: int, places: int) -> None:
        """Copy the first places of one prefix to another."""
        for layer in self._layers.values():
            for tensor in (layer.prefix_keys, layer.prefix_values):
                tensor[target, :, :places] = tensor[source, :, :places]

    def copy_own(self, sources: Mapping[int, int]) -> None:
        """Copy rows' own keys and values; `sources` maps each row to its source, or to itself."""
        pairs = [(row, source) for row, source in sources.items() if source != row]
        if pairs:
            layers = list(self._layers.values())
            # On the device, and once: with lists of numbers the host would wait for the card in every layer.
            targets, rows = to_device(torch.tensor(list(zip(*pairs, strict=True))), layers[0].own_keys.device)
            for layer in layers:
                for tensor in (layer.own_keys, layer.own_values):
                    tensor[targets] = tensor[rows]


# Bytes for keys, values and logits that did not fit on the card: what failed once is not tried again in later calls for
# the same model.
_too_many: weakref.WeakKeyDictionary[PreTrainedModel, int] = weakref.WeakKeyDictionary()


def shape_for(model: PreTrainedModel, requests: Sequence[Request], max_new_tokens: int, max_rows: int) -> CacheShape:
    """Return a shape with as many rows as are useful and fit into the free memory, at least one, and their prefixes."""
    own = _rounded_up(max(len(request.rest) for request in requests) + max_new_tokens)
    prefix = _rounded_up(max(len(request.prefix) for request in requests))
    sizes = Counter(request.prefix for request in requests)
    # The last rows of a prefix end one by one: on average half of its requests, or of its possible rows, are active.
    typical = sorted(sizes[request.prefix] for request in requests)[len(requests) // 2]
    per_prefix = max(1, min(typical, PREFIX_ROWS) // 2)
    fit = int(room_bytes(model) / row_bytes(model, own + prefix / per_prefix))
    rows = max(1, min(fit, len(requests), max_rows or MAX_ROWS.get(model.device.type, MAX_ROWS["cpu"])))
    prefixes = min(-(-rows // per_prefix), len(sizes))
    return CacheShape(rows, own, prefixes, prefix, max(PREFIX_ROWS, -(-rows // prefixes)))


def _rounded_up(places: int) -> int:
    return -(-places // STEP) * STEP


def row_bytes(model: PreTrainedModel, places: float) -> float:
    """Bytes of keys and values in that many places, and of the fp32 logits with what sampling makes of them."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    element = dtype_on(model.device, config).itemsize
    return float(2 * config.num_hidden_layers * heads * size * element * places + LOGITS_BYTES * config.vocab_size)


def room_bytes(model: PreTrainedModel) -> int:
    """Bytes that may be used: a share of the free memory, and at most half of what was too much before."""
    share = int(free_bytes(model.device) * ROWS_SHARE)
    return min(share, _too_many[model] // 2) if model in _too_many else share


def remember_too_many(model: PreTrainedModel, shape: CacheShape) -> None:
    """Record that this shape did not fit: from now on at most half of it is used."""
    places = shape.own_places + shape.prefix_places * shape.prefixes / shape.rows
    _too_many[model] = int(shape.rows * row_bytes(model, places))
