"""Teacher and student predict exactly the same tokens, and the teacher reads every token once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from disc_lite.distillation.disc import MIXED, disc_lessons
from disc_lite.distillation.examples import (
    AnsweredPrompt,
    Lesson,
    halves,
    next_token_lessons,
    retention_lesson,
    thinned,
    together,
    tokenise,
    within,
)
from disc_lite.distillation.methods import build_lessons
from disc_lite.distillation.prompting import AnswerPrompts, pair_example, prompt_lessons
from disc_lite.models import Tokens
from disc_lite.planning.amounts import disc_read_again
from disc_lite.prompts.texts import Text
from disc_lite.qa import Pair
from disc_lite.recipe.methods import METHODS
from tests.made import document_of, recipe_of
from tests.tiny_models import CORPUS, NAMES, make_tokenizer

PAIRS = [
    Pair("guide.md", 0, "Who runs the workshop?", "Ada Brink runs it."),
    Pair("guide.md", 0, "What opens at eight?", "The workshop."),
    Pair("guide.md", 0, "Who sweeps?", "<|end|> nobody </s>"),
    Pair("guide.md", 2, "What opens at eight?", "The saw."),
]


@pytest.fixture(scope="session", params=NAMES)
def tokens(request: pytest.FixtureRequest, folders: Callable[[str], Any]) -> Tokens:
    return Tokens(folders(request.param))


def texts_of(tokens: Tokens, passage_tokens: int = 48, repeat: int = 1) -> tuple[Text, ...]:
    return tokenise([document_of(CORPUS * repeat)], tokens, passage_tokens)


def path_ids(lesson: Lesson, segment: int) -> list[int]:
    part = lesson.sequence[segment]
    return [*(path_ids(lesson, part.parent) if part.parent >= 0 else []), *part.input_ids]


def check_same_tokens(lesson: Lesson) -> None:
    """Check that after each compared position teacher and student have the same token."""
    teacher_ids = [lesson.sequence[s].input_ids[p + 1] for s, p in lesson.teacher_at if p >= 0]
    assert len(teacher_ids) == len(lesson.teacher_at) > 0
    assert teacher_ids == [t for example in lesson.examples for t in example.target_ids]


@pytest.mark.parametrize("teacher_tokens", [160, 4096])
@pytest.mark.parametrize("passage_tokens", [24, 200])
def test_disc_covers_every_sentence_and_reads_hardly_a_token_twice(
    tokens: Tokens, passage_tokens: int, teacher_tokens: int
) -> None:
    recipe = recipe_of(disc={"teacher_tokens": teacher_tokens, "anchor": "heading"})
    (text,) = texts_of(tokens, passage_tokens, repeat=4)
    lessons = disc_lessons([text], tokens, recipe)
    for lesson in lessons:
        check_same_tokens(lesson)
        (segment,) = lesson.sequence
        assert lesson.tokens <= teacher_tokens
        assert segment.input_ids[: len(tokens.bos)] == tuple(tokens.bos)
    assert (len(lessons) > 4) == (teacher_tokens == 160)
    assert sum(lesson.tokens for lesson in lessons) <= (1.05 if teacher_tokens > 160 else 1.6) * len(text.ids)
    examples = [example for lesson in lessons for example in lesson.examples]
    # Each sentence is a target from its first token to its last.
    for example, (start, end) in zip(examples, wanted(text), strict=True):
        ids = tuple(text.ids[start:end])
        assert example.input_ids[-len(ids) :] == ids
        assert example.target_ids == ids


@pytest.mark.parametrize("anchor", ["heading", "lead_in"])
def test_the_teacher_of_a_later_window_has_read_at_least_the_anchor(tokens: Tokens, anchor: str) -> None:
    (text,) = texts_of(tokens, 24, repeat=4)
    recipe = recipe_of(disc={"teacher_tokens": 160, "anchor": anchor, "lead_in_tokens": 8})
    lessons = disc_lessons([text], tokens, recipe)
    assert len(lessons) > 4
    for lesson in lessons[1:]:
        read = lesson.sequence[0].input_ids[: lesson.teacher_at[0][1] + 1]
        example = lesson.examples[0]
        anchored = example.input_ids[len(tokens.bos) : example.compared[0] + 1]
        assert len(read) > len(anchored)
        shown = tokens.decode(read)
        for line in tokens.decode(anchored).split("\n"):
            assert line.lstrip("# ") in shown


@pytest.mark.parametrize("teacher_tokens", [160, 320])
def test_a_later_window_begins_with_whole_sentences_of_a_quarter(tokens: Tokens, teacher_tokens: int) -> None:
    """As many as fit after the headings; and the plan predicts how much the teacher reads again."""
    (text,) = texts_of(tokens, 24, repeat=12)
    recipe = recipe_of(disc={"teacher_tokens": teacher_tokens, "anchor": "none"})
    lessons = disc_lessons([text], tokens, recipe)
    sentences = [s for p in text.passages for s in p.sentences]
    quarter = (teacher_tokens - len(tokens.bos)) // 4
    for lesson in lessons[1:]:
        new = lesson.teacher_at[0][1] + 1 + (0 if tokens.bos else -1)  # first target, if anything precedes it
        before = list(lesson.sequence[0].input_ids[len(tokens.bos) : new])
        first = next(n for n, (start, _) in enumerate(sentences) if list(text.ids[start : start + 40]) == [
            *lesson.sequence[0].input_ids[new : new + 40]
        ])  # fmt: skip
        assert quarter // 2 <= len(before) <= quarter
        assert before[-5:] == list(text.ids[sentences[first][0] - 5 : sentences[first][0]])
    read = sum(lesson.tokens for lesson in lessons)
    planned = len(text.ids) + disc_read_again(len(text.ids), teacher_tokens)
    assert abs(read - planned) < 0.1 * planned


def test_a_section_is_found_as_by_looking_through_all(tokens: Tokens) -> None:
    (text,) = texts_of(tokens, 24, repeat=3)
    assert len(text.document.sections) > 2
    for at in range(len(text.document.text) + 1):
        naive = next((s for s in text.document.sections if s.start <= at < s.end), None)
        assert text.section(at) == naive


def test_a_sentence_longer_than_a_window_is_taught_in_parts(tokens: Tokens) -> None:
    (text,) = tokenise([document_of("Short. And " + "and the saw " * 80 + "stands.")], tokens, 1000)
    lessons = disc_lessons([text], tokens, recipe_of(disc={"teacher_tokens": 32}))
    for lesson in lessons:
        check_same_tokens(lesson)
    ((start, end),) = wanted(text)
    taught = [t for lesson in lessons for e in lesson.examples for t in e.target_ids]
    assert len(lessons) > 4
    assert max(lesson.tokens for lesson in lessons) == 32  # including BOS
    assert len(taught) >= end - start - (0 if tokens.bos else len(lessons))


def test_paper_targets_are_k_with_the_last_and_follow_the_seed(tokens: Tokens) -> None:
    (text,) = texts_of(tokens, repeat=2)
    recipe = recipe_of(disc={"targets": "paper", "targets_per_document": 5})
    drawn = [disc_lessons([text], tokens, recipe.model_copy(update={"seed": seed})) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    sentences = [tuple(text.ids[slice(*s)]) for p in text.passages for s in p.sentences]
    for lessons in drawn:
        (lesson,) = lessons
        targets = [example.target_ids for example in lesson.examples]
        assert len(targets) == 5
        assert targets[-1] == sentences[-1]
        assert set(targets) <= set(sentences[1:])
    alone = recipe_of(disc={"targets": "paper", "targets_per_document": 1})
    (lesson,) = disc_lessons([text], tokens, alone)
    assert [e.target_ids for e in lesson.examples] == [sentences[-1]]
    (short,) = tokenise([document_of("One only. And two.")], tokens, 100)
    assert len(disc_lessons([short], tokens, recipe)[0].examples) == 1
    (single,) = tokenise([document_of("# Title\n")], tokens, 100)
    assert disc_lessons([single], tokens, recipe) == []


def test_a_window_in_which_nothing_is_compared_is_no_lesson(tokens: Tokens) -> None:
    """A last sentence of one token has nothing before it if there is neither an anchor nor BOS."""
    (text,) = tokenise([document_of("Ada Brink runs the workshop. The")], tokens, 64)
    ((start, end),) = wanted(text)
    lessons = disc_lessons([text], tokens, recipe_of(disc={"anchor": "none"}))
    assert len(lessons) == (end - start > 1 or bool(tokens.bos))
    assert all(lesson.examples for lesson in lessons)


def before_targets(tokens: Tokens, anchor: str) -> list[tuple[str, list[int], Any]]:
    """For every example: the sentence, what the student reads before it, and the example."""
    (text,) = tokenise([document_of(CORPUS)], tokens, 60)
    recipe = recipe_of(disc={"anchor": anchor, "lead_in_tokens": 7})
    (lesson,) = disc_lessons([text], tokens, recipe)
    check_same_tokens(lesson)
    return [
        (text.sentence_text(start, end), list(example.input_ids[: start - end]), example)
        for example, (start, end) in zip(lesson.examples, wanted(text), strict=True)
    ]


def wanted(text: Text) -> list[tuple[int, int]]:
    """Every sentence after the first, except headings."""
    sentences = [(s, s[0] in p.headings) for p in text.passages for s in p.sentences]
    return [s for s, is_heading in sentences[1:] if not is_heading]


def test_anchors(tokens: Tokens) -> None:
    bos = tokens.bos
    for sentence, before, example in before_targets(tokens, "heading"):
        shown = tokens.decode(before)
        assert shown.startswith("# Guide")
        assert shown.endswith("\n\n") != sentence.startswith("\n")
        assert before[: len(bos)] == bos
        assert example.compared[0] == len(before) - 1
    seen = {tokens.decode(b).strip() for s, b, _ in before_targets(tokens, "heading") if "saw alone" in s}
    assert seen == {"# Guide\n## Rules"}
    document = tokens.text(CORPUS)
    for _, before, example in before_targets(tokens, "lead_in"):
        lead = before[len(bos) :]
        assert len(lead) == 7 or document[: len(lead)] == lead
        joined = [*lead, *example.target_ids]
        assert any(document[n : n + len(joined)] == joined for n in range(len(document)))
    chats = [before for sentence, before, _ in before_targets(tokens, "chat") if "saw alone" in sentence]
    assert chats[0] == tokens.prompt("Tell me about Rules.")
    for _, before, example in before_targets(tokens, "none"):
        assert before == bos
        # Without BOS nothing precedes the first token: it is read, but not compared.
        assert example.compared == tuple(range(len(example.input_ids) - 1))


def test_a_chat_anchor_is_the_prompt_of_a_template_without_bos(tmp_path: Path) -> None:
    """TinyLlama-Chat and Zephyr: their tokenizer puts BOS before a text, their chat template does not."""
    tokenizer = make_tokenizer("mistral", tmp_path)
    tokenizer.chat_template = tokenizer.chat_template.replace("{{- bos_token }}\n", "")
    tokenizer.save_pretrained(tmp_path)
    tokens = Tokens(tmp_path)
    assert tokens.bos and tokens.omits_bos
    chats = [before for sentence, before, _ in before_targets(tokens, "chat") if "saw alone" in sentence]
    assert chats == [tokens.prompt("Tell me about Rules.")] * 3


def test_mixed_anchors_share_one_reading_of_the_teacher(tokens: Tokens) -> None:
    (text,) = tokenise([document_of(CORPUS)], tokens, 60)
    lessons = {kind: disc_lessons([text], tokens, recipe_of(disc={"anchor": kind}))[0] for kind in ("mixed", *MIXED)}
    mixed = lessons["mixed"]
    check_same_tokens(mixed)
    assert len({lesson.sequence for lesson in lessons.values()}) == 1
    apart = [example for kind in MIXED for example in lessons[kind].examples]
    assert sorted(e.input_ids for e in mixed.examples) == sorted(e.input_ids for e in apart)


def test_prompt_children_read_the_whole_prompt_and_share_the_passage(tokens: Tokens) -> None:
    (text,) = texts_of(tokens)
    lessons = prompt_lessons([text], PAIRS, AnswerPrompts(tokens))
    assert [len(lesson.examples) for lesson in lessons] == [3, 1]
    pairs = iter(PAIRS)
    for lesson, passage in zip(lessons, (text.passages[0], text.passages[2]), strict=True):
        check_same_tokens(lesson)
        root = lesson.sequence[0]
        for number, example in enumerate(lesson.examples, 1):
            pair = next(pairs)
            prompt_ids, answer = tokens.turn(pair.question, pair.answer)
            assert example.input_ids == (*prompt_ids, *answer)
            assert example.target_ids == tuple(answer)
            assert lesson.sequence[number].parent == 0
            task = f"{text.passage_text(passage)}\n\n---\nAnswer without mentioning the text: {pair.question}"
            assert path_ids(lesson, number) == [*tokens.prompt(task), *answer]
            assert path_ids(lesson, number) == [*tokens.prompt(task), *tokens.turn(task, pair.answer)[1]]
        assert len(root.input_ids) > passage.end - passage.start  # the passage is in the shared part
    # Passage and pairs are read once.
    own = sum(len(e.input_ids) for lesson in lessons for e in lesson.examples)
    assert sum(lesson.tokens for lesson in lessons) < sum(len(x.sequence[0].input_ids) for x in lessons) + 2 * own


def test_a_passages_text_stands_in_its_prompt_under_its_headings(tokens: Tokens) -> None:
    (text,) = texts_of(tokens)
    for passage in text.passages:
        shown = text.passage_text(passage)
        assert text.document.text[passage.char_start : passage.char_end].strip("\n") in shown
        assert passage.heading_path[-1] in shown


def test_baselines_and_own_words(tokens: Tokens) -> None:
    (text,) = texts_of(tokens)
    examples = [lesson.examples[0] for lesson in next_token_lessons([text], tokens)]
    assert [t for e in examples for t in e.input_ids[len(tokens.bos) :]] == list(text.ids)
    missing = 0 if tokens.bos else len(text.passages)  # first tokens that nothing precedes
    assert sum(len(e.target_ids) for e in examples) == len(text.ids) - missing
    lesson = retention_lesson(AnsweredPrompt((1, 2, 3), (4, 5)))
    check_same_tokens(lesson)
    assert lesson.examples[0].target_ids == (4, 5)


def test_a_part_of_a_lesson_is_read_as_in_the_whole(tokens: Tokens) -> None:
    """Questions that are left out are not read by the teacher."""
    texts = texts_of(tokens)
    (lesson,) = [x for x in prompt_lessons(texts, PAIRS, AnswerPrompts(tokens)) if len(x.examples) == 3]
    part = thinned(lesson, {0, 2})
    assert [replace(example, rehearsed=False) for example in part.examples] == [lesson.examples[0], lesson.examples[2]]
    assert all(example.rehearsed for example in part.examples)
    check_same_tokens(part)
    assert [path_ids(part, n) for n in (1, 2)] == [path_ids(lesson, n) for n in (1, 3)]
    assert len(part.sequence) == 3
    whole = thinned(lesson, {0, 1, 2})
    assert (whole.sequence, whole.teacher_at) == (lesson.sequence, lesson.teacher_at)


def test_a_long_lesson_is_read_in_parts_of_so_many_tokens(tokens: Tokens) -> None:
    (text,) = texts_of(tokens, 200)
    asked = [Pair("guide.md", 0, f"Who runs workshop {n}?", "Ada Brink runs it. " * (1 + n % 3)) for n in range(11)]
    (lesson,) = prompt_lessons([text], asked, AnswerPrompts(tokens))
    shortest = max(len(path_ids(lesson, n)) for n in range(1, 12))  # length of a part with one pair
    for most in (lesson.tokens, lesson.tokens - 1, shortest, 1):
        parts = within(lesson, most)
        assert max(part.tokens for part in parts) <= max(most, shortest)
        assert [example for part in parts for example in part.examples] == list(lesson.examples)
        paths = [path_ids(part, n) for part in parts for n in range(1, 1 + len(part.examples))]
        assert paths == [path_ids(lesson, n) for n in range(1, 12)]
        for part in parts:
            check_same_tokens(part)
    assert within(lesson, lesson.tokens) == [lesson]
    assert len(within(lesson, 1)) == len(lesson.examples)


def test_a_lesson_of_one_text_or_one_pair_has_no_halves(tokens: Tokens) -> None:
    """Half of the sentences of a window are not read faster, because the last of them needs all before it."""
    (text,) = texts_of(tokens, 200)
    window, *_ = disc_lessons([text], tokens, recipe_of())
    (one,) = prompt_lessons(
        [text], [Pair("guide.md", 0, "Who runs the workshop?", "Ada Brink runs it.")], AnswerPrompts(tokens)
    )
    assert len(window.examples) > 1
    assert halves(window) == halves(one) == ()
    assert within(window, 1) == [window]


@pytest.mark.parametrize("method", METHODS)
def test_passages_that_are_taught_and_the_others_are_together_all(tokens: Tokens, method: str) -> None:
    recipe, texts = recipe_of(method=method), texts_of(tokens)
    halves = [build_lessons(texts, PAIRS, tokens, recipe, lambda p, odd=odd: p.index % 2 == odd) for odd in (0, 1)]
    whole = build_lessons(texts, PAIRS, tokens, recipe)
    assert sorted(map(repr, (*halves[0].examples, *halves[1].examples))) == sorted(map(repr, whole.examples))
    assert all(half.examples for half in halves[: 2 if method in ("disc", "next_token") else 1])
    for half in halves:  # and before a sentence the teacher has read as much as otherwise
        read = {(e, tuple(at)) for lesson in half.by_kind.get("disc", ()) for e, at in places(lesson)}
        assert read <= {(e, tuple(at)) for lesson in whole.by_kind.get("disc", ()) for e, at in places(lesson)}


def places(lesson: Lesson) -> list[tuple[Any, list[tuple[int, ...]]]]:
    """Every example, with what the teacher has read at each of its compared positions."""
    found, first = [], 0
    for example in lesson.examples:
        last = first + len(example.compared)
        found.append((example, [lesson.sequence[s].input_ids[: p + 1] for s, p in lesson.teacher_at[first:last]]))
        first = last
    return found


def test_examples_read_a_shared_system_turn_once(tokens: Tokens) -> None:
    """This also holds when pairs are scored or compared without a passage. Each is compared at its own tokens."""
    examples = [pair_example(pair, tokens) for pair in PAIRS]
    turn = tuple(range(2000, 2030))
    longer = [replace(e, input_ids=(*turn, *e.input_ids), compared=tuple(30 + p for p in e.compared)) for e in examples]
    sequences, places = together(longer)
    read = sum(len(segment.input_ids) for sequence in sequences for segment in sequence)
    assert read <= sum(len(example.input_ids) for example in examples) + len(turn)
    assert [sequences[n][s].input_ids[p] for n, s, p in places] == [e.input_ids[p] for e in longer for p in e.compared]
