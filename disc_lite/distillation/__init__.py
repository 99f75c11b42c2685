"""Documents and pairs -> examples, teacher states, and the training loop.

step          the method: teacher, student, divergence, retention, gradient; read this first
examples      teacher and student sequences, and the positions that are compared; prompt distillation
disc          windows, sentences and anchors of DiSC
methods       one entry for each method of a recipe
teacher       cached teacher hidden states at every compared position
schedule      order of examples, batches, learning rate
data          examples with their teacher states
accumulation  the gradient of a step from micro-batches that fit in memory; the update by AdamW
checkpoint    adapter, optimiser state and step: saved, verified, loaded
training      the loop, a generator of steps
"""
