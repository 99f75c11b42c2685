"""The one exception that turns a file into a `refused` line of the ledger."""


class RefusedFile(Exception):
    """This file cannot be read; its message is the reason, and the remedy where there is one.

    It never leaves the package: one bad file is a line of the ledger, not the end of a run.
    """


QUESTIONS = "a file of questions, not of text; measure with it: --questions, or teach it: --pairs"
QUESTION_MARKS = ("?", "？", "؟")  # with which a question of such a file ends, where it has no answer beside it
