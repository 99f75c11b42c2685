"""The stages of one adaptation, resumable.

inputs     everything asked for, checked before torch is loaded
workshop   what the stages share
knowledge  the stages before training: questions, pairs, retention prompts
measuring  what is asked before and after, and the report card
watching   the limit on drift
teaching   examples, the teacher's pass, the loop, the adapter
adapting   the stages in their order, and the summary
"""

from disc_lite.run.adapting import adapt

__all__ = ["adapt"]
