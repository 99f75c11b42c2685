"""How much is computed at once: sizes shared by the code that computes and the plan of a run."""

from __future__ import annotations

import math

GIB = 1 << 30
LOSS_ROWS = 256  # rows with logits at the same time; fixed, since "what is free now" fails late
VOCABULARY_BLOCK = 4096  # rows of a half-precision head upcast at a time, if no product does it itself
MLP_TILE = 512  # rows of a gated MLP whose product is recomputed at the same time
READING_TOKENS = 8192  # in a forward pass without backward, which stores no activations
TREE_TOKENS = 512  # smallest size of a tree of texts with a shared prefix, if there are enough texts
ATTENTION_TOKENS = 4096  # width of a row at which attention costs as much as all other layers
WORTH_SHARING_TOKENS = 8  # in packed rows: a shorter prefix is not shared
PAIRS_OF_A_TREE = 64  # per teacher sequence: its attention mask grows with the square of its tokens

# For generation, by kind of device if it matters.
ROWS_SHARE = 0.5  # share of free memory for keys, values and logits; the rest is for the layers
SHORTEST_PREFIX = 16  # tokens: a shorter one is read with every prompt
PREFIX_ROWS = 16  # rows that attend to one prefix in the time of one row
LOGITS_BYTES = 16  # per row and vocabulary entry: the fp32 logit, and what sampling makes of it
MAX_ROWS = {"cuda": 512, "cpu": 96}  # with more rows, the time of a pass grows in proportion
PROMPT_TOKENS = {"cuda": 4096, "cpu": 1024}  # of prompts in one prefill pass


def children_tokens(prefix_tokens: int) -> int:
    """Number of tokens w of the children that share a prefix of s tokens, in a tree of at least `TREE_TOKENS`.

    With A attention tokens, w minimises (s+w)/w * (1 + (s+w)/A), the cost of a child's token: narrow trees read the
    prefix again and again, wide ones pay for attention. The minimum is at w = sqrt(s (A + s)).
    """
    cheapest = round(math.sqrt(prefix_tokens * (ATTENTION_TOKENS + prefix_tokens)))
    return max(TREE_TOKENS - prefix_tokens, cheapest)
