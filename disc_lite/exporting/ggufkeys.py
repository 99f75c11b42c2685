"""The keys of a GGUF that decide how a model is prompted and where its answers end.

llama.cpp and the programs built on it take them from the file, not from the model folder. A base GGUF can have no chat
template, or another one than the model was trained with, and llama.cpp's converter has rules of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from disc_lite.exporting.ggufreading import Gguf, KeyValue, open_gguf
from disc_lite.exporting.proof import Check
from disc_lite.hub.rendering import rendered_texts, variables
from disc_lite.models.chat_template import stand_ins
from disc_lite.models.tokens import Tokens
from disc_lite.storage import Json

ADD_BOS, CHAT_TEMPLATE = "tokenizer.ggml.add_bos_token", "tokenizer.chat_template"
EOS, EOT, EOM = (f"tokenizer.ggml.{name}_token_id" for name in ("eos", "eot", "eom"))
# Tokens that have long ended an answer in llama.cpp whatever the keys say (src/llama-vocab.cpp).
KNOWN_ENDS = {
    "<EOT>", "<end_of_turn>", "<|end|>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", "<|end_of_text|>",
}  # fmt: skip
CONVERSATIONS = (1, 3)  # numbers of messages


def changed_keys(tokens: Tokens, base: Gguf) -> dict[str, KeyValue]:
    """Return the keys, with their values, in which a GGUF of the model has to differ from `base`."""
    changed: dict[str, KeyValue] = {}
    # llama.cpp and Ollama put BOS before every conversation, also if the chat template does not write it
    # (TinyLlama-Chat, Zephyr), so that the model never saw it there.
    if tokens.omits_bos and base.value(ADD_BOS) is not False:
        changed[ADD_BOS] = False
    if not _writes_the_same(tokens, base.value(CHAT_TEMPLATE)):
        changed[CHAT_TEMPLATE] = str(tokens.hf.get_chat_template())
    end = tokens.end_id
    if end not in map(base.value, (EOS, EOT, EOM)) and tokens.hf.convert_ids_to_tokens(end) not in KNOWN_ENDS:
        changed[EOT] = end
    return changed


def keys_line(path: Path, keys: Mapping[str, KeyValue]) -> list[Check]:
    """Return the check that a file has these values, or nothing if there are none."""
    if not keys:
        return []
    file = open_gguf(path)
    wrong = [f"{key} is {file.value(key)!r:.40}" for key, value in keys.items() if file.value(key) != value]
    text = ", ".join(wrong) or f"changed to what it was trained with: {', '.join(keys)}"
    return [Check("keys", not wrong, "read back with gguf", text)]


def _writes_the_same(tokens: Tokens, template: Json) -> bool:
    """Whether a chat template writes conversations as the model's own, apart from BOS, which llama.cpp puts there."""
    own, bos = tokens.hf.get_chat_template(), "" if tokens.omits_bos else tokens.beginning
    if template == own:
        return True
    if not isinstance(template, str):
        return False
    for messages in CONVERSATIONS:
        given = {**tokens.hf.special_tokens_map, "messages": stand_ins(messages), **variables(prompt=True)}
        ours, theirs = (rendered_texts(each, [given]) for each in (own, template))
        # A template of the model that cannot continue a conversation is compared on its beginning only.
        if ours and [text.removeprefix(bos) for text in theirs] != [text.removeprefix(bos) for text in ours]:
            return False
    return True
