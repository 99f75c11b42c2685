"""Host memory: how much is free within the limits of control groups, and what is returned to the system."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from disc_lite.models import loading
from disc_lite.models.host import available_host_bytes

GIB = 1 << 30


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 64 GiB free."""
    free = type("Free", (), {"available": 64 * GIB})
    monkeypatch.setattr(psutil, "virtual_memory", free)


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")


def test_without_groups_it_is_what_is_free(tmp_path: Path) -> None:
    assert available_host_bytes(tmp_path) == 64 * GIB
    put(tmp_path, {"proc/self/cgroup": "0::/user.slice"})
    assert available_host_bytes(tmp_path) == 64 * GIB


def test_the_smallest_limit_of_all_groups_counts_and_files_in_memory_make_room(tmp_path: Path) -> None:
    put(tmp_path, {
        "proc/self/cgroup": "0::/jobs/7",
        "sys/fs/cgroup/jobs/7/memory.max": "max",
        "sys/fs/cgroup/jobs/7/memory.current": "1000",
        "sys/fs/cgroup/jobs/7/memory.stat": "anon 900\ninactive_file 100",
        "sys/fs/cgroup/jobs/memory.max": str(16 * GIB),
        "sys/fs/cgroup/jobs/memory.current": str(5 * GIB),
        "sys/fs/cgroup/jobs/memory.stat": f"anon 7\ninactive_file {2 * GIB}",
    })  # fmt: skip
    assert available_host_bytes(tmp_path) == 13 * GIB
    put(tmp_path, {"sys/fs/cgroup/jobs/memory.current": str(17 * GIB), "sys/fs/cgroup/jobs/memory.stat": "anon 17"})
    assert available_host_bytes(tmp_path) == 0


@pytest.mark.parametrize("path", ["/docker/ab12", "/"])
def test_a_container_sees_its_own_group_as_the_root(tmp_path: Path, path: str) -> None:
    """In version 1, where the file can name the group by its path on the host."""
    put(tmp_path, {
        "proc/self/cgroup": f"11:memory:{path}\n3:cpu,cpuacct:{path}\n1:name=systemd:{path}",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": str(8 * GIB),
        "sys/fs/cgroup/memory/memory.usage_in_bytes": str(3 * GIB),
        "sys/fs/cgroup/memory/memory.stat": f"total_inactive_file {GIB}",
    })  # fmt: skip
    assert available_host_bytes(tmp_path) == 6 * GIB


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_large_tensor_is_mapped_alone_and_so_given_back() -> None:
    """After a tensor of 20 MiB is freed, glibc puts one of 10 MiB onto its heap, which then never shrinks."""
    code = """
import os, re, torch
from disc_lite.models.device import give_back_freed_memory
for called in (False, True):
    if os.fork():
        os.wait()
        continue
    if called:
        give_back_freed_memory()
    torch.empty(20 << 20, dtype=torch.uint8)
    at = torch.empty(10 << 20, dtype=torch.uint8).data_ptr()
    heap = re.findall("^(\\w+)-(\\w+) .*\\[heap\\]", open("/proc/self/maps").read(), re.M)
    print(any(int(first, 16) <= at < int(last, 16) for first, last in heap), flush=True)
    os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(
    not HUGE_PAGES.exists() or "[never]" in HUGE_PAGES.read_text(), reason="the system gives no pages of 2 MiB"
)
def test_large_tensors_are_in_large_pages() -> None:
    """Every page of 4 KiB costs a fault: for 26 MiB, these take as long as the matrix product they are for."""
    code = """
import resource
import disc_lite.models
import torch
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.zeros(64 << 20, dtype=torch.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < (64 << 20) // 4096 // 2  # the kernel may not find every large page


def test_it_is_given_back_for_large_models_only(
    folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    monkeypatch.setattr(loading, "give_back_freed_memory", lambda: done.append(1))
    loading.load_unchecked(folders("llama"), "none", "cpu")
    assert not done
    monkeypatch.setattr(loading, "LARGE", 1000)
    loading.load_unchecked(folders("llama"), "none", "cpu")
    assert done
