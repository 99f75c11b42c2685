"""HTML, entities and struck-out text within Markdown."""

import pytest

from tests.documents.written import converted


def text_of(text):
    return converted(".md", text.encode()).text


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("~~The fee is 80 euros.~~ The fee is 84 euros.", "The fee is 84 euros."),
        ("It is ~~80~~ 84, or <del>6</del>, or 7 <s>8</s>.", "It is 84, or, or 7."),
        ("- ~~Old~~\n- [x] ~~Done~~\n- New", "- New"),
        ("About ~5 and `~~a~~`.", "About ~5 and `~~a~~`."),
        ("8&nbsp;kg &mdash; R&amp;D, a?b=1&copy=2 `&amp;`", "8 kg — R&D, a?b=1&copy=2 `&amp;`"),
        ("<kbd>Ctrl</kbd>+C, <em>not</em> <name> or `<b>`; x < y > z", "Ctrl+C, not <name> or `<b>`; x < y > z"),
        ("H<sub>2</sub>O, 10<sup>6</sup> a year", "H2O, 10^6 a year"),
        ("The limit is 5.<br>Above it stops.", "The limit is 5.\nAbove it stops."),
        ("| a | one<br/>two |\n|---|---|", "| a | one two |\n|---|---|"),
        ('A.\n\n<p align="center">\n<a href="x"><img src="a.png" alt="Logo"></a>\n</p>\n\nB.', "A.\n\n\nB."),
        ('<img src="a.png" alt="plan of the hall">', "[image: plan of the hall]"),
        ('<h1 align="center">Pump</h1>\nText.', "# Pump\n\nText."),
        ("<details>\n<summary>More</summary>\n\nIt costs 5.\n\n</details>", "More\n\nIt costs 5.\n"),
        (
            "A:\n<table>\n <tr><th>City<th>Fee</tr>\n\n <tr><td rowspan=2>Oslo<td>1&nbsp;&euro;</tr><tr><td>2</table>\nB.",
            "A:\n\nCity | Fee\nOslo | 1 €\nOslo | 2\n\nB.",
        ),
        ("<ol start=3><li>Close.</li></ol>", "3. Close."),
        ("> Text <img\n> src=x.png> more.", "> Text <img\n> src=x.png> more."),
        ("<table>\nnever closed", "<table>\nnever closed"),
    ],
)
def test_html_and_struck_text_are_what_their_reader_sees(written, seen):
    assert text_of(written).strip("\n") == seen.strip("\n")


def test_code_keeps_its_tags():
    code = "```html\n<b>~~x~~</b> &amp;\n```\n\n    <td>&amp;</td>\n\n    <br>\n\n~~~\n<table>\n~~~\n"
    assert text_of(code) == code
    assert text_of("<pre>\na &amp; <b># b</b>\n</pre>\n").strip() == "```\na & # b\n```"
    for long in ("# b\n" * 2500, "# b\n\n# c\n"):
        for end in ("</pre>\n", ""):
            assert text_of(f"<pre>{long}{end}").strip() == f"```\n{long}```"
    assert text_of("- a\n\n    <b>within</b> an item\n") == "- a\n\n    within an item\n"


def test_hostile_html_stays_as_it_is_written():
    deep = "<table><tr><td>" * 5000 + "</table>" * 5000
    assert text_of(deep) == deep
    assert len(text_of("~~a <s> &" * 20_000)) > 10_000
