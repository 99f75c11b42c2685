"""Which processors compute a model in bf16, according to what Linux reports about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from disc_lite.planning import cpu
from disc_lite.planning.cpu import NARROWEST, computes_in_bf16

ZEN_4 = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu avx2 avx512f avx512_bf16 avx512_vnni\n"
SAPPHIRE_RAPIDS = "processor\t: 0\nflags\t\t: fpu avx2 amx_bf16 amx_tile amx_int8\n"
ZEN_3 = "processor\t: 0\nflags\t\t: fpu avx2 f16c\nbugs\t\t: avx512_bf16\n"


@pytest.mark.parametrize(("flags", "bf16"), [(ZEN_4, True), (SAPPHIRE_RAPIDS, True), (ZEN_3, False), (None, False)])
def test_instructions_and_width_decide(tmp_path: Path, flags: str | None, bf16: bool) -> None:
    if flags is not None:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc/cpuinfo").write_text(flags)
    assert computes_in_bf16(NARROWEST, tmp_path) == bf16
    assert not computes_in_bf16(NARROWEST - 1, tmp_path)


@pytest.mark.parametrize(
    ("system", "torch", "more"),
    [("linux", "2.13.0", True), ("linux", "2.13.0+cpu", False), ("darwin", "2.13.0", False)],
)
def test_pytorch_for_cuda_needs_more_of_the_host(
    monkeypatch: pytest.MonkeyPatch, system: str, torch: str, more: bool
) -> None:
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(cpu, "version", {"torch": torch}.get)
    assert (cpu.process_bytes() > 900 << 20) is more
