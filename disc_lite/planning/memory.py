"""Bytes on the card, or of the process on a CPU, by stage and part.

Of a training step there are three moments at which memory may be largest:

    loss       all checkpoints of the layers, the logits of one chunk of rows
    backward   checkpoints or gradients, whichever are more, and one layer computed again
    optimizer  gradients, and on CUDA one more copy of the trained values (the square roots of AdamW's foreach step)

The sizes of a layer are fitted to what was measured: on CUDA to 23 steps of three 7B shapes (bench/results/gpu-*), on
the CPU to what PyTorch allocates for small models. A place is a token of a packed batch, or padding of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from disc_lite.planning.shapes import Shape

GIB = 1 << 30
LOSS_ROWS = 256  # that have logits at the same time, `losses.CHUNK`
LOGIT_BYTES = 10  # of a row and a token of the vocabulary: teacher and student in fp32, the gradient in bf16
LOGITS_BYTES = 16  # of a row and a token of the vocabulary in generation: logits and what sampling makes of them
ROWS_SHARE = 0.6  # of the free memory that generation takes for rows, `models.generation.memory.SHARE`
PADDING = 1.05  # places of a packed batch for a token of it
WORKSPACE = 70 << 20  # of cuBLAS, measured; beside what the model itself takes


@dataclass(frozen=True)
class Numbers:
    """How a device computes: bytes of a value, and what of a layer is stored, in values a place."""

    value_bytes: int
    workspace: int
    layer_hidden: float  # x hidden size, while a layer is computed again
    qk_norm_hidden: float  # more of that where queries and keys are normalised
    stored_hidden: float  # x hidden size, of a layer that is not computed again; beside 4 x intermediate size
    optimizer_copies: int  # of the trained values in fp32 in AdamW's step
    mask_bytes: float  # of a query and a key of a tree: as bool; on CUDA also as what is added to the scores
    most_rows: int  # of generation
    read_tokens: int  # of prompts in one pass of generation


CUDA = Numbers(2, WORKSPACE, 11.5, 2.0, 11.0, 1, 5.0, 512, 8192)
CPU = Numbers(4, 0, 9.0, 1.55, 8.6, 0, 1.1, 96, 1024)


@dataclass(frozen=True)
class Way:
    """How training is computed."""

    micro_batch_tokens: int
    checkpointing: bool
    optimizer_bits: int


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

    def training(self, way: Way, padding: float = PADDING) -> Stage:
        """A step: its largest moment; two thirds of the tokens are compared with the teacher's."""
        places, value = way.micro_batch_tokens * padding, self.numbers.value_bytes
        state = self.adapter * 2 if way.optimizer_bits == 32 else round(self.adapter / 2 * (1 + 4 / 256))
        h, i, gradients = self.shape.hidden, self.shape.intermediate, self.adapter
        stored = places * value * self.shape.layers * (h if way.checkpointing else self._stored)
        layer_hidden = self.numbers.layer_hidden + self.shape.qk_norm * self.numbers.qk_norm_hidden
        layer = layer_hidden * h + 6 * i if way.checkpointing else 2 * i
        # A product's weights are dequantised while one gradient of the MLP fewer is there.
        product = (layer - i) * places * value + self._dequantised
        loss = LOGIT_BYTES * min(LOSS_ROWS, places) * self.shape.vocab + 3 * places * value * h
        step = gradients * (self.numbers.optimizer_copies if way.optimizer_bits == 32 else 0)
        moments: dict[str, dict[str, float]] = {
            "loss": {"activations": stored, "loss": loss},
            "backward": {"activations": max(stored, gradients), "layer": max(layer * places * value, product)},
            "optimizer": {"gradients": gradients, "optimizer step": step},
        }
        largest = max(moments.values(), key=lambda parts: sum(parts.values()))
        return self._stage("training", {"adapter": self.adapter, "optimizer": state, **largest})

    @property
    def _stored(self) -> float:
        """Values a place that one layer keeps for its backward pass."""
        more = self.shape.qk_norm * self.numbers.qk_norm_hidden
        return (self.numbers.stored_hidden + more) * self.shape.hidden + 4 * self.shape.intermediate

    @property
    def _dequantised(self) -> int:
        largest = max(a * b for a, b in self.shape.projections)
        return largest * self.numbers.value_bytes if self.quantize == "nf4" else 0

    def reading(self, tokens: int, lesson: int = 0) -> Stage:
        """A forward pass of the teacher, without a gradient; the mask of a tree is its width squared."""
        parts: dict[str, float] = {
            "adapter": self.adapter,
            "layer": self._read(tokens),
            "mask": self.numbers.mask_bytes * lesson**2,
        }
        return self._stage("teacher", parts)

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

    def _stage(self, name: str, parts: dict[str, float]) -> Stage:
        return Stage(name, {"base": self.base, **{key: round(value) for key, value in parts.items() if value}})
