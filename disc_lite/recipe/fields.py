"""The kinds of values that a recipe holds, and how each is read from text.

YAML 1.1 reads `1e-4` as text, `1:30` as ninety and `no` as false. So every value arrives here
as it is written, whether from a file, from `--set` or from the environment, and the kind of
the setting alone decides what it means.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _as_number(value: object) -> object:
    """Text to int or float, `1e3` included; `True` is no number, though Python thinks so."""
    if not isinstance(value, (str, bool)):
        return value
    text = str(value).strip()
    try:
        # Through int where possible: a float holds no whole number above 2**53 exactly.
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        raise ValueError("not a number") from None


def _as_switch(value: object) -> object:
    """One of the words that YAML takes for true and false, to a bool; a number is none."""
    word = str(value).lower() if isinstance(value, (str, bool)) else ""
    if word not in _WORDS:
        raise ValueError("neither true nor false")
    return _WORDS[word]


AsNumber = BeforeValidator(_as_number)
Count = Annotated[int, AsNumber]
Number = Annotated[float, AsNumber]
Switch = Annotated[bool, BeforeValidator(_as_switch)]


class Section(BaseModel):
    """A group of settings: frozen, nothing unknown in it, no NaN and no infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# Like pydantic's own `Field` these return Any, for what stands right of `name: type =`.
def setting(default: Any, description: str, unit: str = "", **limits: Any) -> Any:
    """A setting's default, what it does, its unit and its limits (`ge`, `gt`, `le`, `lt`)."""
    return Field(default=default, description=description, json_schema_extra={"unit": unit}, **limits)


def section(kind: type[Section]) -> Any:
    """A group of settings inside a recipe; its default are the defaults of the settings."""
    return Field(default_factory=kind, description=(kind.__doc__ or "").strip())
