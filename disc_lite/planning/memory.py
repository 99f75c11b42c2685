"""Bytes on the card, or of the process on a CPU, by stage and part.

Of a training step there are four moments at which memory may be largest:

    loss       all checkpoints of the layers, the logits of one chunk of rows
    mlp        checkpoints or gradients, whichever are more, and one layer computed again, at the gradient of its MLP
    attention  the same at the gradient of its attention, where that has its scores whole
    optimizer  gradients; AdamW's step makes no copy of them

The sizes of a layer are fitted to what was measured: on CUDA to 23 steps of three 7B shapes (bench/results/gpu-*), on
the CPU to what PyTorch allocates for small models. Those of gated MLPs (`models.mlp`) are measured on the CPU alone:
on CUDA they are the measured ones less what is not stored any more. A place is a token of a packed batch, or padding
of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from disc_lite.planning.shapes import Shape
from disc_lite.planning.sizes import (
    LOSS_ROWS,
    MAX_ROWS,
    MLP_TILE,
    PROMPT_TOKENS,
    ROWS_SHARE,
    TREE_TOKENS,
    VOCABULARY_BLOCK,
)

LOGIT_BYTES = 10  # of a row and a token of the vocabulary: teacher and student in fp32, the gradient in bf16
LOGITS_BYTES = 16  # of a row and a token of the vocabulary in generation: logits and what sampling makes of them
PADDING = 1.05  # places of a packed batch for a token of it
GATED_HIDDEN = 0.6  # x hidden size, a place: the gradient of a gated MLP's output
HOST_LAYERS = 2  # whose checkpoints are on the card where those of all others are in the memory of the host
WORKSPACE = 70 << 20  # of cuBLAS, measured; beside what the model itself takes


@dataclass(frozen=True)
class Numbers:
    """How a device computes: bytes of a value, and what of a layer is stored, in values a place."""

    value_bytes: int
    workspace: int
    layer_hidden: float  # x hidden size, while a layer is computed again
    qk_norm_hidden: float  # more of that where queries and keys are normalised
    stored_hidden: float  # x hidden size, of a layer that is not computed again; beside those of the MLP
    mask_bytes: float  # of a query and a key of a tree: as bool; on CUDA also as what is added to the scores
    most_rows: int  # of generation
    read_tokens: int  # of prompts in one pass of generation
    host_apart: bool  # the memory of the host is another one
    # Of capped attention scores, bytes a head and pair of tokens: in a forward pass, in a backward pass, and stored.
    scores: tuple[float, float, float]
    upcast_rows: int = 0  # of the head, that are copied in fp32 at the same time


CUDA = Numbers(2, WORKSPACE, 11.5, 2.0, 12.5, 5.0, MAX_ROWS["cuda"], PROMPT_TOKENS["cuda"], True, (10, 14, 8))
CPU = Numbers(4, 0, 9.0, 1.55, 8.6, 1.1, MAX_ROWS["cpu"], PROMPT_TOKENS["cpu"], False, (8, 16, 8))
CPU_BF16 = Numbers(
    2, 0, 11.5, 2.0, 12.5, 1.1, MAX_ROWS["cpu"], PROMPT_TOKENS["cpu"], False, (8, 16, 8), VOCABULARY_BLOCK
)


@dataclass(frozen=True)
class Way:
    """How training is computed."""

    micro_batch_tokens: int
    checkpointing: bool
    optimizer_bits: int
    host_checkpoints: bool = False  # the inputs of layers wait on the host
    host_embedding: bool = False  # the input embedding is there


@dataclass(frozen=True)
class Stage:
    """A stage of a run and the parts of its peak, in bytes."""

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
    numbers: Numbers

    @property
    def base(self) -> int:
        return self.shape.weight_bytes(self.quantize, self.numbers.value_bytes) + self.numbers.workspace

    @property
    def adapter(self) -> int:
        """In fp32."""
        return 4 * self.shape.adapter_parameters(self.rank)

    def training(self, way: Way, padding: float = PADDING, row_tokens: int = TREE_TOKENS) -> Stage:
        """A step: its largest moment; two thirds of the tokens are compared with the teacher's.

        `row_tokens` are those of a packed row, where attention scores are computed whole.
        """
        places, value = way.micro_batch_tokens * padding, self.numbers.value_bytes
        state = self.adapter * 2 if way.optimizer_bits == 32 else round(self.adapter / 2 * (1 + 4 / 256))
        h, gradients = self.shape.hidden, self.adapter
        on_card = min(self.shape.layers, HOST_LAYERS) if way.host_checkpoints else self.shape.layers
        stored = places * value * (on_card * h if way.checkpointing else self.shape.layers * self._stored)
        loss = LOGIT_BYTES * min(LOSS_ROWS, places) * self.shape.vocab + 3 * places * value * h
        loss += 4 * min(self.numbers.upcast_rows, self.shape.vocab) * h
        _, scores, kept = (self._scores(each, places, min(row_tokens, places)) for each in self.numbers.scores)
        attention, mlp = self._again(places)
        if not way.checkpointing:
            stored += self.shape.layers * kept
            scores, kept, attention, mlp = scores - kept, 0, 0, self._mlp(places)
        activations = max(stored, gradients)
        moments: dict[str, dict[str, float]] = {
            "loss": {"activations": stored, "loss": loss},
            "mlp": {"activations": activations, "layer": attention + mlp, "scores": kept},
            "attention": {"activations": activations, "layer": attention, "scores": scores},
            "optimizer": {"gradients": gradients},
        }
        largest = max(moments.values(), key=lambda parts: sum(parts.values()))
        return self._stage("training", {"adapter": self.adapter, "optimizer": state, **largest}, way.host_embedding)

    @property
    def embedding(self) -> int:
        """Of the input embedding, where it is a matrix of its own."""
        return 0 if self.shape.tied else self.shape.vocab * self.shape.hidden * self.numbers.value_bytes

    def on_host(self, way: Way) -> int:
        """Bytes there: the embedding, and the inputs of all layers but the last; pinned memory is in powers of two."""
        each = math.ceil(way.micro_batch_tokens * PADDING) * self.shape.hidden * self.numbers.value_bytes
        inputs = (self.shape.layers - 1) * (1 << (each - 1).bit_length()) if way.host_checkpoints else 0
        return inputs + (self.embedding if way.host_embedding else 0)

    def _again(self, places: float) -> tuple[float, float]:
        """A layer that is computed again: without its MLP, and what is there of that while its gradient is computed."""
        more = self.shape.qk_norm * self.numbers.qk_norm_hidden + self.shape.gated * GATED_HIDDEN
        hidden = (self.numbers.layer_hidden + more) * self.shape.hidden * places * self.numbers.value_bytes
        return hidden, self._mlp(places) + self._stored_mlp * places * self.numbers.value_bytes

    def _mlp(self, places: float) -> float:
        """What the backward pass of an MLP needs beside what is stored; a product's weights are dequantised in it."""
        one = self.shape.intermediate * self.numbers.value_bytes
        if self.shape.gated:
            return places * one + max(3 * min(MLP_TILE, places) * one, self._dequantised)
        return max(2 * places * one, places * one + self._dequantised)

    @property
    def _stored(self) -> float:
        """Values a place that one layer keeps for its backward pass."""
        more = self.shape.qk_norm * self.numbers.qk_norm_hidden
        return (self.numbers.stored_hidden + more) * self.shape.hidden + self._stored_mlp

    @property
    def _stored_mlp(self) -> int:
        """Values a place: gate and up; elsewhere also the activation and its product with up."""
        return (2 if self.shape.gated else 4) * self.shape.intermediate

    @property
    def _dequantised(self) -> int:
        largest = max(a * b for a, b in self.shape.projections)
        return largest * self.numbers.value_bytes if self.quantize == "nf4" else 0

    def reading(self, tokens: int, lesson: int = 0, host_embedding: bool = False) -> Stage:
        """A forward pass of the teacher, without a gradient; a tree of `lesson` tokens has a mask of its square."""
        parts: dict[str, float] = {
            "adapter": self.adapter,
            "layer": self._read(tokens),
            "mask": self.numbers.mask_bytes * lesson * tokens,
            "scores": self._scores(self.numbers.scores[0], tokens, lesson),
        }
        return self._stage("teacher", parts, host_embedding)

    def _scores(self, each: float, tokens: float, row_tokens: float) -> float:
        """Attention scores and mask of a layer that caps them: `each` bytes a head and pair of tokens of a row."""
        pairs = tokens * row_tokens if self.shape.capped else 0
        return (each * self.shape.heads + self.numbers.value_bytes) * pairs

    def _read(self, tokens: int) -> int:
        per_place = (4.5 * self.shape.hidden + 3 * self.shape.intermediate) * self.numbers.value_bytes
        return round(tokens * PADDING * per_place) + self._dequantised

    def generation(self, rows: int, places: float) -> Stage:
        """The key/value cache of so many rows of so many places, their logits, and the reading of prompts."""
        cache = self.shape.cache_bytes(1, self.numbers.value_bytes) * rows * places
        parts = {"adapter": self.adapter, "key/value cache": cache, "logits": LOGITS_BYTES * rows * self.shape.vocab}
        return self._stage("generation", {**parts, "layer": self._read(self.numbers.read_tokens)})

    def rows(self, places: float, available: int) -> int:
        """How many rows generation takes of the memory that base and adapter leave, at least one."""
        each = self.shape.cache_bytes(1, self.numbers.value_bytes) * places + LOGITS_BYTES * self.shape.vocab
        room = ROWS_SHARE * (available - self.base - self.adapter)
        return max(1, min(self.numbers.most_rows, int(room / each)))

    def _stage(self, name: str, parts: dict[str, float], host_embedding: bool = False) -> Stage:
        base = self.base - (self.embedding if host_embedding else 0)
        return Stage(name, {"base": base, **{key: round(value) for key, value in parts.items() if value}})
