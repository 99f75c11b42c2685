"""A model's tokenizer and chat template: text -> ids, where text never becomes a control token.

Every added token of the tokenizer (also the non-special ones, such as `<think>`) is renamed to a private string that
no text contains, with the same id. So a document or a user message is tokenised as text only, and the control tokens
of the chat template are written with the private names. White space, prefix spaces and splits are left to the
tokenizer.
"""

from __future__ import annotations

import functools
import json
import secrets
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2.exceptions import SecurityError
from tokenizers import AddedToken, Tokenizer
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase

from disc_lite.documents.tokens import Offsets, blocks
from disc_lite.errors import EnvironmentNotReady
from disc_lite.hub.rendering import require_bounded
from disc_lite.packing import shared_length

FROZEN_DATE = datetime(2024, 7, 26)  # the default date of Llama 3.1's own template
SENTINEL = "Xq7contentXq7"  # in place of a message while the template is rendered
UNFINISHED = "\ufffd"  # decoded from bytes that are no whole character
NONCE = secrets.token_hex(8)  # of this process, so that no text can contain the private names
# The chat template of a base model, which has none.
BEGINNING = "{{ bos_token }}"  # before it, where the tokenizer begins every text with it
PLAIN = (
    "{% for message in messages %}"
    "{{ 'Question: ' if message.role == 'user' else ' ' }}{{ message.content }}"
    "{{ '\n\nAnswer:' if message.role == 'user' else (eos_token or '') + '\n\n' }}{% endfor %}"
)


