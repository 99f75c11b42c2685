"""What a person types, and what comes back: exit codes, three lines at most, nothing overwritten."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from disc_lite.cli import main
from disc_lite.hub.aliases import ALIASES
from disc_lite.run.folder import FORMAT
from disc_lite.storage import begin_digests, lock, write_json
from tests.tiers import reached

QUESTION = '{"question": "Who?", "answers": ["me"], "document": "a.md"}\n'


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# Guide\n\nThe door opens at nine. It closes at five.\n")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["disc-lite", *map(str, args)])
    with pytest.raises(SystemExit) as stop:
        main()
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def files(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def broken_model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def case(name: str, docs: Path, tmp_path: Path) -> tuple[list[object], int, str]:
    """Arguments of a bad call, the exit code, and a word that must be in the message."""
    good = [docs, "--model", "pocket", "--output", tmp_path / "run"]
    if name == "empty folder":
        (docs / "a.md").unlink()
        return good, 2, str(docs.name)
    if name == "blank document":
        (docs / "a.md").write_text(" \n")
        return good, 2, "a.md"
    if name == "only unreadable files":
        (docs / "a.md").write_bytes(b"\x00\x01\xff" * 50)
        return good, 2, "a.md"
    if name == "no such folder":
        return [docs / "nowhere", "--model", "pocket"], 2, "nowhere"
    if name == "folder as Windows writes it":
        return ["C:\\docs", "--model", "pocket"], 2, "In WSL2, drive C: is /mnt/c"
    if name == "model as Windows writes it":
        return [docs, "--model", "d:\\models\\qwen"], 2, "folder 'd:\\models\\qwen'.\nIn WSL2, drive d: is /mnt/d"
    if name == "unknown model":
        return [docs, "--model", "mistrl-7b"], 2, "mistral-7b"
    if name == "model without weights":
        return [docs, "--model", broken_model(tmp_path)], 3, "safetensors"
    if name == "unknown recipe":
        return [*good, "--recipe", "handbok"], 2, "handbook"
    if name == "recipe with a typo":
        (tmp_path / "r.yaml").write_text("train:\n  epoch: 3\n")
        return [*good, "--recipe", tmp_path / "r.yaml"], 2, "epochs"
    if name == "value out of range":
        return [*good, "--set", "loss.temperature=-1"], 2, "temperature"
    if name == "set without a value":
        return [*good, "--set", "lora.rank"], 2, "Write --set lora.rank=VALUE."
    if name == "broken question":
        (tmp_path / "q.jsonl").write_text(QUESTION + '{"question": "Who?"\n')
        return [*good, "--questions", tmp_path / "q.jsonl"], 2, "Line 2"
    if name == "questions of other documents":
        (tmp_path / "q.jsonl").write_text(QUESTION.replace("a.md", "b.md"))
        return [*good, "--questions", tmp_path / "q.jsonl"], 2, "b.md"
    if name == "no pairs file":
        return [*good, "--pairs", tmp_path / "none.jsonl"], 2, "none.jsonl"
    if name == "output is a file":
        (tmp_path / "run").write_text("mine")
        return good, 2, "Not a directory"
    if name == "output below a file":
        return [docs, "--model", "pocket", "--output", docs / "a.md" / "run"], 2, "Not a directory"
    if name == "output with a name too long":
        return [docs, "--model", "pocket", "--output", "x" * 300], 2, "Choose another --output."
    if name == "path of a variable that is not set":
        return [*good, "--questions", ""], 2, "A path is empty."
    assert name == "output holds other things"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    return good, 2, "holds no run"


@pytest.mark.parametrize(
    "name",
    [
        "empty folder", "blank document", "only unreadable files", "no such folder",
        "folder as Windows writes it", "model as Windows writes it", "unknown model",
        "model without weights", "unknown recipe", "recipe with a typo", "value out of range", "set without a value",
        "broken question", "questions of other documents", "no pairs file", "output is a file",
        "output below a file", "output with a name too long", "output holds other things",
        "path of a variable that is not set",
    ],
)  # fmt: skip
def test_a_bad_call_is_refused_in_three_lines(
    name: str, docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISC_LITE_CACHE", "")
    args, code, word = case(name, docs, tmp_path)
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    got, out, err = run(monkeypatch, capsys, "adapt", *args)
    assert (got, out) == (code, "")
    assert word in err
    assert 1 <= len(err.strip().splitlines()) <= 3
    assert "Traceback" not in err
    assert files(tmp_path) == before


@pytest.mark.parametrize("words", [["report", "~/runs/a"], ["adapt", "docs", "--update=~/runs/a"]])
def test_a_tilde_that_the_shell_has_left_is_the_home_folder(
    words: list[str], docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No shell replaces it in `--output=~/runs/a`; a folder called ~ invites `rm -r ~`."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(docs.parent)
    code, _, err = run(monkeypatch, capsys, *words)
    assert (code, err.splitlines()[0]) == (2, f"Error: {tmp_path}/home/runs/a is not the folder of a run.")


@pytest.mark.parametrize(("words", "what"), [
    (["eval", "r", "--min-recal", "1"], "No such option"), (["report"], "Missing argument 'RUN'."),
    (["adapt", "d", "--seed", "x"], "Invalid value for '--seed'"), (["repor"], "No such command 'repor'."),
])  # fmt: skip
def test_mistyped_words_are_told_as_other_errors_are(
    words: list[str], what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(monkeypatch, capsys, *words)
    first, last = err.splitlines()
    assert (code, out) == (2, "")
    assert first.startswith(f"Error: {what}") and last.endswith(" --help` shows how to call it.")


def test_another_run_is_never_overwritten(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from disc_lite.run.gathering import Arguments, gather
    from disc_lite.run.inputs import begin

    given = Arguments(docs, "pocket", output=tmp_path / "run")
    begin(gather(given))
    gather(given)  # the same again is the same run
    before = files(tmp_path / "run")
    (tmp_path / "renamed.yaml").write_text("name: pocket\nabout: mine\n")
    for *change, word in (
        ["--recipe", tmp_path / "renamed.yaml", "Settings: method was both and is now prompt, "],
        ["--seed", "7", "Settings: seed was 0 and is now 7."],
        ["--recipe", "paper-disc", "name was pocket and is now paper-disc"],
        ["--set", "train.epochs=2", "train.epochs was"],
    ):
        code, _, err = run(monkeypatch, capsys, "adapt", docs, "-m", "pocket", "-o", tmp_path / "run", *change)
        assert code == 2
        assert "recipe" in err
        assert word in err
    (docs / "a.md").write_text("Something else altogether.\n")
    code, _, err = run(monkeypatch, capsys, "adapt", docs, "-m", "pocket", "-o", tmp_path / "run")
    assert code == 2
    assert "documents" in err
    assert files(tmp_path / "run") == before


def test_a_second_process_leaves_the_run_folder_at_once(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with lock(tmp_path / "run"):
        before = files(tmp_path)
        code, _, err = run(monkeypatch, capsys, "adapt", docs, "-m", "pocket", "-o", tmp_path / "run", "--quiet")
    assert code == 3 and f"Process {os.getpid()} " in err and len(err.strip().splitlines()) == 3
    assert files(tmp_path) == before


EARLY = (
    "unknown model", "no such folder", "empty folder", "blank document", "only unreadable files", "unknown recipe",
    "recipe with a typo", "value out of range", "broken question", "no pairs file", "output is a file",
)  # fmt: skip


def test_mistakes_are_refused_without_torch_and_at_once(tmp_path: Path) -> None:
    """R12 to R14: one process makes them all, without the network and without loading anything.

    Documents, of which there may be thousands, are read last: only where the mistake is in them.
    """
    calls = []
    for name in EARLY:
        docs = tmp_path / name / "docs"
        docs.mkdir(parents=True)
        (docs / "a.md").write_text("# Guide\n\nThe door opens at nine.\n")
        args, code, word = case(name, docs, tmp_path / name)
        calls.append([["adapt", *map(str, args)], code, word])
    code = f"""
