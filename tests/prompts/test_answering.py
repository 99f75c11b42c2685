"""A passage is shown under the headings above it: all of them, and none twice."""

import pytest

from disc_lite.prompts.answering import passage_text


@pytest.mark.parametrize(
    ("text", "path", "above"),
    [
        ("It weighs 84 kg.", ("Pump P-1", "Weight"), "# Pump P-1\n## Weight\n\n"),
        # It begins with its own heading, which says nothing without the one above it.
        ("## Weight\n\nIt weighs 84 kg.", ("Pump P-1", "Weight"), "# Pump P-1\n\n"),
        ("Weight\n------\n\nIt weighs 84 kg.", ("Pump P-1", "Weight"), "# Pump P-1\n\n"),
        ("======\nWeight\n======\n\nIt weighs 84 kg.", ("Pump P-1", "Weight"), "# Pump P-1\n\n"),
        ("## The `weight`\n\nIt weighs 84 kg.", ("Pump P-1", "The weight"), "# Pump P-1\n\n"),
        ("## Weight\n\n84 kg.\n\n## Fee\n\n84 euros.", ("Pump P-1",), "# Pump P-1\n\n"),
        ("# Pump P-1\n## Sizes\n\n### Weight\n\n84 kg.", ("Pump P-1", "Sizes", "Weight"), ""),
        ("# Pump P-1\n\n## Weight\n\n84 kg.\n\n## Fee\n\n84 euros.", ("Pump P-1",), ""),
        ("## Notes\n\nAll of them.", ("Notes", "Notes"), "# Notes\n\n"),
        # The row of a table and a comment in code are no headings of theirs.
        ("- Name: Dunden\n- Price: 12", ("prices", "Dunden"), "# prices\n## Dunden\n\n"),
        ("# fee(): in euros\ndef fee(): ...", ("a.py", "fee()"), "# a.py\n## fee()\n\n"),
        ("It weighs 84 kg.", (), ""),
    ],
)
def test_the_headings_above_a_passage_are_shown_once(text: str, path: tuple[str, ...], above: str) -> None:
    assert passage_text(f"\n\n{text}\n", path) == above + text
