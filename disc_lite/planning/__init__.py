"""What a run needs before it starts: memory, disk, operations and minutes. Does not import torch.

Read `estimate` first: the plan of a run, for which the others count.
"""
