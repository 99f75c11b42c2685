"""Renders chat templates in a child process with limits on time, memory and length.

A template is a program by whoever made the model. Jinja's sandbox keeps it from files and processes, but not from
looping for days and writing gigabytes.
"""

from __future__ import annotations

import functools
import json
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from disc_lite.errors import EnvironmentNotReady
from disc_lite.hub.weights import read_object

TIMEOUT_S = 5  # processor time; the templates of all models in `disc-lite models` take milliseconds
CHILD_MEMORY_BYTES = 1 << 30
MOST_CHARACTERS = 1 << 20  # the longest of those templates write some thousand
WAIT_S = 120  # wall-clock time, since the machine may be busy
STAND_IN = "Xq7contentXq7"  # replaces every message while a template is rendered
FROZEN_DATE = datetime(2024, 7, 26)  # the date for every template: the default in Llama 3.1's template


def variables(prompt: bool, date: datetime = FROZEN_DATE, thinking: bool | None = False) -> dict[str, Any]:
    """The variables of a chat template besides messages and control tokens; None lets the template decide."""
    chosen = {} if thinking is None else {"enable_thinking": thinking}
    return {"add_generation_prompt": prompt, **chosen, "date_string": _in_words(date)}


def _in_words(date: datetime) -> str:
    return date.strftime("%d %b %Y")


def require_bounded(template: str, contexts: Sequence[Mapping[str, Any]]) -> None:
    """Raises EnvironmentNotReady if rendering the template with the variables `contexts` exceeds a limit.

    Errors of the template itself are not reported here: whoever renders it has a better message.
    """
    output = _child_output(template, json.dumps(contexts, default=str))
    if not output.startswith("["):
        raise unusable(
            f"It renders one short conversation as {int(output):,} characters." if output.isdigit() else output
        )


def unusable(why: str) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        "This model's chat template cannot be used.", why, "Use another model, or repair its chat_template.jinja."
    )


def rendered_parts(folder: Path, conversations: Sequence[Sequence[str]]) -> list[list[str]] | None:
    """The texts that a model folder's chat template writes around the messages of conversations, given as roles.

    A conversation that ends with the user's role includes the beginning of the assistant's turn. None if there is no
    template, or it fails, which is reported when the model is loaded.
    """
    try:
        config = read_object(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
        template_file = folder / "chat_template.jinja"
        template = template_file.read_text(encoding="utf-8") if template_file.is_file() else config.get("chat_template")
    except (OSError, ValueError, EnvironmentNotReady):
        return None
    if isinstance(template, list):
        named = [each for each in template if isinstance(each, dict) and each.get("name") == "default"]
        template = named[0].get("template") if named else None
    if not isinstance(template, str):
        return None
    names = {key: value.get("content") if isinstance(value, dict) else value
             for key, value in config.items() if key.endswith("_token")}  # fmt: skip
    contexts = [
        {**names, **variables(roles[-1] == "user"), "messages": [{"role": r, "content": STAND_IN} for r in roles]}
        for roles in conversations
    ]  # fmt: skip
    return [text.split(STAND_IN) for text in rendered_texts(template, contexts)] or None


def rendered_texts(template: str, contexts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The texts that a template writes with the variables `contexts`; none if it fails or exceeds a limit."""
    output = _child_output(template, json.dumps(contexts, default=str))
    texts: list[str] = json.loads(output) if output.startswith("[") else []
    return texts


@functools.cache
def _child_output(template: str, contexts: str) -> str:
    """The rendered texts as JSON, the length of a text that is too long, or a sentence about what went wrong."""
    try:
        # Started in the folder of the package, so that no file in the user's folder is imported.
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(TIMEOUT_S)], input=json.dumps([template, contexts]).encode(),
            capture_output=True, timeout=WAIT_S, check=False, cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"Rendering one short conversation took more than {WAIT_S} s."
    output = done.stdout.decode(errors="replace").strip()
    if output.isdigit() or output.startswith("["):
        return output
    if output == "memory":
        return f"Rendering one short conversation takes more than {CHILD_MEMORY_BYTES >> 30} GiB of memory."
    return f"Rendering one short conversation took more than {TIMEOUT_S} s, or crashed (exit status {done.returncode})."


def main(timeout_s: int) -> None:
    """Read template and variables from stdin; print the rendered texts, or the length of one that is too long."""
    resource.setrlimit(resource.RLIMIT_CPU, (timeout_s, timeout_s))
    if sys.platform == "linux":  # macOS refuses this limit and has only the time limit
        resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY_BYTES, CHILD_MEMORY_BYTES))
    template, contexts = json.load(sys.stdin)
    try:
        texts = _rendered(template, json.loads(contexts))
        longest = max(map(len, texts), default=0)
        print(json.dumps(texts) if longest <= MOST_CHARACTERS else longest)
    except MemoryError:
        print("memory")
    except Exception:  # an error of the template
        print("[]")


def _rendered(template: str, contexts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Render a template as transformers does: same sandbox, same settings, same functions."""
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """The `generation` block, which marks the assistant's tokens for training; its content is rendered."""

        tags = {"generation"}  # noqa: RUF012 - required by jinja2

        def parse(self, parser: Parser) -> list[nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = lambda value, **options: json.dumps(value, ensure_ascii=False)
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: _in_words(FROZEN_DATE)  # has about as many tokens as any date
    compiled = environment.from_string(template)
    return [compiled.render(**variables) for variables in contexts]


if __name__ == "__main__":
    main(int(sys.argv[1]))
