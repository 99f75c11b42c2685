"""A folder with digests: what is in it is what was written, or is named."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from disc_lite import storage
from disc_lite.errors import EnvironmentNotReady, RunFailed
from disc_lite.storage import DIGESTS


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Files of every kind, the last one written last."""
    folder = tmp_path / "run"
    storage.begin_digests(folder)
    storage.write_json(folder / "run.json", {"model": "pocket"})
    storage.write_text(folder / "recipe.yaml", "method: both\n")
    storage.write_jsonl(folder / "pairs.jsonl", [{"n": n, "answer": "ä" * n} for n in range(12)])
    for n in range(5):
        storage.append_jsonl(folder / "metrics.jsonl", {"step": n})
    with storage.atomic_folder(folder / "adapter") as inside:
        (inside / "weights").write_bytes(bytes(range(256)))
    storage.write_json(folder / "evaluations" / "ab" / "after.json", ["x"])
    storage.write_json(folder / "summary.json", {"recall": 0.5})
    return folder


def everything(folder: Path) -> list[Any]:
    """What later stages read; a file may be missing, and is then made again."""
    storage.require_digests(folder)
    storage.require_all_unchanged(folder)
    content: list[Any] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != DIGESTS):
        content.append(storage.read_jsonl(path) if path.suffix == ".jsonl" else storage.read_bytes(path))
        storage.require_unchanged(path)
    return content


def damages(rng: Random, data: bytes) -> bytes:
    place = rng.randrange(len(data))
    return rng.choice([
        lambda: data[:place], lambda: data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :],
        lambda: data + data[-place:], lambda: data[:place] + data[place + 1 :], lambda: b"", lambda: b"[]\n",
        lambda: data[: data.rfind(b"\n", 0, place) + 1], lambda: data[data.find(b"\n", place) + 1 :],
    ])()  # fmt: skip


def test_what_was_written_is_read(run: Path) -> None:
    assert len(everything(run)) == 7
    storage.append_jsonl(run / "metrics.jsonl", {"step": 5})
    storage.write_json(run / "summary.json", {})
    assert len(storage.read_jsonl(run / "metrics.jsonl")) == 6
    moved = run.rename(run.with_name("moved"))
    assert len(everything(moved)) == 7


def test_every_damage_of_every_file_is_found_or_changes_nothing(run: Path) -> None:
    rng, whole = Random(0), everything(run)
    paths = sorted(path for path in run.rglob("*") if path.is_file())
    found = 0
    for n in range(400):
        path = paths[n % len(paths)]
        before = path.read_bytes()
        path.write_bytes(damages(rng, before))
        try:
            assert everything(run) == whole, (path, path.read_bytes())
        except EnvironmentNotReady as error:
            found += 1
            assert path.name in error.what or DIGESTS in error.what or path.name == DIGESTS
        path.write_bytes(before)
    assert found > 300


def test_one_letter_more_or_less_is_named_with_what_to_do(run: Path) -> None:
    path = run / "recipe.yaml"
    path.write_text("method: disc\n")
    with pytest.raises(EnvironmentNotReady, match=r"recipe.yaml is damaged or was edited.\n.*SHA-256.*\nRestore it"):
        storage.require_unchanged(path)
    path.write_text("method: prompt\n")
    with pytest.raises(EnvironmentNotReady, match="It has 15 bytes; 13 were written"):
        storage.require_all_unchanged(run)


def test_a_missing_file_is_named_where_it_is_read(run: Path) -> None:
    (run / "metrics.jsonl").unlink()
    for read in (storage.read_jsonl, lambda path: storage.read_jsonl(path, missing_ok=True), storage.require_unchanged):
        with pytest.raises(EnvironmentNotReady, match=r"metrics\.jsonl is missing") as caught:
            read(run / "metrics.jsonl")
        assert "or remove it" not in caught.value.remedy  # it is not there
    assert storage.read_jsonl(run / "never.jsonl", missing_ok=True) == []
    (run / "run.json").unlink()
    with pytest.raises(EnvironmentNotReady, match=r"run\.json is missing"):
        storage.read_json(run / "run.json", missing_ok=True)
    assert storage.read_json(run / "never.json", missing_ok=True) == {}


@pytest.mark.parametrize("name", ["pairs.jsonl", "run.json", "adapter"])
def test_what_takes_the_place_of_a_removed_file_must_be_the_same(run: Path, name: str) -> None:
    def again(change: int) -> None:
        if name == "adapter":
            with storage.atomic_folder(run / name) as inside:
                (inside / "weights").write_bytes(bytes(range(256 - change)))
        elif name == "run.json":
            storage.write_json(run / name, {"model": f"pocket{'x' * change}"})
        else:
            storage.write_jsonl(run / name, [{"n": n, "answer": "ä" * n} for n in range(12 - change)])

    storage.disk.remove(run / name)
    with pytest.raises(EnvironmentNotReady, match="was removed, and what was made in its place is not the same"):
        again(1)
    assert not (run / name).exists() and not list(run.glob(".tmp*"))
    again(0)
    storage.require_all_unchanged(run)


