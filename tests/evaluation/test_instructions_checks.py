"""Each kind of check at its edges, and the parts of an answer that they count."""

from __future__ import annotations

from typing import Any

import pytest

from disc_lite.evaluation.instructions import CHECKS
from disc_lite.evaluation.instructions.parts import lines_in, paragraphs_in, sentences_in, words_in


def holds(kind: str, answer: str, **arguments: Any) -> bool:
    return CHECKS[kind](answer, **arguments)


# --- parts of an answer ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("", 0),
        ("one two  three", 3),
        ("- one & two\n1. three", 3),
        ("well-known—or not—since 1.5 days", 6),
        ("*** --- ...", 0),
        ("don't l'eau", 2),
    ],
)
def test_words(text: str, n: int) -> None:
    assert len(words_in(text)) == n


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("", 0),
        ("No stop", 1),
        ("One. Two! Three? Four…", 4),
        ("Wait... what? It is 3.5 metres.", 2),
        ("Dr. Grey met Mr. Green, e.g. Monday, at No. 5. No. He did not.", 3),
        ("The U.S. Army. Written by John K. Smith. It has vitamin C. It helps.", 4),
        ('"Stop!" she said. "Why?" He asked (twice.) Then he left.', 4),
        ("**Bold end.** Next one.", 2),
        ("1. First thing.\n2. Second thing.", 2),
        ("A line\nthat goes on.\nAnother line.", 2),
        ("A heading\n\nA sentence.", 2),
        ("all is small here. so this opens one. e.g. that too.", 3),
        ("Fruit (apples, pears, etc.) is good.", 1),
        ("Ends with a smile. 🙂", 1),
        ("Ist das so? Äpfel sind gut. Über alles.", 3),
    ],
)
def test_sentences(text: str, n: int) -> None:
    assert len(sentences_in(text)) == n, sentences_in(text)


def test_paragraphs_and_lines() -> None:
    assert paragraphs_in("a\nb\n \n\nc\n\n---\n\n") == ["a\nb", "c"]
    assert lines_in("- **One**\n\n 2) two \n* * *\nthree\r\n") == ["One", "two", "three"]


# --- checks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "n"),
    [
        ("", 0),
        ("- a\n- b", 2),
        ("* a\n\n* b\n  * inside b\n\t* and this\n• c", 3),
        (" - a\n- b", 2),
        ("**Bold** is no bullet\n-5 neither\n---\n* * *", 0),
        ("1. a\n2. b", 0),
    ],
)
def test_bullets(answer: str, n: int) -> None:
    assert holds("bullets", answer, n=n) and not holds("bullets", answer, n=n + 1)


def test_numbered() -> None:
    assert holds("numbered", "1. a\n   1. inside\n   2. inside\n2. b", n=2)
    assert holds("numbered", "### 1. A\ntext\n### 2. B\ntext", n=2)
    for answer in (
        "1. a\n1. b",
        "2. a\n1. b",
        "0. a\n1. b",
        "1.5 a\n2.5 b",
        "- a\n- b",
        "1 a\n2 b",
        "1. a\n2. b\n3. c",
    ):
        assert not holds("numbered", answer, n=2), answer


def test_list_only() -> None:
    assert holds("list_only", "- a\n  goes on\n\n- b") and holds("list_only", "-\ta\n\tgoes on")
    for answer in ("Intro:\n- a", "- a\nOutro", "  indented\n- a", "plain"):
        assert not holds("list_only", answer), answer


def test_letter_case() -> None:
    assert holds("lower_case", "ä 1!") and holds("upper_case", "Ä 1!")
    assert not holds("lower_case", "12") and not holds("upper_case", "12")
    assert not holds("lower_case", "aB") and not holds("upper_case", "aB")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ('"Yes."', True),
        ("“Yes, “really” yes.”", True),
        ('"He said "no"."', True),
        ('"A\n\n("B") C"', True),
        ('"', False),
        ('""', False),
        ("'Yes.'", False),
        ('"Yes".', False),
        ('"Yes" or "no"', False),
        ("“Yes” or “no”", False),
    ],
)
def test_quoted(answer: str, right: bool) -> None:
    assert holds("quoted", answer) is right