class Tokens:
    """Tokenizer, control tokens and chat template of one model folder."""

    def __init__(self, folder: Path) -> None:
        # Where mistral-common is installed and the folder has a tekken.json, its tokenizer would come, without offsets.
        self.hf: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, mistral_format=False
        )
        if not getattr(self.hf, "is_fast", False):
            raise EnvironmentNotReady(
                f"The tokenizer in {folder} is not supported.",
                "disc-lite needs a fast tokenizer (tokenizer.json), for the character offsets of tokens.",
                "Convert it with transformers, or use a copy of the model that has a tokenizer.json.",
            )
        self._private, self._id_of = _rename_added_tokens(self.hf.backend_tokenizer)
        self._original = {_id(self._private, _private_name(i)): i for i in self._id_of.values()}
        self.control_ids = frozenset(self._id_of.values())
        # A token may be part of another one, so the longest come first.
        self._longest_first = sorted(self._id_of, key=len, reverse=True)
        self._spelled: dict[str, str] = {}  # parts of the template, of which there are few
        self._parts: dict[int, list[str]] = {}  # of a conversation, by the number of its messages
        self.bos = self._bos()
        self.is_plain = not self.hf.chat_template  # a base model, which has none
        self.hf.chat_template = self.hf.chat_template or (BEGINNING if self.bos else "") + PLAIN
        self._template, self._thinking = self._render_template()
        self.stop_ids: frozenset[int] = frozenset()
        self.stop_ids = self._stop_ids(folder)

    # -- text ------------------------------------------------------------------------------------

    def document(self, text: str) -> tuple[array[int], Offsets]:
        """Ids and character offsets of a whole text, without BOS; never a control id."""
        ids = array("i")
        offsets = Offsets()
        for start, end in blocks(text):
            encoding = self._private.encode(text[start:end], add_special_tokens=False)
            ids.extend(encoding.ids)
            offsets.extend(encoding.offsets, start)
        return ids, offsets

    def text(self, text: str) -> list[int]:
        return list(self.document(text)[0])

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, control tokens left out."""
        return str(self.hf.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def pieces(self, ids: Iterable[int]) -> Iterator[str]:
        """Streaming `decode`: a text after every id, empty while a character is incomplete, and a last one at the end.

        Each id is decoded together with those of the previous text, since its text depends on its neighbours (a space
        in front, the other bytes of a character). An incomplete character at the very end is left out.
        """
        begin, end, seen = 0, 0, list[int]()  # seen[begin:end] are the ids of the previous text
        for token in ids:
            seen.append(token)
            before, now = self.decode(seen[begin:end]), self.decode(seen[begin:])
            whole = len(now) > len(before) and not now.endswith(UNFINISHED)
            yield now[len(before) :] if whole else ""
            if whole:
                begin, end = end, len(seen)
        yield self.decode(seen[begin:])[len(self.decode(seen[begin:end])) :].rstrip(UNFINISHED)

    # -- chat ------------------------------------------------------------------------------------

    def prompt(self, user: str, thinking: bool = False) -> list[int]:
        """A prompt of one user turn, up to where the assistant begins; `thinking`: before it thinks, if it can."""
        before, between = self._thinking if thinking else self._template[:2]
        return self._with_control(before, user.strip(), between)

    @property
    def thinks(self) -> bool:
        """Whether the template can switch thinking on and off."""
        return self._thinking != self._template[:2]

    def conversation(self, turns: Sequence[tuple[str, str]], user: str) -> list[int]:
        """A prompt of earlier turns (user, assistant) and a user turn, up to where the assistant begins."""
        messages = [text.strip() for turn in turns for text in turn] + [user.strip()]
        parts = self._conversation_parts(len(messages))
        if len(parts) != len(messages) + 1:
            raise EnvironmentNotReady(
                "This model's chat template does not write every turn of a conversation once.",
                f"Of {len(messages)} messages it wrote {len(parts) - 1}.",
                "Ask single questions with `disc-lite ask`; train with --set prompt.worked_examples=false.",
            )  # fmt: skip
        return self._with_control(*(text for pair in zip(parts, [*messages, ""], strict=True) for text in pair))

    def _conversation_parts(self, messages: int) -> list[str]:
        """What the chat template writes around so many messages, of which the user's are the first and the last."""
        if messages not in self._parts:
            roles = ("user", "assistant")
            stand_ins = [{"role": roles[n % 2], "content": SENTINEL} for n in range(messages)]
            self._parts[messages] = self.render(stand_ins, prompt=True).split(SENTINEL)
        return self._parts[messages]

    def turn(self, user: str, answer: str) -> tuple[list[int], list[int]]:
        """A user turn and the assistant's answer to it: ids of the prompt, ids of the answer.

        The answer includes the token that ends it, and any space the template puts before it.
        """
        before, between, after = self._template
        lead, end = after.split(SENTINEL)
        prompt = self.prompt(user)
        whole = self._with_control(before, user.strip(), between + lead, answer.strip(), end)
        answer_ids = whole[len(prompt) :]
        # Tokens of the template after the stop token (a line break) are not generated by the model.
        ends = [i for i, token in enumerate(answer_ids) if token in self.stop_ids]
        return prompt, answer_ids[: ends[0] + 1] if ends else answer_ids

    def user_opening(self) -> list[int]:
        """The ids before the first word of a user turn, from which prompts are sampled."""
        # The space before a word is part of its token, so the model generates it (Mistral's `[INST] `).
        return self._with_control(self._template[0].rstrip(" "), "", "")

    def after_user(self, user_ids: Sequence[int]) -> list[int]:
        """A whole prompt from the ids of a sampled user turn."""
        return self.user_opening() + list(user_ids) + self._with_control(self._template[1], "", "")

    # -- rendering -------------------------------------------------------------------------------------

    def _with_control(self, *parts: str) -> list[int]:
        """Ids of alternating parts: of the template (with its control tokens), and contents (text only)."""
        spelled = "".join(part if number % 2 else self._spell(part) for number, part in enumerate(parts))
        encoding = self._private.encode(spelled, add_special_tokens=False)
        return [self._original.get(i, i) for i in encoding.ids]

    def _spell(self, part: str) -> str:
        """A part of the template with the private names of its control tokens."""
        if part not in self._spelled:
            spelled = part
            for token in self._longest_first:
                spelled = spelled.replace(token, _private_name(self._id_of[token]))
            self._spelled[part] = spelled
        return self._spelled[part]

    def render(
        self, messages: list[dict[str, str]], prompt: bool, date: datetime = FROZEN_DATE, thinking: bool = False
    ) -> str:
        """The chat template rendered for a conversation; with `prompt`, up to where the assistant begins."""
        rendered: Any = self.hf.apply_chat_template(
            messages, tokenize=False, chat_template=self._dated_template(date), **_variables(prompt, date, thinking)
        )
        return str(rendered)

    def _dated_template(self, date: datetime) -> str:
        return _clock(date) + self.hf.get_chat_template()

    def _render_template(self) -> tuple[tuple[str, str, str], tuple[str, str]]:
        """What the chat template writes before the user's words, after them, and around an answer.

        Then the first two of these with thinking on.
        """
        user, answer = ({"role": role, "content": SENTINEL} for role in ("user", "assistant"))
        given = [([user], True, False), ([user], True, True), ([user, answer], False, False)]
        variables = [{**self.hf.special_tokens_map, "messages": messages, **_variables(prompt, FROZEN_DATE, thinking)}
                     for messages, prompt, thinking in [*given, ([user, answer, user], True, False)]]  # fmt: skip
        require_bounded(self._dated_template(FROZEN_DATE), variables)
        try:
            asked, thought, answered = (
                self.render(messages, prompt, thinking=thinking) for messages, prompt, thinking in given
            )
        except SecurityError as error:
            raise _unusable(f"It asks for what a template may not do, which was not done: {error}") from error
        except Exception as error:  # whatever a template can fail with
            raise _unusable(f"With a user turn alone it fails: {error}") from error
        if not (asked.count(SENTINEL) == thought.count(SENTINEL) == 1 and SENTINEL in answered):
            raise _unusable(f"It writes the words of a user {asked.count(SENTINEL)} times.")
        (before, between), thinking = asked.split(SENTINEL), thought.split(SENTINEL)
        start = before + SENTINEL + between
        # Some templates render a finished answer differently from the beginning of a new one (thinking blocks).
        after = answered[len(start) :] if answered.startswith(start) else SENTINEL + answered.rsplit(SENTINEL, 1)[1]
        if SENTINEL not in after:
            raise _unusable("It does not write the words of an answer.")
        return (before, between, after), (thinking[0], thinking[-1])

    def _bos(self) -> list[int]:
        bos = self.hf.bos_token_id
        return [bos] if bos is not None and self.hf("a")["input_ids"][:1] == [bos] else []

    def _stop_ids(self, folder: Path) -> frozenset[int]:
        """The ids that end an answer: the EOS ids of the folder, and the token that closes the template's turn."""
        stops = {self.hf.eos_token_id}
        if (folder / "generation_config.json").is_file():
            eos = GenerationConfig.from_pretrained(folder, local_files_only=True).eos_token_id
            stops |= set(eos) if isinstance(eos, list) else {eos}
        closing = [i for i in self.turn("a", "b")[1] if i in self.control_ids]
        return frozenset(i for i in stops | set(closing[:1]) if i is not None)


