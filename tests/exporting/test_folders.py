"""Where an export is written: nothing is overwritten, a full disk and an interrupt leave nothing, and Ollama's folder."""

import json
import os
import resource
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from disc_lite.cli import main
from disc_lite.errors import EnvironmentNotReady, Interrupted, RunFailed, UsageError
from disc_lite.exporting import checks, export, ggufs, job, quantising
from disc_lite.run.events import Event
from disc_lite.storage import disk, lock, read_json, write_json
from tests.exporting.base_gguf import write_base_gguf
from tests.exporting.folders import model_entry, refused_without_torch
from tests.processes import exit_code, forked

gguf = pytest.importorskip("gguf")
pytestmark = [
    pytest.mark.usefixtures("without_llama_cpp"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),  # PEFT's, of transformers
]


def test_ollama_gets_a_gguf_and_a_modelfile(runs: Any, folders: Any, tmp_path: Path) -> None:
    path = write_base_gguf(folders("qwen3"), tmp_path / "base.gguf")
    export(runs("qwen3"), "ollama", tmp_path / "out", base_gguf=path)
    text = (tmp_path / "out" / "Modelfile").read_text()
    assert "FROM ./model.gguf\n" in text and "ADAPTER" not in text and "TEMPLATE" in text
    assert (tmp_path / "out" / "model.gguf").is_file()
    export(runs("qwen3"), "ollama", tmp_path / "old", base_gguf=path, legacy_adapter=True)
    text = (tmp_path / "old" / "Modelfile").read_text()
    assert "FROM ./base.gguf\nADAPTER ./adapter.gguf\n" in text
    assert (tmp_path / "old" / "base.gguf").read_bytes() == path.read_bytes()


def test_force_replaces_an_export_and_nothing_else(run: Path, tmp_path: Path) -> None:
    made = export(run, "gguf-lora")
    assert Path(made["output"]) == run / "exports" / "gguf-lora"
    with pytest.raises(UsageError, match="holds an export already"):
        export(run, "gguf-lora")
    (run / "exports" / "gguf-lora" / "adapter.gguf").write_text("damaged")
    export(run, "gguf-lora", force=True)
    files = {p.name for p in (run / "exports" / "gguf-lora").iterdir()}
    assert files == {"README.md", "adapter.gguf", "export.json"}
    assert [p.name for p in (run / "exports").iterdir()] == ["gguf-lora"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "other").mkdir()  # another program's record
    (tmp_path / "other" / "export.json").write_text('{"to": "gguf", "files": []}')
    for target in (tmp_path / "mine", tmp_path / "file", tmp_path / "other"):
        with pytest.raises(UsageError, match="is not an export"):
            export(run, "gguf-lora", target, force=True)


def test_force_removes_nothing_of_the_users(run: Path, tmp_path: Path, monkeypatch: Any) -> None:
    out = tmp_path / "out"
    export(run, "adapter", out)
    card = (out / "README.md").read_text()
    for name, text in ((".git/HEAD", "ref"), ("notes.txt", "mine"), ("README.md", card + "More."), ("link", "")):
        path = out / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text) if text else path.symlink_to(tmp_path)
        with pytest.raises(UsageError, match="holds more than the earlier export") as caught:
            export(run, "adapter", out, force=True)
        assert name.split("/")[0] in caught.value.what and os.path.lexists(path)
        disk.remove(out / name.split("/")[0])
        (out / "README.md").write_text(card)
    (out / "README.md").unlink()
    export(run, "adapter", out, force=True)
    # What comes in while the new one is made stays too, in the folder that it was written into.
    monkeypatch.setattr("disc_lite.exporting.check_target", lambda target, force: (out / "late.txt").write_text("mine"))
    said: list[str] = []
    export(run, "adapter", out, force=True, listener=lambda event: said.append(event.text))
    [aside] = tmp_path.glob("out.old-*")
    assert (aside / "late.txt").read_text() == "mine" and not (out / "late.txt").exists()
    assert str(aside) in said[-1]


