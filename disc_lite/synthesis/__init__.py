"""What the base model writes about documents: questions and answers to train on, and others to measure with."""

from disc_lite.synthesis.drafting import seed_of
from disc_lite.synthesis.held_out import HeldOut, write_held_out
from disc_lite.synthesis.pairs import HELD_OUT, PairSet, ScoredPair, score_pairs, support, write_pairs

__all__ = [
    "HELD_OUT", "HeldOut", "PairSet", "ScoredPair", "score_pairs", "seed_of", "support", "write_held_out",
    "write_pairs",
]  # fmt: skip
