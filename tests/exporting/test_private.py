"""What is exported may be published: no text or name of a document, no path and no user of this machine in any file."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from disc_lite.exporting import export
from disc_lite.exporting.choice import FORMS
from disc_lite.storage import write_json, write_jsonl
from tests.exporting.base_gguf import write_base_gguf

pytestmark = pytest.mark.usefixtures("without_llama_cpp")
SECRET, NAME = "Quorvaxia", "salaries-of-march"  # a word of the documents that no vocabulary has, and a file name


@pytest.mark.parametrize("form", FORMS)
def test_an_export_says_nothing_of_documents_paths_and_users(
    run: Path, folders: Callable[[str], Path], tmp_path: Path, form: str
) -> None:
    text = f"{SECRET} pays nobody."
    row = {"outcome": "read", "reason": "", "bytes": 1, "sha256": "ab" * 32, "characters": 1}
    write_jsonl(run / "ledger.jsonl", [{"name": f"{NAME}/{SECRET}.md", **row}])
    asked = {"question": f"Who pays {SECRET}?", "answers": [SECRET], "document": f"{NAME}.md"}
    write_jsonl(run / "questions.jsonl", [asked])
    write_jsonl(
        run / "passages.jsonl",
        [{"document": f"{NAME}.md", "passage": 0, "tokens": 4, "text": text, "sentences": [text]}],
    )
    summary = json.loads((run / "summary.json").read_text())
    summary["card"]["by_document"] = {f"{NAME}.md": {}}
    write_json(run / "summary.json", {**summary, "run": str(run), "adapter": str(run / "adapter")})
    base = write_base_gguf(folders("llama"), tmp_path / "base.gguf") if "gguf" in form or form == "ollama" else None
    export(run, form, tmp_path / "out", base_gguf=base)
    private = [SECRET, NAME, str(tmp_path), str(folders("llama").parent), tmp_path.name, f"/home/{getpass.getuser()}",
               str(Path.home()) + "/", f"pytest-of-{getpass.getuser()}"]  # fmt: skip
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert written
    for path in written:
        data = path.read_bytes()
        assert [word for word in private if word.encode() in data] == [], path.name
