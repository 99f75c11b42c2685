"""For the tests of the report: `run`, the folder of a finished run, to be changed."""

from pathlib import Path

import pytest

from tests.report.example import make_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")