def test_a_place_that_changes_while_an_export_is_made(run: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """Another export may be finished there first, and a user may remove the one that is to be replaced."""
    out, real = tmp_path / "out", ggufs.write_lora

    def meanwhile(change: Any) -> None:
        def write(*given: Any) -> None:
            monkeypatch.setattr(ggufs, "write_lora", real)
            change()
            real(*given)

        monkeypatch.setattr(ggufs, "write_lora", write)

    meanwhile(lambda: export(run, "gguf-lora", out))
    with pytest.raises(RunFailed, match=r"already exists(?s:.)*name another"):
        export(run, "gguf-lora", out)
    meanwhile(lambda: shutil.rmtree(out))
    export(run, "gguf-lora", out, force=True)
    assert (out / "adapter.gguf").is_file() and {path.name for path in tmp_path.iterdir()} == {"run", "out"}


def test_what_cannot_be_replaced_stays_and_nothing_lies_beside_it(run: Path, monkeypatch: Any) -> None:
    export(run, "gguf-lora")
    monkeypatch.chdir(run / "exports" / "gguf-lora")
    with pytest.raises(RunFailed, match="cannot be replaced"):
        export(run, "gguf-lora", ".", force=True)
    assert {p.name for p in Path().iterdir()} == {"README.md", "adapter.gguf", "export.json"}


def test_the_adapter_takes_nothing_along_that_lies_beside_it(run: Path, folders: Any) -> None:
    (run / "adapter" / "notes").mkdir()
    export(run, "adapter", run / "adapter" / "out")
    out = run / "adapter" / "out"
    assert {p.name for p in out.iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "export.json",
        "trained_on.json",
    }
    assert read_json(out / "adapter_config.json")["base_model_name_or_path"] == "llama"
    assert not [p for p in out.iterdir() if str(folders("llama").parent).encode() in p.read_bytes()]


def test_a_run_without_its_adapter_is_refused_without_torch(run: Path) -> None:
    shutil.rmtree(run / "adapter")
    with pytest.raises(UsageError, match="is not an adapter folder"):
        export(run, "merged")


def test_a_replacement_that_fails_anywhere_leaves_an_export(run: Path, monkeypatch: Any) -> None:
    export(run, "gguf-lora")
    real = disk.rename

    def killed(source: Path, target: Path) -> None:
        if ".old-" in str(next((p for p in (run / "exports").iterdir() if ".old-" in p.name), "")):
            raise SystemExit("killed")
        real(source, target)

    monkeypatch.setattr(disk, "rename", killed)
    with pytest.raises(SystemExit):
        export(run, "gguf-lora", force=True)
    monkeypatch.undo()
    monkeypatch.setattr(job, "find_llama", lambda: "")
    export(run, "merged")  # sweeps what was left
    (old,) = (p for p in (run / "exports").iterdir() if ".old-" in p.name)
    assert (old / "adapter.gguf").is_file() and (old / "export.json").is_file()


def test_the_disk_is_looked_at_first(run: Path, tmp_path: Path, monkeypatch: Any) -> None:
    import collections

    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(1, 1, 1000))
    for to in ("adapter", "merged", "gguf-lora"):
        with pytest.raises(EnvironmentNotReady, match="Not enough disk space"):
            export(run, to, tmp_path / "a" / "b" / "out")
    assert not (tmp_path / "a").exists()


def test_k_quants_that_become_q8_0_need_the_room_of_q8_0(
    runs: Any, folders: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    import collections

    path = write_base_gguf(folders("llama"), tmp_path / "base.gguf", "Q4_0")
    usage = collections.namedtuple("usage", "total used free")
    free = path.stat().st_size
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(1, 1, free))
    export(runs("llama"), "gguf", tmp_path / "same", base_gguf=path)
    monkeypatch.setattr(quantising, "fitting", lambda kind, columns: gguf.GGMLQuantizationType.F32)  # as if it had to
    with pytest.raises(EnvironmentNotReady, match=f"Not enough disk space for the export in {tmp_path}[.]"):
        export(runs("llama"), "gguf", tmp_path / "out", base_gguf=path)
    assert not (tmp_path / "out").exists()


def test_exports_on_another_disk_are_not_swept_while_another_writes_there(run: Path, tmp_path: Path) -> None:
    (tmp_path / "large" / ".tmp-1").mkdir(parents=True)
    (run / "exports").symlink_to(tmp_path / "large")
    with lock(run), pytest.raises(EnvironmentNotReady, match="in use"):
        export(run, "gguf-lora")
    assert (tmp_path / "large" / ".tmp-1").is_dir()
    export(run, "gguf-lora")
    assert [path.name for path in (tmp_path / "large").iterdir()] == ["gguf-lora"]


def test_what_a_killed_export_left_is_removed_and_what_is_being_written_stays(
    run: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    """The leavings of a merge of 8 billion parameters are 16 GB; nobody looks for them in a hidden folder."""
    shelf, real, seen = tmp_path / "shelf", ggufs.write_lora, list[set[str]]()

    def names() -> set[str]:
        return {path.name for path in shelf.iterdir()}

    def killed() -> None:
        monkeypatch.setattr(ggufs, "write_lora", lambda *given: os.kill(os.getpid(), signal.SIGKILL))
        export(run, "gguf-lora", shelf / "killed")

    def meanwhile(*given: Any) -> None:
        monkeypatch.setattr(ggufs, "write_lora", real)
        (shelf / ".tmp-0123456789abcdef").mkdir()  # of another program
        seen.append(names())
        assert exit_code(forked(killed, tmp_path / "log")) == -signal.SIGKILL
        seen.append(names() - seen[0])
        export(run, "gguf-lora", shelf / "second")
        seen.append(names() - seen[0])
        real(*given)

    monkeypatch.setattr(ggufs, "write_lora", meanwhile)
    export(run, "gguf-lora", shelf / "first")
    before, left, after = seen
    assert len(before) == 2 and len(left) == 1
    assert after == {"second"}
    assert names() == {"first", "second", ".tmp-0123456789abcdef"}


def test_what_killed_exports_left_takes_no_room_from_the_next(run: Path, tmp_path: Path, monkeypatch: Any) -> None:
    for parent, name in ((run / "exports", "1"), (tmp_path / "shelf", "held-1")):
        (parent / f".tmp-{name}").mkdir(parents=True)
        monkeypatch.setattr(checks, "free_disk", lambda target: 0 if [*target.parent.glob(".tmp-*")] else 10**12)
        export(run, "gguf-lora", parent / "gguf-lora")
        assert [path.name for path in parent.iterdir()] == ["gguf-lora"]


def test_a_base_that_vanishes_meanwhile_is_named(run: Path, folders: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "model"))
    write_json(run / "run.json", model_entry(folder))

    def listener(event: Event) -> None:
        if event.text.startswith("writing"):
            (folder / "model.safetensors").unlink()

    with pytest.raises(RunFailed, match=rf"{folder}/model\.safetensors cannot be read") as caught:
        export(run, "merged", tmp_path / "out", listener=listener)
    assert "Copy it again" in caught.value.remedy and not (tmp_path / "out").exists()