def test_titled() -> None:
    assert holds("titled", "A\n**<<A title>>**\nB")
    for answer in ("<< >>", "<<!>>", "«A title»", "<<A\ntitle>>", "x << 3 and y"):
        assert not holds("titled", answer), answer


def test_start_and_end() -> None:
    assert holds("starts_with", '\n> **"it’s** so', text="It's")
    assert not holds("starts_with", "Sureness", text="Sure") and not holds("starts_with", "", text="Sure")
    assert holds("ends_with", "Well. That’s all.**\n", text="That's all.") and holds("ends_with", "Bye.", text="Bye.")
    assert not holds("ends_with", "Goodbye.", text="bye.") and not holds("ends_with", "Bye.", text="Good. Bye.")
    assert not holds("ends_with", "that's all.", text="That's all.")


def test_counts() -> None:
    assert holds("words", "a b", least=2, most=2) and holds("words", "a b") and not holds("words", "…")
    assert not holds("words", "a b", least=3) and not holds("words", "a b", most=1)
    assert holds("paragraphs", "a\n\nb", n=2) and not holds("paragraphs", "a\nb", n=2)
    assert holds("lines", "a\n\nb", n=2) and not holds("lines", "a b", n=2)


def test_order() -> None:
    assert holds("lines_are", "- **The One**\n- two.", lines=("one", "Two"))
    assert not holds("lines_are", "one\ntwo\nthree", lines=("one", "two"))
    assert holds("alphabetical", "apple\nÉclair\nfig") and holds("alphabetical", "1. ant\n2. Ant")
    assert not holds("alphabetical", "fig\nÉclair") and not holds("alphabetical", "one")


def test_words_that_must_and_must_not_be_there() -> None:
    assert holds("mentions", "Sun, sun; SUN’S", word="sun", least=3, most=3)
    assert not holds("mentions", "sunny suns sun_", word="sun")
    assert holds("mentions", "It’s so", word="it's")
    assert holds("avoids", "suns", words=("sun", "rain")) and not holds("avoids", "So: Rain!", words=("sun", "rain"))
    assert holds("about", 'It’s **Sunny**, or "rain".', beginnings=("sun",)) and holds(
        "about", '"Rain"', beginnings=("sun", "rain")
    )
    assert not holds("about", "It has no drain, and is un-sure.", beginnings=("sun", "rain"))


def test_letters_that_must_not_be_there() -> None:
    for answer in ("E", "é", "thé", "Ｅ"):
        assert not holds("without", answer, characters="e"), answer
    assert holds("without", "a b", characters="e") and not holds("without", "a, b", characters=";,")


def test_one_of() -> None:
    for answer in ("Yes", " **yes.** ", "“YES!”"):
        assert holds("one_of", answer, choices=("yes", "no")), answer
    for answer in ("yes, no", "", "yep", "yes and more"):
        assert not holds("one_of", answer, choices=("yes", "no")), answer


@pytest.mark.parametrize(
    ("answer", "equals"),
    [
        ("42", 42),
        ("It is 42.0.", 42),
        ("1 + 41 = __42__!", 42),
        ("$42 (not x2)", 42),
        ("it is 50-8, or 7-6", 6),
        ("(−6)", -6),
        ("=-6", -6),
        ("1,234,567.5 km", 1234567.5),
        ("1\u202f234", 1234),
        ("3, 4, 12,5", 5),
        ("0", 0),
    ],
)
def test_number(answer: str, equals: float) -> None:
    assert holds("number", answer, equals=equals) and not holds("number", answer, equals=equals + 1)


def test_no_number() -> None:
    assert not holds("number", "forty-two x2", equals=2)


def test_json() -> None:
    for answer in (
        '{"a": 1, "b": NaN}',
        '{"a": 1}',
        '[{"a": 1, "b": 2}]',
        "```json\n{",
        '```\n{"a": 1, "b": 2}\n```\nDone.',
        "null",
    ):
        assert not holds("json_object", answer, keys=("a", "b")), answer
    assert holds("json_object", ' ```JSON\n{"b": null, "a": {"c": []}}```', keys=("a", "b"))
    assert holds("json_strings", '["a", "a"]', n=2)
    for answer in ('["a", " "]', '["a", null]', '"ab"', '["a", "b", "c"]', "['a', 'b']"):
        assert not holds("json_strings", answer, n=2), answer
