"""What a run needs before it starts: memory, disk, operations and minutes. Does not import torch.

<<<<<<< HEAD
Read `estimate` first: the plan of a run, for which the others count.
=======
amounts    numbers that a run and its plan share: pairs wanted, self-generated prompts, tokens of a step
shapes     the sizes of a model, from its name or its `config.json`
memory     bytes on the card by stage and part
corpus     documents -> passages, sentences and tokens
lessons    a corpus and a recipe -> what is trained on
workload   a corpus and a recipe -> examples, steps, tokens
cards      GPUs by name: memory and speed
choice     how to compute a run with the memory there is
estimate   all of it together: the plan of a run
>>>>>>> main
"""
