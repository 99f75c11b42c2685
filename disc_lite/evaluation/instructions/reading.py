"""The files of the package -> instructions and prompts; errors in them are reported when they load."""

from __future__ import annotations

import inspect
import json
import math
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

from disc_lite.errors import EnvironmentNotReady
from disc_lite.evaluation.instructions.checks import CHECKS, Check, Instruction
from disc_lite.storage import Json

INSTRUCTIONS = Path(__file__).with_name("instructions.jsonl")
NEUTRAL = Path(__file__).with_name("neutral.txt")


def load_instructions(path: Path = INSTRUCTIONS) -> tuple[Instruction, ...]:
    """Lines of `{"prompt": …, "checks": [{"kind": …, …}, …]}`.

    Raises EnvironmentNotReady with the number of the first invalid line: the file is damaged.
    """
    instructions = []
    for number, line in _lines(path):
        try:
            instructions.append(_instruction(json.loads(line)))
        except ValueError as error:
            raise EnvironmentNotReady(
                f"Line {number} of {path} is not an instruction.", f"{error}.", "Install disc-lite again."
            ) from error
    return tuple(instructions)


def neutral_prompts() -> tuple[str, ...]:
    """General questions to an assistant, about no document."""
    return tuple(line for _, line in _lines(NEUTRAL))


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentNotReady(f"{path} cannot be read.", str(error), "Install disc-lite again.") from error
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _instruction(row: Json) -> Instruction:
    if not isinstance(row, dict) or set(row) != {"prompt", "checks"}:
        raise ValueError("It needs `prompt` and `checks` and takes nothing else")
    prompt, checks = row["prompt"], row["checks"]
    if not _fits(prompt, str) or not isinstance(checks, list) or not checks:
        raise ValueError("`prompt` is a text and `checks` a list, and neither is empty")
    return Instruction(prompt, tuple(_check(check) for check in checks))


def _check(row: Json) -> Check:
    arguments = dict(row) if isinstance(row, dict) else {}
    kind = arguments.pop("kind", None)
    if not isinstance(kind, str) or kind not in CHECKS:
        raise ValueError(f"There is no check of the kind {kind!r}")
    try:
        inspect.signature(CHECKS[kind]).bind("an answer", **arguments)
    except TypeError as error:
        raise ValueError(f"The check `{kind}`: {error}") from error
    hints = get_type_hints(CHECKS[kind])
    for name, value in arguments.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"The check `{kind}` takes no {name} {value!r}")
    frozen = ((name, tuple(v) if isinstance(v, list) else v) for name, v in arguments.items())
    return Check(kind, tuple(frozen))


def _fits(value: Json, hint: object) -> bool:
    """Whether a JSON value is a valid argument; not empty, and no count below 1, which would check nothing."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint is int:
        return type(value) is int and value > 0
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    if hint is str:
        return isinstance(value, str) and value.strip() != ""
    return isinstance(value, list) and bool(value) and all(_fits(v, str) for v in value)
