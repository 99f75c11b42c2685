"""Writes a Modelfile for Ollama from a model folder; verifies its TEMPLATE against the folder's chat template."""

from __future__ import annotations

import re
from pathlib import Path

from disc_lite.errors import UsageError
from disc_lite.exporting.gotemplate import OTHER_DATE, REMEDY, cannot, marked, pieces_of, verify
from disc_lite.models import Tokens

# Models of Ollama's library with RENDERER and PARSER are rendered by Ollama's code, not by TEMPLATE.
COPIED = ("TEMPLATE", "RENDERER", "PARSER", "SYSTEM", "PARAMETER")
_COMMAND = re.compile(
    r'^[ \t]*([A-Za-z]+)[ \t]+("""[\s\S]*?"""(?=[ \t]*$)|"(?!"")[\s\S]*?"(?=[ \t]*$)|.*)', re.MULTILINE
)
HEADER = "# ollama create NAME -f Modelfile\n"
DERIVED = """\
# TEMPLATE is the model's own chat template, without tools{date}.
# Ollama 0.30 and later may use the one inside the GGUF instead, if that supports tools or thinking;
# `OLLAMA_GO_TEMPLATE=1 ollama serve` uses this one.
"""
MEASURED = """\
# Answers were measured without sampling; Ollama's own temperature is 0.8.
PARAMETER temperature 0
"""


def modelfile(folder: Path, gguf: str, adapter: str | None = None, template: str | None = None) -> str:
    """Return the text of a Modelfile for `gguf`, a file beside it that holds the model of `folder`.

    `adapter`: a LoRA GGUF beside it, only for Ollama before 0.34. `template`: text of another Modelfile
    (`ollama show --modelfile BASE`) whose TEMPLATE, SYSTEM and PARAMETER lines are taken as they are.
    Raises UsageError if the chat template cannot be written in Go, or the other Modelfile has no TEMPLATE.
    """
    head = HEADER + f"FROM ./{gguf}\n" + (f"ADAPTER ./{adapter}\n" if adapter else "")
    if template is not None:
        return head + "".join(f"{line}\n" for line in _copied_lines(template))
    tokens = Tokens(folder)
    pieces = pieces_of(tokens)
    verify(tokens, pieces)
    message = [marked("user")]
    dated = tokens.render(message, True) != tokens.render(message, True, OTHER_DATE)
    lines = [DERIVED.format(date=" and without the line with the date" if dated else "").rstrip("\n")]
    lines.append(f"TEMPLATE {_value(pieces.template())}")
    default = pieces.default_system()
    if default and _plain(default):  # TEMPLATE has it too, but here it is easy to change
        lines.append(f"SYSTEM {_value(default)}")
    names = [tokens.hf.added_tokens_decoder[i].content for i in sorted(tokens.stop_ids & tokens.control_ids)]
    lines += [MEASURED.rstrip("\n")]
    lines += [f"PARAMETER stop {_value(name, quote=chr(34))}" for name in names]
    return head + "\n".join(lines) + "\n"


def _plain(text: str) -> bool:
    """Whether Ollama's parser (parser/parser.go) reads a quoted value back unchanged.

    It drops unprintable characters, and ends a value at three quotes before the end of a line.
    """
    return '"""' not in text and all(c.isprintable() or c in "\n\t" for c in text)


def _value(text: str, quote: str = '"""') -> str:
    if not _plain(text) or (quote == '"' and ('"' in text or "\n" in text)):
        raise cannot(f"A Modelfile cannot hold the value {text!r}.")
    return f"{quote}{text}{quote}"


def _copied_lines(template: str) -> list[str]:
    """Return the lines of another Modelfile about prompts and sampling."""
    commands = [(name.upper(), value.strip()) for name, value in _COMMAND.findall(template.replace("\r\n", "\n"))]
    copied = [(name, value) for name, value in commands if name in COPIED]
    templates = [value for name, value in copied if name in ("TEMPLATE", "RENDERER")]
    if not templates:
        raise UsageError("The Modelfile of --template has no TEMPLATE.", "", REMEDY)
    if any("{%" in value for value in templates):
        raise UsageError(
            "The TEMPLATE in the Modelfile is Jinja.", "Ollama's is a Go template.", "Leave --template out."
        )
    return [f"{name} {value}" for name, value in copied]
