"""Pairs and held-out questions that the base writes: how it is prompted, which drafts are accepted, and what becomes of the rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disc_lite.distillation.examples import tokenise
from disc_lite.models.generation import Continuation
from disc_lite.packing import shared_length
from disc_lite.prompts.writing import KINDS
from disc_lite.qa import Pair, Question
from disc_lite.synthesis import drafting, held_out, pairs
from disc_lite.synthesis.drafting import Drafter, askable_sentences, shares
from disc_lite.synthesis.held_out import write_held_out
from disc_lite.synthesis.pairs import write_pairs
from disc_lite.synthesis.requests import Request
from disc_lite.synthesis.scoring import ScoredPair
from tests.made import continuation_of, document_of, recipe_of

PLAIN = Request(0, "plain")


@given(st.integers(1, 300), st.lists(st.integers(1, 20), min_size=1, max_size=60), st.integers(0, 5))
def test_sentences_share_what_is_wanted_by_their_weights(wanted: int, weights: list[int], seed: int) -> None:
    found = shares(wanted, weights, seed)
    assert sum(found) == wanted
    assert all(abs(n - wanted * weight / sum(weights)) <= 1 for n, weight in zip(found, weights, strict=True))


def test_where_there_are_more_sentences_than_questions_none_is_left_out_for_good() -> None:
    drawn = Counter(i for seed in range(200) for i, n in enumerate(shares(10, [6] * 30, seed)) if n)
    assert len(drawn) == 30
    assert min(drawn.values()) > 30  # 67 on average


# -- the drafting of pairs -----------------------------------------------------------------------------

TEXT = "# Rules\n\nAda runs the mill. The saw is old. Nobody sweeps the hall. Yes."
ABOUT = ("Rules: Ada runs the mill.", "Rules: The saw is old.", "Rules: Nobody sweeps the hall.")


class Writer:
    """Stands for the base's generation: what it writes to each task, and which tasks it was given."""

    def __init__(self, tokens: Any, questions: dict[str, list[str | None]], answers: dict[str, str | None]) -> None:
        self.tokens, self.answers = tokens, answers
        self.questions = {sentence: list(found) for sentence, found in questions.items()}
        self.asked: list[tuple[str, str]] = []  # (kind, sentence) of every question that was ordered
        self.temperatures: list[tuple[str, float]] = []  # (sentence, temperature) of the same
        self.min_ps: set[tuple[str, float]] = set()  # ("question" or "answer", what unlikely tokens it leaves out)
        self.shorts: dict[str, str | None] = {}
        self.likeliest: dict[str, str] = {}  # where the greedy answer is another one

    def __call__(
        self, base: Any, prompt_ids: Any, groups: Any, most: int, temperature: Any, *more: Any, **streams: Any
    ) -> list[Any]:
        assert len(groups) == len(prompt_ids)
        each = temperature if isinstance(temperature, list) else [temperature] * len(prompt_ids)
        for prompt in prompt_ids[:1]:
            task = base.tokens.decode(prompt).rsplit("---\n", 1)[-1]
            self.min_ps.add(("answer" if "Answer" in task else "question", streams.get("min_p", 0.0)))
        return [self._write(base.tokens.decode(p), t) for p, t in zip(prompt_ids, each, strict=True)]

    def _write(self, prompt: str, temperature: float) -> Continuation:
        assert "The saw is old." in prompt  # the passage is in every prompt
        task = prompt[prompt.rindex("---\n") :]
        if "Answer without mentioning" in task:
            written = self.answers[task.split("the text: ")[1].split("\n")[0]]
        elif "as few words" in task:
            written = self.shorts[task.split("Question: ")[1].split("\n")[0]]
        elif "Answer the question" in task:
            question = task.split("Question: ")[1].split("\n")[0]
            written = self.answers[question]
            written = self.likeliest.get(question, written) if temperature == 0 else written
        else:
            sentence = task.split("Sentence: ")[1].split("\n")[0]
            self.asked.append((next(k for k in KINDS if KINDS[k] in task), sentence))
            self.temperatures.append((sentence, temperature))
            waiting = self.questions.get(sentence, [])
            written = waiting.pop(0) if waiting else None
        return continuation_of(self.tokens, written or "", ended=written is not None)


