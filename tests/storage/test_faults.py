"""What is on the disk after a failure or a death at any operation."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from disc_lite import storage
from disc_lite.errors import RunFailed
from disc_lite.storage import disk
from tests.tiers import reached

OPERATIONS = ("make_folder", "create", "write", "truncate", "sync", "rename", "remove")


class Trap:
    """Counts the operations on the disk and springs at the k-th one."""

    def __init__(self, patch: pytest.MonkeyPatch, k: int, spring: Callable[[], None]) -> None:
        self.count = 0
        for name in OPERATIONS:
            patch.setattr(disk, name, self._watched(name, getattr(disk, name), k, spring))

    def _watched(
        self, name: str, original: Callable[..., Any], k: int, spring: Callable[[], None]
    ) -> Callable[..., Any]:
        def operation(*args: Any) -> Any:
            self.count += 1
            if self.count == k:
                if name == "write":  # half of it is on the disk when the fault comes
                    os.write(args[0], args[1][: len(args[1]) // 2])
                spring()
            return original(*args)

        return operation


def no_space() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def rewrite_json(folder: Path) -> None:
    storage.write_json(folder / "state.json", {"step": 2})


def rewrite_jsonl(folder: Path) -> None:
    storage.write_jsonl(folder / "rows.jsonl", [{"n": 1}, {"n": 2}])


def append(folder: Path) -> None:
    storage.append_jsonl(folder / "rows.jsonl", {"n": 2})


def first_line(folder: Path) -> None:
    storage.append_jsonl(folder / "log.jsonl", {"n": 1})


def new_checkpoint(folder: Path) -> None:
    with storage.atomic_folder(folder / "checkpoints" / "2") as inside:
        (inside / "weights").write_bytes(b"2" * 100)
        (inside / "deep").mkdir()
        storage.write_json(inside / "deep" / "state.json", {"step": 2})
        storage.seal(inside)


def new_folder(folder: Path) -> None:
    with storage.atomic_folder(folder / "adapter") as inside:
        (inside / "weights").write_bytes(b"2" * 100)
        storage.write_json(inside / "config.json", {"rank": 2})


WRITERS = [rewrite_json, rewrite_jsonl, append, first_line, new_checkpoint, new_folder]


def prepared(folder: Path) -> Path:
    folder.mkdir()
    storage.begin_digests(folder)
    storage.write_json(folder / "state.json", {"step": 1})
    storage.write_jsonl(folder / "rows.jsonl", [{"n": 1}])
    return folder


def check(folder: Path) -> None:
    """Old or new, never half: whatever happened before."""
    assert storage.read_json(folder / "state.json") in ({"step": 1}, {"step": 2})
    assert storage.read_jsonl(folder / "rows.jsonl") in ([{"n": 1}], [{"n": 1}, {"n": 2}])
    assert storage.read_log(folder / "log.jsonl") in ([], [{"n": 1}])
    if (folder / "checkpoints" / "2").exists():
        assert storage.verify(folder / "checkpoints" / "2") == []
    storage.require_all_unchanged(folder)  # no failure and no kill looks like damage
    for name in ("weights", "config.json"):
        storage.require_unchanged(folder / "adapter" / name)


def as_before(folder: Path) -> None:
    disk.remove(folder / "checkpoints")
    disk.remove(folder / "adapter")
    disk.remove(folder / "log.jsonl")
    storage.write_jsonl(folder / "rows.jsonl", [{"n": 1}])


def count_operations(writer: Callable[[Path], None], folder: Path) -> int:
    with pytest.MonkeyPatch.context() as patch:
        trap = Trap(patch, 0, no_space)
        writer(folder)
        return trap.count


def run_in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked process; what `waitpid` says of its end."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


@pytest.mark.parametrize("writer", WRITERS)
def test_the_kth_operation_fails_for_every_k(writer: Callable[[Path], None], tmp_path: Path) -> None:
    folder = prepared(tmp_path / "run")
    for k in range(1, count_operations(writer, prepared(tmp_path / "spare")) + 1):
        with pytest.MonkeyPatch.context() as patch:
            Trap(patch, k, no_space)
            with pytest.raises(RunFailed, match="Free some space"):
                writer(folder)
        check(folder)
        assert not list(folder.rglob(".tmp-*")), f"operation {k}"
        as_before(folder)
    writer(folder)
    check(folder)
    reached("R2", operations_failed=k)


@pytest.mark.parametrize("writer", WRITERS)
def test_killed_at_the_kth_operation_for_every_k(writer: Callable[[Path], None], tmp_path: Path) -> None:
    folder = prepared(tmp_path / "run")

    def doomed(k: int) -> None:
        Trap(pytest.MonkeyPatch(), k, die)
        writer(folder)

    for k in range(1, count_operations(writer, prepared(tmp_path / "spare")) + 1):
        assert os.WTERMSIG(run_in_child(partial(doomed, k))) == signal.SIGKILL
        check(folder)
        storage.sweep(folder)
        storage.sweep(folder / "checkpoints")
        assert not list(folder.rglob(".tmp-*"))
        storage.write_json(folder / "other.json", {})  # whatever is written next
        check(folder)
        storage.append_jsonl(folder / "rows.jsonl", {"n": 3})  # a torn line is not in its way
        assert storage.read_jsonl(folder / "rows.jsonl")[-1] == {"n": 3}
        as_before(folder)
    reached("R2", deaths_in_an_operation=k)
