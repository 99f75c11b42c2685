"""A model's tokenizer and chat template: text -> ids; text never becomes a control token.

Every added token of the tokenizer (also the non-special ones, such as `<think>`) is renamed to a private string that
no text contains, with the same id. So a document or a user message is tokenised as text only, and the control tokens
of the chat template are written with the private names. White space, prefix spaces and splits are left to the
tokenizer.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase

from disc_lite.documents.tokens import Offsets, blocks
from disc_lite.errors import EnvironmentNotReady
from disc_lite.hub.rendering import FROZEN_DATE, STAND_IN
from disc_lite.models.chat_template import rendered, stand_ins, template_parts
from disc_lite.models.control import private_name, rename_added_tokens
from disc_lite.packing import shared_length

BEFORE = ("\n", "a")  # a line break shares no token with a word after it, nor a letter with a line break
UNFINISHED = "\ufffd"  # what bytes decode to that are no complete character
# The chat template for base models, which have none.
PLAIN = (
    "{% for message in messages %}"
    "{{ 'Question: ' if message.role == 'user' else ' ' }}{{ message.content }}"
    "{{ '\n\nAnswer:' if message.role == 'user' else (eos_token or '') + '\n\n' }}{% endfor %}"
)


class Tokens:
    """Tokenizer, control tokens and chat template of one model folder."""

    def __init__(self, folder: Path) -> None:
        # With mistral-common installed and a tekken.json in the folder, its tokenizer would be used, without offsets.
        self.hf: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, mistral_format=False
        )
        if not getattr(self.hf, "is_fast", False):
            raise EnvironmentNotReady(
                f"The tokenizer in {folder} is not supported.",
                "disc-lite needs a fast tokenizer (tokenizer.json), for the character offsets of tokens.",
                "Convert it with transformers, or use a copy of the model that has a tokenizer.json.",
            )
        self._private, self._id_of, original = rename_added_tokens(self.hf.backend_tokenizer)
        # Id of the renamed tokenizer -> original id. Each is one object: an int takes 28 bytes, and the lessons of a
        # large corpus have ten million.
        self._original = [original.get(i, i) for i in range(1 + max(self._private.get_vocab().values()))]
        self.control_ids = frozenset(self._id_of.values())
        # A token may be a part of another one, so the longest come first.
        self._longest_first = sorted(self._id_of, key=len, reverse=True)
        self._spelled: dict[str, str] = {}  # by part of the template; there are few
        self._parts: dict[int, list[str]] = {}  # parts of a conversation, by its number of messages
        self.bos = self._bos()  # ids; empty if texts begin without one
        self.is_plain = not self.hf.chat_template  # a base model, which has none
        self.beginning = "".join(map(str, self.hf.convert_ids_to_tokens(self.bos)))  # `bos` as text
        self.hf.chat_template = self.hf.chat_template or self.beginning + PLAIN
        self._template = template_parts(self.hf)
        self.ends_unwritten = False  # whether the EOS ends answers because the template writes nothing after them
        self.stop_ids = self._ended(self._named_stops(folder))

    # -- text ------------------------------------------------------------------------------------

    def document(self, text: str) -> tuple[array[int], Offsets]:
        """Return ids and character offsets of a whole text, without BOS; never a control id."""
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
        """Return the text of ids, without control tokens."""
        return str(self.hf.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def pieces(self, ids: Iterable[int]) -> Iterator[str]:
        """Streaming `decode`: yield a text after every id, empty while a character is incomplete, and one at the end.

        Each id is decoded together with those of the previous text, since its text depends on its neighbours (a space
        in front, the other bytes of a character). An incomplete character at the very end is dropped.
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
        """Return a prompt of one user turn, up to the assistant's beginning; with `thinking` it may think first."""
        before, between = self._template.thinking if thinking else (self._template.before, self._template.between)
        return self._with_control(before, user.strip(), between)

    @property
    def thinks(self) -> bool:
        """Whether the template can switch thinking on and off."""
        return self._template.thinking != (self._template.before, self._template.between)

    @property
    def thinks_by_default(self) -> bool:
        """Whether the template has thinking on unless it is switched off, as it is in all prompts of disc-lite."""
        return self._template.thinks_by_default

    @property
    def omits_bos(self) -> bool:
        """Whether a conversation lacks the BOS that the tokenizer puts before other texts (TinyLlama-Chat, Zephyr)."""
        return bool(self.bos) and self.prompt("a")[: len(self.bos)] != self.bos

    @property
    def end_id(self) -> int:
        """The id that ends an answer."""
        return self.turn("a", "b")[1][-1]

    def conversation(self, turns: Sequence[tuple[str, str]], user: str) -> list[int]:
        """Return a prompt of earlier turns (user, assistant) and a user turn, up to the assistant's beginning."""
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
        """Return what the chat template writes around messages; the first and the last are the user's."""
        if messages not in self._parts:
            self._parts[messages] = self.render(stand_ins(messages), prompt=True).split(STAND_IN)
        return self._parts[messages]

    def turn(self, user: str, answer: str) -> tuple[list[int], list[int]]:
        """Return ids of a prompt with one user turn, and ids of the assistant's answer to it.

        The answer includes the token that ends it. It shares no token with the prompt, which has the ids that every
        program gives to the model, even if the prompt ends with a space (`Assistant: `).
        """
        template, prompt = self._template, self.prompt(user)
        whole = self._with_control(
            template.before, user.strip(), template.between + template.lead, answer.strip(), template.end
        )
        if whole[: len(prompt)] != prompt:  # a token spans the template's last character and the answer's first
            whole = prompt + self._continued(template.lead, answer.strip(), template.end)
        answer_ids = whole[len(prompt) :]
        # Control tokens before the answer (`</think>`) do not end it, and the model does not generate tokens after its
        # end (a line break).
        control = [i for i, token in enumerate(answer_ids) if token in self.control_ids]
        opening = len(self._control(template.lead))
        first = control[opening - 1] + 1 if opening else 0
        ends = (i for i in range(first, len(answer_ids)) if answer_ids[i] in self.stop_ids)
        return prompt, answer_ids[: next(ends, len(answer_ids)) + 1]

    def user_opening(self, words: str = "") -> list[int]:
        """Return the ids before a user turn and of its first words; the rest of the turn is sampled from there."""
        # The space before a word is part of its token, so the model generates it (Mistral's `[INST] `).
        return self._with_control(self._template.before if words else self._template.before.rstrip(" "), words, "")

    def after_user(self, user_ids: Sequence[int], words: str = "") -> list[int]:
        """Return a whole prompt from the ids of a user turn that was sampled after these words."""
        return self.user_opening(words) + list(user_ids) + self._continued(self._template.between)

    # -- rendering -------------------------------------------------------------------------------------

    def _with_control(self, *parts: str) -> list[int]:
        """Return ids of alternating parts: template text (with its control tokens) and contents (text only)."""
        spelled = "".join(part if number % 2 else self._spell(part) for number, part in enumerate(parts))
        encoding = self._private.encode(spelled, add_special_tokens=False)
        return [self._original[i] for i in encoding.ids]

    def _continued(self, template: str, *parts: str) -> list[int]:
        """Like `_with_control`, after other text: without the space that SentencePiece puts in front of a whole text.

        They are encoded behind a character that shares no token with them, whose tokens are left out.
        """
        for before in BEFORE:
            first, both = self._with_control(before), self._with_control(before + template, *parts)
            if both[: len(first)] == first:
                return both[len(first) :]
        return self._with_control(template, *parts)

    def _spell(self, part: str) -> str:
        """Return a part of the template with the private names of its control tokens."""
        if part not in self._spelled:
            spelled = part
            for token in self._longest_first:
                spelled = spelled.replace(token, private_name(self._id_of[token]))
            self._spelled[part] = spelled
        return self._spelled[part]

    def render(
        self, messages: list[dict[str, str]], prompt: bool, date: datetime = FROZEN_DATE, thinking: bool = False
    ) -> str:
        """Render the chat template for a conversation; with `prompt`, up to the assistant's beginning."""
        return rendered(self.hf, messages, prompt, date, thinking)

    def _bos(self) -> list[int]:
        """Return what the tokenizer puts before every text: BOS, or two tokens like GLM-4's `[gMASK]<sop>`."""
        return list(takewhile(self.control_ids.__contains__, self.hf("a")["input_ids"]))

    def _control(self, part: str) -> list[int]:
        """Return the control tokens in a part of the template."""
        return [i for i in self._with_control(part) if i in self.control_ids]

    def _named_stops(self, folder: Path) -> frozenset[int]:
        """Return the EOS ids that the folder names."""
        stops = {self.hf.eos_token_id}
        if (folder / "generation_config.json").is_file():
            eos = GenerationConfig.from_pretrained(folder, local_files_only=True).eos_token_id
            stops |= set(eos) if isinstance(eos, list) else {eos}
        return frozenset(i for i in stops if i is not None)

    def _ended(self, named: frozenset[int]) -> frozenset[int]:
        """Return the ids that end an answer: those the folder names, and the token that closes the template's turn.

        If the template writes none of the named ids after an answer, the answer ends with the EOS that opens the user's
        next turn (GLM-4's `<|user|>`), or, if it writes nothing at all, with the tokenizer's.
        """
        end, next_turn = self._template.end, self._template.next_turn
        closing, following = self._control(end), self._control(next_turn)[:1]
        if not named & set(closing):
            if named & set(following):
                token = str(self.hf.convert_ids_to_tokens(following[0]))
                end = next_turn.partition(token)[0] + token
            elif not end.strip() and self.hf.eos_token_id in self.control_ids:
                end, self.ends_unwritten = end + str(self.hf.eos_token), True
        self._template = replace(self._template, end=end)
        return named | set(self._control(end)[:1])


def common_prefix(prompts: Sequence[Sequence[int]]) -> list[int]:
    """Return the ids with which all prompts begin, without the last id of any prompt."""
    shortest = min(prompts, key=len)
    return list(shortest[: min(shared_length(prompts), len(shortest) - 1)])
