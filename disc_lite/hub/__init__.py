"""Names of models, their download, model folders and adapter folders. Does not import torch."""
