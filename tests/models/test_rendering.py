"""Chat templates that never end, write without end, or ask for more than a template is allowed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from disc_lite.errors import EnvironmentNotReady
from disc_lite.hub import rendering
from disc_lite.models import load_base

TURN = "{{ messages[0].content }}"
HOSTILE = {
    "endless": ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}" + TURN, "took more than 1 s"),
    "enormous": ("{% for a in range(2000) %}{{ 'x' * 1000 }}{% endfor %}" + TURN, "as 2,000,"),
    "enormous at once": ("{{ 'x' * 99999999999 }}" + TURN, "more than 1 GiB of memory"),
    "enormous in a later turn": ("{{ 'x' * (99999999999 if messages|length == 3 else 1) }}" + TURN, "more than 1 GiB"),
    "out of its sandbox": ("{{ ''.__class__.__mro__ }}" + TURN, "It asks for what a template may not do"),
    "broken": ("{% if %}", "With a user turn alone it fails"),
    "without the words": ("Hello.", "writes the words of a user 0 times"),
    "without the answer": (TURN, "It does not write the words of an answer."),
    "with a division": ("{{ 1 / 0 }}" + TURN, "division by zero"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_is_refused_in_seconds_and_in_words(
    folders: Callable[[str], Path], tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    template, words = HOSTILE[name]
    shutil.copytree(folders("llama"), tmp_path / "model")
    (tmp_path / "model" / "chat_template.jinja").write_text(template)
    monkeypatch.setattr(rendering, "TIMEOUT_S", 1)
    with pytest.raises(EnvironmentNotReady) as caught:
        load_base(tmp_path / "model", "none", "cpu")
    assert caught.value.what == "This model's chat template cannot be used."
    assert words in caught.value.why and len(caught.value.lines()) == 3


def test_a_template_that_marks_the_words_of_the_assistant_is_rendered() -> None:
    given = [{"messages": [{"role": "user", "content": "abc"}]}]
    rendering.require_bounded("{% generation %}{% for a in messages %}{{ a.content }}{% break %}{% endfor %}{% endgeneration %}", given)  # fmt: skip
    rendering.require_bounded("{{ messages | tojson(indent=2) }}{{ raise_exception('no') }}", given)
