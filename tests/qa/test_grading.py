"""Grading against a table of answers graded by hand in many languages; also near-duplicates and retrieval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disc_lite.evaluation.asking import first_sentence
from disc_lite.evaluation.grading import grade
from disc_lite.evaluation.retrieval import best_passages, best_places, search_terms
from disc_lite.qa import NearDuplicates, amounts, is_right, lexing, normalise, numbers_of, word_set, words_of
from disc_lite.synthesis.names import invented
from tests.counting import calls_in

TABLE = Path(__file__).with_name("grading_cases.jsonl")
CASES = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=[f"{c['language']}-{i}" for i, c in enumerate(CASES, 1)])
def test_a_graded_case(case: dict[str, Any]) -> None:
    found = grade(case["given"], case["answers"])
    assert (found.exact, found.contains) == (case["exact"], case["contains"]), case["why"]
    low, high = case["f1"] or (0.0, 1.0)
    assert low - 1e-9 <= found.f1 <= high + 1e-9, case["why"]


def test_the_table_is_large_and_of_both_kinds() -> None:
    assert len(CASES) == len({(c["given"], *c["answers"]) for c in CASES}) >= 150
    assert len({c["language"] for c in CASES}) >= 10
    assert min(sum(c["contains"] for c in CASES), sum(not c["contains"] for c in CASES)) > 100
    assert all(c["contains"] for c in CASES if c["exact"])


# -- any text --------------------------------------------------------------------------------------------


@given(st.text(max_size=60), st.text(max_size=30))
def test_any_text_can_be_graded(said: str, answer: str) -> None:
    found = grade(said, [answer])
    assert 0.0 <= found.f1 <= 1.0
    assert found.contains or not found.exact
    assert not found.exact or found.f1 == 1.0
    assert is_right(answer, [answer], "exact") == (answer.strip() != "")


@given(st.text(max_size=40), st.text(max_size=40))
def test_sameness_has_no_direction(first: str, second: str) -> None:
    assert is_right(first, [second], "exact") == is_right(second, [first], "exact")


NUMBERS = st.integers(-(10**9), 10**9)


@given(NUMBERS, st.sampled_from(",. '’\u202f\u00a0\u2009"))
def test_a_number_is_itself_however_its_thousands_are_grouped(number: int, mark: str) -> None:
    written = f"{number:,}".replace(",", mark)
    assert is_right(f"It is {written} crowns.", [f"{number} crowns"], "contains")
    assert not is_right(written, [str(number + 1)], "contains")


@given(st.integers(0, 999_999))
def test_english_number_words_are_read(number: int) -> None:
    assert is_right(in_words(number), [str(number)], "exact")
    assert not is_right(in_words(number), [str(number + 1)], "contains")


def in_words(number: int) -> str:
    """The number in English words, by recursion, unlike the sums in the code under test."""
    small = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    tens = "twenty thirty forty fifty sixty seventy eighty ninety".split()
    if number < 20:
        return small[number]
    if number < 100:
        return tens[number // 10 - 2] + (f"-{small[number % 10]}" if number % 10 else "")
    if number < 1000:
        rest = f" and {in_words(number % 100)}" if number % 100 else ""
        return f"{small[number // 100]} hundred{rest}"
    return f"{in_words(number // 1000)} thousand" + (f" {in_words(number % 1000)}" if number % 1000 else "")


# -- work ------------------------------------------------------------------------------------------------

SENTENCE = "The head of Varn, not there on 20 June 2024, paid 1,234.50 euros for the non-refundable ticket at 11:15."


def test_an_answer_of_twenty_words_is_graded_in_few_steps() -> None:
    answers = ["the head of Varn", "11:15"]
    grade(SENTENCE, answers)  # the words of the answers are read once
    assert calls_in(grade, f"7. {SENTENCE}", answers) < 6000  # 2,872


@pytest.mark.parametrize(
    "part",
    ["111 ", "1,", "1.", "1:", "a.", "a-", "a'", "-\n", "not ", "twenty ", "不", "十一", "\u0301", "1⁰", "'", "# "],
)
def test_the_work_grows_with_the_length_of_a_text_and_no_faster(part: str) -> None:
    some, twice = (calls_in(grade, part * n, ["the answer"]) for n in (5_000, 10_000))
    assert twice < 2.2 * some + 1000


# -- the parts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The Theatre, an  A-frame & a “Saw”!", "theatre a-frame and saw"),
        ("It costs 1,000 crowns, or 1 234,50 €.", "it costs 1000 crowns or 1234.50 €"),
        ("June 20th at 9 a.m.", "20 june at 9:00am"),
        ("東京、Café!", "東 京 cafe"),
        (" … ", ""),
        ("the", "the"),
    ],
)
def test_the_normal_form(text: str, normal: str) -> None:
    assert normalise(text) == normal


def test_a_frequent_word_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time that a run needs for its pairs went into reading the same words again."""
    read: list[str] = []
    monkeypatch.setattr(lexing, "spellings", lambda written, text: read.append(text) or set())
    lexing._word.cache_clear()
    for number in range(20):
        normalise(f"The keeper counts barrels {number}")
    lexing._word.cache_clear()  # without the spellings that are replaced here
    assert sorted(read) == ["barrels", "counts", "keeper", "the"]


