"""Schemas of an OpenAPI or Swagger specification -> their types in words, and a list item for each of their fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from urllib.parse import unquote

from disc_lite.documents.markdown import seen_text

_LIMITS = (
    "const", "default", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "minItems", "maxItems", "pattern",
)  # fmt: skip
_STATES = {"deprecated": "deprecated", "readOnly": "read only", "writeOnly": "write only"}
_FILE_SUFFIX = re.compile(r"\.(?:json|ya?ml)$")
# Aliases of YAML can repeat a part, or put it into itself, without end.
_MAX_FIELD_DEPTH = 8
_MAX_TYPE_DEPTH = 3
_MAX_ITEMS = 500

Node = dict[str, Any]


def facts_of(schema: Node) -> list[str]:
    """The type of a schema and the limits of its values."""
    return [*filter(None, [type_of(schema)]), *_limits_of(schema)]


def _limits_of(schema: Node) -> list[str]:
    values = schema.get("enum")
    texts = ["null" if value is None else shown(value) for value in values] if isinstance(values, list) else []
    named = [*filter(None, texts)]
    named = [*named[:_MAX_ITEMS], "and others"] if len(named) > _MAX_ITEMS else named
    limits = [f"{name} {shown(schema[name])}" for name in _LIMITS if shown(schema.get(name))]
    states = [words for name, words in _STATES.items() if is_true(schema.get(name))]
    return [*([f"one of {', '.join(named)}"] if named else []), *limits, *states]


def type_of(schema: Node, depth: int = 0) -> str:
    """The type of a schema in words: `integer int64`, `array of Pet`, `string or null`; empty for an object."""
    name = _type_of(schema, depth)
    return f"{name or 'object'} or null" if is_true(schema.get("nullable")) else name


def _type_of(schema: Node, depth: int) -> str:
    if isinstance(reference := schema.get("$ref"), str):
        return _FILE_SUFFIX.sub("", unquote(reference.rpartition("/")[2]))
    kind = schema.get("type")
    name = " or ".join(map(shown, kind)) if isinstance(kind, list) else shown(kind)
    values = as_node(schema.get("additionalProperties"))
    if depth == _MAX_TYPE_DEPTH:
        pass
    elif choices := _choices_of(schema):
        return " or ".join(dict.fromkeys(filter(None, (_part(one, depth) for one in choices[:_MAX_ITEMS]))))
    elif bases := nodes_of(schema, "allOf"):
        names = [*dict.fromkeys(filter(None, (_part(one, depth, "") for one in bases[:_MAX_ITEMS])))]
        has_more = names and any("properties" in part for part in (schema, *bases))
        return " and ".join([*names, *(["more fields"] if has_more else [])])
    elif name == "array":
        return _collection("array", as_node(schema.get("items")), depth)
    elif values and "properties" not in schema:
        return _collection("map", values, depth)
    return "" if name == "object" else f"{name} {shown(schema.get('format'))}".strip()


def _collection(kind: str, inner: Node, depth: int) -> str:
    name = _part(inner, depth, "objects")
    return f"{kind} of {name}" if name else kind


def _part(schema: Node, depth: int, an_object: str = "object") -> str:
    """The type of a part of a type, with the limits of its values in brackets: `string (one of cat, dog)`."""
    name = type_of(schema, depth + 1) or (is_object(schema) and (shown(schema.get("title")) or an_object)) or ""
    limits = ", ".join(_limits_of(schema))
    return f"{name} ({limits})" if name and limits else name or limits


def is_object(schema: Node) -> bool:
    """Whether the values of a schema have fields, as far as its own lines say."""
    return shown(schema.get("type")) == "object" or "properties" in schema


def _choices_of(schema: Node) -> list[Node]:
    return [*nodes_of(schema, "oneOf"), *nodes_of(schema, "anyOf")]


def field_items(schema: Node) -> Iterator[str]:
    """Yield a list item for each field of a schema, with fields in a field as `address.street`."""
    fields = _fields(schema, "", "", 0, set())
    yield from islice(fields, _MAX_ITEMS)
    if next(fields, ""):
        yield "- and other fields"


def _fields(schema: Node, before: str, form: str, depth: int, seen: set[tuple[int, str]]) -> Iterator[str]:
    """Yield the items of fields whose names begin with `before`; `form` says that only one form of a value has them."""
    if depth == _MAX_FIELD_DEPTH or (id(schema), before) in seen:
        return
    seen.add((id(schema), before))
    for base in nodes_of(schema, "allOf"):
        if "$ref" in base and not before:
            yield f"- all fields of {type_of(base)}"
        yield from _fields(base, before, form, depth, seen)
    for number, choice in enumerate(_choices_of(schema), 1):
        yield from _fields(choice, before, f"in form {shown(choice.get('title')) or number}", depth, seen)
    if items := as_node(schema.get("items")):
        yield from _fields(items, before and f"{before[:-1]}[].", form, depth + (before != ""), seen)
    if values := as_node(schema.get("additionalProperties")):
        yield from _fields(values, f"{before}*.", form, depth + 1, seen)
    required = schema.get("required")
    for name, field in as_node(schema.get("properties")).items():
        is_required = isinstance(required, list) and name in required
        facts = [*facts_of(as_node(field)), "required" if is_required else "", form]
        yield list_item(f"`{before}{name}`", facts, as_node(field).get("description"))
        yield from _fields(as_node(field), f"{before}{name}.", "", depth + 1, seen)


def list_item(label: str, facts: Iterable[str], description: object) -> str:
    """A list item: `- label (facts): description`."""
    known = ", ".join(filter(None, facts))
    return ": ".join(filter(None, [f"- {label} ({known})" if known else f"- {label}", in_line(description)]))


def in_line(text: object) -> str:
    """A description in Markdown as a single line; empty if there is none."""
    return " ".join(seen_text(text).split()) if isinstance(text, str) else ""


def as_node(value: object) -> Node:
    """The value if it is an object, else an empty object."""
    return value if isinstance(value, dict) else {}


def nodes_of(parent: Node, name: str) -> list[Node]:
    """The objects in a list of a part; empty if there is no such list."""
    values = parent.get(name)
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def shown(value: object) -> str:
    """A single value as text; empty for a list, an object and null."""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, (str, int, float)) else ""


def is_true(value: object) -> bool:
    """Whether a value is true; values of YAML are read as texts."""
    return shown(value).lower() == "true"
