"""What is streamed is what is said, the history fits, and the base knows nothing of the adapted model's answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from disc_lite.chat import conversation as conversing
from disc_lite.chat.conversation import Conversation, Turn, fitted, stripped
from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.evaluation.asking import answer
from disc_lite.models.generation import generate, stream
from disc_lite.models.tokens import Tokens
from disc_lite.qa import Question
from tests.models.test_tokens import PLAIN, control, rendered, spellings
from tests.tiny_models import CORPUS, NAMES, make_tokenizer

PROMPTS = [[30, 31, 32], [40], list(range(100, 140))]
STOPS = frozenset(range(200, 212))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tokens]:
    root = tmp_path_factory.mktemp("tokenizers")
    for name in NAMES:
        make_tokenizer(name, root / name)
    return {name: Tokens(root / name) for name in NAMES}


@pytest.fixture(params=NAMES)
def tokens(request: pytest.FixtureRequest, made: dict[str, Tokens]) -> Tokens:
    return made[request.param]


# -- the prompt of a conversation ----------------------------------------------------------------------------


def test_a_conversation_is_what_transformers_renders(tokens: Tokens) -> None:
    for n in range(4):
        turns = [(PLAIN[i % 5], PLAIN[(i + 2) % 5]) for i in range(n)]
        messages = [text for turn in turns for text in turn]
        for question in PLAIN:
            assert tokens.conversation(turns, question) == rendered(tokens, *messages, question)
    assert tokens.conversation([], " a ") == tokens.prompt("a")


def test_no_control_token_comes_out_of_a_conversation(tokens: Tokens) -> None:
    plain = control(tokens, tokens.conversation([("a", "b"), ("c", "d")], "e"))
    for name in spellings(tokens):
        text = f"x{name} {name}"
        ids = tokens.conversation([(text, text), (text, text)], text)
        assert control(tokens, ids) == plain
        assert tokens.decode(ids).count(text) == 5


def test_a_template_that_drops_turns_is_refused(tmp_path: Path) -> None:
    tokenizer = make_tokenizer("qwen2", tmp_path)
    tokenizer.chat_template = tokenizer.chat_template.replace("in messages", "in messages[-2:]")
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(EnvironmentNotReady, match="every turn"):
        Tokens(tmp_path).conversation([("a", "b"), ("c", "d")], "e")


# -- streaming -----------------------------------------------------------------------------------------------


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\ue5d1\ue5d2\ufffd"), max_size=30))
def test_pieces_make_the_text_and_no_half_character(made: dict[str, Tokens], text: str) -> None:
    for tokens in made.values():
        ids = tokens.text(f"{text} 🙂日本 é  a")
        whole, pieces = tokens.decode(ids), list(tokens.pieces(ids))
        assert "".join(pieces) == whole
        assert len(pieces) == len(ids) + 1
        for end in range(len(ids)):
            cut = "".join(tokens.pieces(ids[:end]))
            assert whole.startswith(cut)
            assert len(cut) >= len(tokens.decode(ids[:end]).rstrip("\ufffd")) - 1
            assert "\ufffd" not in cut


@given(ids=st.lists(st.integers(0, 300), max_size=30))
def test_pieces_of_anything_hold_back_only_what_may_change(made: dict[str, Tokens], ids: list[int]) -> None:
    for name in ("llama", "qwen2", "qwen3"):  # a byte-level decoder says the same in parts and together
        assert "".join(made[name].pieces(ids)) == made[name].decode(ids).rstrip("\ufffd")
    list(made["mistral"].pieces(ids))


def test_a_piece_is_given_before_the_next_id_is_taken(made: dict[str, Tokens]) -> None:
    for tokens in made.values():
        taken: list[int] = []

        def ids(tokens: Tokens = tokens, taken: list[int] = taken) -> Iterator[int]:
            for token in tokens.text(CORPUS[:80]):
                taken.append(token)
                yield token

        for number, _ in enumerate(tokens.pieces(ids()), 1):
            assert len(taken) == min(number, len(tokens.text(CORPUS[:80])))


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_is_what_generate_returns(plain: Callable[..., Any], name: str) -> None:
    for temperature in (0.0, 1.0):
        how: dict[str, Any] = {"stop_ids": STOPS, "max_new_tokens": 24, "temperature": temperature, "seed": 5}
        with plain(name).frozen(adapter=False) as model:
            for prompt in PROMPTS:
                (whole,) = generate(model, [prompt], **how)
                assert tuple(stream(model, prompt, **how)) == whole.ids


def test_a_stream_that_is_closed_stops_and_leaves_no_trace(plain: Callable[..., Any]) -> None:
    model, passes = plain("llama").causal, []
    handle = model.get_decoder().register_forward_pre_hook(lambda *given: passes.append(1))
    with closing(stream(model, PROMPTS[0], stop_ids=frozenset(), max_new_tokens=50)) as ids:
        next(ids), next(ids)
        assert torch.is_grad_enabled()
    handle.remove()
    assert len(passes) == 2


def test_white_space_around_an_answer_is_left_out() -> None:
    for pieces in ([" ", "\n a", " ", " b", "\n", " "], ["a"], [" "], [], ["", "a b", "  ", "", "c "]):
        assert "".join(stripped(pieces)) == "".join(pieces).strip()
        assert len(list(stripped(pieces))) == len(pieces)


# -- the conversation ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def adapted(load: Callable[..., Any]) -> Any:
    """A tiny model with an adapter that changes what it says."""
    return load("qwen3", rank=4, b=0.3)


def talk(conversation: Conversation, question: str, compare: bool = False) -> dict[str, str]:
    answers = {"base": "", "adapted": ""}
    for piece in conversation.ask(question, compare):
        answers[piece.side] += piece.text
    return answers


def test_the_first_answer_is_that_of_ask(adapted: Any) -> None:
    for question in PLAIN[:3]:
        answers = talk(Conversation(adapted, 1024, 40), question, compare=True)
        expected = [
            answer(adapted, [Question(question, ("",))], 40, adapter=on)[0].rstrip("\ufffd").strip()
            for on in (False, True)
        ]
        assert [answers["base"], answers["adapted"]] == expected
        assert answers["base"] != answers["adapted"]


def test_each_side_remembers_its_own_answers_only(adapted: Any) -> None:
    conversation = Conversation(adapted, 1024, 12)
    first = talk(conversation, "Who?", compare=True)
    second = talk(conversation, "And when?", compare=True)
    for side in ("base", "adapted"):
        prompt = adapted.tokens.conversation([("Who?", first[side])], "And when?")
        with adapted.frozen(adapter=side == "adapted") as model:
            (answers,) = generate(model, [prompt], stop_ids=adapted.tokens.stop_ids, max_new_tokens=12)
        assert second[side] == adapted.tokens.decode(answers.ids).rstrip("\ufffd").strip()


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_base_that_joins_later_has_the_same_history(adapted: Any, temperature: float) -> None:
    early, late = (Conversation(adapted, 1024, 12, temperature) for _ in range(2))
    expected = [talk(early, question, compare=True) for question in PLAIN[:3]]
    found = [talk(late, question, compare=n == 2) for n, question in enumerate(PLAIN[:3])]
    assert [answers["base"] for answers in found[:2]] == ["", ""]
    assert [answers["adapted"] for answers in found] == [answers["adapted"] for answers in expected]
    assert found[2] == expected[2]
    assert late.turns == early.turns


def test_the_oldest_turns_are_left_out_when_the_context_is_full(adapted: Any) -> None:
    tokens = adapted.tokens
    turns = [Turn(n, f"Question {n}?", f"Answer {n}.") for n in range(8)]
    whole = [(t.question, t.answer) for t in turns]
    lengths = [len(tokens.conversation(whole[n:], "Now?")) for n in range(9)]
    for dropped, length in enumerate(lengths):
        assert fitted(tokens, turns, "Now?", length) == (tokens.conversation(whole[dropped:], "Now?"), dropped)
        if dropped < 8:
            assert fitted(tokens, turns, "Now?", length - 1)[1] == dropped + 1
    with pytest.raises(UsageError, match="longer than"):
        fitted(tokens, turns, "Now?", lengths[-1] - 1)


def test_no_prompt_and_answer_together_outgrow_the_context(adapted: Any) -> None:
    conversation = Conversation(adapted, 100, 20)
    lengths: list[int] = []
    handle = adapted.causal.get_decoder().register_forward_pre_hook(
        lambda module, args, given: lengths.append(int(given["position_ids"].max()) + 1), with_kwargs=True
    )
    for n in range(8):
        talk(conversation, f"What opens at {n}?", compare=n > 5)
    handle.remove()
    assert 80 < max(lengths) <= 100
    assert conversation.dropped > 2
    assert conversation.turns["adapted"][-1].number == 7
    conversation.clear()
    assert (conversation.dropped, conversation.turns) == (0, {"base": [], "adapted": []})
    with pytest.raises(UsageError, match="longer than"):
        talk(conversation, "a long story " * 60)
    assert conversation.turns["adapted"] == []


@pytest.mark.parametrize(
    ("lengths", "cut"), [((5, 5), ("base", "adapted")), ((5, 4), ("base",)), ((4, 5), ("adapted",)), ((4, 4), ())]
)
def test_whether_an_answer_was_cut_is_known(
    adapted: Any, monkeypatch: pytest.MonkeyPatch, lengths: tuple[int, int], cut: tuple[str, ...]
) -> None:
    said = iter([*lengths, 4])
    monkeypatch.setattr(conversing, "stream", lambda *given, **named: iter([30] * next(said)))
    conversation = Conversation(adapted, 1024, 5)
    talk(conversation, "Who?", compare=True)
    assert conversation.cut == cut
    talk(conversation, "And when?")
    assert not conversation.cut  # that was of the answer before


def test_an_answer_that_is_stopped_is_remembered_as_far_as_it_came(adapted: Any) -> None:
    conversation = Conversation(adapted, 1024, 40)
    with closing(conversation.ask("Who?")) as pieces:  # type: ignore[type-var]
        answers = [next(pieces).text for _ in range(15)]
    (turn,) = conversation.turns["adapted"]
    assert turn == Turn(0, "Who?", "".join(answers))
    with closing(conversation.ask("What?", compare=True)) as pieces:  # type: ignore[type-var]
        while not conversation.turns["base"]:  # it catches up
            next(pieces)
        next(pieces)
    assert [t.number for t in conversation.turns["adapted"]] == [0]  # it had not begun
    assert [t.number for t in conversation.turns["base"]] == [0]
    with adapted.frozen(adapter=True):
        pass
    assert all(not m._disable_adapters for m in adapted._adapters)
    assert torch.is_grad_enabled()
