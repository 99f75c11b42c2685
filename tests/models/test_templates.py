"""All of an answer is taught: none of it is in the prompt's last token, and it ends where the model stops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers.processors import TemplateProcessing

from disc_lite.models.template_check import check_template
from disc_lite.models.tokens import Tokens
from tests.tiny_models import QWEN3, make_tokenizer

ANSWERS = ("Ada Brink runs it.", "yes", "no", "84 euros", "a", "he saw", "日本 🙂")
# name -> (text of each message, with `role` and `content`; text before the answer; tokens to add; EOS tokens)
TEMPLATES: dict[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]] = {
    # BitNet b1.58, and models fine-tuned on Vicuna's format.
    "space": ("{{ m.role | capitalize }}: {{ m.content }}<|im_end|>", "Assistant: ", (), ("<|im_end|>",)),
    "letter": ("{{ m.role }}T{{ m.content }}<|im_end|>", "assistantT", (), ("<|im_end|>",)),
    # Qwen3-4B-Thinking-2507 always thinks, and a finished answer has an empty thinking block.
    "thinking": (
        "<|im_start|>{{ m.role }}\n{% if loop.last and m.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}"
        "{{ m.content }}<|im_end|>\n",
        "<|im_start|>assistant\n<think>\n", ("<think>", "</think>"), ("<|im_end|>",),
    ),
    # GLM-4: the user's next turn ends an answer. GLM-Edge: the template opens an answer after every conversation.
    "glm4": ("<|{{ m.role }}|>\n{{ m.content }}", "<|assistant|>", ("<|user|>", "<|assistant|>"),
             ("<|endoftext|>", "<|user|>")),
    "edge": ("<|{{ m.role }}|>\n{{ m.content }}{% if loop.last and m.role == 'assistant' %}<|assistant|>{% endif %}",
             "<|assistant|>", ("<|user|>", "<|assistant|>"), ("<|endoftext|>", "<|user|>")),
    # Nemotron-Mini: its turns end with its EOS, which the template does not write.
    "nemotron": ("<extra_1>{{ m.role }}\n{{ m.content }}\n", "<extra_1>assistant\n", ("<extra_1>",), ("<|im_end|>",)),
}  # fmt: skip


def made(name: str, folder: Path, **changes: Any) -> Tokens:
    each, opening, added, eos = TEMPLATES[name]
    tokenizer = make_tokenizer("qwen2", folder)
    tokenizer.add_tokens(list(added))
    prompt = f"{{% if add_generation_prompt %}}{{{{ {json.dumps(opening)} }}}}{{% endif %}}"
    tokenizer.chat_template = f"{{% for m in messages %}}{each}{{% endfor %}}{prompt}"
    tokenizer.save_pretrained(folder)
    ids = tokenizer.convert_tokens_to_ids(list(eos))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": ids, **changes}))
    return Tokens(folder)


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_answer_is_taught_whole_and_ends_once(name: str, tmp_path: Path) -> None:
    tokens = made(name, tmp_path)
    assert check_template(tokens)[0]
    assert {tokens.hf.convert_ids_to_tokens(i) for i in tokens.stop_ids} == {"<|im_end|>", *TEMPLATES[name][3]}
    end = TEMPLATES[name][3][-1]
    for answer in ANSWERS:
        prompt, ids = tokens.turn("Who runs it?", answer)
        assert prompt == tokens.prompt("Who runs it?")
        assert tokens.hf.convert_ids_to_tokens(ids[-1]) == end
        assert tokens.decode([i for i in ids if i not in tokens.control_ids]).strip() == answer
        rendered = tokens.render([{"role": "user", "content": "Who runs it?"}], prompt=True)
        assert tokens.hf.decode(prompt).rstrip() == rendered.rstrip()


def test_a_prompt_that_ends_with_a_space_is_taught_as_other_programs_write_it(tmp_path: Path) -> None:
    tokens = made("space", tmp_path)
    prompt, answer = tokens.turn("Who?", "Ada Brink")
    assert tokens.decode(prompt).endswith("Assistant: ")
    assert tokens.decode(answer[:-1]) == "Ada Brink"
    assert prompt == tokens.prompt("Who?")
    assert tokens.conversation([("Who?", "Ada Brink")], "Who?")[-len(prompt) :] == prompt
    assert not tokens.thinks


def sentencepiece(folder: Path, template: str | None) -> Tokens:
    """Mistral's kind of tokenizer, which puts a space in front of a whole text."""
    tokenizer = make_tokenizer("mistral", folder)
    tokenizer.chat_template = template
    (folder / "chat_template.jinja").unlink()
    tokenizer.save_pretrained(folder)
    return Tokens(folder)


