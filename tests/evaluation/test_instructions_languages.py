"""Which language an answer is in: seven told apart, translations and asides in English noticed."""

from __future__ import annotations

import pytest

from disc_lite.evaluation.instructions.languages import is_in
from disc_lite.qa.languages import FREQUENT, Language

TEXTS = {
    "Dutch": "De bakker staat heel vroeg op. Hij bakt brood voor de mensen in het dorp.",
    "English": "The baker gets up very early. He bakes bread for the people of the village.",
    "French": "Le boulanger se lève très tôt. Il fait du pain pour les gens du village.",
    "German": "Der Bäcker steht sehr früh auf. Er backt Brot für die Leute im Dorf.",
    "Italian": "Il fornaio si alza molto presto. Fa il pane per la gente del paese.",
    "Portuguese": "O padeiro levanta-se muito cedo. Faz pão para as pessoas da aldeia.",
    "Spanish": "El panadero se levanta muy temprano. Hace pan para la gente del pueblo.",
}


@pytest.mark.parametrize("name", FREQUENT)
def test_a_text_is_in_its_language_and_no_other(name: Language) -> None:
    assert [n for n in FREQUENT if is_in(TEXTS[name], n)] == [name]
    assert [n for n in FREQUENT if is_in(TEXTS[name].upper(), n)] == [name]


@pytest.mark.parametrize("name", sorted(set(FREQUENT) - {"English"}))
def test_a_translation_beside_it_is_not_the_language(name: Language) -> None:
    for text in (f"{TEXTS[name]}\n\n({TEXTS['English']})", f"Sure, here is what you asked me for:\n\n{TEXTS[name]}"):
        assert not is_in(text, name), text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("German", "Auf dem Tisch liegen Äpfel, Birnen, Kirschen, Pflaumen, Trauben und Nüsse."),
        ("German", "Ich höre gern „The Sound of Silence“, weil es mich ruhig macht."),
        ("German", "Mein Bruder fährt morgens mit dem Fahrrad zur Arbeit, abends nimmt er lieber den Bus."),
        ("French", "Chaque matin, j'achète un croissant chez le boulanger puis je marche jusqu'au bureau."),
        ("French", "Aujourd’hui, il pleut ; nous restons donc à la maison et nous jouons aux cartes."),
        ("Spanish", "Me gusta leer novelas antiguas cuando llueve, sobre todo si tengo una taza de té."),
        ("Spanish", "Ayer visitamos el museo y después cenamos en un restaurante pequeño cerca del puerto."),
        ("Italian", "Stasera vorrei cucinare una zuppa di verdure perché fuori fa molto freddo."),
        ("Italian", "Ieri siamo andati al mercato e abbiamo comprato pane, formaggio e un po' d'uva."),
        ("Portuguese", "Ontem fomos à praia, mas estava muito vento e voltamos cedo para casa."),
        ("Dutch", "Gisteren zijn we naar het strand gegaan, maar er stond veel wind."),
        ("English", "My sister keeps three hens behind her house, and they lay an egg almost every day."),
    ],
)  # fmt: skip
def test_one_sentence_is_enough(name: Language, text: str) -> None:
    assert [n for n in FREQUENT if is_in(text, n)] == [name]


@pytest.mark.parametrize(
    "text",
    ["", "12 34", "Bonjour !", "Bagaren stiger upp mycket tidigt och bakar bröd till alla i byn.", "面包师起得很早。", "Пекарь встаёт очень рано."],
)  # fmt: skip
def test_no_language_of_these(text: str) -> None:
    assert not any(is_in(text, name) for name in FREQUENT)
