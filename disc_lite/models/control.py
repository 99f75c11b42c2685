"""Renames the control tokens of a tokenizer to private names, which no text contains."""

from __future__ import annotations

import json
import secrets

from tokenizers import AddedToken, Tokenizer

NONCE = secrets.token_hex(8)  # new in each process, so that no text can contain the private names


def private_name(token_id: int) -> str:
    return f"\ue5d1{NONCE}.{token_id}\ue5d2"


def rename_added_tokens(tokenizer: Tokenizer) -> tuple[Tokenizer, dict[str, int], dict[int, int]]:
    """Return the tokenizer with private names of the control tokens, and two dictionaries.

    The first maps each original name to its original id; the second maps the id that it has now to the original one.
    """
    spec = json.loads(tokenizer.to_str())
    id_of = {token["content"]: token["id"] for token in spec["added_tokens"]}
    for token in spec["added_tokens"]:
        token["content"] = private_name(token["id"])
    spec["post_processor"] = None
    renamed = Tokenizer.from_str(json.dumps({**spec, "added_tokens": []}))
    renamed.no_truncation()
    renamed.no_padding()
    flags = ("single_word", "lstrip", "rstrip", "normalized")
    renamed.add_special_tokens(
        [AddedToken(t["content"], special=True, **{k: t[k] for k in flags}) for t in spec["added_tokens"]]
    )
    ids_now = {renamed.token_to_id(private_name(i)): i for i in id_of.values()}
    return renamed, id_of, {now: i for now, i in ids_now.items() if now is not None}