def test_a_result_on_which_nothing_depends_may_differ(run: Path) -> None:
    (run / "summary.json").unlink()
    storage.write_json(run / "summary.json", {"recall": 0.6}, may_differ=True)
    assert storage.read_json(run / "summary.json") == {"recall": 0.6}


def test_swapped_files_and_a_file_from_elsewhere_are_found(run: Path) -> None:
    one, other = run / "run.json", run / "summary.json"
    content = one.read_bytes(), other.read_bytes()
    one.write_bytes(content[1])
    other.write_bytes(content[0])
    for path in (one, other):
        with pytest.raises(EnvironmentNotReady, match=path.name):
            storage.read_json(path)
    (run / "stopped.json").write_text("{}")
    with pytest.raises(EnvironmentNotReady, match="It is not listed in"):
        storage.read_json(run / "stopped.json")


def kill_before(operation: str, monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> None:
    """`work` ends before this operation on the disk, as if the process had been killed there."""

    def end(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(storage.disk, operation, end)
        work()


def test_a_kill_between_note_and_file_is_no_damage(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_before("rename", monkeypatch, lambda: storage.write_json(run / "summary.json", {"recall": 1.0}))
    assert storage.read_json(run / "summary.json") == {"recall": 0.5}
    storage.write_json(run / "judge.json", [])
    assert storage.read_json(run / "summary.json") == {"recall": 0.5}
    storage.require_all_unchanged(run)


def test_two_writes_of_a_file_that_fail_leave_it_as_it_was(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, append = (run / "metrics.jsonl").read_bytes(), storage.disk.append

    def full(path: Path, size_bytes: int, data: bytes) -> None:
        if path.name == "metrics.jsonl":
            raise OSError(28, "No space left on device")
        append(path, size_bytes, data)

    for step in (5, 5, 6):  # the same again, and another one
        with monkeypatch.context() as patch, pytest.raises(RunFailed, match="cannot be written"):
            patch.setattr(storage.disk, "append", full)
            storage.append_jsonl(run / "metrics.jsonl", {"step": step})
        storage.require_all_unchanged(run)
    assert (run / "metrics.jsonl").read_bytes() == before
    storage.append_jsonl(run / "metrics.jsonl", {"step": 5})
    assert [row["step"] for row in storage.read_jsonl(run / "metrics.jsonl")] == list(range(6))


def test_a_line_is_added_without_reading_the_lines_before_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of a training is one of hundreds of thousands, and notes what it measured."""
    lines = storage.JsonLines(run / "metrics.jsonl")

    def unless_lines(read: Callable[..., Any]) -> Callable[..., Any]:
        def reading(path: Path, *more: Any, **named: Any) -> Any:
            assert path.name != "metrics.jsonl", "it was read again"
            return read(path, *more, **named)

        return reading

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        for name in ("open", "read_bytes"):
            patch.setattr(Path, name, unless_lines(getattr(Path, name)))
        lines.append({"step": 5})
        lines.append({"step": 6})
        storage.write_json(run / "summary.json", {"recall": 0.9})
        with monkeypatch.context() as failing, pytest.raises(RunFailed, match="cannot be written"):
            failing.setattr(storage.disk, "append", full)
            lines.append({"step": 7})
        lines.append({"step": 7})
    storage.require_all_unchanged(run)
    assert [row["step"] for row in storage.read_jsonl(run / "metrics.jsonl")] == list(range(8))


def test_a_write_that_a_kill_prevented_may_be_made_otherwise(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_before("rename", monkeypatch, lambda: storage.write_json(run / "stopped.json", {"step": 1}))
    storage.write_json(run / "stopped.json", {"step": 2})
    assert storage.read_json(run / "stopped.json") == {"step": 2}


def test_a_file_that_nobody_reads_is_not_noted(run: Path) -> None:
    before = (run / DIGESTS).read_bytes()
    storage.write_text(run / "report.html", "<p>", noted=False)
    assert (run / DIGESTS).read_bytes() == before


def test_a_folder_with_its_own_record_is_left_to_it(run: Path) -> None:
    with storage.atomic_folder(run / "checkpoints" / "1") as inside:
        storage.write_json(inside / "state.json", {"step": 1})
        storage.seal(inside)
    assert storage.read_json(run / "checkpoints" / "1" / "state.json") == {"step": 1}
    assert b"state.json" not in (run / DIGESTS).read_bytes()


def test_without_digests_nothing_is_noted(tmp_path: Path) -> None:
    (tmp_path / DIGESTS).write_text("of another program\n")
    storage.write_json(tmp_path / "deep" / "a.json", {})
    (tmp_path / "deep" / "a.json").write_text("[]")
    assert storage.read_json(tmp_path / "deep" / "a.json") == []
    assert (tmp_path / DIGESTS).read_text() == "of another program\n"
    with pytest.raises(EnvironmentNotReady, match="missing or damaged"):
        storage.require_digests(tmp_path)
