"""The stages of one adaptation, resumable.

inputs    everything asked for, checked before torch is loaded
stages    what is done, each stage leaving its result in the run folder
adapting  the stages in their order, and the summary
"""

from disc_lite.run.adapting import adapt

__all__ = ["adapt"]
