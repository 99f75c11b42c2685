"""Documents and pairs -> examples, teacher hidden states, and the training loop.

Read `step` first: it is the method. `examples` builds what it reads, `training` is the loop.
"""
