"""Questions, question-answer pairs and their files; when an answer is right, and when two questions are the same.

records     questions, pairs and words
shapes      a file of questions -> its rows, in whichever of the known shapes it is
files       rows -> questions and pairs
vocabulary  words that grading knows: articles, negators, months, numbers, units
spelling    how one word may be spelled
numbers     numbers as they are written -> one form each
lexing      text -> words, numbers and symbols as they stand in it
amounts     numbers in words, signs, currencies and units
times       times of day and dates
words       text -> the words that grading compares
matching    when an answer is right
similarity  when two questions are the same but for a few words

Does not import torch.
"""

from disc_lite.qa.files import read_pairs, read_questions
from disc_lite.qa.matching import Comparison, compare, is_right
from disc_lite.qa.records import Pair, Question
from disc_lite.qa.similarity import Nearness
from disc_lite.qa.words import normalise, numbers_of, word_set, words_of

__all__ = [
    "Comparison",
    "Nearness",
    "Pair",
    "Question",
    "compare",
    "is_right",
    "normalise",
    "numbers_of",
    "read_pairs",
    "read_questions",
    "word_set",
    "words_of",
]
