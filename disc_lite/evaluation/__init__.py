"""What a model knows, how right its answers are, and how far it has moved from the base.

grading       how right an answer is, by every rule
intervals     how sure a figure is
card          the report card: what a model knew before and after
retrieval     the passages nearest to a question by BM25
instructions  prompts whose answers a program can check, and neutral prompts
asking        what a model answers
drift         how far the adapted model has moved from the base
benchmarks    public benchmarks through lm-evaluation-harness
"""