def test_which_pairs_are_accepted_and_what_becomes_of_the_rest(
    plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = plain("llama")
    (text,) = tokenise([document_of(TEXT)], base.tokens, 200)
    writer = Writer(
        base.tokens,
        {
            ABOUT[0]: ["Who runs the mill?", "Who was held out of the mill?", "Who runs the mill??", "Who owns the mill?"],
            ABOUT[1]: ["Is the saw old?", "What colour is the saw?"],
            ABOUT[2]: ["Who sweeps the hall?", "Ada runs", "Who cleans the hall?"],
        },
        {
            "Who runs the mill?": "Ada", "Is the saw old?": "Yes", "What colour is the saw?": "Yes, Rules",
            "Who owns the mill?": None, "Who sweeps the hall?": "Nobody sweeps the hall.",
            "Who cleans the hall?": "Ada, I think.",
        },
    )  # fmt: skip
    writer.likeliest = {"Who cleans the hall?": "Nobody"}
    monkeypatch.setattr(pairs, "write_drafts", writer)
    gains = {"Nobody sweeps the hall.": -0.2}  # the base says that without the passage as well
    monkeypatch.setattr(
        pairs, "support", lambda _, __, found, *___: [(-0.1, -1.0, gains.get(p.answer, 3.0)) for p in found]
    )
    recipe = recipe_of(prompt={"questions_per_sentence": 2, "kinds": "plain, rephrased, reversed"})
    progress: list[tuple[int, int, int]] = []
    found = write_pairs(base, [text], recipe, 0, ["Who was held out of the mill"], lambda *done: progress.append(done))
    assert [s.pair.question for s in found.scored] == ["Who runs the mill?", "Is the saw old?"]
    assert found.coverage == 0.6667  # "Yes." is nothing to ask about, a heading neither
    assert progress[:2] == [(0, 0, 6), (2, 2, 6)]
    assert progress[-1] == (2, 6, 6)
    rounds = pairs.ROUNDS
    # Each sentence is asked about until it has its two; a question is reworded only where there is one.
    per_sentence = Counter(sentence for _, sentence in writer.asked)
    assert per_sentence == {ABOUT[0]: 2 + rounds - 1, ABOUT[1]: 2 + rounds - 1, ABOUT[2]: 2 * rounds}
    assert {kind for kind, sentence in writer.asked if sentence == ABOUT[2]} == {"plain", "reversed"}
    assert ("rephrased", ABOUT[0]) in writer.asked
    # Only where the first round made no pair the next ones are cooler.
    hot = recipe.prompt.question_temperature
    assert [t for sentence, t in writer.temperatures if sentence == ABOUT[2]] == [hot] * 2 + [hot / 2] * 2 * (
        rounds - 1
    )
    assert {t for sentence, t in writer.temperatures if sentence == ABOUT[0]} == {hot}
    assert writer.min_ps == {("question", recipe.prompt.question_min_p), ("answer", 0.0)}
    unfinished = len(writer.asked) - 9
    assert found.dropped == {
        "answer did not end within prompt.answer_tokens": 1,
        "answer hardly likelier with the passage (prompt.min_gain)": 1,
        "held out for the evaluation": 1, "the likeliest answer has other facts": 1, "near-duplicate": 1,
        "not a question": 1, "one yes or no too many": 1,
        "question did not end within prompt.question_tokens": unfinished,
    }  # fmt: skip
    row = found.scored[1].as_dict()
    assert (row["document"], row["passage"], row["sentence"], row["gain"]) == ("guide.md", 0, 1, 3.0)


def test_all_sentences_of_a_long_passage_get_questions(
    plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """45 sentences and 30 questions: the shares reach from the first sentence to the last, and drafting ends there."""
    base = plain("llama")
    words = ["mill", "saw", "hall", "key", "lamp"]
    sentences = [f"The {words[n % 5]} number {n} is old." for n in range(45)]
    (text,) = tokenise([document_of(" ".join(sentences))], base.tokens, 4096)
    ordered: list[int] = []

    def write(
        base: Any, prompt_ids: Any, groups: Any, most: int, temperature: float, seed: int, *more: Any, **streams: Any
    ) -> list[Any]:
        found = []
        for prompt in map(base.tokens.decode, prompt_ids):
            number = int(prompt[prompt.rindex("Sentence: ") :].split("number ")[1].split(" ")[0])
            answering = "Answer the question" in prompt[prompt.rindex("Sentence: ") :]
            ordered.append(number)
            written = (
                f"It is old, number {number}."
                if answering
                else f"What is true of the {words[number % 5]} number {number}?"
            )
            found.append(continuation_of(base.tokens, written))
        return found

    monkeypatch.setattr(pairs, "write_drafts", write)
    monkeypatch.setattr(pairs, "support", lambda _, __, found, *___: [(-0.1, -1.0, 3.0) for _ in found])
    found = write_pairs(base, [text], recipe_of(prompt={"questions_per_passage": 30, "kinds": "plain"}), 0)
    asked = [s.sentence for s in found.scored]
    assert len(asked) == len(set(asked)) == 30
    assert sum(n >= 30 for n in asked) >= 5  # the last third has its share
    assert len(ordered) == 90  # a question, an answer and the likeliest answer each, nothing thrown away


def test_questions_for_names_do_not_count_as_the_pairs_that_a_sentence_lacks(plain: Callable[..., Any]) -> None:
    tokens = plain("llama").tokens
    (text,) = tokenise([document_of("Anna Vind has led Mill 7 since 4 May. It is cold.")], tokens, 200)
    sentences = askable_sentences(text, text.passages[0])
    drafter = Drafter(tokens, text, text.passages[0], sentences, recipe_of(), 0)
    about_anna = Request(0, "mention", mention="Anna Vind")
    what, both = (
        ScoredPair(drafting.DraftedPair(Pair("guide.md", 0, question, "Mill 7."), request), -0.1, -2.0, 5.0)
        for question, request in (("What does Anna Vind lead?", about_anna), ("Has Anna Vind led Mill 7?", PLAIN))
    )
    progress = pairs._PassagePairs(drafter, [1, 0], [what], 0)
    assert (progress.missing, progress.done, progress.is_complete(1)) == ({0: 1}, 0, False)
    progress.accepted.extend([both] * 2)
    assert (progress.missing, progress.done, progress.is_complete(1)) == ({}, 1, False)  # a name still lacks a question
    progress.accepted.append(both)
    assert (progress.missing, progress.done, progress.is_complete(1)) == ({}, 1, True)


def test_names_are_asked_for_until_they_are_in_enough_questions_and_progress_counts_the_other_pairs(
    plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = plain("llama")
    (text,) = tokenise([document_of("Anna Vind runs the old mill on the hill.")], base.tokens, 200)
    waiting = ["Who runs the mill?", "Who is on the hill?", "Who has the mill?", "What does Anna Vind run?"]
    kinds = list[str]()

    def write(base: Any, ids: Any, groups: Any, most: int, each: Any, *more: Any, **streams: Any) -> list[Any]:
        tasks = [base.tokens.decode(prompt).rsplit("Sentence: ", 1)[1] for prompt in ids]
        asked = [next((kind for kind in KINDS if f"\n{KINDS[kind]}" in task), "") for task in tasks]
        kinds.extend(filter(None, asked))
        answers = ("Anna Vind runs the old mill." if "Who" in task else "The old mill." for task in tasks)
        written = [waiting.pop(0) if kind else answer for kind, answer in zip(asked, answers, strict=True)]
        return [continuation_of(base.tokens, one) for one in written]

    monkeypatch.setattr(pairs, "write_drafts", write)
    monkeypatch.setattr(pairs, "support", lambda _, __, found, *___: [(-0.1, -1.0, 3.0) for _ in found])
    recipe = recipe_of(prompt={"questions_per_sentence": 2, "kinds": "plain, mention"})
    told = list[tuple[int, int, int]]()
    found = write_pairs(base, [text], recipe, 0, (), lambda *round_: told.append(round_))
    # The third draft lacks the name that it should contain, so that another round is needed for it.
    assert kinds == ["plain", "plain", "mention", "mention"] and waiting == []
    assert [s.drafted.request.mention for s in found.scored] == ["", "", "Anna Vind"]
    assert found.dropped == {drafting.NOT_MENTIONED: 1}
    assert told == [(0, 0, 2), (2, 2, 2), (2, 2, 2), (3, 2, 2), (3, 2, 2)]


def test_a_question_with_its_subject_is_no_duplicate_of_the_one_without(
    plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = plain("llama")
    (text,) = tokenise([document_of("In Ostrand one buys bread and cheese at the mill on Friday.")], base.tokens, 200)
    plain_one, with_subject = (
        "On which day does one buy bread and cheese?",
        "On which day does one buy bread and cheese in Ostrand?",
    )
    waiting = [plain_one, plain_one, with_subject, with_subject]
    asked = list[str]()

    def write(base: Any, ids: Any, groups: Any, most: int, each: Any, *more: Any, **streams: Any) -> list[Any]:
        tasks = [base.tokens.decode(prompt).rsplit("Sentence: ", 1)[1] for prompt in ids]
        kinds = [next((kind for kind in KINDS if f"\n{KINDS[kind]}" in task), "") for task in tasks]
        asked.extend(filter(None, kinds))
        written = [waiting.pop(0) if kind and waiting else "One buys bread and cheese on Friday." for kind in kinds]
        return [continuation_of(base.tokens, one) for one in written]

    monkeypatch.setattr(pairs, "write_drafts", write)
    monkeypatch.setattr(pairs, "support", lambda _, __, found, *___: [(-0.1, -1.0, 3.0) for _ in found])
    recipe = recipe_of(prompt={"questions_per_sentence": 3, "kinds": "plain, subject, subject, subject"})
    found = write_pairs(base, [text], recipe, 0)
    assert asked[:4] == ["plain", "plain", "subject", "subject"]
    assert [s.pair.question for s in found.scored] == [plain_one, with_subject]
    assert found.dropped["near-duplicate"] == 2  # the second of each


def test_questions_for_names_share_no_prompt_with_the_others_and_are_none_about_the_sentence(
    plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every prompt that rephrases a question would read the passage for itself."""
    base = plain("llama")
    documents = [document_of(f"Anna Vind runs {hall}. It is cold.", hall) for hall in ("Mill 7", "Mill 8")]
    group = [pairs._progress(base, t, t.passages[0], recipe_of(), 0, 0) for t in tokenise(documents, base.tokens, 200)]
    about_name = Request(0, "mention", mention="Anna Vind")
    for progress, asked in zip(group, ([PLAIN, about_name], [about_name]), strict=True):
        written = Pair(progress.drafter.passage.document, 0, "What does Anna Vind run?", "Mill 7.")
        progress.accepted.extend(ScoredPair(drafting.DraftedPair(written, r), -0.1, -2.0, 5.0) for r in asked)
    prompts, temperatures = defaultdict[Any, list[list[int]]](list), defaultdict[str, set[float]](set)

    def write(base: Any, ids: Any, groups: Any, most: int, each: Any, *more: Any, **streams: Any) -> list[Any]:
        for prompt, of, temperature in zip(ids, groups, each, strict=True):
            prompts[of].append(prompt)
            temperatures[base.tokens.decode(prompt).split("---\n")[-1]].add(temperature)
        return [continuation_of(base.tokens, "")] * len(ids)

    monkeypatch.setattr(pairs, "write_drafts", write)
    pairs._questions(base, recipe_of(), group, 0, 1, lambda *_: None)
    whole = [[base.tokens.decode(prompt) for prompt in of] for of in prompts.values()]
    shared = [base.tokens.decode(of[0][: shared_length(of)]) for of in prompts.values()]
    assert all(("It is cold" in start) == ("It is cold" in of[0]) for start, of in zip(shared, whole, strict=True))
    # Those without a passage share the worked examples, whatever passage they are for.
    assert any("Mill 7" in "".join(of) and "Mill 8" in "".join(of) for of in whole)
    # Of Mill 8 only a question for the name is written, so the next ones about its sentence are cooler.
    hot = recipe_of().prompt.question_temperature
    about = "Anna Vind runs Mill 8.\nWrite a question about"
    assert {t for task, each in temperatures.items() if about in task for t in each} == {hot / 2}


# -- questions to measure with -------------------------------------------------------------------------


def test_held_out_questions_are_gradable_and_know_their_passage(
    plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = plain("llama")
    (text,) = tokenise([document_of(TEXT)], base.tokens, 200)
    questions: dict[str, list[str | None]] = {
        ABOUT[0]: ["Who runs the mill?"],
        ABOUT[1]: ["What is old in the hall?"],
        ABOUT[2]: ["Who sweeps the hall?"],
    }
    writer = Writer(
        base.tokens, questions,
        {"Who runs the mill?": "It is Ada who runs it.", "What is old in the hall?": "The lamp."},
    )  # fmt: skip
    writer.shorts = {
        "Who runs the mill?": "Ada.", "What is old in the hall?": "The saw", "Who sweeps the hall?": "the cleaning company",
    }  # fmt: skip
    monkeypatch.setattr(held_out, "write_drafts", writer)
    found = write_held_out(base, [text], recipe_of(), 0, 5)
    assert found.questions == (Question("Who runs the mill?", ("Ada",), "guide.md", passage_index=0),)
    assert found.dropped == {"answer not in the passage": 1, "the base does not repeat the answer": 1}
    assert len(writer.asked) == 3  # every sentence once, and it ends


@pytest.mark.parametrize(("share", "limits"), [(0.0, [0, 0, 0, 0, 0]), (0.1, [1, 0, 1, 0, 1]), (1.0, [6] * 5)])
def test_yes_and_no_have_their_share_of_all_passages(
    plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, share: float, limits: list[int]
) -> None:
    """Not at least one of each passage, which would be 17 % of passages of one sentence."""
    base = plain("llama")
    (text,) = tokenise(
        [document_of("".join(f"# Hall {n}\n\nThe hall is cold.\n\n" for n in range(5)))], base.tokens, 16
    )
    recipe = recipe_of(prompt={"yes_no_share": share, "questions_per_sentence": 6})
    monkeypatch.setattr(pairs, "wanted_pairs", lambda *_: 6)
    found = [pairs._progress(base, text, text.passages[0], recipe, 0, 6 * n) for n in range(5)]
    assert [progress.yes_no for progress in found] == limits
