"""Drafts that speak of their passage as a text."""

from __future__ import annotations

import pytest

from disc_lite.synthesis.references import points_at_itself, refers


@pytest.mark.parametrize(
    "draft",
    [
        "According to the table, at what pressure does the pump run?", "In the previous example, what runs?",
        "What pressure does the pump above have?", "What is said about the pump here?", "What does the writer say?",
        "As described in section 2, what is the pump?", "In this chapter, who runs the pump?",
        "What is the main point of the text?", "What information provided above is right?",
        "Mit wie viel bar läuft die Pumpe laut der Tabelle?", "Was steht oben über die Pumpe?", "Was sagt der Text über sie?",
        "Согласно тексту, как работает насос?", "Что говорится в тексте о насосе?", "ماذا يقول النص عن المضخة؟",
        "O que diz o texto sobre a bomba?", "Che cosa dice il testo sulla pompa?", "Wat zegt de tekst over de pomp?",
        "Que dit le texte sur la pompe ?", "¿Qué dice el autor sobre la bomba?",
        "What does the document say about valves?", "Che cosa dice il documento sulla pompa?",
        "Which region does the table provide information for?", "What does the page say about the pump?",
        "根据上面的表格，水泵的压力是多少？", "这段话说了什么？", "材料中水泵的压力是多少？",
    ],
)  # fmt: skip
def test_a_text_that_nobody_sees_is_no_answer(draft: str) -> None:
    assert refers(draft, "Documents on the pump: it runs at 5 bar. Die Pumpe läuft. Насос работает. 水泵在5巴下运行。")


@pytest.mark.parametrize(
    ("draft", "passage"),
    [
        ("Towels are provided in the pool area.", "The hotel provides towels in the pool area."),
        ("A discount is given in the first week.", "In the first week guests get a discount."),
        ("How long is the sentence that a court may impose?", "A court may impose five years in prison."),
        ("How long is the document kept?", "Tender documents are kept for ten years."),
        ("Wie hoch ist der Satz der Steuer?", "Der Steuersatz beträgt 7 Prozent."),
        ("What does the context manager open?", "Use it as in with open(path)."),
        ("What information given by guests is stored?", "Guests give a name, which is stored."),
        ("王明写了几篇文章？", "王明发表了三篇论文。"), ("怎样分析句子？", "分析方法简单。"),
        ("Which pump is described in section 2?", "Use the pump described in section 2."),
        ("Who lives above the shop?", "Ada lives above the shop."), ("What is due according to section 2 of the law?", "A fee is due."),
    ],
)  # fmt: skip
def test_what_the_passage_speaks_of_is_a_thing(draft: str, passage: str) -> None:
    assert not refers(draft, passage)


@pytest.mark.parametrize(
    "question",
    [
        "On which date was this page replaced?", "When was the memo replaced by this new page?",
        "Who answers every other question about this page?", "Who does this policy apply to?",
        "Wer beantwortet Fragen zu dieser Seite?", "Qui répond aux questions sur cette page ?", "¿Qué explica este capítulo?",
        "Chi risponde alle domande su questa pagina?", "Quem responde sobre esta página?", "Wat staat er op deze pagina?",
        "Кто отвечает на вопросы об этой странице?", "من كتب هذه الصفحة؟", "谁回答本页的其他问题？",
        "When does this contract begin?", "Who took these minutes?", "Was steht in dieser Hausordnung?",
        "Wer hat diesen Mietvertrag unterschrieben?", "Quand ce contrat prend-il effet ?", "¿Cuándo termina este contrato?",
        "Quando scade questo contratto?", "本办法从什么时候起施行？", "本合同的期限是多长？", "本規程は誰に適用されますか。",
    ],
)  # fmt: skip
def test_this_page_is_no_page_that_anybody_knows(question: str) -> None:
    """Even where the passage calls itself so: "This page replaced the old memo." """
    assert points_at_itself(question)


@pytest.mark.parametrize(
    "question",
    [
        "Which page has the prices?",
        "Is this pageant free?",
        "本节目几点开始？",
        "Wie viel kostet diese Karte?",
        "What does this actor do?",
        "本社的合同期多长？",
    ],
)
def test_other_pages_and_things_are_none(question: str) -> None:
    assert not points_at_itself(question)
