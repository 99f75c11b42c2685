"""Durable files: what is written reads back, and what is damaged is seen."""

from __future__ import annotations

import errno
import json
import os
import signal
from pathlib import Path

import pytest

from disc_lite import storage
from disc_lite.errors import EnvironmentNotReady, NonFiniteError, RunFailed, UsageError
from disc_lite.storage import disk


def test_json_keeps_order_and_any_text(tmp_path: Path) -> None:
    row = {"z": "naïve\u2028line", "a": [1, 2.5, None, True], "undecodable": "\udcff"}
    storage.write_json(tmp_path / "new" / "x.json", row)
    assert list(storage.read_json(tmp_path / "new" / "x.json").items()) == list(row.items())
    assert "naïve" in (tmp_path / "new" / "x.json").read_text(encoding="utf-8")
    storage.append_jsonl(tmp_path / "x.jsonl", row)
    storage.append_jsonl(tmp_path / "x.jsonl", row)
    assert storage.read_jsonl(tmp_path / "x.jsonl") == [row, row]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_named_and_not_written(tmp_path: Path, value: float) -> None:
    with pytest.raises(NonFiniteError, match=r"loss\.1 = "):
        storage.write_json(tmp_path / "x.json", {"loss": [1.0, value]})
    with pytest.raises(NonFiniteError):
        storage.append_jsonl(tmp_path / "x.jsonl", {"loss": value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", '{"a": NaN}', "[" * 100_000, "\xff"])
def test_broken_json_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(RunFailed, match="is not valid JSON"):
        storage.read_json(tmp_path / "x.json")


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="cannot be read"):
        storage.read_json(tmp_path / "x.json")


def test_a_torn_last_line_is_dropped_and_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    whole = b'{"n": 1}\n{"n": 2, "text": "\xc3\xa9"}\n'
    first = whole.index(b"\n") + 1
    for size in range(first, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert storage.read_jsonl(path) == [{"n": 1}]
        storage.append_jsonl(path, {"n": 3})
        assert storage.read_jsonl(path) == [{"n": 1}, {"n": 3}]


def test_a_last_line_without_its_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"n": 1}\r\n\r\n{"n": 2}')
    assert storage.read_jsonl(path) == [{"n": 1}, {"n": 2}]
    storage.append_jsonl(path, {"n": 3})
    assert storage.read_jsonl(path) == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.parametrize("line", ['{"n": ', "[1]", "null", '{"n": NaN}'])
def test_a_broken_middle_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.jsonl").write_text(f'{{"n": 1}}\n{line}\n{{"n": 3}}\n')
    with pytest.raises(RunFailed, match="Line 2"):
        storage.read_jsonl(tmp_path / "x.jsonl")


def test_a_folder_of_a_failed_block_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), storage.atomic_folder(tmp_path / "out") as inside:
        (inside / "half").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_that_closes_while_a_folder_is_written_is_no_error_of_the_disk(tmp_path: Path) -> None:
    """Of whoever listens to the progress, and hears nothing more: the command line ends as `| head` wants it."""
    with pytest.raises(BrokenPipeError), storage.atomic_folder(tmp_path / "out"):
        raise BrokenPipeError(32, "Broken pipe")
    assert not list(tmp_path.iterdir())


def test_a_finished_folder_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(RunFailed, match="already exists"), storage.atomic_folder(tmp_path / "out"):
        pass
    late = tmp_path / "late"
    with pytest.raises(RunFailed, match=r"already exists(?s:.)*name another"), storage.atomic_folder(late) as inside:
        (inside / "mine").write_text("x")
        late.mkdir()  # by another process
    assert list(late.iterdir()) == [] and {path.name for path in tmp_path.iterdir()} == {"out", "late"}


def sealed(folder: Path) -> Path:
    with storage.atomic_folder(folder / "sealed") as inside:
        (inside / "weights").write_bytes(bytes(range(20)))
        storage.write_json(inside / "deep" / "state.json", {"step": 1})
        storage.seal(inside)
    return folder / "sealed"


def test_every_changed_bit_and_every_truncation_is_seen(tmp_path: Path) -> None:
    folder = sealed(tmp_path)
    assert storage.verify(folder) == []
    assert set(storage.manifest(folder)) == {"weights", "deep/state.json"}
    for path in (folder / "weights", folder / "deep" / "state.json", folder / storage.MANIFEST):
        whole = path.read_bytes()
        for place in range(len(whole)):
            changed = bytearray(whole)
            changed[place] ^= 1 << place % 8
            for damaged in (bytes(changed), whole[:place]):
                path.write_bytes(damaged)
                assert storage.verify(folder), f"{path.name}, byte {place}"
        path.write_bytes(whole)
    assert storage.verify(folder) == []


def test_missing_swapped_and_extra_files_are_seen(tmp_path: Path) -> None:
    folder = sealed(tmp_path)
    (folder / "more").write_text("x")
    assert storage.verify(folder) == ["more: not in the manifest"]
    (folder / "more").unlink()
    (folder / "weights").rename(folder / "other")
    (folder / "weights").symlink_to("other")
    assert storage.verify(folder) == ["other: not in the manifest", "weights: missing"]
    (folder / storage.MANIFEST).write_text(json.dumps({"files": [1]}))
    assert storage.verify(folder) == ["manifest.json: it lists no files"]
    (folder / storage.MANIFEST).unlink()
    assert len(storage.verify(folder)) == 1


def test_one_folder_one_process(tmp_path: Path) -> None:
    run = tmp_path / "run"
    ready, holding = os.pipe()
    child = os.fork()
    if child == 0:
        with storage.lock(run):
            os.write(holding, b"x")
            signal.pause()
    os.read(ready, 1)
    with pytest.raises(EnvironmentNotReady, match=f"Process {child} ") as caught, storage.lock(run):
        pass
    assert caught.value.exit_code == 3
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with storage.lock(run):  # no stale lock after kill -9
        assert storage.manifest(run) == {}
    with storage.lock(run), pytest.raises(EnvironmentNotReady), storage.lock(run):
        pass


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentNotReady, match="cannot be locked"), storage.lock(tmp_path / "file"):
        pass
    with pytest.raises(RunFailed, match="cannot be written"):
        storage.write_text(tmp_path / "file" / "x", "x")
    with pytest.raises(RunFailed, match="cannot be written"):
        storage.append_jsonl(tmp_path / "file" / "x", {})
    with pytest.raises(RunFailed, match="cannot be written"), storage.atomic_folder(tmp_path / "file/x"):
        pass


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_missing_rights_have_one_exit_code_and_a_remedy(number: int) -> None:
    with pytest.raises(EnvironmentNotReady) as caught, disk.reporting("cannot write x"):
        raise OSError(number, os.strerror(number))
    assert len(caught.value.lines()) == 3


@pytest.mark.parametrize("name", ["n" * 256, "long/" * 1000, "file", "file/run", "link", "link/run", "closed/run"])
def test_a_folder_that_cannot_be_made_is_reported_in_three_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "closed").mkdir()
    real = os.access  # root may write everywhere
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "closed" and real(path, mode))
    with pytest.raises(EnvironmentNotReady if "closed" in name else UsageError) as caught:
        storage.require_place(tmp_path / name)
    assert len(caught.value.lines()) == 3
    for path in (tmp_path, tmp_path / "closed", tmp_path / "new" / "run"):
        storage.require_place(path)
    assert not (tmp_path / "new").exists()


def test_files_of_other_packages_may_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    """safetensors writes for the owner alone, so that the adapter of a run could not be read by anybody else."""
    before = os.umask(0o027)
    try:
        with storage.atomic_folder(tmp_path / "adapter") as inside:
            (inside / "deep").mkdir()
            for path in (inside / "weights", inside / "deep" / "weights"):
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            storage.write_json(inside / "config.json", {})
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "adapter").rglob("*") if path.is_file()}
    assert modes == {"weights": 0o640, "config.json": 0o640}
