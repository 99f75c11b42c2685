"""The CUDA path in one command: correctness, one adaptation, and the cost of a training step.

budget     how much time is left
machine    the GPU, versions, the matrix rate
shapes     a model of a given shape with random weights, made in NF4 on the device
checks     named checks of the arithmetic, each with its figure; `card` has those of what only a GPU has
adapting   `disc-lite adapt` on the built-in model
memory     the plan's estimate of memory against what is measured
steps      one training step at the shapes of real models
report     results -> JSON and Markdown
"""
