"""Documents and pairs -> examples, teacher states, and the training loop.

examples    what teacher and student read, and which positions are compared
methods     what each method of a recipe teaches
teacher     the teacher's hidden states at every compared position, computed once
schedule    which examples a training reads, when, and at which rate
checkpoint  what the state of a training is; how it is saved, found again and loaded
training    the loop, a generator of events
"""
