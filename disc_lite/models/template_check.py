"""Checks the chat template of a model: it begins once, ends with a stop token and renders all turns."""

from __future__ import annotations

from disc_lite.errors import EnvironmentNotReady
from disc_lite.models.tokens import Tokens

WITHOUT = (
    "This model has no chat template, so it is prompted with `Question: …  Answer:`. An instruct model answers better."
)
UNENDED = "The chat template writes nothing after an answer; the tokenizer's EOS, {}, is taken as its end."
THINKS = "This model always thinks before it answers, so answers are long and slow. An instruct model answers at once."
OPENINGS = ("<think>", "[THINK]", "<|channel|>analysis")


def check_template(tokens: Tokens) -> tuple[bool, str, bool]:
    """Return whether the chat template can be used, what was found, and whether to warn the user."""
    prompt, answer = tokens.turn("a", "one two")
    if answer[-1] not in tokens.stop_ids:
        return False, "An answer in the chat template does not end with a stop token.", False
    if "one two" not in (taught := tokens.decode(answer)):
        return False, f"The chat template turns the answer `one two` into `{taught.strip()}`.", False
    begins = sum(prompt[n : n + len(tokens.bos)] == tokens.bos for n in range(len(prompt))) if tokens.bos else 0
    if begins > 1:
        return False, f"A prompt in the chat template contains {begins} times the token that begins a text.", False
    try:
        tokens.conversation([("a", "b")], "c")
    except EnvironmentNotReady as error:  # single questions can be asked all the same
        return True, f"{error.what} {error.remedy}", True
    if tokens.is_plain:
        return True, WITHOUT, True
    if tokens.render([{"role": "user", "content": "a"}], prompt=True).rstrip().endswith(OPENINGS):
        return True, THINKS, True
    if tokens.ends_unwritten:
        return True, UNENDED.format(tokens.hf.eos_token), True
    thinking = "; thinking is switched off" if tokens.thinks else ""
    begins_with = f"begins without {tokens.beginning}, as it is written" if tokens.omits_bos else "begins once"
    return True, f"renders, {begins_with}, ends with one of {len(tokens.stop_ids)} stop tokens{thinking}", False
