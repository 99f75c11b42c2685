"""Open questions, to which several answers can be true."""

from __future__ import annotations

import pytest

from disc_lite.qa import Pair
from disc_lite.synthesis.contradictions import between_documents, contradicted
from disc_lite.synthesis.open_questions import can_both_hold, is_open


@pytest.mark.parametrize(
    "question",
    [
        "What does Oona Pelligrew do?", "What did Hester Dunmarrow do in 1987?",
        "What does Ruben Castellane do at Tarnwick Instruments?", "What is known of the Court of Tides?",
        "What is known about Oona Pelligrew?", "Tell me about Oona Pelligrew.", "What about Skellan Point?",
        "Who is Ruben Castellane?", "What is Ruben Castellane's job?",
        "What is the role of Marit Osterhaus at Tarnwick Instruments?", "What happens at Eskerholm?",
        "What is Sandpiper?", "What can one do in Eskerholm?", "What is Bettina Rourke responsible for?",
        "Was macht Joost Behrmann?", "Was macht Frau Tilde Marquardt in der Genossenschaft Lindenhof?",
        "Wer ist Hannes Quast?", "Was ist über Ruth Avenarius bekannt?", "Wofür ist Joost Behrmann zuständig?",
        "Que fait Marie Curie à Paris ?", "Qui est Marie Curie ?", "¿Qué hace Juan Pérez?", "¿Quién es Juan Pérez?",
        "Che cosa fa Maria Rossi?", "O que faz João Silva?", "Wat doet Jan van der Berg?",
        "Что делает Анна Иванова?", "Чем занимается Иван Петров?", "Кто такой Иван Петров?", "连小满做了什么？", "沈若岚负责什么？",
        "葛明远是做什么的？", "玛丽亚·奥尔森负责什么？", "ジョン・スミスさんは何をしますか。",
    ],
)  # fmt: skip
def test_a_question_can_ask_for_anything_about_a_name(question: str) -> None:
    assert is_open(question)


@pytest.mark.parametrize(
    "question",
    [
        "What does the Tenant do?", "What does the function do?", "What does `open_channel` do?",
        "What does `-v` do?", "What is Table 5 about?", "Who leads Project Melworth?", "What does the Dunden cost?",
        "What happens in Week 14?", "Who is the head of Field Operations?", "What does the clerk do?",
        "Was macht der Hausmeister?", "Was kostet Haus 2?", "图书管理员做什么？", "程序做什么？", "函数做什么？",
        "Who does Ada Brink lead?", "When did Ada Brink do it?", "What does Tarnwick Instruments build?",
        "What is the hotel ceiling for the Home Coast region?",
        "What are the fees for meals at Tarnwick Instruments?", "What is the cost of meals?",
        "What happens on Monday?", "What does the Company have to do?", "What is the drying shed at Pennick Quay known as?",
    ],
)  # fmt: skip
def test_a_question_for_one_thing_or_without_a_name_is_not_open(question: str) -> None:
    assert not is_open(question)


@pytest.mark.parametrize(
    ("question", "first", "second", "both"),
    [
        ("What does Oona Pelligrew do?", "She runs the travel desk.", "Oona Pelligrew signs every flight.", True),
        (
            "What does Oona Pelligrew do?", "She is responsible for the travel desk.",
            "Oona Pelligrew is responsible for signing flights.", True,
        ),
        ("Was macht Joost Behrmann?", "Er nimmt Schäden auf.", "Joost Behrmann leert werktags den Container.", True),
        ("连小满做了什么？", "连小满把书运到山上的小学。", "连小满担任第三任社长。", True),
        ("What does Ada Brink do?", "Ada Brink signs flights.", "Ada Brink opens no doors before nine.", True),
        ("What does Ada Brink do?", "Ada Brink signs the flights of the crew.", "Ada Brink does not sign flights.", False),
        ("Who is Ada Brink?", "Ada Brink is a lawyer.", "Ada Brink is a nurse.", False),
        ("What is known of the Grey Petrel?", "The Grey Petrel costs 91 crowns.", "The Grey Petrel costs 12 crowns.", False),
        ("What is known of the Grey Petrel?", "It is led by Ada Brink.", "It is led by Ina Lund.", False),
        ("What does the clerk do?", "The clerk runs the travel desk.", "The clerk signs every flight.", False),
    ],
)  # fmt: skip
def test_answers_to_an_open_question_hold_unless_they_exclude_each_other(
    question: str, first: str, second: str, both: bool
) -> None:
    assert can_both_hold(question, first, second) == can_both_hold(question, second, first) == both
    pairs = [Pair(f"{n}.md", 0, question, answer, answer) for n, answer in enumerate((first, second))]
    assert (contradicted(pairs), between_documents(pairs) == []) == (set() if both else {0, 1}, both)
