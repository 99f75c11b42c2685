"""Pages with folded text: each answer is read with its question, and each tab with its name."""

import pytest

from tests.documents.written import text


@pytest.mark.parametrize(
    "folded",
    [
        "<details><summary>What is it?</summary><p>A pump.</p></details>",
        '<div><button aria-expanded="false" aria-controls="p">What is it?</button><div id="p"><p>A pump.</p></div></div>',
        '<button>What is it?</button><div role="region" aria-labelledby="b" hidden><p>A pump.</p></div>',
        '<button class="accordion" aria-expanded="false">What is it?</button><div hidden="until-found"><p>A pump.</p></div>',
        '<p>What is it?</p><div class="faq-answer" style="display:none"><p>A pump.</p></div>',
    ],
)
def test_an_answer_that_is_folded_away_is_read_with_its_question(folded):
    assert text("a.html", f"<h1>FAQ</h1>{folded}") == "# FAQ\n\nWhat is it?\n\nA pump.\n"


def test_a_button_in_a_heading_is_the_heading_where_it_is_all_of_it():
    title = '<h2><button class="accordion-button collapsed" aria-expanded="false">Fees</button></h2>'
    panel = '<div class="accordion-collapse collapse" aria-hidden="true"><p>84 euros.</p></div>'
    assert text("a.html", f"<h1>FAQ</h1>{title}{panel}") == "# FAQ\n\n## Fees\n\n84 euros.\n"
    assert text("a.html", "<h2>Fees <button>Copy</button></h2><button>Buy now</button><p hidden>x</p>") == "## Fees\n"


@pytest.mark.parametrize(("tab", "panel"), [("", ""), ('id="t"', 'aria-labelledby="t"')])
def test_a_tab_is_read_under_its_name(tab, panel):
    tabs = f'<ul role="tablist"><li role="tab">npm</li><li role="tab" {tab}>Yarn</li></ul>'
    panels = (
        f'<div role="tabpanel"><p>Run npm i.</p></div><div role="tabpanel" {panel} hidden><p>Run yarn add.</p></div>'
    )
    assert text("a.html", f"<h1>Use</h1><div>{tabs}<div>{panels}</div></div>") == (
        "# Use\n\nnpm: Run npm i.\n\nYarn: Run yarn add.\n"
    )


def test_an_address_that_is_shown_in_another_form_is_not_said_twice():
    assert text("a.html", 'Call <a href="tel:+49-30-1234">+49 30 1234</a> or <a href="tel:+4999">us</a>.') == (
        "Call +49 30 1234 or us (+4999).\n"
    )
