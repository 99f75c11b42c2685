"""Names of documents in self-generated prompts."""

from __future__ import annotations

import pytest

from disc_lite.synthesis.document_names import capitals_inside, names_of

OTHERS = [f"Tell me {n} things about a town with a harbour." for n in range(40)]
GERMAN = (
    "Die Bäckerei Holt & Lind backt ein Brot mit Sauerteig. Seit 2011 leitet Maria Olsen das Büro und die Küche in Orsund. "
    "Das Brot ist nicht teuer, und für den Sauerteig ist das Büro nicht da."
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Who runs the Ostwick?", {"Ostwick"}), ("Ostwick is old. Tell me more.", set()), ("The X-9 in Łódź,\nBerlin", {"X", "Łódź"}),
        ("tell me about ada", set()), ("Is it (Ada)? Yes.", set()), ("東京 is in Japan", {"Japan"}), ("Where is Ada Brink", {"Ada", "Brink"}),
    ],
)  # fmt: skip
def test_words_with_a_capital_inside_a_sentence(text: str, found: set[str]) -> None:
    assert capitals_inside(text) == found


@pytest.mark.parametrize(
    "document",
    ["It is in Orsund.", "# Orsund\n\nThe town has a harbour.", "- Orsund: 5 euros", "Orsund is old.", GERMAN],
)
@pytest.mark.parametrize(
    "prompt",
    [
        "Write a poem about Orsund.", "Orsund is where?", 'Is "Orsund" a town?', "List:\n- Orsund\n- Bergen",
        "What of the Orsund-Bergen line?", "Orsund's harbour?", "hello orsund", "THE HARBOUR OF ORSUND", "Orsunds Hafen?",
    ],
)  # fmt: skip
def test_a_name_is_found_wherever_it_stands(document: str, prompt: str) -> None:
    assert names_of([document], [prompt, *OTHERS]).are_in(prompt)


@pytest.mark.parametrize(
    ("document", "prompt"),
    [
        ("Lamps are sold here.\n\n# Use\n\nFor the use of lamps see below.", "How do I use lamps?"),  # the documents have it in small letters
        ("# Town harbour\n\nTown and Harbour", "Which town has a harbour?"),  # the other prompts have it so
        ("The Head of the house is the head.", "What does a head weigh?"),
        (GERMAN, "Wie backt man Brot mit Sauerteig?"), (GERMAN, "Was steht in dem Büro?"),  # nouns come with an article
        (GERMAN, "Was ist neu?"), ("# Who\n\nWho knows?", "Who was it?"),
    ],
)  # fmt: skip
def test_an_ordinary_word_is_no_name(document: str, prompt: str) -> None:
    assert not names_of([document], [prompt, *OTHERS]).are_in(prompt)


@pytest.mark.parametrize(
    ("document", "prompt", "found"),
    [
        ("# 奥尔松德的港口\n\n港口很大。", "介绍一下奥尔松德", True), ("馆长写了《长河》。", "《长河》讲什么？", True), ("# 港口", "你好吗？", False),
        ("# متحف أورسوند\n\nالمتحف مغلق.", "أين متحف أورسوند؟", True), ("# 오르순드 항구", "오르순드에 대해 알려줘", True),
    ],
)  # fmt: skip
def test_scripts_without_capitals_have_names_in_headings_and_quotation_marks(
    document: str, prompt: str, found: bool
) -> None:
    assert names_of([document], [prompt, *OTHERS]).are_in(prompt) == found


def test_what_many_prompts_say_names_nothing() -> None:
    prompts = ["Is it in English?"] * 3 + ["介绍一下北京", "介绍一下上海", "介绍天气", "介绍书"] + OTHERS
    names = names_of(["It is in English.", "# 介绍"], prompts)
    assert [prompt for prompt in prompts if names.are_in(prompt)] == []


class Prompt(str):
    """Counts how often it is searched through."""

    searched = 0

    def __contains__(self, part: object) -> bool:
        Prompt.searched += 1
        return super().__contains__(part)  # type: ignore[operator]


def test_a_prompt_is_not_searched_for_every_phrase_of_a_large_corpus() -> None:
    """10,000 documents have 300,000 headings, and a run has 4,000 prompts: five minutes."""
    prompts = [Prompt("介绍一下奥尔松德"), *map(Prompt, OTHERS)]
    names = names_of([f"# 港口{chr(0x4E00 + n)}\n\n# 奥尔松德" for n in range(50)], prompts)
    assert len(names.phrases) == 51
    assert [names.are_in(prompt) for prompt in prompts] == [True, *[False] * len(OTHERS)]
    assert Prompt.searched == 0
