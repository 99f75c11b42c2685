"""Models by name: short names and families, the folder on this machine, and adapter folders. Does not import torch.

aliases   short names of models, and what a `--model` value means
source    a model's name -> its folder on this machine, what identifies it, and what it brings along
adapters  an adapter folder: what it was trained on, and whether it fits
"""
