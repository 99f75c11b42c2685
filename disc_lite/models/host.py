"""The host memory that this process may still use: what is free, within the limits of its control groups.

Docker, Kubernetes and Slurm give a process less than the machine has, and kill it if it uses more. On Linux the
limits are files of nested groups: https://docs.kernel.org/admin-guide/cgroup-v2.html ("memory.max") and
.../cgroup-v1/memory.html ("memory.limit_in_bytes").
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import psutil

V2 = ("memory.max", "memory.current", "inactive_file")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def available_host_bytes(system: Path = Path("/")) -> int:
    """Return the bytes of host memory that this process may still use; `system` is the root of the file system."""
    return min([int(psutil.virtual_memory().available), *_left_in_groups(system)])


def under_wsl2() -> bool:
    """Whether this Linux runs in Windows, whose driver then drives the GPU."""
    return "microsoft" in platform.release().lower()


def _left_in_groups(system: Path) -> Iterator[int]:
    """Yield the bytes left in every group of this process; cached files count as free, since they make room."""
    for folder, (limit, usage, files) in _groups(system):
        try:
            most = (folder / limit).read_text().strip()
            stored = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            left = int(most) - int((folder / usage).read_text()) + int(stored.get(files, 0))
        except (OSError, ValueError):  # no such group here, or "max": no limit
            continue
        yield max(0, left)


def _groups(system: Path) -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """Yield the folders of the memory groups and the names of their files; a container may see its own as the root."""
    try:
        lines = (system / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        root, names = system / "sys/fs/cgroup", V2
        if controllers == "memory":
            root, names = root / "memory", V1
        elif controllers:
            continue
        own = root / path.strip("/")
        for folder in (own, *own.parents):
            yield folder, names
            if folder == root:
                break
