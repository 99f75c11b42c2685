"""Recipes are read without the environment of whoever runs the tests."""

import pytest

from disc_lite.recipe import SETTINGS


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in SETTINGS:
        monkeypatch.delenv("DISC_LITE_" + key.replace(".", "__").upper(), raising=False)
