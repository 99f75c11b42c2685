"""How a model was prompted and where its answers end, if the files of its folder do not say so.

A base model has no chat template: vLLM then refuses conversations, and llama.cpp writes ChatML. One that got a chat
template often names only the end of whole texts as EOS, so that its answers would not end.
"""

from __future__ import annotations

from pathlib import Path

from disc_lite.hub.configuration import text_configuration
from disc_lite.hub.weights import read_object
from disc_lite.models.tokens import Tokens
from disc_lite.storage import JsonObject, write_json, write_text

TEMPLATE, GENERATION = "chat_template.jinja", "generation_config.json"
BESIDE = ("adapter", "gguf-lora")  # forms that are used with the files of the base


def add_settings(tokens: Tokens, folder: Path) -> None:
    """Write into a copy of the model folder what it lacks: the chat template, and the end of an answer as EOS."""
    if tokens.is_plain:
        write_text(folder / TEMPLATE, str(tokens.hf.get_chat_template()))
    settings = _generation(folder)
    if tokens.end_id not in (named := _named(settings)):
        write_json(folder / GENERATION, {**settings, "eos_token_id": [*named, tokens.end_id]})


def notes(tokens: Tokens, folder: Path, to: str) -> JsonObject:
    """Return what users of an export have to know, for its record and its card; `folder` is the model's."""
    found: JsonObject = {"thinking": "off"} if tokens.thinks_by_default else {}
    if tokens.is_plain and to in BESIDE:
        found["prompt_form"] = tokens.render([{"role": "user", "content": "QUESTION"}], prompt=True)
    if to == "adapter" and tokens.end_id not in _named(_generation(folder)):
        found["end"] = {"id": tokens.end_id, "token": str(tokens.hf.convert_ids_to_tokens(tokens.end_id))}
    return found


def _generation(folder: Path) -> JsonObject:
    """Return `generation_config.json`, or what transformers takes from `config.json` in its place."""
    if (folder / GENERATION).is_file():
        return read_object(folder / GENERATION)
    config = {**text_configuration(folder), **read_object(folder / "config.json")}
    keys = ("bos_token_id", "eos_token_id", "pad_token_id")
    return {key: config[key] for key in keys if config.get(key) is not None}


def _named(settings: JsonObject) -> list[int]:
    """Return the ids at which transformers and vLLM end an answer."""
    eos = settings.get("eos_token_id")
    return eos if isinstance(eos, list) else [] if eos is None else [eos]
