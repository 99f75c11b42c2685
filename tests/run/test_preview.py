"""Documents can be shown as a model will see them, without a model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from disc_lite.errors import UsageError
from disc_lite.run.events import Event
from disc_lite.run.plan import plan
from disc_lite.run.preview import preview


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text(
        "# Guide\n\nThe door opens at nine. It closes at five.\n\n## Keys\n\nAda has the key.\n"
    )
    (folder / "b.txt").write_text("Die Tür ist auf, und das ist nicht gut.")
    (folder / "sub" / "a.md").write_text("Short.")
    (folder / "c.json").write_text(json.dumps([{"story": "One day it was there, and it is not now."}]))
    (folder / "q.jsonl").write_text('{"question": "Who?"}\n')
    return folder


def test_every_file_and_the_doubtful_documents_first(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("disc_lite.run.events.QUICK_S", 0.0)
    told = []
    seen = preview(docs, listener=told.append)
    assert [(entry.name, entry.outcome) for entry in seen.ledger] == [
        ("a.md", "read"), ("b.txt", "read"), ("c.json", "refused"), ("q.jsonl", "refused"), ("sub/a.md", "read"),
    ]  # fmt: skip
    assert [(view.name, view.language, view.passages) for view in seen.documents] == [
        ("b.txt", "German", 1), ("sub/a.md", "", 1), ("a.md", "English", 1),
    ]  # fmt: skip
    assert seen.documents[1].doubts == ("only 6 characters",)
    assert not seen.counted
    assert all(view.shown == () for view in seen.documents)
    stages = [(event.stage, event.done, event.total) for event in told]
    assert stages[:2] == [("documents", 1, 5), ("documents", 2, 5)]
    assert stages[-1] == ("passages", 3, 3)


def test_one_document_with_the_text_of_its_passages(docs: Path) -> None:
    seen = preview([docs], model="pocket", overrides={"documents.passage_tokens": "16"}, show="a.md")
    (view,) = seen.documents
    assert seen.counted
    assert len(view.shown) == view.passages > 1
    assert sum(passage.tokens for passage in view.shown) == view.tokens
    last = view.shown[-1]
    assert (last.heading_path, last.sentences) == (("Guide", "Keys"), ("## Keys", "Ada has the key."))
    assert last.text == "# Guide\n\n## Keys\n\nAda has the key."
    assert preview(docs, show="q.jsonl").documents == ()


def test_settings_of_the_recipe_count(docs: Path) -> None:
    seen = preview(docs, overrides={"documents.text_field": "story"}, show="c.json")
    assert seen.documents[0].shown[0].text == "# c\n\nOne day it was there, and it is not now."


def test_passages_are_those_of_a_run_on_the_model(docs: Path) -> None:
    """Its folder names a recipe with shorter passages, so a passage has the same number here as in the run."""
    (docs / "long.md").write_text("".join(f"The door of hall {number} opens at nine.\n\n" for number in range(40)))
    seen, planned = preview(docs, model="pocket"), plan(docs, "pocket", device="cpu")
    assert seen.passage_tokens == planned.recipe.documents.passage_tokens
    assert sum(view.passages for view in seen.documents) == planned.corpus.passages
    named = preview(docs, model="pocket", recipe="default")
    assert named.passage_tokens == preview(docs).passage_tokens > seen.passage_tokens


def test_nothing_is_downloaded_for_a_look(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model has gigabytes, but its tokenizer only a few megabytes."""
    monkeypatch.setattr("disc_lite.hub.source.fetch", lambda hub_id: pytest.fail(f"fetches {hub_id}"))
    told = list[Event]()
    seen = preview(docs, model="mistral-7b", listener=told.append)
    assert (seen.counted, seen.passage_tokens) == (False, preview(docs).passage_tokens)
    assert [event.text for event in told if event.is_remark] == [
        "mistral-7b is not on this machine, so its tokens are estimated"
    ]
    with pytest.raises(UsageError):
        preview(docs, model="mistrall-7b")


def test_a_name_that_is_none(docs: Path) -> None:
    with pytest.raises(UsageError, match="No file is called ub/a") as caught:
        preview(docs, show="ub/a")
    assert caught.value.remedy.startswith("Did you mean sub/a")
    (docs / "x").mkdir()
    (docs / "x" / "b.txt").write_text("Another text about nothing at all, for its name.")
    assert preview(docs, show="b.txt").documents[0].name == "b.txt"
    (docs / "b.txt").rename(docs / "sub" / "b.txt")
    with pytest.raises(UsageError, match="Several files are called"):
        preview(docs, show="b.txt")


def test_torch_is_not_imported(docs: Path) -> None:
    code = f"import sys\nfrom disc_lite.run.preview import preview\npreview({str(docs)!r}, model='pocket')\n"
    code += "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
