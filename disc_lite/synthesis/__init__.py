"""What the base model writes: question-answer pairs to train on, held-out questions, and retention examples.

terms      the words of a text that can be facts, with every form that they are compared by
names      names and numbers in drafts, and whether the passage has them
facts      the facts of an answer, and whether another text has them too
references whether a draft speaks of its passage as a text
topics     what a text is about, and whether a question says it
screening  rules for drafted questions and answers, from their words alone
drafting   prompts for questions and answers about one passage, and what is taken from the drafts
places     the passages that pairs of a file are about
scoring    how much the teacher supports the answers of pairs
pairs      question-answer pairs about every passage, accepted by their words and scores
contradictions  pairs that other passages contradict
held_out   questions to measure with, where the user has none
retention  self-generated prompts and answers, against forgetting
document_names  which of these prompts name what the documents name
"""

from disc_lite.synthesis.drafting import seed_of
from disc_lite.synthesis.held_out import HeldOut, write_held_out
from disc_lite.synthesis.pairs import HELD_OUT, write_pairs
from disc_lite.synthesis.places import placed
from disc_lite.synthesis.scoring import PairSet, ScoredPair, score_pairs, support

__all__ = [
    "HELD_OUT", "HeldOut", "PairSet", "ScoredPair", "placed", "score_pairs", "seed_of", "support",
    "write_held_out", "write_pairs",
]  # fmt: skip
