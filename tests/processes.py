"""Forked children of the test process, which has imported everything; what kills or stops them; a slow disk."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from disc_lite.storage import disk


def forked(work: Callable[[], Any], log: Path) -> int:
    """Fork a child of this process and return its id. Its output is appended to `log`."""
    assert torch.get_num_threads() == 1
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        sys.stdout = sys.stderr = os.fdopen(out, "w", buffering=1)
        work()
        code = 0
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def exit_code(child: int) -> int:
    """Wait for a child to end, and return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def ended(child: int) -> bool:
    """Whether a child has ended; its exit code can still be read afterwards."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def slow_disk() -> None:
    """In this (child) process every fsync takes time, as on a real disk, so that kills hit saves."""
    sync = disk.sync

    def slow(descriptor: int) -> None:
        time.sleep(0.004)
        sync(descriptor)

    disk.sync = slow
