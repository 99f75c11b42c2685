"""The CUDA path in one command: is it right, what does it learn, what does a step cost.

budget     how much time is left
machine    the card, versions, the matrix rate
shapes     a model of a given shape with random weights, made in NF4 on the device
checks     named checks of the arithmetic, each with its figure
adapting   `disc-lite adapt` on the built-in model
steps      one training step at the shapes of real models
report     what was found -> JSON and Markdown
"""
