"""Bytes on the card, or of the process on a CPU, for each stage and part.

A training step can reach its peak memory at four moments:

    loss       what all layers have stored, and the logits of one chunk of rows
    mlp        the larger of stored activations and gradients, and what one layer needs for the gradient of its MLP
    attention  the same for the gradient of its attention, if its scores are computed whole
    optimizer  gradients; AdamW's step makes no copy of them

The last layers store what their backward pass needs. The first ones have gradient checkpointing: they store their
input, and are recomputed from it once the backward pass of the last layers is done. In a step of several
micro-batches, the gradients of the earlier ones come on top.

The sizes of a layer are fitted to measurements: on CUDA to 23 steps of three 7B shapes (bench/results/gpu-*), on the
CPU to what PyTorch allocates for small models. Those of gated MLPs (`models.mlp`), convolutions and recurrences are
measured on the CPU only; for CUDA, the measured sizes of MLPs are reduced by what is no longer stored. A place is a
position in a packed batch: a token or padding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from disc_lite.planning.amounts import optimizer_bytes
from disc_lite.planning.layers import Layers
from disc_lite.planning.shapes import Shape
from disc_lite.planning.sizes import (
    LOGITS_BYTES,
    LOSS_ROWS,
    MAX_ROWS,
    MLP_TILE,
    PROMPT_TOKENS,
    ROWS_SHARE,
    TREE_TOKENS,
    VOCABULARY_BLOCK,
)

LOGIT_BYTES = 10  # for each row and vocabulary entry: teacher and student in fp32, the gradient in bf16
PADDING = 1.05  # places for each token of a packed batch
APART_PADDING = 1.4  # the same with one text per row, as wide as the longest, which is up to twice the shortest
# Values per place of a layer, beyond a multiple of its hidden size; also stored if the layer is not recomputed.
ATTENTION = 4.2  # x width of the queries; keys and values are repeated for their heads
GATE = {True: 3.9, False: 2.5}  # x width of a gate: of attention, of a recurrence
CONVOLUTION = {True: 4.0, False: 5.75}  # x channels: before a recurrence, alone
RECURRENT_GRADIENT = 0.2  # share of a recurrence's values that its backward pass adds
READ_MIXER = 0.85  # share of the mixer's values that a pass without gradient holds
GATED_HIDDEN = 0.6  # x hidden size, per place: the gradient of a gated MLP's output
ALL_LAYERS = 10_000  # more than any model has
HOST_LAYERS = 2  # layers whose checkpoints are on the card if all others are in host memory
WORKSPACE = 70 << 20  # of cuBLAS, measured; in addition to what the model itself takes


@dataclass(frozen=True)
class DeviceCosts:
    """How a device computes: bytes per value, and what it stores of a layer, in values per place."""

    value_bytes: int
    workspace: int
    layer_hidden: float  # x hidden size, while a layer is recomputed
    qk_norm: float  # x width of the queries, if queries and keys are normalised
    stored_hidden: float  # x hidden size, of a layer that is not recomputed; in addition to its mixer and MLP
    most_rows: int  # of generation
    read_tokens: int  # tokens of prompts in one pass of generation
    host_apart: bool  # whether host memory is separate from the device's
    # Capped attention scores, in bytes per head and pair of tokens: in a forward pass, in a backward pass, and stored.
    scores: tuple[float, float, float]
    upcast_rows: int = 0  # rows of the head that are copied to fp32 at the same time
    optimizer_bits: tuple[int, ...] = (32, 8)  # of AdamW's state, in the order to try


CUDA = DeviceCosts(
    value_bytes=2, workspace=WORKSPACE, layer_hidden=7.3, qk_norm=2.0, stored_hidden=8.3,
    most_rows=MAX_ROWS["cuda"], read_tokens=PROMPT_TOKENS["cuda"], host_apart=True, scores=(10, 14, 8),
)  # fmt: skip
CPU = DeviceCosts(
    value_bytes=4, workspace=0, layer_hidden=4.75, qk_norm=1.55, stored_hidden=4.45,
    most_rows=MAX_ROWS["cpu"], read_tokens=PROMPT_TOKENS["cpu"], host_apart=False, scores=(8, 16, 8),
)  # fmt: skip
CPU_BF16 = replace(CPU, value_bytes=2, layer_hidden=7.3, qk_norm=2.0, stored_hidden=8.3, upcast_rows=VOCABULARY_BLOCK)


@dataclass(frozen=True)
class TrainingSetup:
    """How training is computed."""

    micro_batch_tokens: int
    recomputed: int  # number of layers, from the first, with gradient checkpointing
    optimizer_bits: int
    host_checkpoints: bool = False  # the inputs of recomputed layers are kept in host memory
    host_embedding: bool = False  # so is the input embedding
    passes: int = 1  # micro-batches per step


@dataclass(frozen=True)
class Stage:
    """A stage of a run, and the bytes of each part at its peak."""

    name: str
    parts: dict[str, int]

    @property
    def peak(self) -> int:
        return sum(self.parts.values())


@dataclass(frozen=True)
class Footprint:
    """The memory of one model with one adapter on one kind of device."""

    shape: Shape
    quantize: str
    rank: int
    costs: DeviceCosts

    @property
    def base(self) -> int:
        return self.shape.weight_bytes(self.quantize, self.costs.value_bytes) + self.costs.workspace

    @property
    def adapter(self) -> int:
        """Bytes of the adapter's weights in fp32."""
        return 4 * self.shape.adapter_parameters(self.rank)

    def training(self, setup: TrainingSetup, padding: float | None = None, row_tokens: int = TREE_TOKENS) -> Stage:
        """Memory of a training step at its largest moment; two thirds of its tokens are compared with the teacher.

        `row_tokens` is the number of tokens in a row; it matters for attention scores that are computed whole, and for
        recurrences that are computed in chunks.
        """
        places, value = setup.micro_batch_tokens * (padding or self._padding), self.costs.value_bytes
        state = optimizer_bytes(self.adapter, setup.optimizer_bits)
        h, gradients, row_tokens = self.shape.hidden, self.adapter, min(row_tokens, math.ceil(places))
        again = min(setup.recomputed, self.shape.layers)
        inputs = places * value * h * (min(again, HOST_LAYERS) if setup.host_checkpoints else again)
        stored = inputs + places * self._kept(self.shape.layers - again, row_tokens)
        loss = LOGIT_BYTES * min(LOSS_ROWS, places) * self.shape.vocab + 3 * places * value * h
        loss += 4 * min(self.costs.upcast_rows, self.shape.vocab) * h
        earlier = gradients if setup.passes > 1 else 0
        # After the backward pass of the last layers, the first have their inputs, and the last their gradients.
        between = inputs + max(0, gradients * (1 - again / self.shape.layers) - earlier)
        before = {"activations": stored, "gradients": earlier, "loss": loss}
        moments: list[dict[str, float]] = [before, {"gradients": gradients}]
        for kind in self.shape.kinds:
            if again < self.shape.layers:
                both = {"activations": max(stored, between), "gradients": earlier}
                moments += [{**both, **layer} for layer in self._backward_stored(kind, places, row_tokens)]
            if again:
                both = {"activations": max(between, gradients - earlier), "gradients": earlier}
                moments += [{**both, **layer} for layer in self._backward_again(kind, places, row_tokens)]
        largest = max(moments, key=lambda parts: sum(parts.values()))
        return self._stage("training", {"adapter": self.adapter, "optimizer": state, **largest}, setup.host_embedding)

    def _backward_stored(self, kind: Layers, places: float, row_tokens: int) -> list[dict[str, float]]:
        """Bytes of a stored layer beyond what it stored, during the gradient of its MLP and of its attention."""
        _, scores, kept = (self._scores(each, places, row_tokens) for each in self.costs.scores)
        return [{"layer": self._mlp(kind, places)}, {"scores": scores - kept}]

    def _backward_again(self, kind: Layers, places: float, row_tokens: int) -> list[dict[str, float]]:
        """Bytes of a recomputed layer during the gradient of its MLP and of its attention."""
        _, scores, kept = (self._scores(each, places, row_tokens) for each in self.costs.scores)
        again, mlp = self._again(kind, places, row_tokens)
        return [{"layer": again + mlp, "scores": kept}, {"layer": again, "scores": scores}]

    def _kept(self, layers: int, row_tokens: int) -> float:
        """Bytes per place that `layers` layers store for their backward pass; the largest kinds count first."""
        each = sorted(((self._stored(kind, row_tokens), kind.count) for kind in self.shape.kinds), reverse=True)
        total = 0.0
        for size, count in each:
            total += size * min(count, layers)
            layers -= min(count, layers)
        return total

    @property
    def embedding(self) -> int:
        """Bytes of the input embedding if it is a matrix of its own, else 0."""
        return 0 if self.shape.tied else self.shape.vocab * self.shape.hidden * self.costs.value_bytes

    def on_host(self, setup: TrainingSetup) -> int:
        """Bytes of host memory: the embedding, and the inputs of recomputed layers but the last.

        Pinned memory is allocated in powers of two.
        """
        each = math.ceil(setup.micro_batch_tokens * self._padding) * self.shape.hidden * self.costs.value_bytes
        inputs = (min(setup.recomputed, self.shape.layers) - 1) * (1 << (each - 1).bit_length())
        inputs = max(0, inputs) if setup.host_checkpoints else 0
        return inputs + (self.embedding if setup.host_embedding else 0)

    def _again(self, kind: Layers, places: float, row_tokens: int) -> tuple[float, float]:
        """Bytes of a recomputed layer without its MLP, and those that the gradient of its MLP or recurrence adds."""
        value = self.costs.value_bytes
        hidden = (self.costs.layer_hidden + self.shape.gated * GATED_HIDDEN) * self.shape.hidden * value
        mixer, mlp = self._mixer(kind, row_tokens), self._mlp(kind, places) + self._stored_mlp(kind) * places * value
        return places * (hidden + mixer), max(mlp, RECURRENT_GRADIENT * places * self._recurrent(kind, row_tokens))

    def _mlp(self, kind: Layers, places: float) -> float:
        """Bytes that the backward pass of an MLP needs beyond what is stored, including one dequantised matrix."""
        one = kind.intermediate * self.costs.value_bytes
        if self.shape.gated:
            return places * one + max(3 * min(MLP_TILE, places) * one, self._dequantised)
        return max(2 * places * one, places * one + self._dequantised)

    def _stored(self, kind: Layers, row_tokens: int) -> float:
        """Bytes per place that a layer stores for its backward pass."""
        values = self.costs.stored_hidden * self.shape.hidden + self._stored_mlp(kind)
        scores = self._scores(self.costs.scores[2], 1, row_tokens)
        return values * self.costs.value_bytes + self._mixer(kind, row_tokens) + scores

    def _mixer(self, kind: Layers, row_tokens: int) -> float:
        """Bytes per place of a layer's mixer."""
        mixer = kind.mixer
        attention = (ATTENTION + self.shape.qk_norm * self.costs.qk_norm) * mixer.queries
        others = GATE[mixer.queries > 0] * mixer.gate + CONVOLUTION[mixer.state > 0] * mixer.channels
        return (attention + others) * self.costs.value_bytes + self._recurrent(kind, row_tokens)

    def _recurrent(self, kind: Layers, row_tokens: int) -> float:
        """Bytes per place of a recurrence, in rows that are padded to a multiple of its chunk."""
        filled = math.ceil(row_tokens / kind.mixer.chunk) * kind.mixer.chunk
        return 4 * kind.mixer.recurrent * filled / row_tokens

    def _stored_mlp(self, kind: Layers) -> int:
        """Values per place that an MLP stores: gate and up; if not gated also the activation and its product."""
        return (2 if self.shape.gated else 4) * kind.intermediate

    @property
    def _padding(self) -> float:
        return APART_PADDING if self.shape.apart else PADDING

    @property
    def _dequantised(self) -> int:
        largest = max(a * b for _, (a, b) in self.shape.matrices)
        return largest * self.costs.value_bytes if self.quantize == "nf4" else 0

    def reading(
        self, tokens: int, lesson: int = 0, host_embedding: bool = False, optimizer_bits: int | None = None
    ) -> Stage:
        """Memory of the teacher's forward pass, without gradient; a tree of `lesson` tokens has a mask of its square.

        During training it also includes AdamW's state, of `optimizer_bits`.
        """
        parts: dict[str, float] = {
            "adapter": self.adapter,
            "optimizer": optimizer_bytes(self.adapter, optimizer_bits) if optimizer_bits else 0,
            "layer": self._read(tokens),
            "mask": 0 if self.shape.apart else self.costs.value_bytes * lesson * tokens,
            "scores": self._scores(self.costs.scores[0], tokens, lesson),
        }
        return self._stage("teacher", parts, host_embedding)

    def _scores(self, each: float, tokens: float, row_tokens: float) -> float:
        """Bytes of a layer's capped attention scores (`each` per head and pair of tokens in a row) and mask, else 0."""
        pairs = tokens * row_tokens if self.shape.capped else 0
        return (each * self.shape.heads + self.costs.value_bytes) * pairs

    def _read(self, tokens: int) -> int:
        value, places = self.costs.value_bytes, tokens * self._padding
        mlps = ((4 if kind.fused else 3) * kind.intermediate * value for kind in self.shape.kinds)
        mixers = (READ_MIXER * self._mixer(kind, TREE_TOKENS) for kind in self.shape.kinds)
        return round(places * (4.5 * self.shape.hidden * value + max(*mlps, *mixers))) + self._dequantised

    def generation(self, rows: int, places: float) -> Stage:
        """Memory of generation: the key/value cache of `rows` rows of `places` places, their logits, the prefill."""
        cache = rows * self._row_bytes(places)
        parts = {"adapter": self.adapter, "key/value cache": cache, "logits": LOGITS_BYTES * rows * self.shape.vocab}
        return self._stage("generation", {**parts, "layer": self._read(self.costs.read_tokens)})

    def _row_bytes(self, places: float) -> float:
        return self.shape.cache_bytes(self.costs.value_bytes) * places + self.shape.state_bytes

    def rows(self, places: float, available: int) -> int:
        """Number of rows that generation uses of the memory that base and adapter leave, at least one."""
        each = self._row_bytes(places) + LOGITS_BYTES * self.shape.vocab
        room = ROWS_SHARE * (available - self.base - self.adapter)
        return max(1, min(self.costs.most_rows, int(room / each)))

    def _stage(self, name: str, parts: dict[str, float], host_embedding: bool = False) -> Stage:
        base = self.base - (self.embedding if host_embedding else 0)
        return Stage(name, {"base": base, **{key: round(value) for key, value in parts.items() if value}})
