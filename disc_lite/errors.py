"""Every way to fail: an exit code, what happened, why, and what to do about it.

Whoever raises one of these has already understood the problem, so the command line prints
its lines and leaves with its exit code; a traceback appears only with `--debug`.
Exit codes: 1 run failed, 2 usage, recipe or documents, 3 environment not ready, 4 will not
fit in memory, 5 quality gate failed, 130 / 143 / 129 interrupted and resumable.
"""

from __future__ import annotations

import signal


class DiscLiteError(Exception):
    """An expected failure that is told to the user in at most three lines."""

    exit_code: int = 1

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        # All three go to Exception.args, so that the error survives copying to another process.
        super().__init__(what, why, remedy)
        self.what = what
        self.why = why
        self.remedy = remedy

    def lines(self) -> list[str]:
        """What happened, why, what to do: one line each, the empty ones left out."""
        parts = (self.what, self.why, self.remedy)
        # Causes quoted from other libraries span lines; the promise is three lines in all.
        folded = (" ".join(part.split()) for part in parts)
        return [line for line in folded if line]

    def __str__(self) -> str:
        return "\n".join(self.lines())


class UsageError(DiscLiteError):
    """The command was called in a way that cannot work."""

    exit_code: int = 2


class RecipeError(DiscLiteError):
    """A recipe or an override has an unknown key, a wrong type or a value out of range."""

    exit_code: int = 2


class DocumentsError(DiscLiteError):
    """The documents or the questions that were given cannot be used."""

    exit_code: int = 2


class EnvironmentNotReady(DiscLiteError):
    """Something that the run needs is missing, damaged or in use by another process."""

    exit_code: int = 3


class WillNotFit(DiscLiteError):
    """The run needs more memory than there is."""

    exit_code: int = 4

    @classmethod
    def on_the_card(cls, error: BaseException, remedy: str) -> WillNotFit:
        """What torch's OutOfMemoryError is told as."""
        return cls("The memory of the card does not suffice.", str(error).split(". ")[0], remedy)


class GateFailed(DiscLiteError):
    """The run ended well, but its result misses a quality gate that the user set."""

    exit_code: int = 5


class RunFailed(DiscLiteError):
    """The run could not go on."""

    exit_code: int = 1


class NonFiniteError(RunFailed):
    """A loss, gradient or weight stayed NaN or infinite after the allowed skips."""


class Interrupted(DiscLiteError):
    """A signal stopped the run; what it had saved is there and the same command continues it."""

    exit_code: int = 130

    def __init__(self, signal_number: int = signal.SIGINT) -> None:
        name = signal.Signals(signal_number).name
        super().__init__(
            f"interrupted by {name}",
            "what was done so far is saved",
            "the same command continues from there",
        )
        self.args = (int(signal_number),)
        self.signal_number = int(signal_number)
        # As a shell reports it: SIGINT 130, SIGTERM 143, SIGHUP 129.
        self.exit_code = 128 + int(signal_number)
