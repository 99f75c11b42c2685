"""The one exception that turns a file into a `refused` line of the ledger."""


class RefusedFile(Exception):
    """This file cannot be read; its message is the reason, and the remedy where there is one.

    It never leaves the package: one bad file is a line of the ledger, not the end of a run.
    """
