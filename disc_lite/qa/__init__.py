"""Questions and question-answer pairs: file formats, normalisation, grading, near-duplicates. Does not import torch.

Begin to read in `words` (text -> normalised words) and `matching` (whether a prediction gives an answer). The other
files are steps of the normalisation, word lists, or readers of files.
"""

from disc_lite.qa.files import read_pairs, read_questions, rows_about
from disc_lite.qa.languages import language_of
from disc_lite.qa.matching import Grade, compare, is_right
from disc_lite.qa.records import Pair, Question
from disc_lite.qa.similarity import NearDuplicates, jaccard
from disc_lite.qa.words import is_unspaced, normalise, numbers_of, word_set, words_of

__all__ = [
    "Grade",
    "NearDuplicates",
    "Pair",
    "Question",
    "compare",
    "is_right",
    "is_unspaced",
    "jaccard",
    "language_of",
    "normalise",
    "numbers_of",
    "read_pairs",
    "read_questions",
    "rows_about",
    "word_set",
    "words_of",
]
