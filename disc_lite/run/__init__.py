"""The stages of one adaptation, resumable.

inputs     everything asked for, checked before torch is loaded
workshop   what the stages share
knowledge  the stages before and after training: questions, pairs, neutral prompts, measurements
teaching   examples, the teacher's pass, the loop, the adapter
adapting   the stages in their order, and the summary
"""

from disc_lite.run.adapting import adapt

__all__ = ["adapt"]
