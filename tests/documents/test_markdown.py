"""Markdown: the text is what its reader sees, and a line that only looks like a heading is not one."""

import pytest

from disc_lite.documents.headings import find_headings
from tests.counting import is_quadratic
from tests.documents.written import converted, document, sections


def text_of(text):
    return converted(".md", text.encode()).text


def titles(text):
    return [heading.title for heading in find_headings(text_of(text), "markdown")]


# --- front matter -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ('---\ntitle: "Fault reports"\ntags: [faults]\n---\n\n', "Fault reports"),
        (
            "---\ntitle: Fault reports\n\n# SPDX-License-Identifier: none\n# owner: us\n\nweight: 2\n---\n",
            "Fault reports",
        ),
        ("---\ntitle: >-\n  Fault\n  reports\n...\n", "Fault reports"),
        ('+++\ntitle = "Fault reports" # x\n[menu]\n# main = "x"\n+++\n\n', "Fault reports"),
        ("---\nlayout: {{ page.x }}\n# main\nlist:\n- a\n---\n", ""),
        ("---\ntags: none\n---\n", ""),
        ("---\n---\n", ""),
        ("", ""),
    ],
)
def test_front_matter_is_no_text_and_its_title_is_the_title(front, title):
    made = converted(".md", f"{front}Reported by phone.\n\n## At night\n".encode())
    assert (made.text, made.title) == ("Reported by phone.\n\n## At night\n", title)


@pytest.mark.parametrize("text", ["---\nA paragraph.\n---\n\nMore.\n", "---\n\nOne: two.\n", "+++\nx\n"])
def test_rules_around_a_paragraph_are_no_front_matter(text):
    assert text_of(text) == text


# --- what is not seen -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("A.\n\n<!-- ask: is 12\n# Old heading\nright? -->\n\nB.", "A.\n\nB."),
        # A comment that is not closed, or not closed in its paragraph, is text.
        ("A <!-- opens it.\n\n## B\n\nC --> D.", "A <!-- opens it.\n\n## B\n\nC --> D."),
        ("<!-- open\n\n# Head", "<!-- open\n\n# Head"),
        ("A <!-- or\nB --> C.", "A \n C."),
        ("A <!-- or B --> C `<!-- kept -->`.", "A  C `<!-- kept -->`."),
        ("A.\n\n[![Build](https://ci.example/badge.svg)](https://ci.example) [![Q](a.png)](b)\n\nB.", "A.\n\nB."),
        ("![two valves](data:image/png;base64,iVBOR/+8==)", "two valves"),
        ("![two valves](valves.png)", "![two valves](valves.png)"),
        ("Built in 1911.[^1] It rings.\n\n[^1]: Says Ada.\n[^b c]", "Built in 1911. It rings.\n\nSays Ada.\n[^b c]"),
        ("A.\n\n[ref]: https://example.org/a \"T\"\n\nB. [Ref]: yes", "A.\n\nB. [Ref]: yes"),
        (":::{admonition} Careful\n:class: warning\n\nIt is hot.\n:::\nAfter.", "Careful\n\nIt is hot.\nAfter."),
        ("::: warning\nIt is hot.\n:::", "Warning:\nIt is hot."),
        (":::note[Mind]\n# No heading\n:::", "Mind\n\\# No heading"),
        ("```{note}\n# Text\n```\n# Head", "Note:\n\\# Text\n# Head"),
        ('!!! warning "Careful"\n    It is hot.\n\n    # No\nAfter.\n    # code', "Careful\nIt is hot.\n\n\\# No\nAfter.\n    # code"),
        ("!!! tip\n    Run.", "Tip:\nRun."),
        ("> [!NOTE]\n> Mind.", "> Note:\n> Mind."),
        ("<pre>\n# a comment\nrun\n</pre>\n# Head", "\n```\n# a comment\nrun\n```\n\n# Head"),
        ("<pre><code># x</code></pre>", "\n```\n# x\n```\n"),
    ],
)  # fmt: skip
def test_only_what_a_reader_sees_is_text(written, seen):
    assert text_of(written) == seen


CODE = "```sh\n# <!-- x -->\n[^1]: a\n:::\n```\n\n~~~\n!!! note\n~~~\n\n1. One\n   ```\n   # x\n   ```\n"


def test_code_stays_as_it_is_written():
    assert text_of(CODE) == CODE
    assert text_of("```{code-block} sh\n# x\n```\n") == "```{code-block} sh\n# x\n```\n"
    indented = "Use:\n\n    <!-- on -->\n    | a    | b |\n    a[^1] > ![x](y)\n    [x]: /y\n\nEnd.\n"
    assert text_of(indented) == indented


