"""What is asked about: sentences, and rows of tables with the names of their columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from disc_lite.distillation.examples import tokenise
from disc_lite.distillation.prompting import AnswerPrompts, prompt_lessons, prompts_of
from disc_lite.qa import Pair
from disc_lite.synthesis.drafting import Drafter, askable_sentences
from tests.made import document_of, recipe_of

TABLE = "# Pumps\n\n| Name | Pressure |\n|:---|---|\n" + "".join(f"| Pump{n} | {n} bar |\n" for n in range(30))


@pytest.mark.parametrize("tokens", [100, 4000])
def test_the_header_of_a_table_is_in_the_heading_of_its_rows(plain: Callable[[str], Any], tokens: int) -> None:
    (text,) = tokenise([document_of(f"{TABLE}\nThe hall is cold.\n")], plain("llama").tokens, tokens)
    asked = [s for passage in text.passages for s in askable_sentences(text, passage)]
    assert len(text.passages) > 1 or tokens == 4000
    assert [s.under_heading for s in asked] == [
        *(f"Pumps: Name | Pressure: | Pump{n} | {n} bar |" for n in range(30)), "Pumps: The hall is cold.",
    ]  # fmt: skip


def test_a_bar_alone_makes_no_header(plain: Callable[[str], Any]) -> None:
    lines = "# Notes\n\nEither a | or b.\n\n- not a row | at all\n\nA line of text\n---\n\nMore of it."
    (text,) = tokenise([document_of(lines)], plain("llama").tokens, 4000)
    assert "Notes: Either a | or b." in [s.under_heading for s in askable_sentences(text, text.passages[0])]


def test_a_passage_without_words_is_in_the_language_of_its_document(plain: Callable[[str], Any]) -> None:
    """Its questions and its answers: after English examples the answers would be English ones."""
    tokens = plain("llama").tokens
    german = "# Bad\n\nDas Bad ist in der Stadt, und es hat am Montag nicht auf. Wer in das Bad will, der muss eine Karte haben.\n\n"
    (text,) = tokenise([document_of(german + "## Preise\n\n- Karte: 8 Euro\n- Hund: 2 Euro\n" * 9)], tokens, 200)
    last = text.passages[-1]
    drafter = Drafter(tokens, text, last, askable_sentences(text, last), recipe_of(), 0)
    assert drafter.language == "German"
    read = "Die Stadtbücherei Varn öffnet samstags um elf Uhr."
    assert read in tokens.decode(drafter.answer_prompt("Was kostet die Karte?", 0))
    asked = Pair("guide.md", last.index, "Was kostet die Karte?", "8 Euro.", "Karte: 8 Euro")
    for with_passage in (True, False):
        (lesson,) = prompt_lessons([text], [asked], AnswerPrompts(tokens, True, with_passage))
        assert read in tokens.decode(lesson.sequence[0].input_ids)
    assert read in tokens.decode(prompts_of([text], [asked], AnswerPrompts(tokens, True))[0])
