"""Models by name, their folders and adapter folders. Does not import torch.

aliases   short names of models, and what a `--model` value means
families  what is known of each architecture before a model is loaded
rendering whether a chat template ends
source    a model's name -> its folder on this machine, its fingerprint and its probes
identity  which files of a model folder are loaded, and their fingerprint
weights   the weight files of a model folder, and the shapes in them
adapters  an adapter folder: its base model, and whether it fits that base
"""
