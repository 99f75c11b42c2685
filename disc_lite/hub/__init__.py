"""Models by name, their folders and adapter folders. Does not import torch."""
