"""What the tests of runs may ask for, besides tests/conftest.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.made import SmallAdapt


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, folders: Callable[[str], Path]) -> SmallAdapt:
    """Adaptations of a tiny Llama to two documents; every file of tests has its own folder of runs."""
    return SmallAdapt(tmp_path_factory.mktemp("small"), folders("llama"))
