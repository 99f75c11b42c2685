"""`probes.json` of a model folder is read as questions, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from disc_lite.errors import EnvironmentNotReady
from disc_lite.hub.probes import Probes, read_probes
from disc_lite.qa import Question


def written(folder: Path, spec: Any) -> Path:
    (folder / "probes.json").write_text(json.dumps(spec))
    return folder


def test_a_folder_without_probes_has_none(tmp_path: Path) -> None:
    assert read_probes(tmp_path) == read_probes(written(tmp_path, {})) == Probes({}, (), "default")


def test_probes_are_questions_by_name(tmp_path: Path) -> None:
    rows = [
        {"question": "Who?", "answers": ["Ada", "Ada Lind"]},
        {"question": "Where?", "answers": ["x"], "passage": "At x."},
    ]
    found = read_probes(written(tmp_path, {"recipe": "pocket", "reserved_names": ["Ada"], "probes": {"world": rows}}))
    questions = (Question("Who?", ("Ada", "Ada Lind")), Question("Where?", ("x",), passage="At x."))
    assert found == Probes({"world": questions}, ("Ada",), "pocket")


@pytest.mark.parametrize("row", [
    {"question": "Who?"},
    {"question": "Who?", "answers": []},
    {"question": "Who?", "answers": "Ada"},  # letter by letter it would be three answers
    {"question": "Who?", "answers": [4]},
    {"question": 4, "answers": ["Ada"]},
    {"question": "Who?", "answers": ["Ada"], "passage": None},
    "Who?",
])  # fmt: skip
def test_a_row_of_another_form_is_refused(tmp_path: Path, row: Any) -> None:
    with pytest.raises(EnvironmentNotReady, match="not a valid probes"):
        read_probes(written(tmp_path, {"probes": {"world": [row]}}))