import contextlib, io, json, sys
sockets, documents = [], []
def note(event, given):
    if event.startswith("socket."):
        sockets.append(event)
    elif event == "open" and str(given[0]).endswith("a.md"):
        documents.append(given[0])
sys.addaudithook(note)
from disc_lite.cli import main
for call, code, word in {calls!r}:
    sys.argv, said = ["disc-lite", *call], io.StringIO()
    documents.clear()
    try:
        with contextlib.redirect_stderr(said): main()
    except SystemExit as stop:
        lines = said.getvalue().strip().splitlines()
        print(stop.code == code, word in said.getvalue(), len(lines) <= 3, len(documents) > 0)
print("torch" in sys.modules, sockets)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    read = [name in ("blank document", "only unreadable files") for name in EARLY]
    assert done.stdout.splitlines() == [*(f"True True True {each}" for each in read), "False []"], done.stderr
    reached("R13", mistakes_made_without_torch_and_sockets=len(EARLY))


def test_recipes_are_listed_shown_copied_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(monkeypatch, capsys, "recipes", "list", "--json")
    names = [row["name"] for row in json.loads(out)]
    assert code == 0
    assert {"default", "pocket", "handbook", "api-reference", "news", "biomedical", "legal", "personal-notes"} < set(
        names
    )
    mine = tmp_path / "mine.yaml"
    assert run(monkeypatch, capsys, "recipes", "copy", "pocket", mine)[0] == 0
    assert run(monkeypatch, capsys, "recipes", "copy", "pocket", mine)[0] == 2
    assert run(monkeypatch, capsys, "recipes", "validate", mine)[0] == 0
    assert run(monkeypatch, capsys, "recipes", "copy", "pocket", tmp_path / "new" / "folder" / "mine.yaml")[0] == 0
    code, out, _ = run(monkeypatch, capsys, "recipes", "show", mine, "--set", "train.epochs=3")
    assert "epochs: 3" in out and "\nname: mine " in out  # not pocket, in plan and report too
    mine.write_text("lora:\n  rnk: 4\n")
    assert run(monkeypatch, capsys, "recipes", "validate", mine)[0] == 2


