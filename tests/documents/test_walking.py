"""Which files are found below a folder, in which order, and which are never opened."""

import json
import os

import pytest

from disc_lite.documents import RUN_RECORD, read_documents
from disc_lite.documents.walking import find_files
from disc_lite.errors import DocumentsError, UsageError


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def outcomes(folder):
    return {entry.name: entry.reason or "read" for entry in read_documents([folder])[1]}


def test_what_gitignore_ignores_is_one_line_of_the_ledger(tmp_path):
    files = {
        ".gitignore": "build/\n*.log.md\n!keep.log.md\n/only.md\n",
        "a.md": "A.",
        "b.log.md": "B.",
        "keep.log.md": "C.",
        "only.md": "D.",
        "sub/only.md": "E.",
        "build/deep/x.md": "F.",
        "build/y.md": "G.",
        "sub/.gitignore": "!b.log.md\nlocal.md\n",
        "sub/b.log.md": "H.",
        "sub/local.md": "I.",
    }
    assert outcomes(write(tmp_path, files)) == {
        "a.md": "read",
        "b.log.md": "ignored by .gitignore",
        "build": "ignored by .gitignore",
        "keep.log.md": "read",
        "only.md": "ignored by .gitignore",
        "sub/b.log.md": "read",  # the deeper .gitignore decides
        "sub/local.md": "ignored by sub/.gitignore",
        "sub/only.md": "read",
    }
    (document,), _ = read_documents([tmp_path / "only.md"])  # a file that is named itself is read
    assert document.text == "D."


def test_only_a_gitignore_inside_of_what_was_named_counts(tmp_path):
    write(tmp_path, {".gitignore": "data/\n", "data/a.md": "A.", "data/.gitignore": "[\n"})
    assert outcomes(tmp_path / "data") == {"a.md": "read"}


RECORD = json.dumps({"identity": {"format": 3}, "model": {}})


def test_a_run_folder_is_never_read(tmp_path):
    files = {
        "a.md": "A.",
        "runs/x/report.html": "<p>Learned.",
        "runs/x/exports/b.md": "B.",
        f"runs/x/{RUN_RECORD}": RECORD,
    }
    reason = "in a run folder of disc-lite, which is never read"
    write(tmp_path, files)
    assert outcomes(tmp_path) == {"a.md": "read", "runs/x": reason}
    run = tmp_path / "runs" / "x"
    for named in (run, run / "report.html", run / "exports"):
        with pytest.raises(DocumentsError, match="never read"):
            read_documents([named])


@pytest.mark.parametrize("record", ["{}", "[]", "x", '{"identity": 1}'])
def test_another_programs_run_json_hides_nothing(tmp_path, record):
    found = [file.name for file in find_files([write(tmp_path, {"x/a.md": "A.", f"x/{RUN_RECORD}": record})])]
    assert found == ["x/a.md", f"x/{RUN_RECORD}"]


def test_folders_a_thousand_deep_and_the_order_of_names(tmp_path):
    deep = "/".join("d" * 1200)
    names = ["a b/c.md", "a/z.md", "a-b.md", f"{deep}/e.md", "z/1.md", "z/a/1.md", "z.md"]
    for name in names:
        path = tmp_path
        for part in name.split("/")[:-1]:
            path = path / part
            path.mkdir(exist_ok=True)
        (path / name.rpartition("/")[2]).write_text(name)
    found = [file.name for file in find_files([tmp_path])]
    assert found == sorted(names, key=lambda name: name.split("/"))
    os.unlink(tmp_path / deep / "e.md")
    os.removedirs(tmp_path / deep)  # pytest's recursive cleaning cannot remove so deep a folder


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    named = [tmp_path / folder / "README.md" for folder in ("a", "x/docs", "y/docs", "b")]
    for path in named:
        path.parent.mkdir(parents=True)
        path.write_text(path.parent.name)
    names = ["README.md", "docs/README.md", "y/docs/README.md", "b/README.md"]
    assert [file.name for file in find_files(named)] == names
    assert [file.name for file in find_files([tmp_path / "x", tmp_path / "y"])] == names[1:3]
    (tmp_path / "b" / r"\n.md").write_text("")
    (tmp_path / "b" / "\n.md").write_text("")  # its name is printed like that of the other file
    assert [file.name for file in find_files([tmp_path / "b"])] == [r"\n.md", "README.md", r"b/\n.md"]


def test_a_file_whose_path_is_too_long_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.md").write_text("Short.")
    monkeypatch.chdir(tmp_path)
    while len(os.getcwd()) < 3800:
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
    last = "e" * (4090 - len(os.getcwd()))
    os.mkdir(last)
    os.chdir(last)
    open("f.md", "w").close()
    files = outcomes(tmp_path)
    os.unlink("f.md")
    for _ in range(len(os.getcwd()[len(str(tmp_path)) :].split("/")) - 1):
        name = os.path.basename(os.getcwd())
        os.chdir("..")
        os.rmdir(name)
    assert list(files.values()) == ["read", "File name too long"]


def test_a_url_is_not_fetched():
    with pytest.raises(UsageError, match=r"^https://example.org/a.html cannot be found(?s:.)*nothing is fetched"):
        read_documents(["https://example.org/a.html"])
