"""GPUs by name: memory, sustained speed and memory bandwidth.

The sustained speed is 65 % of the published dense bf16 rate with fp32 accumulation. Exceptions: for the 4090 and the
A100 it is what others report, and for the H200 what whole steps of 8,192 + 4,096 tokens reached, including the
teacher's pass (247 to 297 in bench/results/gpu-nvidia-h200-*). The H100 is assumed to equal the H200; one that was
shared trained at a fifth of that rate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from disc_lite.errors import UsageError, did_you_mean

RESERVED_BYTES = 768 << 20  # taken from the card's memory by CUDA's context and kernels, and a desktop
MARGIN = 0.05  # share of the rest, for fragmentation and for what the estimate misses
_NO_NAME = re.compile(r"\d+gb|hbm\w*|sxm\d?")  # words in a GPU's name that do not tell which model it is


@dataclass(frozen=True)
class Card:
    """A GPU or a CPU; `tflops` is the sustained speed in large matrix products."""

    name: str
    memory_gib: float
    tflops: float
    gb_per_s: float


CARDS: dict[str, Card] = {
    card.name: card
    for card in (
        Card("rtx-3060-ti", 8, 21.1, 448),
        Card("rtx-3070", 8, 26.4, 448),
        Card("rtx-3070-ti", 8, 28.3, 608),
        Card("rtx-4060", 8, 19.6, 272),
        Card("rtx-4060-ti", 8, 28.7, 288),
        Card("rtx-3080", 10, 38.7, 760),
        Card("rtx-3060", 12, 17.3, 360),
        Card("rtx-3080-ti", 12, 44.3, 912),
        Card("rtx-4070", 12, 38.0, 504),
        Card("rtx-4070-super", 12, 46.1, 504),
        Card("rtx-4070-ti", 12, 52.1, 504),
        Card("rtx-5070", 12, 40.1, 672),
        Card("rtx-4060-ti-16", 16, 28.7, 288),
        Card("rtx-4070-ti-super", 16, 57.3, 672),
        Card("rtx-4080", 16, 63.0, 717),
        Card("rtx-4080-super", 16, 67.9, 736),
        Card("rtx-5060-ti", 16, 30.8, 448),
        Card("rtx-5070-ti", 16, 57.1, 896),
        Card("rtx-5080", 16, 73.2, 960),
        Card("rtx-3090", 24, 46.0, 936),
        Card("rtx-3090-ti", 24, 52.0, 1008),
        Card("rtx-4090", 24, 105.0, 1008),
        Card("l4", 24, 78.7, 300),
        Card("a10", 24, 81.0, 600),
        Card("rtx-5090", 32, 136.0, 1792),
        Card("rtx-a6000", 48, 100.6, 768),
        Card("a40", 48, 97.3, 696),
        Card("l40", 48, 118.0, 864),
        Card("l40s", 48, 235.0, 864),
        Card("rtx-6000-ada-generation", 48, 237.0, 960),
        Card("a100", 80, 170.0, 2039),
        Card("h100", 80, 270.0, 3350),
        Card("h200", 141, 270.0, 4800),
    )
}
OF_SIZE = {8: "rtx-4060", 12: "rtx-3060", 16: "rtx-4060-ti-16", 24: "rtx-4090"}  # GiB -> name of a card in the table


def card_named(name: str) -> Card:
    """Return the card with this name. Raises UsageError, which suggests the nearest name, if it is not known."""
    found = card_of_device(name)
    if found is None:
        advice = did_you_mean(name, CARDS) or f"Known are {', '.join(CARDS)}."
        raise UsageError(f"The speed of a card {name[:60]!r} is not known.", remedy=advice)
    return found


def card_of_device(name: str) -> Card | None:
    """Return the card for CUDA's name, such as "NVIDIA GeForce RTX 4090" or "NVIDIA A100-SXM4-80GB", or None.

    Every word must match, except words for memory and socket: a 4090 Laptop GPU is another card, and so is an L40S.
    """
    words = [word for word in re.split(r"[\s-]+", name.lower()) if word not in ("nvidia", "geforce")]
    return CARDS.get("-".join(word for word in words if not _NO_NAME.fullmatch(word)))


def usable_bytes(memory_bytes: int) -> int:
    """Number of bytes that a run may allocate on a card of `memory_bytes` that nothing else uses."""
    return max(0, round((memory_bytes - RESERVED_BYTES) * (1 - MARGIN)))