def test_no_second_space_stands_before_an_answer(tmp_path: Path) -> None:
    each = "{{ m.role | capitalize }}: {{ m.content }}{{ eos_token }}"
    prompt = "{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}"
    tokens = sentencepiece(tmp_path, f"{{% for m in messages %}}{each}{{% endfor %}}{prompt}")
    for answer in ANSWERS:
        prompt_ids, ids = tokens.turn("Who?", answer)
        assert tokens.decode([*prompt_ids, *ids]) == f"User: Who?Assistant: {answer}"


def test_no_space_stands_between_a_sampled_turn_and_the_template(tmp_path: Path) -> None:
    tokens = sentencepiece(tmp_path, None)
    assert tokens.is_plain
    prompt, opening = tokens.prompt("Who runs it?"), tokens.user_opening()
    end = len(prompt) - len(tokens.after_user(())) + len(opening)
    assert tokens.after_user(prompt[len(opening) : end]) == prompt
    assert tokens.decode(prompt) == "Question: Who runs it?\n\nAnswer:"


def test_an_answer_shares_no_token_with_the_prompt(tmp_path: Path) -> None:
    tokens = made("letter", tmp_path)
    prompt, answer = tokens.turn("Who?", "he saw")
    assert [*prompt, *answer][: len(prompt)] == prompt == tokens.prompt("Who?")
    assert tokens.decode(answer) == "he saw"
    assert tokens.text("assistantThe") != [*tokens.text("assistantT"), *tokens.text("he")]  # `The` is one token


def test_an_end_that_is_not_written_is_told(tmp_path: Path) -> None:
    passed, text, told = check_template(made("nemotron", tmp_path))
    assert (passed, told) == (True, True)
    assert "<|im_end|>, is taken as its end" in text


@pytest.mark.parametrize("template", [True, False])
def test_all_that_the_tokenizer_begins_a_text_with_is_its_beginning(tmp_path: Path, template: bool) -> None:
    """GLM-4 begins texts with `[gMASK]<sop>`, two tokens, neither of which is its BOS."""
    tokenizer = made("glm4", tmp_path).hf
    tokenizer.chat_template = "[gMASK]<sop>" + tokenizer.chat_template if template else None
    tokenizer.add_tokens(["[gMASK]", "<sop>"])
    begin = tokenizer.convert_tokens_to_ids(["[gMASK]", "<sop>"])
    processor = TemplateProcessing("[gMASK] <sop> $A", None, list(zip(("[gMASK]", "<sop>"), begin, strict=True)))
    tokenizer.backend_tokenizer.post_processor = processor
    (tmp_path / "chat_template.jinja").unlink()
    tokenizer.save_pretrained(tmp_path)
    tokens = Tokens(tmp_path)
    assert tokens.hf.bos_token is None
    assert tokens.bos == begin
    assert tokens.prompt("Who?")[:3] == [*begin, tokens.prompt("Who?")[2]]
    assert check_template(tokens)[0] and not tokens.omits_bos
    if template:
        (tmp_path / "chat_template.jinja").write_text("[gMASK]<sop>" + tokens.hf.chat_template)
        assert "2 times" in check_template(Tokens(tmp_path))[1]


def test_an_eos_that_cuts_answers_is_refused(tmp_path: Path) -> None:
    tokens = made("glm4", tmp_path)
    cutting = tokens.turn("a", "one two")[1][2]
    passed, text, _ = check_template(made("glm4", tmp_path, eos_token_id=[cutting]))
    assert not passed
    assert "`one two`" in text


@pytest.mark.parametrize(("default", "thinks"), [("true", True), ("false", False)])
def test_whether_a_template_thinks_unless_told_otherwise(tmp_path: Path, default: str, thinks: bool) -> None:
    """Qwen3 does, Granite does not; disc-lite always tells it not to."""
    tokenizer = make_tokenizer("qwen3", tmp_path)
    tokenizer.chat_template = f"{{% set enable_thinking = enable_thinking | default({default}) %}}{QWEN3}"
    tokenizer.save_pretrained(tmp_path)
    tokens = Tokens(tmp_path)
    assert tokens.thinks and tokens.thinks_by_default is thinks
    assert "</think>" in tokens.hf.convert_ids_to_tokens(tokens.prompt("a"))
