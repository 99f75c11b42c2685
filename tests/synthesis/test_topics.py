"""Whether a question is about its passage, and says what it is about."""

from __future__ import annotations

import pytest

from disc_lite.synthesis.topics import is_about, is_vague

MUSEUMS = {
    "fr": "# Le musée\n\nLe musée est fermé le lundi et la carte est rouge. Le billet est à deux euros pour les enfants.",
    "es": "# El museo\n\nEl museo de la ciudad está cerrado los lunes y la entrada es de ocho euros para todos.",
    "it": "# Il museo\n\nIl museo della città è chiuso il lunedì e il biglietto è di otto euro per tutti.",
    "ru": "# Музей\n\nВ понедельник музей в парке закрыт. Директор музея — Анна Иванова, а билет стоит 84 рубля.",
    "ar": "# المتحف\n\nمن يدخل المتحف يدفع 84 ديناراً هي الرسوم. يفتح المتحف من الساعة 9 إلى 17.",
    "zh": "# 博物馆\n\n博物馆每天上午9点开门，门票的价格是84元。馆长是王小明。",
    "ja": "# 博物館\n\n博物館は毎日九時に開きます。館長は田中さんです。",
    "en": "# The museum\n\nOn Mondays the museum is closed. It was built in 1850, and a ticket costs 84 euros.",
    "de": "# Das Museum\n\nDas Museum ist am Montag nicht geöffnet. Es wurde 1850 gebaut, und eine Karte kostet 84 Euro.",
}


@pytest.mark.parametrize(
    ("language", "question", "about"),
    [
        ("fr", "Quel est le prix du vélo dans la boutique ?", False), ("fr", "Quel jour le musée est-il fermé ?", True),
        ("es", "¿Cuál es la capital de Italia?", False), ("es", "¿Cuánto cuesta la entrada?", True),
        ("it", "Qual è la capitale della Francia?", False), ("it", "Quando è chiuso il museo?", True),
        ("ru", "Сколько стоит велосипед в магазине?", True), ("ru", "Какой город в Италии лежит на море?", False),
        ("ru", "Кто руководит музеем?", True),  # in another case
        ("ar", "ما هي عاصمة إيطاليا من فضلك؟", False), ("ar", "متى يفتح المتحف؟", True),
        ("zh", "法国的首都是哪里？", False), ("zh", "谁管理博物馆？", True), ("zh", "门票是多少？", True),
        ("zh", "法国的门在哪里？", False),
        ("ja", "フランスの首都はどこですか。", False), ("ja", "館長は誰ですか。", True), ("ja", "いつひらきますか。", True),
        ("en", "What does a bicycle in the shop cost?", True), ("en", "What is the capital of Italy?", False),
        ("de", "Was ist die Hauptstadt von Italien?", False), ("de", "Wann ist das Museum zu?", True),
        ("de", "Wie teuer ist eine Eintrittskarte?", True), ("en", "How long is a cardinal?", False),
    ],
)  # fmt: skip
def test_a_shared_word_counts_where_it_is_no_function_word(language: str, question: str, about: bool) -> None:
    assert is_about(question, MUSEUMS[language]) == about


def test_a_german_compound_is_about_its_parts() -> None:
    rules = "Von 22 bis 6 Uhr ist Ruhe zu halten, auch im Hof und auf der Treppe."
    assert is_about("Wann beginnt die Nachtruhe?", rules)
    assert not is_about("Wann beginnt die Hochzeit?", rules)


@pytest.mark.parametrize(
    ("language", "question", "vague"),
    [
        ("en", "When was it built?", True), ("en", "Who runs it?", True), ("en", "How many euros does it cost?", True),
        ("en", "What colour is it?", True), ("en", "How much is that?", True), ("en", "Which day is it open?", True),
        ("en", "When was the museum built?", False), ("en", "If a guest is late, what does he pay?", False),
        ("en", "How long does it take to see everything?", False), ("en", "Was it built in 1850?", False),
        ("en", "Who runs it in Ostwick?", False), ("en", "What does it cost to enter the museum?", False),
        ("de", "Wann wurde es gebaut?", True), ("de", "Wie teuer ist sie?", True), ("de", "Wann müssen Sie zahlen?", False),
        ("de", "Wie viele Karten gibt es?", False), ("de", "Was kostet die Karte, wenn sie gilt?", False),
        ("en", "Who opens that?", True), ("en", "Who at the museum opens that?", False),
        ("fr", "Y a-t-il un vestiaire ?", False), ("fr", "Faut-il un billet ?", False),
        ("fr", "Quel est son prix ?", True), ("fr", "Quand le musée ouvre-t-il ses portes ?", False),
        ("es", "¿Cuál es su precio?", True), ("es", "¿Cuándo abre el museo sus puertas?", False),
        ("it", "Quali sono i suoi orari?", True), ("fr", "Quand est-il fermé ?", True), ("fr", "Quel jour le musée est-il fermé ?", False),
        ("es", "¿Cuál es el precio?", False), ("it", "Quanto costa il biglietto?", False),
        ("ru", "Когда он закрыт?", True), ("ru", "Когда закрыт музей?", False),
        ("zh", "它几点开门？", True), ("zh", "博物馆几点开门？", False),
    ],
)  # fmt: skip
def test_a_pronoun_alone_names_nothing(language: str, question: str, vague: bool) -> None:
    assert is_vague(question, MUSEUMS[language]) == vague
