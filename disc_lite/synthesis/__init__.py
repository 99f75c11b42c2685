"""What the base model writes: question-answer pairs to train on, held-out questions, and retention examples.

Read `pairs` first: questions and answers are written, screened and scored there.
"""
