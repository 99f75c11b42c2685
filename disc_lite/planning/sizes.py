"""How much is computed at once: sizes that the code which computes and the plan of a run share."""

from __future__ import annotations

import math

GIB = 1 << 30
LOSS_ROWS = 256  # that have logits at the same time; fixed, as "what is free now" crashes late
VOCABULARY_BLOCK = 4096  # rows of a half-precision head that are upcast at a time, where no product does it itself
MLP_TILE = 512  # rows of a gated MLP whose product is made again at the same time
READING_TOKENS = 8192  # of a forward pass without a backward pass, which stores no activations
TREE_TOKENS = 512  # least size of a tree of texts with a shared prefix, where the texts suffice
ATTENTION_TOKENS = 4096  # width of a row at which attention costs as much as all other layers
WORTH_SHARING_TOKENS = 8  # of rows that are packed: a shorter prefix is not shared
PAIRS_OF_A_TREE = 64  # of one teacher sequence: its attention mask grows with the square of its tokens

# Of generation, by kind of device where it matters.
ROWS_SHARE = 0.5  # of the free memory that keys, values and logits may take; the rest is for the layers
SHORTEST_PREFIX = 16  # tokens: a shorter one is read with every prompt
PREFIX_ROWS = 16  # rows whose queries to one prefix are as fast as one row's
LOGITS_BYTES = 16  # of a row and a token of the vocabulary: its logit in fp32, and what sampling makes of it
MAX_ROWS = {"cuda": 512, "cpu": 96}  # a pass of more rows takes as much longer as it has more of them
PROMPT_TOKENS = {"cuda": 4096, "cpu": 1024}  # of prompts that are read in a pass


def children_tokens(prefix_tokens: int) -> int:
    """Tokens w of the children that share a prefix of s tokens, in a tree of at least `TREE_TOKENS`.

    With A attention tokens the least of (s+w)/w * (1 + (s+w)/A), which is what a token of a child costs: the prefix
    again and again in narrow trees, attention in wide ones. Its root is w = sqrt(s (A + s)).
    """
    cheapest = round(math.sqrt(prefix_tokens * (ATTENTION_TOKENS + prefix_tokens)))
    return max(TREE_TOKENS - prefix_tokens, cheapest)
