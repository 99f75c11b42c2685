"""Backslash escapes of Markdown, as pandoc, editors and office programs write them."""

from __future__ import annotations

import pytest

from disc_lite.documents.headings import find_headings
from tests.documents.written import converted

SEEN = [
    (r"Set max\_tokens to 5 \* 3.", "Set max_tokens to 5 * 3."),
    (r"It costs 20\$ or 30\$, less 5\%.", "It costs 20$ or 30$, less 5%."),
    (r"See \[1\] and \[the \_rules\_\], \<tag\>, \<b>bold\</b>.", "See [1] and [the _rules_], <tag>, <b>bold</b>."),
    (r"R\&D, \&amp; written out, not \~\~struck\~\~.", "R&D, &amp; written out, not ~~struck~~."),
    (r"Both notes\[^1\] stay.", "Both notes[^1] stay."),
    (r"\[old\]: a word in brackets", "[old]: a word in brackets"),
    (r"1\. The first rule", "1. The first rule"),
    (r"a line\_ends\ ".strip() + "\nand goes on", "a line_ends\nand goes on"),
    (r"the folder C:\temp\ ".strip(), "the folder C:\\temp\\"),
    # Unchanged: code, formulas, a cell with a bar, a backslash that escapes nothing.
    (r"Call `max\_tokens` and ``a\`b\_``.", r"Call `max\_tokens` and ``a\`b\_``."),
    (r"For $a\_b \{x\}$ and \(c\_d\) and \[ x\_1 = 2 \].", r"For $a\_b \{x\}$ and \(c\_d\) and \[ x\_1 = 2 \]."),
    ("$$\na\\_b \\% \\{c\\}\n$$\nthen 5\\%", "$$\na\\_b \\% \\{c\\}\n$$\nthen 5%"),
    ("\\[\na\\_b\n\\]\nthen 5\\%", "\\[\na\\_b\n\\]\nthen 5%"),
    ("\\begin{align*}\na\\_b\n\\end{align*}\nthen 5\\%", "\\begin{align*}\na\\_b\n\\end{align*}\nthen 5%"),
    ("| a \\| b | c\\_d |\n|---|---|\n| 1 | 2 |", "| a \\| b | c_d |\n|---|---|\n| 1 | 2 |"),
    (r"C:\Users\ada, \d+, \\server", r"C:\Users\ada, \d+, \\server"),
    ("```\nkeep\\_this\n```", "```\nkeep\\_this\n```"),
    ("Text.\n\n    keep\\_this", "Text.\n\n    keep\\_this"),
    # A `$$` that is never closed ends with its paragraph.
    ("Prices in $$ are high\n\nand 5\\%", "Prices in $$ are high\n\nand 5%"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "seen"), SEEN)
def test_no_reader_sees_a_backslash_that_only_escapes(written: str, seen: str) -> None:
    assert converted(".md", written).text == seen


@pytest.mark.parametrize("line", [r"\# Not a heading", r"> \# Nor this", "A line\n\\---", "A line\n\\==="])
def test_what_is_escaped_makes_no_heading(line: str) -> None:
    assert find_headings(converted(".md", line).text, "markdown") == []


def test_a_long_line_of_escapes_is_read_at_once() -> None:
    for sign in ("\\_", "\\[", "\\(", "$a ", "\\[a\\]", "\\\\", "$$ "):
        converted(".md", sign * 30_000)
