"""What a model knows, how right its answers are, and how far it has drifted from the base.

Read `grading` first, then `card`: what a model knew before and after.
"""
