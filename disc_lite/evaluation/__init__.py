"""What a model knows, how right its answers are, and how far it has drifted from the base.

grading       exact match, containment and word F1
intervals     confidence intervals of 95 %
card          the report card: what a model knew before and after
sentences     what the report card says in words
retrieval     BM25: the passages to put into the prompt of the base
instructions  prompts whose answers a program can check, and neutral prompts
asking        greedy answers of the base and the adapted model
thinking      answers with thinking on
drift         KL(base || adapted) on answers of the base
benchmarks    public benchmarks through lm-evaluation-harness
"""
