"""No text becomes a control token, and a prompt is what the model's own template renders (R21)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from disc_lite.distillation.examples import tokenise
from disc_lite.errors import EnvironmentNotReady
from disc_lite.models.control import NONCE
from disc_lite.models.tokens import Tokens, common_prefix
from tests.made import document_of
from tests.tiers import tried
from tests.tiny_models import CORPUS, NAMES, make_tokenizer

PLAIN = ("Who runs the workshop?", "Ada Brink\n\nruns: it!", "naïve  café — 日本 🙂", "a", "1. one\n2. two")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tokens]:
    found = {}
    for name in NAMES:
        folder = tmp_path_factory.mktemp(name)
        make_tokenizer(name, folder)
        found[name] = Tokens(folder)
    return found


@pytest.fixture(params=NAMES, scope="session")
def tokens(request: pytest.FixtureRequest, made: dict[str, Tokens]) -> Tokens:
    return made[request.param]


def spellings(tokens: Tokens) -> list[str]:
    return [token.content for token in tokens.hf.added_tokens_decoder.values()]


def control(tokens: Tokens, ids: list[int]) -> list[int]:
    return [i for i in ids if i in tokens.control_ids]


def rendered(tokens: Tokens, *messages: str, prompt: bool = True) -> list[int]:
    """The conversation as transformers renders it, with the same frozen date as ours."""
    roles = ("user", "assistant")
    chat = [{"role": roles[n % 2], "content": text} for n, text in enumerate(messages)]
    ids: Any = tokens.hf.apply_chat_template(
        chat, add_generation_prompt=prompt, enable_thinking=False, return_dict=False,
        chat_template=tokens.hf.chat_template.replace('strftime_now("%d %b %Y")', '"26 Jul 2024"'),
    )  # fmt: skip
    return list(ids)


def test_every_added_token_is_a_control_token(tokens: Tokens) -> None:
    assert (
        tokens.control_ids
        == set(tokens.hf.added_tokens_decoder)
        == set(tokens.hf.convert_tokens_to_ids(spellings(tokens)))
    )
    assert len(tokens.control_ids) >= 4


def test_no_text_becomes_a_control_token(tokens: Tokens) -> None:
    names = spellings(tokens)
    texts = [*names, "".join(names), " ".join(names), *(f"a{n}b" for n in names), *(f"\n {n}\n" for n in names)]
    texts += [f"{NONCE}", "\ue5d1.0\ue5d2", "\ue5d10.0\ue5d2"]  # spelled like a control token, except for the secret
    for text in texts:
        ids, offsets = tokens.document(text)
        assert not tokens.control_ids & set(ids), text
        assert tokens.decode(ids) == text
        assert len(ids) == len(offsets)
        prompt = tokens.prompt(text)
        assert control(tokens, prompt) == control(tokens, tokens.prompt("x"))
        prompt_ids, answer = tokens.turn(text, text)
        assert prompt_ids == prompt
        assert control(tokens, answer) == control(tokens, tokens.turn("x", "x")[1])
        assert text.strip() in tokens.decode(prompt)
        assert text.strip() in tokens.decode(answer)


@tried("R21")
@given(st.text(st.characters(codec="utf-8", exclude_characters="\ue5d1\ue5d2"), max_size=40), st.data())
def test_any_text_round_trips_without_control_tokens(made: dict[str, Tokens], text: str, data: st.DataObject) -> None:
    for tokens in made.values():
        text += data.draw(st.sampled_from(["", *spellings(tokens)]))
        normalizer = tokens.hf.backend_tokenizer.normalizer
        text = normalizer.normalize_str(text) if normalizer else text
        ids, offsets = tokens.document(text)
        assert not tokens.control_ids & set(ids)
        # A SentencePiece tokenizer drops one leading space as its own.
        assert tokens.decode(ids) == (text.removeprefix(" ") if tokens is made["mistral"] else text)
        covered = {place for start, end in offsets for place in range(start, end)}
        assert covered == set(range(len(text)))  # every character belongs to a token ...
        assert [start for start, _ in offsets] == sorted(start for start, _ in offsets)  # ... and they are in order


def test_prompts_and_turns_are_what_transformers_renders(tokens: Tokens) -> None:
    for user in PLAIN:
        prompt = tokens.prompt(user)
        assert prompt == rendered(tokens, user)
        assert prompt[: len(tokens.bos)] == tokens.bos
        for answer in PLAIN:
            prompt_ids, answer_ids = tokens.turn(user, answer)
            whole = rendered(tokens, user, answer, prompt=False)
            assert prompt_ids == prompt
            assert [*prompt_ids, *answer_ids] == whole[: len(prompt_ids) + len(answer_ids)]
            # The answer ends with the token that stops the model; the model does not write a line break after it.
            assert answer_ids[-1] in tokens.stop_ids
            assert not tokens.stop_ids & set(answer_ids[:-1])
            assert not tokens.decode(whole[len(prompt_ids) + len(answer_ids) :]).strip()


def test_a_sampled_turn_becomes_the_same_prompt(tokens: Tokens) -> None:
    for user in PLAIN:
        opening = tokens.user_opening()
        prompt = tokens.prompt(user)
        assert prompt[: len(opening)] == opening
        end = len(prompt) - len(tokens.after_user(())) + len(opening)
        assert tokens.after_user(prompt[len(opening) : end]) == prompt


def test_a_turn_sampled_after_its_first_words_becomes_the_same_prompt(tokens: Tokens) -> None:
    prompt, opening = tokens.prompt("What is the mass of the moon?"), tokens.user_opening("What")
    assert prompt[: len(opening)] == opening
    assert tokens.decode(opening).endswith("What")
    end = len(prompt) - len(tokens.after_user((), "What")) + len(opening)
    assert tokens.after_user(prompt[len(opening) : end], "What") == prompt


def test_bos_stops_and_thinking(tokens: Tokens, made: dict[str, Tokens]) -> None:
    bos, eos = tokens.hf.bos_token_id, tokens.hf.eos_token_id
    assert tokens.bos == ([] if bos is None else [bos])
    ends = {"llama": "<|end|>", "mistral": "</s>"}.get(next(n for n in NAMES if made[n] is tokens), "<|im_end|>")
    assert tokens.stop_ids == {eos, tokens.hf.convert_tokens_to_ids(ends)}
    if "</think>" in spellings(tokens):
        shut = tokens.hf.convert_tokens_to_ids("</think>")
        assert tokens.prompt("a").count(shut) == 1  # thinking ends before the answer begins
        assert shut not in tokens.turn("a", "b")[1]


def test_stop_ids_of_the_generation_configuration_count(tmp_path: Path) -> None:
    make_tokenizer("qwen2", tmp_path)
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [0, 7]}))
    assert Tokens(tmp_path).stop_ids == {0, 7, 2}


def test_the_date_is_frozen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from transformers.utils import chat_template_utils

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2031, 12, 5)

    tokenizer = make_tokenizer("llama", tmp_path)
    tokenizer.chat_template = (
        "\n  {% if true %}{{ strftime_now('%A %-d %B %Y %H:%M %j') }}{% endif %}" + tokenizer.chat_template
    )
    tokenizer.save_pretrained(tmp_path)
    before = Tokens(tmp_path)
    monkeypatch.setattr(chat_template_utils, "datetime", Tomorrow)
    after = Tokens(tmp_path)
    assert after.prompt("a") == before.prompt("a")
    assert before.decode(before.prompt("a")).startswith(
        "\nFriday 26 July 2024 00:00 208Today: 26 Jul 2024, 26 Jul 2024"
    )


def test_a_tokenizer_that_cannot_be_used_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = make_tokenizer("qwen3", tmp_path / "a")
    tokenizer.chat_template = "{{ raise_exception('No user may speak.') }}"
    shutil.rmtree(tmp_path / "a")
    tokenizer.save_pretrained(tmp_path / "a")
    with pytest.raises(EnvironmentNotReady, match="No user may speak"):
        Tokens(tmp_path / "a")
    make_tokenizer("qwen3", tmp_path / "b")
    monkeypatch.setattr("transformers.PreTrainedTokenizerFast.is_fast", False)
    with pytest.raises(EnvironmentNotReady, match=r"tokenizer\.json"):
        Tokens(tmp_path / "b")


def test_mistral_commons_tokenizer_is_not_taken_and_one_without_offsets_is_refused(
    folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If that package is installed, transformers prefers it to tokenizer.json, unless it is told not to."""
    usual = AutoTokenizer.from_pretrained

    def preferred(folder: Path, mistral_format: bool | None = None, **options: Any) -> Any:
        return usual(folder, **options) if mistral_format is False else object()

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", preferred)
    assert Tokens(folders("mistral")).hf.is_fast
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", lambda folder, **options: object())
    with pytest.raises(EnvironmentNotReady, match=r"tokenizer\.json"):
        Tokens(folders("mistral"))


