"""What the base model writes: question-answer pairs to train on, held-out questions, and retention examples.

Begin to read in `pairs`, where questions and answers are written, screened and scored.
"""
