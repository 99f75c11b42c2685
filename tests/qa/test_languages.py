"""The language of documents, passages, questions and answers."""

from __future__ import annotations

import pytest

from disc_lite.prompts.writing import EXAMPLES
from disc_lite.qa.languages import SAMPLE_CHARS, language_of
from tests.evaluation.test_instructions_languages import TEXTS


@pytest.mark.parametrize(
    ("text", "language"),
    [
        *((text, name) for name, text in TEXTS.items()),
        ("面包师起得很早。", "Chinese"), ("パン屋は朝早く起きて、村人のために焼きます。", "Japanese"), ("빵집 주인은 일찍 일어난다.", "Korean"),
        ("Пекарь встаёт очень рано.", "Cyrillic"), ("Ο φούρναρης ξυπνάει νωρίς.", "Greek"), ("बेकर जल्दी उठता है", "Devanagari"),
        ("Bagaren stiger upp mycket tidigt och bakar bröd till alla i byn.", ""), ("", ""), ("12 — 34", ""), ("Ada Brink 7", ""),
    ],
)  # fmt: skip
def test_the_language_or_the_script_of_a_document(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_preface_in_another_language_does_not_decide() -> None:
    german = TEXTS["German"] * (2 * SAMPLE_CHARS // len(TEXTS["German"]) + 1)
    assert language_of(TEXTS["English"] * 20 + german * 3) == "German"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Was kostet ein Ticket?", ""), ("Was macht der Hausmeister, wenn man Schäden meldet?", "German"),
        ("What is the ruling on the house rules?", "English"), ("When did Maria Olsen die?", ""), ("Who founded MIT?", ""),
        ("Byen ligger på Sjælland, og der bor mange. Den, der besøger byen, kan se Tivoli. Metroen er åben for alle.", ""),
        ("Den som vil se byen ovenfra, kan ta Fløibanen, som åpnet i 1918.", ""),
        ("Qui dirige le bureau de la ville et pour qui ?", "French"),
        ("O concelho tem uma área de 120 km² e a sede fica na vila de Varn, a norte da serra.", "Portuguese"),
    ],
)  # fmt: skip
def test_a_short_text_has_the_language_of_several_words_or_none(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("# 接口\n\n调用 `client.connect(host, port, timeout)` 建立连接，返回 Connection 对象。使用 Connection.close() 关闭连接。", "Chinese"),
        ("# Пакет\n\nКоманда `restic backup --repository /srv/backup --password-file` создаёт копию.", "Cyrillic"),
        ("```python\nprint(what, is_it, in_the, box)\n```\n\nインストールは簡単です。", "Japanese"),
        ("Museet åbner kl. 9. Billetten koster 84 kroner, og børn er gratis. Det er lukket om mandagen.", ""),
    ],
)  # fmt: skip
def test_code_and_the_letters_of_other_languages_say_nothing(text: str, language: str) -> None:
    assert language_of(text) == language


def test_every_worked_example_is_in_its_language_or_tells_none() -> None:
    for language, examples in EXAMPLES.items():
        parts = [part for e in examples for part in (e.sentence, *e.questions, e.answer, e.short)]
        assert {language} <= {language_of(part) for part in parts} <= {language, ""}