def test_passages_are_cuts_of_a_document_that_is_tokenised_once(tokens: Tokens) -> None:
    documents = [document_of(CORPUS), document_of("One.\n\n  Two? Três 日本 🙂 <think>.", "b.md")]
    texts = tokenise(documents, tokens, 24)
    for text, document in zip(texts, documents, strict=True):
        assert text.ids == tokens.document(document.text)[0]
        assert [i for p in text.passages for i in text.ids[p.start : p.end]] == list(text.ids)
        assert "".join(document.text[p.char_start : p.char_end] for p in text.passages) == document.text
        assert all(p.end - p.start <= 24 for p in text.passages)
        for passage in text.passages:
            assert [i for s in passage.sentences for i in range(*s)] == list(range(passage.start, passage.end))
        sentences = [text.sentence_text(*s) for p in text.passages for s in p.sentences]
        if text.offsets[0][0] == 0:
            assert "".join(sentences) == document.text
    assert len(texts[0].passages) > 5


def test_equal_ids_of_prompts_are_one_object(tokens: Tokens) -> None:
    """Lessons have millions of ids, of 28 bytes each; Python itself shares only those up to 256."""
    first, second = tokens.prompt(CORPUS), tokens.prompt(CORPUS)
    assert max(first) > 256
    assert all(one is other for one, other in zip(first, second, strict=True))


def test_a_common_prefix_leaves_every_prompt_something() -> None:
    assert common_prefix([[1, 2, 3], [1, 2, 4]]) == [1, 2]
    assert common_prefix([[1, 2], [1, 2, 4]]) == [1]
    assert common_prefix([[1, 2, 3], [1, 2, 3]]) == [1, 2]
    assert common_prefix([[5]]) == []
    assert common_prefix([[1, 2], [3, 2]]) == []


def test_the_template_is_rendered_and_spelled_once(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some models have thousands of control tokens, and a run has hundreds of thousands of prompts."""
    turns = [("Who?", "Ada."), ("When?", "At nine.")]
    assert tokens.conversation(turns, "Where?") == rendered(
        tokens, *(text for turn in turns for text in turn), "Where?"
    )
    before = tokens.turn("Who?", "Ada.")
    for name in ("render", "_longest_first"):  # these do the work
        monkeypatch.setattr(tokens, name, None)
    assert tokens.turn("Who?", "Ada.") == before
    other = tokens.conversation([("Why?", "So."), ("How?", "Well.")], "What?")
    monkeypatch.undo()
    assert other == rendered(tokens, "Why?", "So.", "How?", "Well.", "What?")
