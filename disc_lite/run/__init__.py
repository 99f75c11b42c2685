"""The stages of one adaptation, resumable, and what is done with a finished one.

interrupts   Ctrl-C and its kin
inputs       everything asked for, checked before torch is loaded
finished     a finished run
context      what the stages share
synthesis    the stages before training: questions, pairs, retention prompts
measuring    what is asked before and after, and the report card
drift_limit  the limit on drift
fit          whether training has taught what it teaches
training     examples, the teacher's pass, the loop, the adapter
adapt        the stages in their order, and the summary
evaluate     the report card of a finished run
"""
