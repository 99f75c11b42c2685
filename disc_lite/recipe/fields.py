"""The types of values in a recipe, and how each is parsed from text.

YAML 1.1 reads `1e-4` as text, `1:30` as ninety and `no` as false. So every value arrives here as it is written, whether
in a file, with `--set` or in the environment, and only the type of the setting decides what it means.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

LONGEST = 1 << 20  # tokens; no model has a longer context
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _as_number(value: object) -> object:
    """Parse text as int or float, also `1e3`; a bool is not a number, although it is an int in Python."""
    if not isinstance(value, (str, bool)):
        return value
    text = str(value).strip()
    try:
        # As an int if possible: a float does not hold every whole number above 2**53.
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        raise ValueError("not a number") from None


def _as_switch(value: object) -> object:
    """Parse one of YAML's words for true and false as a bool; numbers are not accepted."""
    word = str(value).lower() if isinstance(value, (str, bool)) else ""
    if word not in _WORDS:
        raise ValueError("neither true nor false")
    return _WORDS[word]


AsNumber = BeforeValidator(_as_number)
Count = Annotated[int, AsNumber]
Number = Annotated[float, AsNumber]
Switch = Annotated[bool, BeforeValidator(_as_switch)]


class Section(BaseModel):
    """A group of settings: frozen, without unknown keys, NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# Like pydantic's own `Field`, these return Any, so that they can be the default of an annotated field.
def setting(default: Any, description: str, unit: str = "", **limits: Any) -> Any:
    """Define a setting by its default, description, unit and limits (`ge`, `gt`, `le`, `lt`)."""
    return Field(default=default, description=description, json_schema_extra={"unit": unit}, **limits)


def section(kind: type[Section]) -> Any:
    """Define a section of a recipe; its default has the defaults of its settings."""
    return Field(default_factory=kind, description=(kind.__doc__ or "").strip())