def test_plain_words_cost_no_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amounts, "sum", lambda numbers, start: pytest.fail("A word is added up."), raising=False)
    assert normalise("Ada counts old barrels") == "ada counts old barrels"


def test_words_on_the_surface_keep_their_accents_and_vowel_signs() -> None:
    assert words_of("Die Gebühr: 1,000 €, दिल्ली") == ["die", "gebühr", "1000", "दिल्ली"]
    assert words_of("東京 กิน") == ["東", "京", "กิ", "น"]


def test_numbers_in_digits_and_in_words() -> None:
    text = "One of 1,000 rooms, B12, on the fifth of May, costs twenty euros, not 3.50."
    assert numbers_of(text) == {"1000", "12", "3.50", "5", "m:5", "20"}


def test_a_number_in_words_in_the_passage_is_not_invented() -> None:
    assert not invented("It takes 9 days.", "The permit takes nine days.")
    assert invented("It takes 8 days.", "The permit takes nine days.")
    assert not invented("Which of the two takes longer?", "The permit and the visa take longer.")
    assert not invented("Es dauert 9 Tage.", "Der Antrag dauert neun Tage.")
    assert invented("Es dauert acht Tage.", "Der Antrag dauert neun Tage.", is_answer=True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Dr. Ada Brink. She lives in Varn.", "Dr. Ada Brink"),
        ("the firm Holt & Lind Ltd. of Varn. It was founded in 1911.", "the firm Holt & Lind Ltd. of Varn"),
        (" at 5.30 in the hall.\nThen it ends.", "at 5.30 in the hall"),
        ("e.g. Ada! Or Bo.", "e.g. Ada!"),
        ("Ada Brink", "Ada Brink"),
        ("林若溪。镇上的集市开放。", "林若溪"),
        ("", ""),
    ],
)
def test_a_completion_ends_with_its_sentence(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


# -- near-duplicates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "near"),
    [
        ("What does error code 17 in the log of the main pump mean?", "What does error code 18 in the log of the main pump mean?", False),
        ("Who was the mayor of Orsund in 1911 when the bridge opened?", "Who was the mayor of Orsund in 1921 when the bridge opened?", False),
        ("What happens nine days after the end of the year in Varn?", "What happens ten days after the end of the year in Varn?", False),
        ("What happens nine days after the end of the year in Varn?", "What happens 9 days after the end of the year in Varn?", True),
        ("Who spoke in the fifth session of the second council of Varn?", "Who spoke in the sixth session of the second council of Varn?", False),
        ("Who spoke in the fifth session of the council of Varn?", "Who spoke in the 5th session of the council of Varn?", True),
        ("What must be done by 20 June in the old hall of Orsund?", "What must be done by 20 July in the old hall of Orsund?", False),
        ("What must be done by 20 June in the hall?", "What must be done by June 20 in the hall?", True),
        ("What does a B12 permit cost in the town of Varn?", "What does a B13 permit cost in the town of Varn?", False),
        ("What does error code 17 mean?", "What does error code 18 mean?", False),
        ("Who won in 1911 the race?", "Who won in 1921 the race?", False),
        ("Who paid 1,000 crowns for it?", "Who paid 1000 crowns for it?", True),
        ("Which one of the halls is open?", "Which of the halls is open?", True),
        ("Which of the tickets are refundable in the old hall?", "Which of the tickets are not refundable in the old hall?", False),
        ("Is the gate open?", "Isn't the gate open?", False),
        ("Who is the mayor?", "who's the mayor", True),
        ("What's the fee?", "What’s the fee?", True),
        ("Cafe opens when?", "Café opens when?", True),
        ("谁批准差旅费？", "差旅费谁批准？", True),
        ("云桥镇的镇长是谁？", "谁是云桥镇的镇长？", True),
        ("谁批准差旅费？", "图书馆几点开门？", False),
        ("云桥镇的集市哪天开放？", "云桥镇的集市哪天不开放？", False),
        ("第十二条规定了什么内容和范围？", "第十三条规定了什么内容和范围？", False),
        ("第十二条规定了什么？", "第12条规定了什么？", True),
        ("図書館の館長は誰ですか。", "誰が図書館の館長ですか。", True),
        ("ห้องสมุดเปิดกี่โมง", "กี่โมงห้องสมุดเปิด", True),
        ("दिल्ली का महापौर कौन है?", "कौन है दिल्ली का महापौर?", True),
        ("दिल्ली का महापौर कौन है?", "मुंबई का महापौर कौन है?", False),
        ("On what day can one buy fruit in Venmere?", "On what day can one buy fruit in Vengate?", False),
        ("What is the lowest pressure of the Alpha pump in bar?", "What is the highest pressure of the Alpha pump in bar?", False),
        ("What is the default value of the parameter timeout here?", "What is the default value of the parameter retries here?", False),
        ("Who founded the old harbour museum of Orsund in Varn?", "When founded the old harbour museum of Orsund in Varn?", False),
        ("Is the pump faster than the valve?", "Is the valve faster than the pump?", False),
        ("Does Anna report to Ben?", "Does Ben report to Anna?", False),
        ("星期一图书馆几点开门？", "星期二图书馆几点开门？", False),
        ("谁是张三的老师？", "张三是谁的老师？", False),
        ("Кто руководит отделом продаж фирмы Холт в городе Берген?", "Кто руководит отделом продаж фирмы Холт в городе Турку?", False),
        ("On what day does the market in Varn open in the morning?", "On which day does the market in Varn open in the morning?", True),
        ("What are the fees for dogs and cats in Varn?", "What are the fees for cats and dogs in Varn?", True),
        ("When opens the hall in Varn on Friday?", "When opens the hall on Friday in Varn?", True),
        ("When is the opening of the large public library in Varn?", "When is the openings of the large public library in Varn?", True),
        ("Was ist für die Gebühr eines Hundes in der Stadt Varn nötig?", "Was ist für die Gebühren eines Hundes in der Stadt Varn nötig?", True),
    ],
)  # fmt: skip
def test_near_duplicates(first: str, second: str, near: bool) -> None:
    assert NearDuplicates([first], 0.8).near(second) == near
    assert NearDuplicates([second], 0.8).near(first) == near