@pytest.mark.parametrize(
    "code",
    [
        "1. ```sh\n   # make\n   ```",
        "- ```\n  # make\n  ```\n- b",
        "``` md\n=== T\n\n    ```\n    # make\n    ```\n# no\n```",
    ],
)
def test_a_block_of_code_may_open_in_a_list_and_no_deeper_fence_closes_it(code):
    made = document("a.md", f"# A\n\n{code}\n\n## Next\n\nText <!-- not --> here.\n")
    assert made.text == f"# A\n\n{code}\n\n## Next\n\nText  here.\n"
    assert sections(made) == [((), f"# A\n\n{code}"), (("Next",), "## Next\n\nText  here.")]


def test_no_heading_comes_from_comments_code_or_admonitions():
    text = (
        "# Guide\n<!--\n# Old\n-->\n<pre>\n# a\n</pre>\n:::{note}\n# b\n:::\n> # quoted\n    # indented\n"
        + CODE
        + "\n## Real\n"
    )
    assert titles(text) == ["Guide", "Real"]


def test_a_span_of_code_opens_with_a_whole_run_of_backticks():
    assert text_of("Not ```a`<b>x</b>` code.\n") == "Not ```a`<b>x</b>` code.\n"
    assert text_of("Not ```a <b>x</b>` code.\n") == "Not ```a x` code.\n"


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("[![build](https://x/badge.svg)](https://x) A.", " A."),
        ("[![build](https://x/badge.svg) A.", "[ A."),
        ("[![My logo](a.png)](https://x) A.", " A."),
        ("[![The plan of the hall](a.png)](https://x) A.", "[![The plan of the hall](a.png)](https://x) A."),
        ("![My logo](a.png) ![](b.png", "![My logo](a.png) ![](b.png"),
        ("![A plan](data:image/png;base64,AAAA) of it", "A plan of it"),
        ("[![A plan of it](<data:image/png;base64,AAAA>)](https://x)", "[A plan of it](https://x)"),
    ],
)
def test_what_is_seen_of_an_image(written, seen):
    assert text_of(written) == seen


REPEATED = ("`", "\\a`", "\\[", "``a` ", "![](", "![](badge", "![](data:", "![", "[^", "<b>[^", " <br", " ")


@pytest.mark.parametrize("part", REPEATED)
def test_no_text_takes_quadratic_time(part):
    """Small files are read in the main process, without limits on time."""
    assert not is_quadratic(
        lambda size: text_of("Some words. &amp; " + part * (size // len(part)) + "&amp;\n"), 100_000
    )


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("(top)=\n\n# Bells\n\nSee {func}`ring` and {ref}`the bells <bells>`.", "# Bells\n\nSee ring and the bells."),
        ("Write ``{func}`ring` `` so.", "Write ``{func}`ring` `` so."),
        (
            "`GET /users/{id}` finds one, `POST /users` makes one.",
            "`GET /users/{id}` finds one, `POST /users` makes one.",
        ),
        ("Set `${HOME}` or {ref}`it <b>` and ``see {ref}`b` ``.", "Set `${HOME}` or it and ``see {ref}`b` ``."),
        ("```{contents}\n:depth: 2\n```\n\nText.", "Text."),
        ("```{versionadded} 3.2\nRings twice.\n```", "New in version 3.2:\nRings twice."),
        (
            "```{eval-rst}\n.. currentmodule:: bell\n\nRing :func:`x` so::\n\n   a. B\n```\n\nText.",
            "Ring x so:\n\n```\n   a. B\n```\n\nText.",
        ),
        ("````md\n```{contents}\n```\n````", "````md\n```{contents}\n```\n````"),
        ("```{contents}\nIt is never closed.", "   It is never closed."),
    ],
)
def test_what_myst_marks_is_read_as_in_restructuredtext(written, seen):
    assert text_of(written).strip("\n") == seen.strip("\n")


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("[![NPM][i]][u] [![Build][i]](x)\n\nText.\n\n[i]: https://img.shields.io/a\n[U]: y", "Text."),
        ("![The red valve is open][v]\n\n[v]: v.png", "![The red valve is open][v]"),
        ('<p\n  align="center"><img\n src="https://img.shields.io/x"\n/>Text.</p>', "Text."),
        ("It is a <b and\nnot more.\n\nSo a > c.", "It is a <b and\nnot more.\n\nSo a > c."),
        (
            "# Top\n\n- [Rent](#rent)\n  - [It](#due-day)\n- [Desk](desk.md)\n\n## `Rent`\n\nDue day\n---\n\nText.",
            "# Top\n\n- [Desk](desk.md)\n\n## `Rent`\n\nDue day\n---\n\nText.",
        ),
        (
            "# Speakers\n\n1. [Ada Berg](#ada)\n2. [Call the desk](#)",
            "# Speakers\n\n1. [Ada Berg](#ada)\n2. [Call the desk](#)",
        ),
        ("| Code    | Fee |\n|:--------|-----|\n| a  b    | 4   |", "| Code | Fee |\n|:---|---|\n| a  b | 4 |"),
    ],
)
def test_badges_contents_and_padding_are_no_text(written, seen):
    assert text_of(written).strip() == seen
