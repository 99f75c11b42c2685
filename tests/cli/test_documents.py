"""`disc-lite documents`: what a person sees of a folder, and of one file in it."""

import json
import sys
from pathlib import Path

import pytest

from disc_lite.cli import main

LIMITS = vars(sys.modules["disc_lite.cli.documents"])  # the command has the name of its module


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# The guide\n\nThe door opens at nine. It closes at five, and then it is shut.\n")
    (folder / "b[red].md").write_text("Tiny \x1b[31mred.")
    for name in ("1.png", "2.png", "3.png", "4.png"):
        (folder / name).write_bytes(b"")
    return folder


COLUMNS = "80"


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["disc-lite", "documents", *map(str, args)])
    monkeypatch.setenv("COLUMNS", COLUMNS)
    with pytest.raises(SystemExit) as stop:
        main()
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), "\n".join(line.rstrip() for line in out.splitlines()), err


EXPECTED = """\
refused  4 files: 1.png, 2.png, 3.png and 1 more
         extension .png: a picture; if it is a scanned page, save it as .pdf

Look at these first: 1 of 2 documents
  b[red].md
    only 14 characters

 document    language   ~ tokens   sentences   passages
 ──────────────────────────────────────────────────────
 b[red].md   ?                 8           1          1
 a.md        English          22           3          1

6 files: 2 read, 4 refused, 0 duplicates.
30 tokens (estimated) in 2 passages of at most 256.
Languages: unknown 1, English 1.
Next: add --show 'b[red].md' to see its passages"""


def test_a_folder(docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(monkeypatch, capsys, docs, "--quiet")
    assert (code, err) == (0, "")
    assert out == EXPECTED


def test_one_file(docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(monkeypatch, capsys, docs, "--show", "b[red].md", "--model", "pocket")
    assert code == 0
    assert out.startswith("b[red].md\nb[red]: language unknown\n14 characters, ")
    assert "Passage 0: " in out
    assert out.endswith("    1  Tiny ␛[31mred.")
    assert run(monkeypatch, capsys, docs, "--show", "1.png")[1].endswith("save it as .pdf")
    code, _, err = run(monkeypatch, capsys, docs, "--show", "none.md")
    assert (code, len(err.strip().splitlines())) == (2, 2)


def test_a_narrow_terminal_cuts_no_heading(
    docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(f"{__name__}.COLUMNS", "40")
    out = run(monkeypatch, capsys, docs)[1]
    assert "…" not in out and max(map(len, out.splitlines())) <= 40
    assert " b[red].md          8" in out


def test_json_has_every_file(docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(monkeypatch, capsys, docs, "--json")
    seen = json.loads(out)
    assert (code, len(seen["ledger"]), [view["name"] for view in seen["documents"]]) == (0, 6, ["b[red].md", "a.md"])


def test_long_lists_are_cut_unless_all_is_wanted(
    docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(LIMITS, "MOST_ROWS", 1)
    monkeypatch.setitem(LIMITS, "MOST_DOUBTFUL", 0)
    out = run(monkeypatch, capsys, docs)[1]
    assert out.count("… and 1 more (--all lists them)") == 2  # of those to look at, and of all
    assert "only 14" not in out
    out = run(monkeypatch, capsys, docs, "--all")[1]
    assert "more (--all" not in out
    assert "only 14" in out
