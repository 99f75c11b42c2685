"""The stages of one adaptation, resumable, and what is done with a finished one.

Read `adapt` first: the stages in their order. `folder` names every file of a run.
"""
