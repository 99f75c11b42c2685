"""The stages of one adaptation, resumable, and what is done with a finished one.

interrupts   SIGINT, SIGTERM and SIGHUP
changes      which passages are as they were, new, changed or gone
earlier      the run that an update follows
inputs       the inputs of an adaptation, checked before torch is imported
folder       every file name and format of a run; finished runs
readme       the README.md of a run folder
plan         memory, disk and time before anything is spent
wording      counts, durations and sizes in words
probe        the longest pass of a step, made once
execution    how it is computed, and which way was used when
context      what all stages share
update       what an update takes over, and what it teaches
synthesis    the stages before training: questions, pairs, retention prompts
measuring    answers before and after training, and the report card
drift_limit  training ends where the drift passes a limit
fit          training ends where its questions are answered closed book
training     lessons, teacher states, the loop, the adapter
adapt        the stages in their order, and the summary
evaluate     the report card of a finished run
"""