@pytest.mark.parametrize("form", ["gguf", "gguf-lora", "ollama"])
def test_a_printed_command_can_be_pasted_into_a_shell(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "ünï çödé, 'q' $HOME"
    made = {"output": str(folder), "files": {}, "proof": []}
    monkeypatch.setattr("disc_lite.exporting.export", lambda *_, **__: made)
    for words in (["export", "RUN", "--to", form], ["recipes", "copy", "default", str(folder / "r.yaml")]):
        monkeypatch.setattr("sys.argv", ["disc-lite", *words])
        with pytest.raises(SystemExit):
            main()
        last = shlex.split(capsys.readouterr().out.splitlines()[-1].split("use it with ")[-1])[-1]
        assert Path(last).parent == folder


def test_models_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(monkeypatch, capsys, "models", "--json")
    names = {row["name"] for row in json.loads(out)}
    wanted = "mistral-7b qwen2.5-3b qwen2.5-7b llama-3.1-8b qwen3-8b llama-3-8b qwen2.5-14b pocket".split()
    assert code == 0
    assert names >= set(wanted)


def test_the_list_of_models_fits_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, whole, _ = run(monkeypatch, capsys, "models")
    assert len(whole.splitlines()) == len(ALIASES)
    assert max(map(len, whole.splitlines())) > 80
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, shown, _ = run(monkeypatch, capsys, "models")
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.split() == whole.split()


@pytest.mark.parametrize("option", ["--min-recall", "--max-forgetting"])
def test_a_gate_that_is_no_share_is_refused_before_anything_is_asked(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("disc_lite.run.evaluate.evaluate", lambda *_, **__: pytest.fail("it was measured"))
    for share in ("nan", "80", "-0.1"):
        code, _, err = run(monkeypatch, capsys, "eval", tmp_path, option, share)
        assert (code, share in err) == (2, True)
    code, _, err = run(monkeypatch, capsys, "eval", tmp_path, "--benchmarks", " , ")
    assert (code, "names no task" in err) == (2, True)


def test_a_folder_that_is_no_run_is_refused_by_ask_and_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for args in (["ask", tmp_path, "Who?"], ["export", tmp_path, "--to", "merged", "-o", tmp_path / "out"]):
        code, _, err = run(monkeypatch, capsys, *args)
        assert code == 2
        assert "not the folder of a run" in err


@pytest.mark.parametrize("command", ["adapt", "ask", "chat", "export", "eval"])
def test_a_missing_device_is_reported_first(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import disc_lite.models  # noqa: F401  its libraries ask for the devices once: before these are made up

    rest = {"adapt": ["--model", "pocket"], "ask": ["Who?"], "export": ["--to", "merged"]}.get(command, [])
    for device, cards, exit_code in (
        ("gpu", 2, 2), ("cuda:", 2, 2), ("cuda:99", 2, 3), ("cuda:01", 2, 2), ("cuda:999", 2, 2), ("cuda", 0, 3), ("cuda:0", 0, 3),
        ("mps:0", 1, 2), ("mps", 0, 3), ("xpu", 0, 3), ("xpu:2", 2, 3),
    ):  # fmt: skip
        for kind in ("cuda", "xpu"):
            monkeypatch.setattr(f"torch.{kind}.device_count", lambda cards=cards: cards)
            monkeypatch.setattr(f"torch.{kind}.is_available", lambda cards=cards: bool(cards))
        monkeypatch.setattr("torch.backends.mps.is_available", lambda cards=cards: bool(cards))
        code, _, err = run(monkeypatch, capsys, command, tmp_path / "none", *rest, "--device", device)
        assert (code, len(err.splitlines()) <= 3) == (exit_code, True)
        assert f"no device '{device}'" in err
    for kind in ("cuda", "xpu"):
        monkeypatch.setattr(f"torch.{kind}.device_count", lambda: 2)
        monkeypatch.setattr(f"torch.{kind}.is_available", lambda: True)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    for device in ("cpu", "cuda", "cuda:1", "xpu", "xpu:1", "mps"):
        code, _, err = run(monkeypatch, capsys, command, tmp_path / "none", *rest, "--device", device)
        assert "no device" not in err
        assert code == 2


def test_an_unexpected_error_says_so(
    docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def explode(*args: object, **options: object) -> None:
        raise ZeroDivisionError("of the bug")

    monkeypatch.setattr("disc_lite.run.adapt.adapt", explode)
    code, _, err = run(monkeypatch, capsys, "adapt", docs, "-m", "pocket")
    assert code == 1
    assert "ZeroDivisionError: of the bug" in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 3


def test_cuda_out_of_memory_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a capacity of 8 GiB.")

    (tmp_path / "a.md").write_text("The mill opens at eight. Ada runs the mill.\n")
    monkeypatch.setattr("disc_lite.run.adapt._run_stages", full)
    monkeypatch.setattr("disc_lite.chat.opening.open_adapted", full)
    adapt = ("adapt", tmp_path / "a.md", "--model", "pocket", "--output", tmp_path / "run", "--quiet")
    for command, advice in (
        (adapt, "lower lora.rank (64)"),
        (("ask", tmp_path, "Who?"), "another device with --device"),
    ):
        code, _, err = run(monkeypatch, capsys, *command)
        assert (code, len(err.splitlines())) == (4, 3)
        assert "CUDA out of memory" in err
        assert advice in err


@pytest.mark.parametrize("words", [["plan", "--cpu"], ["adapt", "--dry-run", "--device", "cpu"]])
def test_a_plan_shows_that_it_reads_documents(
    words: list[str], docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scans take minutes."""
    monkeypatch.setattr("disc_lite.run.events.QUICK_S", -1.0)
    code, out, err = run(monkeypatch, capsys, *words, docs, "--model", "pocket", "--json")
    assert (code, bool(json.loads(out))) == (0, True)
    assert err == "Documents: 1/1  a.md\n"
    assert run(monkeypatch, capsys, *words, docs, "--model", "pocket", "--quiet")[2] == ""


def test_a_dry_run_refuses_an_output_that_the_run_would_refuse(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    asked = ("adapt", docs, "--model", "pocket", "--dry-run", "--output", tmp_path / "mine")
    code, _, err = run(monkeypatch, capsys, *asked)
    assert code == 2 and "is not empty and holds no run" in err
    # Also without --output, where it would be the usual one; and a folder that holds another run.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    usual = (tmp_path / "mine").rename(tmp_path / "runs" / f"{docs.name}-pocket")
    code, _, err = run(monkeypatch, capsys, *asked[:-2])
    assert code == 2 and f"runs/{usual.name} is not empty and holds no run" in err
    identity = {"format": FORMAT, "model": "another"}
    begin_digests(usual)
    write_json(usual / "run.json", {"identity": identity, "model": {"name": "x", "reference": "x"}})
    code, _, err = run(monkeypatch, capsys, *asked[:-2])
    assert code == 2 and "holds another run" in err and "model" in err
