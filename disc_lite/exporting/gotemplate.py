"""Converts a Jinja chat template to a Go template, which is what Ollama's TEMPLATE is (its docs/template.mdx).

The pieces that Jinja writes around the messages of system, user and assistant are found by rendering marks. From the
same pieces come the Go template and a rendering in Python, which must equal Jinja's on every conversation tried.
Messages have no white space at their ends (some templates trim it, Go cannot) and no tools.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from jinja2 import TemplateError

from disc_lite.errors import UsageError
from disc_lite.hub.rendering import FROZEN_DATE
from disc_lite.models import Tokens

Message = dict[str, str]
OTHER_DATE = datetime(2031, 1, 5, 13, 45, 56)  # text that changes with this date contains the date
MARKS = {"system": "Xq7systemXq7", "user": "Xq7userXq7", "assistant": "Xq7assistantXq7"}
REMEDY = "Run `ollama show --modelfile BASE` for the same base in Ollama, and give its output as the template."
# Text that in a Go template would open an action, end the value in the Modelfile, or be dropped by Ollama's parser.
_SPECIAL = re.compile(r'\{{2,}|\{\Z|"{3,}|[^\n\t -~]')


@dataclass(frozen=True)
class Pieces:
    """The text of a chat template around messages, without BOS."""

    bare: str  # at the start, without a system prompt
    before_system: str
    after_system: str
    late_system: bool  # the system prompt is inside the last user turn (Mistral)
    before_user: str
    after_user: str
    before_assistant: str
    after_assistant: str
    begin: str  # after the last user turn, where the model begins: often with an empty <think> block
    before_begun: str  # before an assistant message that the model continues

    def render(self, messages: Sequence[Message]) -> str:
        """Return what Ollama renders with `template` for the same messages."""
        system = messages[0]["content"] if messages[0]["role"] == "system" else ""
        turns = [m for m in messages if m["role"] != "system"]
        early = bool(system) and not self.late_system
        written = self.before_system + system + self.after_system if early else self.bare
        for left, turn in zip(range(len(turns), 0, -1), turns, strict=True):
            if turn["role"] == "user":
                late = system + self.after_system if system and self.late_system and left == 1 else ""
                written += self.before_user + late + turn["content"] + self.after_user
                written += self.begin if left == 1 else ""
            else:
                written += self.before_begun if left == 1 else self.before_assistant
                written += turn["content"] + (self.after_assistant if left > 1 else "")
        return written

    def template(self) -> str:
        """Return the Go template; Ollama passes System, and Messages with Role and Content (template/template.go).

        The system prompt is in both, so the loop skips it. Ollama lets the model continue a conversation that ends with
        the assistant, whose turn is then not closed.
        """
        text = {name: _literal(piece) for name, piece in vars(self).items() if isinstance(piece, str)}
        system = text["before_system"] + "{{ .System }}" + text["after_system"]
        late = "{{ $.System }}" + text["after_system"] if self.late_system else ""
        return (
            (text["bare"] if self.late_system else _if(".System", system, text["bare"]))
            + "{{ range $i, $_ := .Messages }}{{ $left := len (slice $.Messages $i) }}"
            + '{{ if eq .Role "user" }}'
            + (text["before_user"] + _if("and $.System (eq $left 1)", late) + "{{ .Content }}" + text["after_user"])
            + _if("eq $left 1", text["begin"])
            + '{{ else if eq .Role "assistant" }}'
            + (_if("eq $left 1", text["before_begun"], text["before_assistant"]) + "{{ .Content }}")
            + _if("gt $left 1", text["after_assistant"])
            + "{{ end }}{{ end }}"
        )

    def default_system(self) -> str:
        """Return the default system prompt of the template (Qwen2.5), or ""."""
        before, after = self.before_system, self.after_system
        fits = self.bare.startswith(before) and self.bare.endswith(after) and not self.late_system
        return self.bare[len(before) : len(self.bare) - len(after)] if fits else ""


def pieces_of(tokens: Tokens) -> Pieces:
    """Return the pieces, found by rendering marks; if a guess is wrong, the verification fails."""
    system, user, assistant = (marked(role) for role in MARKS)
    start, begin = _around(tokens, [user], prompt=True)
    _, after_user = _around(tokens, [user], prompt=False)
    _, before_begun, after_assistant = _around(tokens, [user, assistant], prompt=False)
    _, before_assistant, after_answer, _ = _around(tokens, [user, assistant, user], prompt=True)
    before_user = after_answer.removeprefix(after_assistant)
    before_system, after_system, _ = _around(tokens, [system, user], prompt=True)
    longer = _rendered(tokens, [system, user, assistant, user], prompt=True)
    late = longer.find(MARKS["system"]) > longer.find(MARKS["assistant"])
    return Pieces(
        bare=start.removesuffix(before_user),
        before_system=before_system,
        after_system=after_system if late else after_system.removesuffix(before_user),
        late_system=late,
        before_user=before_user,
        after_user=after_user,
        before_assistant=before_assistant.removeprefix(after_user),
        after_assistant=after_assistant,
        begin=begin.removeprefix(after_user),
        before_begun=before_begun.removeprefix(after_user),
    )


def marked(role: str) -> Message:
    return {"role": role, "content": MARKS[role]}


def _around(tokens: Tokens, messages: list[Message], prompt: bool) -> list[str]:
    """Return the text before, between and after the marked messages."""
    pieces = re.split("|".join(MARKS.values()), _rendered(tokens, messages, prompt))
    if len(pieces) != len(messages) + 1:
        raise cannot("It writes a message more than once, or not at all.")
    return pieces


def _rendered(tokens: Tokens, messages: list[Message], prompt: bool) -> str:
    """Return Jinja's rendering without BOS and without a line that contains the date.

    Ollama's tokenizer adds BOS if the GGUF says so, also to a prompt that begins with one
    (tokenizer/vocabulary.go, addSpecials: "adding bos token to prompt which already has it").
    A date in the Modelfile would be wrong tomorrow, and Ollama's own templates leave the line out too.
    """
    try:
        now, later = (tokens.render(messages, prompt, date) for date in (FROZEN_DATE, OTHER_DATE))
    except TemplateError as error:
        roles = ", ".join(message["role"] for message in messages)
        raise cannot(f"It refuses the roles {roles}: {error}.") from error
    adds_bos = tokens.bos == [tokens.hf.bos_token_id] and not tokens.omits_bos  # else the GGUF says that none is added
    bos = tokens.beginning if adds_bos else ""
    if not now.startswith(bos):
        raise cannot(f"It begins with {bos} only if there is no system prompt.")
    lines, others = now.removeprefix(bos).split("\n"), later.removeprefix(bos).split("\n")
    dated = [line for line, other in zip(lines, others, strict=False) if line != other]
    control = tokens.hf.get_added_vocab()
    if len(lines) != len(others) or any(name in line for line in dated for name in control):
        raise cannot("It writes the date in a line that also holds control tokens.")
    return "\n".join(line for line, other in zip(lines, others, strict=True) if line == other)


def conversations() -> Iterator[list[Message]]:
    """Yield conversations of one to four turns, with and without a system prompt, ending with user or assistant."""
    for system in ("", 'Be brief.\n{{ .System }} "so" {% x %}'):
        for turns in range(1, 5):
            talk = [{"role": "system", "content": system}] if system else []
            for n in range(1, turns + 1):
                talk.append({"role": "user", "content": f"Was ist {{{{ {n} }}}}?\n\n# Größe <b>'\"{n}"})
                talk.append({"role": "assistant", "content": f"{n}. `{{{{ end }}}}`\n- Es ist\t{n}"})
            yield talk[:-1]
            yield talk


def verify(tokens: Tokens, pieces: Pieces) -> None:
    for messages in conversations():
        begun = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
        text = _rendered(tokens, messages, prompt=not begun)
        if pieces.render(messages) != (text[: text.rfind(begun) + len(begun)] if begun else text):
            roles = ", ".join(message["role"] for message in messages)
            raise cannot(f"In a conversation of {roles} it writes different text.")


def cannot(why: str) -> UsageError:
    return UsageError("The model's chat template cannot be written as Ollama's TEMPLATE.", why, REMEDY)


def _literal(text: str) -> str:
    """Return text for a Go template: as it is, or as a Go string where it would be syntax."""

    def spelled(match: re.Match[str]) -> str:
        special = match.group()
        if special.isprintable() and special[0] not in '{"':
            return special
        return '{{ "' + "".join(c if c.isprintable() and c != '"' else f"\\U{ord(c):08x}" for c in special) + '" }}'

    return _SPECIAL.sub(spelled, text)


def _if(condition: str, then: str, other: str = "") -> str:
    if then == other:
        return then
    return f"{{{{ if {condition} }}}}{then}" + (f"{{{{ else }}}}{other}" if other else "") + "{{ end }}"