def _variables(prompt: bool, date: datetime, thinking: bool) -> dict[str, Any]:
    """What a chat template is given besides messages and control tokens."""
    return {
        "add_generation_prompt": prompt,
        "enable_thinking": thinking,
        "date_string": date.strftime("%d %b %Y"),
    }


def _unusable(why: str) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        "This model's chat template cannot be used.", why, "Use another model, or repair its chat_template.jinja."
    )


def _id(tokenizer: Tokenizer, token: str) -> int:
    token_id = tokenizer.token_to_id(token)
    assert token_id is not None
    return int(token_id)


@functools.cache
def _clock(date: datetime) -> str:
    """A template's `strftime_now` with a fixed date, as a macro: transformers passes no function to a template."""
    codes = {f"%{code}": date.strftime(f"%{code}") for code in "aAbBcdHIjmMpSUwWxXyY"}
    codes |= {f"%-{code}": date.strftime(f"%{code}").lstrip("0") or "0" for code in "dHIjmMSyUW"}
    filters = "".join(f" | replace({json.dumps(code)}, {json.dumps(text)})" for code, text in codes.items())
    # The line break is not rendered: transformers trims the first one after a block.
    return f"{{% macro strftime_now(format) %}}{{{{ format{filters} }}}}{{% endmacro %}}\n"


def _private_name(token_id: int) -> str:
    return f"\ue5d1{NONCE}.{token_id}\ue5d2"


def _rename_added_tokens(tokenizer: Tokenizer) -> tuple[Tokenizer, dict[str, int]]:
    """The same tokenizer with private names of the control tokens, and the id of each original name."""
    spec = json.loads(tokenizer.to_str())
    id_of = {token["content"]: token["id"] for token in spec["added_tokens"]}
    for token in spec["added_tokens"]:
        token["content"] = _private_name(token["id"])
    spec["post_processor"] = None
    renamed = Tokenizer.from_str(json.dumps({**spec, "added_tokens": []}))
    renamed.no_truncation()
    renamed.no_padding()
    flags = ("single_word", "lstrip", "rstrip", "normalized")
    renamed.add_special_tokens(
        [AddedToken(t["content"], special=True, **{k: t[k] for k in flags}) for t in spec["added_tokens"]]
    )
    return renamed, id_of


def common_prefix(prompts: Sequence[Sequence[int]]) -> list[int]:
    """The ids with which all prompts begin; at least the last id of each is left over."""
    shortest = min(prompts, key=len)
    return list(shortest[: min(shared_length(prompts), len(shortest) - 1)])