@pytest.mark.parametrize("to", ["merged", "gguf-lora", "gguf"])
def test_a_full_disk_is_reported(runs: Any, folders: Any, tmp_path: Path, to: str, monkeypatch: Any) -> None:
    command = ["disc-lite", "export", str(runs("llama")), "--to", to, "-o", str(tmp_path / "out"), "--quiet"]
    if to == "gguf":
        command += ["--base-gguf", str(write_base_gguf(folders("llama"), tmp_path / "base.gguf"))]
    monkeypatch.setattr(sys, "argv", command)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20480, 20480))
        main()

    log = tmp_path / "log"
    assert exit_code(forked(limited, log)) == 1, log.read_text()
    assert "cannot be written" in log.read_text() and "Free some space" in log.read_text()
    assert {p.name for p in tmp_path.iterdir()} <= {"base.gguf", "log"}


def test_exported_files_have_the_users_default_permissions(runs: Any, tmp_path: Path) -> None:
    export(runs("llama"), "merged", tmp_path / "out")
    assert {oct(p.stat().st_mode) for p in (tmp_path / "out").iterdir()} == {oct(0o100666 & ~_umask())}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_interrupted_export_leaves_nothing(run: Path) -> None:
    def listener(event: Event) -> None:
        if event.text.startswith("writing"):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted, match="Nothing was written") as stop:
        export(run, "merged", listener=listener)
    assert stop.value.remedy == "Repeat the command."
    assert list((run / "exports").iterdir()) == []


IMPOSSIBLE = [
    (["--to", "merged", "--base-gguf", "x.gguf"], "no meaning"), (["--to", "gguf", "--base-gguf", "x.gguf"], "no file"),
    (["--to", "gguf"], "llama.cpp's converter"), (["--to", "ollama", "--legacy-adapter"], "needs"),
    (["--to", "gguf", "--base-gguf", "README.md", "--type", "q9"], "no --type Q9"),
    (["--to", "gguf", "--base-gguf", "README.md", "--type", "q4_k_m"], "Use --type Q4_K."), (["--to", "merged", "--type", "Q8_0"], "needs"),
    (["--to", "gguf-lora", "--template", "README.md"], "no meaning"), (["--to", "pdf"], "pdf"),
    (["--to", "merged", "--onto", "nf4"], "needs a run that was trained in 4 bits"), (["--to", "adapter", "--onto", "nf4"], "no meaning"),
    (["--to", "adapter", "--device", "gpu"], "no device"), (["--to", "adapter", "-o", "x" * 300], "another --output"),
    (["--to", "adapter", "-o", "README.md/out"], "another --output")
]  # fmt: skip


def test_calls_that_cannot_work_are_refused_without_torch(runs: Any) -> None:
    refused_without_torch(*((runs("llama"), *call) for call in IMPOSSIBLE))


def test_a_template_that_is_no_utf_8_is_refused(runs: Any, tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes('TEMPLATE "x"'.encode("utf-16"))
    with pytest.raises(UsageError, match="as UTF-8"):
        export(runs("llama"), "ollama", tmp_path / "out", base_gguf=tmp_path / "t", template=tmp_path / "t")


def test_the_command_prints_its_proof(run: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["disc-lite", "export", str(run), "--to", "gguf-lora"])
    with pytest.raises(SystemExit) as left:
        main()
    out = capsys.readouterr()
    assert left.value.code == 0 and "tensors   equal: 28 of 28" in out.out and "--lora" in out.out
    monkeypatch.setattr(sys, "argv", ["disc-lite", "export", str(run), "--to", "adapter", "--json", "--quiet"])
    with pytest.raises(SystemExit):
        main()
    out = capsys.readouterr()
    assert json.loads(out.out)["proof"][1]["figure"] <= 1e-2 and not out.err
