"""Defines the settings of how a run is computed, apart from those that change what it learns (`schema`)."""

from __future__ import annotations

from typing import Annotated, Literal

from disc_lite.recipe.fields import LONGEST, AsNumber, Count, Number, Section, setting


class Execution(Section):
    """How a run is computed. It can be continued with other values: only `optimizer_bits` changes what is learned."""

    micro_batch_tokens: Count = setting(
        0, "largest number of student tokens in a forward and backward pass; a step makes as many passes as it needs; "
        "0: chosen to fit in memory", "tokens", ge=0, le=LONGEST,
    )  # fmt: skip
    reading_tokens: Count = setting(
        0, "number of tokens that the teacher reads in one forward pass; 0: 8,192, or fewer if they do not fit in "
        "memory", "tokens", ge=0, le=LONGEST,
    )  # fmt: skip
    recomputed_layers: Count = setting(
        0, "number of layers, from the first, that are recomputed in the backward pass instead of stored (gradient "
        "checkpointing); 0: as few as memory allows", "layers", ge=0, le=10_000,
    )  # fmt: skip
    layer_checkpoints: Literal["auto", "device", "host"] = setting(
        "auto", "where the inputs of recomputed layers are stored until the backward pass; `auto`: on the device, or "
        "in host memory if the device is short of it",
    )  # fmt: skip
    embedding: Literal["auto", "device", "host"] = setting(
        "auto", "where the input embedding is stored during training; always on the device if the head is tied to it; "
        "`auto`: on the device, or in host memory if the device is short of it",
    )  # fmt: skip
    optimizer_bits: Annotated[Literal[0, 8, 32], AsNumber] = setting(
        0, "precision of AdamW's state; 0: 32, or 8 if 32 do not fit in memory", "bits"
    )
    checkpoint_minutes: Number = setting(10.0, "time between two checkpoints", "minutes", ge=0, le=10_080)
    teacher_cache_gib: Number = setting(
        64.0, "largest size on disk of the teacher's hidden states of the documents; the teacher reads the rest again "
        "in every epoch. Those of the retention examples are all cached and not counted", "GiB", ge=0, le=100_000,
    )  # fmt: skip