def test_word_sets_hold_what_grading_compares() -> None:
    assert word_set("The café’s 1,000 seats") == {"the", "cafe", "1000", "seats"}


# -- retrieval -------------------------------------------------------------------------------------------

CHINESE = [
    "云桥镇的镇长是林若溪。",
    "镇上的集市每逢星期五开放。",
    "市政厅的大门是蓝色的。",
    "图书馆在河边街十二号，馆长叫周明远。",
]


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("集市星期几开放？", 1),
        ("谁是镇长？", 0),
        ("市政厅的门是什么颜色？", 2),
        ("周明远是谁？", 3),
        ("图书馆在哪里？", 3),
    ],
)
def test_search_finds_a_chinese_passage(question: str, place: int) -> None:
    assert best_passages(CHINESE, [question], 1) == [[CHINESE[place]]]


def test_search_finds_thai_korean_and_hindi() -> None:
    passages = [
        "ห้องสมุดเปิดเก้าโมง",
        "시장은 금요일에 열립니다.",
        "दिल्ली में बाज़ार शुक्रवार को खुलता है।",
        "The market opens on Friday.",
    ]
    found = best_passages(passages, ["ห้องสมุด", "금요일", "दिल्ली", "market"], 1)
    assert found == [[passage] for passage in passages]


@given(st.text(st.characters(max_codepoint=0x17F, exclude_characters="İ.,"), max_size=80))
def test_european_text_is_searched_by_all_its_words(text: str) -> None:
    from bm25s.tokenization import tokenize

    found = tokenize([text], token_pattern=r"(?u)\b\w+\b", stopwords=[], show_progress=False, return_ids=False)[0]
    assert search_terms(text) == found


@pytest.mark.parametrize(
    ("passages", "questions"),
    [
        (["Zimmer 3 kostet 50 Euro", "Zimmer 5 kostet 70 Euro"], ["Was kostet Zimmer 3?", "Was kostet Zimmer 5?"]),
        (["The C language has pointers", "The R language has vectors"], ["What has the language C?", "R has what?"]),
        (["The limit is 3.5 bar", "The limit is 4.5 bar"], ["What is at 3,5 bar?", "What is at 4.5 bar?"]),
        (["It takes 1,000 crowns", "It takes 2,000 crowns"], ["Which takes 1000 crowns?", "Which takes 2.000 crowns?"]),
    ],
)
def test_search_finds_single_letters_and_numbers(passages: list[str], questions: list[str]) -> None:
    assert best_places(passages, questions, 1) == [[0], [1]]
    assert best_places(passages, ["🙂", "???"], 1) == [[0], [0]]  # nothing to search for


def test_of_equally_good_passages_the_first_is_found() -> None:
    passages = [f"The mill number {n} is old." for n in range(20)]
    assert best_places(passages, ["Which mill is old?", "Which mill number 7 is old?"], 3) == [[0, 1, 2], [7, 0, 1]]


def test_search_needs_no_terms() -> None:
    assert [len(found) for found in best_passages(["A", "B"], ["x"], 1)] == [1]
    assert [len(found) for found in best_passages(["the mill", "?"], ["?", "mill"], 2)] == [2, 2]


def test_f1_counts_characters_where_there_are_no_spaces() -> None:
    assert grade("云桥镇的集市", ["集市"]).f1 == pytest.approx(2 * 2 / (6 + 2))
