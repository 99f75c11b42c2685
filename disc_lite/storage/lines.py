"""Lines with a check sum: eight digits of a SHA-256, a space, and JSON."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

CHECK_DIGITS = 8


def line_of(value: Any) -> bytes:
    """A JSON value as a line with its check sum and line end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"{_check(text)} {text}\n".encode()


def value_in(line: bytes) -> Any:
    """The value of a line (given without its line end); None if it is torn or was changed."""
    try:
        check, _, text = line.decode().partition(" ")
        return json.loads(text) if check == _check(text) else None
    except ValueError:  # invalid encoding or JSON
        return None


def _check(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:CHECK_DIGITS]
