"""What a run needs, estimated before it starts: memory, disk, operations and minutes. Does not import torch.

Read `estimate` first: it makes the plan of a run from what the other modules count.
"""
