"""Measures what a model knows, how right its answers are, and how far it has drifted from the base.

Begin to read in `grading` (is an answer right?) and `card` (what did the model know before and after?).
"""
