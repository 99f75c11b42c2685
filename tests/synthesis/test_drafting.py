"""What is asked about (sentences, and rows of tables with the names of their columns), the prompts, and which drafts pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from disc_lite.distillation.examples import tokenise
from disc_lite.distillation.prompting import AnswerPrompts, prompt_lessons, prompts_of
from disc_lite.models.generation import Continuation
from disc_lite.qa import Pair
from disc_lite.synthesis import drafting
from disc_lite.synthesis.drafting import Drafter, askable_sentences, seed_of
from disc_lite.synthesis.requests import Request
from tests.made import continuation_of, document_of, recipe_of

TEXT = "# Rules\n\nAda runs the mill. The saw is old. Nobody sweeps the hall. Yes."
ABOUT = ("Rules: Ada runs the mill.", "Rules: The saw is old.", "Rules: Nobody sweeps the hall.")
PLAIN = Request(0, "plain")
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


def test_log_probabilities_are_those_of_the_answers_own_tokens(plain: Callable[..., Any]) -> None:
    base = plain("mistral")
    (text,) = tokenise([document_of(TEXT)], base.tokens, 200)
    drafter = Drafter(base.tokens, text, text.passages[0], askable_sentences(text, text.passages[0]), recipe_of(), 0)
    question = drafting.DraftedQuestion(PLAIN, "Who runs the mill?", "")
    _, ids = base.tokens.turn(question.text, "Ada runs it.")
    log_ps = tuple(-0.1 * n for n in range(len(ids)))
    exact = drafter.answered(question, Continuation(tuple(ids[:-1]), ids[-1], log_ps))
    spaced = drafter.answered(question, Continuation((*ids[:-1], *base.tokens.text("  ")), ids[-1], (*log_ps, -1.0)))
    assert isinstance(exact, drafting.DraftedPair)
    assert isinstance(spaced, drafting.DraftedPair)
    assert (exact.pair, exact.log_ps, spaced.log_ps) == (spaced.pair, log_ps, ())


def test_pocket_gets_the_prompts_it_was_trained_on(plain: Callable[..., Any]) -> None:
    tokens = plain("llama").tokens
    (text,) = tokenise([document_of(TEXT)], tokens, 200)
    recipe = recipe_of(prompt={"worked_examples": False})
    drafter = Drafter(tokens, text, text.passages[0], askable_sentences(text, text.passages[0]), recipe, 0)
    prompt = tokens.decode(drafter.question_prompt(PLAIN))
    assert f"Write a question that this sentence answers: {ABOUT[0]}" in prompt
    assert "Varn" not in prompt
    assert drafter.requests.of_round({0: 3, 1: 2}, 0, []) == [PLAIN] * 3 + [Request(1, "plain")] * 2


def test_prompts_give_the_detail_or_the_name_and_only_the_latter_show_no_passage(plain: Callable[..., Any]) -> None:
    tokens = plain("llama").tokens
    (text,) = tokenise([document_of("Anna Vind has led Mill 7 since 4 May. It is cold.")], tokens, 200)
    sentences = askable_sentences(text, text.passages[0])
    drafter = Drafter(tokens, text, text.passages[0], sentences, recipe_of(), 0)
    prompt = tokens.decode(drafter.question_prompt(Request(0, "detail", "4 May")))
    assert "Answer: four pounds\nWrite the question that this answers." in prompt  # a worked example
    assert "Anna Vind has led Mill 7 since 4 May.\nAnswer: 4 May\nWrite the question" in prompt
    about_anna = Request(0, "mention", mention="Anna Vind")
    prompt = tokens.decode(drafter.question_prompt(about_anna))
    assert 'must contain "four pounds" and ask for something else in the sentence.\nWrite the question.' in prompt
    for request in (about_anna, replace(about_anna, kind="rephrased", original="What does Anna Vind lead?")):
        assert "It is cold" not in tokens.decode(drafter.question_prompt(request))


@pytest.mark.parametrize(
    ("question", "fault"),
    [
        ("Who works at the mill of Ostrand?", ""),
        ("Who works there?", drafting.NO_SUBJECT),
        ("Who works at the mill of Varn?", "question names what the passage does not"),  # copied from the examples
    ],
)
def test_a_question_can_take_its_subject_from_the_beginning_of_the_document(
    plain: Callable[..., Any], question: str, fault: str
) -> None:
    tokens = plain("llama").tokens
    words = "Ostrand has a mill on the hill, and people from every village of the valley come to it with their corn."
    document = document_of(
        f"# The mill\n\n{words}\n\n## Staff\n\nAnna Vind lives in the valley. Per Holm works there too."
    )
    (text,) = tokenise([document], tokens, 24)
    last = text.passages[-1]
    drafter = Drafter(tokens, text, last, askable_sentences(text, last), recipe_of(), 0)
    request = Request(0, "subject", original="Who works there?")
    prompt = tokens.decode(drafter.question_prompt(request))
    assert f"Page: Guide. {words}\nSentence: Staff: Per Holm works there too." in prompt
    assert "Question: Who works there?\nWrite the same question for somebody" in prompt
    assert drafter.shown not in prompt
    assert drafter.prompt_group(request) == (drafter.language, "subject")
    assert "Ostrand" not in drafter.shown
    log_ps = (-0.1,) * len(tokens.text(question))
    draft = Continuation(tuple(tokens.text(question)), min(tokens.stop_ids), log_ps)
    assert drafter.screened(request, draft).fault == fault


@pytest.mark.parametrize(
    ("question", "answer", "found"),
    [
        ("What is paid for meals?", "52 euros are paid for meals.", "52 euros"),
        ("What is paid for hotels?", "143 euros are paid for hotels.", "143 euros"),  # for which it was not drafted
        ("What are 52 euros paid for?", "52 euros are paid for meals.", drafting.NOT_ASKED),
        ("What is paid?", "Meals and hotels are paid.", drafting.NOT_ASKED),
    ],
)
def test_a_pair_counts_for_the_detail_that_its_answer_gives(
    plain: Callable[..., Any], question: str, answer: str, found: str
) -> None:
    tokens = plain("llama").tokens
    (text,) = tokenise([document_of("52 euros are paid for meals, 143 euros are paid for hotels.")], tokens, 200)
    sentences = askable_sentences(text, text.passages[0])
    drafter = Drafter(tokens, text, text.passages[0], sentences, recipe_of(), 0)
    asked = drafting.DraftedQuestion(Request(0, "detail", drafter.requests.details[0][0]), question, "")
    drafted = drafter.answered(asked, continuation_of(tokens, answer))
    assert (drafted if isinstance(drafted, str) else drafted.request.detail) == found


def test_an_answer_with_the_year_of_a_date_counts_for_its_sentence(plain: Callable[..., Any]) -> None:
    tokens = plain("llama").tokens
    (text,) = tokenise([document_of("The mill has stood on the hill since 4 May 1911.")], tokens, 200)
    drafter = Drafter(tokens, text, text.passages[0], askable_sentences(text, text.passages[0]), recipe_of(), 0)
    asked = drafting.DraftedQuestion(Request(0, "detail", "4 May 1911"), "Since which year has the mill stood?", "")
    drafted = drafter.answered(asked, continuation_of(tokens, "The mill has stood there since 1911."))
    assert isinstance(drafted, drafting.DraftedPair)
    assert drafted.request.detail == ""


def test_a_question_that_its_model_finds_unlikely_is_dropped(plain: Callable[..., Any]) -> None:
    tokens = plain("llama").tokens
    (text,) = tokenise([document_of(TEXT)], tokens, 200)
    passage, recipe = text.passages[0], recipe_of(prompt={"min_fluency": -0.8})
    drafter = Drafter(tokens, text, passage, askable_sentences(text, passage), recipe, 0)
    for log_p, fault in ((-0.79, ""), (-0.81, drafting.NOT_FLUENT)):
        draft = continuation_of(tokens, "Who runs the mill?", log_p)
        assert drafter.screened(PLAIN, draft).fault == fault
    cut = continuation_of(tokens, "Who runs the mill?", -9.0, ended=False)
    assert drafter.screened(PLAIN, cut).fault == "question did not end within prompt.question_tokens"


def test_a_question_without_the_name_that_it_should_contain_is_dropped(plain: Callable[..., Any]) -> None:
    tokens = plain("llama").tokens
    (text,) = tokenise([document_of(TEXT)], tokens, 200)
    passage = text.passages[0]
    drafter = Drafter(tokens, text, passage, askable_sentences(text, passage), recipe_of(), 0)
    mention = Request(0, "mention", mention="Ada Brink")
    for question, fault in (
        ("Who runs the mill?", drafting.NOT_MENTIONED),
        ("What does Ada run?", drafting.NOT_MENTIONED),
    ):
        assert drafter.screened(mention, continuation_of(tokens, question)).fault == fault
    assert drafter.screened(replace(mention, mention="Ada"), continuation_of(tokens, "What does Ada run?")).fault == ""


def test_questions_and_answers_in_another_language_are_dropped(plain: Callable[..., Any]) -> None:
    tokens = plain("llama").tokens
    german = "Ada leitet die Mühle in der Stadt, und das Mehl ist für den Markt. Die Säge ist alt."
    (text,) = tokenise([document_of(german)], tokens, 400)
    passage = text.passages[0]
    drafter = Drafter(tokens, text, passage, askable_sentences(text, passage), recipe_of(), 0)

    def ended(written: str) -> Continuation:
        return continuation_of(tokens, written)

    assert drafter.screened(PLAIN, ended("Wer leitet die Mühle in der Stadt?")).fault == ""
    assert drafter.screened(PLAIN, ended("Wer ist Ada?")).fault == ""
    english = drafter.screened(PLAIN, ended("Who is the head of the Mühle that Ada has?"))
    assert english.fault == drafting.OTHER_LANGUAGE
    question = drafting.DraftedQuestion(PLAIN, "Wer leitet die Mühle?", "")
    assert drafter.answered(question, ended("Ada is the head of the Mühle.")) == drafting.OTHER_LANGUAGE
    assert not isinstance(drafter.answered(question, ended("Ada leitet die Mühle.")), str)


def test_without_screening_wrong_answers_stay(plain: Callable[..., Any]) -> None:
    """As in the paper on prompt distillation, where answers are inputs and no labels."""
    tokens = plain("llama").tokens
    (text,) = tokenise([document_of(TEXT)], tokens, 200)
    sentences = askable_sentences(text, text.passages[0])
    found = []
    for screening in (True, False):
        recipe = recipe_of(prompt={"screening": screening, "min_fluency": -1000})
        drafter = Drafter(tokens, text, text.passages[0], sentences, recipe, 0)
        asked = [
            drafter.screened(PLAIN, continuation_of(tokens, question), screening)
            for question in ("What does the text say about Bo Ek?", "")
        ]
        answers = [drafter.answered(asked[0], continuation_of(tokens, answer)) for answer in ("Eve Holm runs it.", "")]
        found.append([*(question.fault for question in asked), *(a if isinstance(a, str) else "" for a in answers)])
    assert found == [
        ["question refers to the text", "not a question", "answer names what the passage does not", "empty answer"],
        ["", "not a question", "", "empty answer"],
    ]


def test_seeds_are_private_and_stable() -> None:
    assert seed_of(0, "pairs") == 64_471_309_222_242_347
    assert len({seed_of(0, "pairs"), seed_of(1, "pairs"), seed_of(0, "held out"), seed_of(0, "pairs", 1)}) == 4


def test_drafts_read_what_a_passages_prompts_share_once(plain: Callable[..., Any]) -> None:
    base = plain("llama")
    shared = list(range(60, 80))
    read: list[int] = []
    handle = base.model.model.register_forward_pre_hook(
        lambda module, args, kwargs: read.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    found = drafting.write_drafts(base, [[*shared, 5, 6], [*shared, 7], [9, 8, 7]], ["a", "a", "b"], 2, 1.0, 0)
    handle.remove()
    assert len(found) == 3
    assert read[0] == 20
    assert drafting.write_drafts(base, [], [], 2, 1.0, 0) == []


def test_the_teacher_reads_what_the_answer_was_drafted_after(plain: Callable[..., Any]) -> None:
    """Otherwise it begins its answers otherwise, and the student leaves what it was taught at the first token."""
    tokens = plain("llama").tokens
    (text,) = tokenise([document_of(TEXT)], tokens, 200)
    for worked in (True, False):
        recipe = recipe_of(prompt={"worked_examples": worked})
        drafter = Drafter(tokens, text, text.passages[0], askable_sentences(text, text.passages[0]), recipe, 0)
        question = drafting.DraftedQuestion(PLAIN, "Who runs the mill?", "")
        drafted = drafter.answered(question, Continuation(tuple(tokens.text("Ada runs it.")), 1))
        assert not isinstance(drafted, str)
        assert drafted.pair.source == "Ada runs the mill."
        (lesson,) = prompt_lessons([text], [drafted.pair], AnswerPrompts(tokens, worked))
        root, child = lesson.sequence
        prompt, answer = drafter.answer_prompt(question.text, 0), lesson.examples[0].target_ids
        # The token that ends the answer is compared, and read by nobody.
        assert [*root.input_ids, *child.input_ids] == [*prompt, *answer]
        assert ("Varn" in tokens.decode(prompt)) == worked
