"""The errors of disc-lite: each has an exit code and says what happened, why, and what to do.

The code that raises one of these knows the cause, so the command line prints its lines and exits with its exit
code; a traceback is printed only with `--debug`.
Exit codes: 1 run failed, 2 usage, recipe or documents, 3 environment not ready, 4 will not
fit in memory, 5 quality gate failed, 130 / 143 / 129 interrupted and resumable.
"""

from __future__ import annotations

import difflib
import re
import signal
from collections.abc import Iterable


class DiscLiteError(Exception):
    """An expected failure, printed in at most three lines: what happened, why, what to do."""

    exit_code: int = 1

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        # All three go to Exception.args, so that the error survives copying to another process.
        super().__init__(what, why, remedy)
        self.what = what
        self.why = why
        self.remedy = remedy

    def lines(self) -> list[str]:
        """Return what happened, why and what to do, in one line each; empty ones are left out."""
        parts = (self.what, self.why, self.remedy)
        # Messages of other libraries may span several lines; each part is made one line.
        folded = (" ".join(part.split()) for part in parts)
        return [line for line in folded if line]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "Did you mean ...?" with the known names most like an unknown one; "" if there is none."""
    close = difflib.get_close_matches(name[:100].lower(), list(known), n=3, cutoff=0.5)  # takes quadratic time
    return f"Did you mean {' or '.join(f'`{match}`' for match in close)}?" if close else ""


def of_windows(path: str) -> str:
    """Return a hint where WSL has a Windows path (`C:\\docs`, or what a shell leaves of it); "" for other paths."""
    drive = re.match(r"([A-Za-z]):(?!//)", path)
    return f"In WSL2, drive {drive[1]}: is /mnt/{drive[1].lower()}, with / between folders." if drive else ""


class UsageError(DiscLiteError):
    """The command was called in a way that cannot work."""

    exit_code: int = 2


class NothingToTeach(UsageError):
    """The planned update would teach nothing; the commands say so and exit with 0, as `adapt` does."""


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
    def out_of_memory(cls, error: BaseException, remedy: str) -> WillNotFit:
        """Make the error from torch's OutOfMemoryError, or from another message about full memory.

        The device is the one that the message names. Without a name it is CUDA, or the CPU for Python's MemoryError,
        which numpy raises too.
        """
        named = _OUT_OF_MEMORY.search(str(error))
        said = str(error)[named.end() if named else 0 :].split("\n")[0].split(". ")[0]
        device = (named[1] or "CPU") if named else "CPU" if isinstance(error, MemoryError) else "CUDA"
        return cls(f"{device} out of memory.", said, remedy)


ON_CPU = "DefaultCPUAllocator: can't allocate memory: "
# How PyTorch's message begins for CUDA, HIP (AMD) and XPU; for MPS numbers follow in brackets, for CPUs the bytes.
_OUT_OF_MEMORY = re.compile(rf"^(\w+)(?: backend)? out of memory\.? |{ON_CPU}")

# An allocation that fails outside PyTorch's allocator has no class of its own. cuBLAS, which makes a handle for each
# computing thread, reports a full card as "not initialized".
IS_FULL = (
    ON_CPU,
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",
    "CUDA error: out of memory",
    "MPS backend out of memory",
)


def memory_ran_out(error: BaseException) -> bool:
    """Whether an error is a failed allocation, of torch (which this does not import), a library under it, or Python."""
    is_named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return is_named or any(words in str(error) for words in IS_FULL)


class GateFailed(DiscLiteError):
    """The run finished, but its result misses a quality gate that the user set."""

    exit_code: int = 5


class RunFailed(DiscLiteError):
    """The run could not go on."""

    exit_code: int = 1


class NonFiniteError(RunFailed):
    """A loss, gradient or weight stayed NaN or infinite after the allowed skips."""


SAVED = "Finished stages, training steps and generated texts are saved."
CONTINUES = "The same command continues from there."


class Interrupted(DiscLiteError):
    """A signal stopped the run; by default the same command continues from what is saved."""

    exit_code: int = 130

    def __init__(self, signal_number: int = signal.SIGINT, saved: str = SAVED, remedy: str = CONTINUES) -> None:
        super().__init__(f"Interrupted by {signal.Signals(signal_number).name}.", saved, remedy)
        self.args = (int(signal_number), saved, remedy)
        self.signal_number = int(signal_number)
        # As a shell reports it: SIGINT 130, SIGTERM 143, SIGHUP 129.
        self.exit_code = 128 + int(signal_number)
