"""An OpenAPI or Swagger specification, parsed from JSON or YAML -> a section for each operation and each schema.

A section has the description, then the parameters, the fields of the request body, and the responses:

    # GET /pets/{id}

    Finds a pet.

    Parameters:

    - `id` (path, integer, required): The number of the pet.

    Responses:

    - 200 (Pet): The pet.
    - 404: There is no such pet.

Examples and what a reference to another file points to are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, TypeGuard
from urllib.parse import unquote

from disc_lite.documents.headings import Heading, find_headings
from disc_lite.documents.markdown import seen_text
from disc_lite.documents.source import Converted, RefusedFile

_VERSION_KEYS, _PARTS = ("openapi", "swagger"), ("paths", "webhooks", "components", "definitions")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_LIMITS = ("default", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern")
# Aliases of YAML can repeat a part, or put it into itself, without end.
_MAX_DEPTH = 4
_MAX_ITEMS = 500

_Node = dict[str, Any]


def is_specification(content: object) -> TypeGuard[_Node]:
    """Whether a parsed file is a specification of OpenAPI or Swagger."""
    has_version = isinstance(content, dict) and any(isinstance(content.get(key), str) for key in _VERSION_KEYS)
    return has_version and any(_node(_node(content).get(part)) for part in _PARTS)


def specification_text(content: _Node) -> Converted:
    """The text of a specification; each operation, schema and tag is a passage of its own."""
    specification = _Specification(content)
    sections = [(title, text) for title, text in specification.sections() if text]
    if not sections:
        raise RefusedFile("a specification without operations and schemas; leave it out")
    parts: list[str] = []
    headings: list[Heading] = []
    at = 0
    for title, text in [("", specification.introduction()), *sections]:
        if text:
            title = " ".join(title.split())
            top = f"# {title}\n\n" if title else ""
            parts.append(f"{top}{text}\n\n")
            headings += [Heading(at, 1, title)] if title else []
            # Headings in a description go below that of its section.
            inner = (one for one in find_headings(parts[-1], "markdown") if one.start >= len(top))
            headings += [replace(one, start=at + one.start, level=one.level + (title != "")) for one in inner]
            at += len(parts[-1])
    title = _line(_node(content.get("info")).get("title"))
    return Converted("".join(parts).removesuffix("\n"), "markdown", title, tuple(headings), alone=True)


class _Specification:
    """The parts of a specification as text; `root` holds what its references point to."""

    def __init__(self, root: _Node) -> None:
        self._root = root

    def introduction(self) -> str:
        """The description of the whole, its version, servers, and ways to authenticate."""
        info = _node(self._root.get("info"))
        version = _shown(info.get("version"))
        servers = [_item(_shown(one.get("url")), [], one.get("description")) for one in _nodes(self._root, "servers")]
        if host := _shown(self._root.get("host")):
            servers.append(f"- {host}{_shown(self._root.get('basePath'))}")
        schemes = self._shared("securitySchemes", "securityDefinitions")
        access = [_access(name, self._resolved(scheme)) for name, scheme in schemes.items()]
        listed = _listed("Servers", servers), _listed("Authentication", access)
        return _arranged(_prose(info), version and f"Version: {version}", *listed)

    def sections(self) -> Iterator[tuple[str, str]]:
        """Yield (heading, text) of each tag with a description, each operation and each schema."""
        yield from ((_shown(tag.get("name")), _prose(tag)) for tag in _nodes(self._root, "tags"))
        for path, item in [*_node(self._root.get("paths")).items(), *_node(self._root.get("webhooks")).items()]:
            item = self._resolved(item)
            for method in _METHODS:
                if isinstance(item.get(method), dict):
                    yield f"{method.upper()} {path}", self._operation(item, item[method])
        for name, schema in self._shared("schemas", "definitions").items():
            yield name, self._schema(_node(schema))

    def _shared(self, kind: str, older_kind: str) -> _Node:
        """The definitions of a kind, by its names in OpenAPI and in Swagger 2."""
        return _node(_node(self._root.get("components")).get(kind)) or _node(self._root.get(older_kind))

    def _operation(self, item: _Node, operation: _Node) -> str:
        """The text of an operation; parameters of its path that it does not define itself are its own."""
        parameters: dict[tuple[str, str], _Node] = {}
        for one in map(self._resolved, [*_nodes(item, "parameters"), *_nodes(operation, "parameters")]):
            parameters[_shown(one.get("name")), _shown(one.get("in"))] = one
        given = [line for (name, _), one in parameters.items() if name for line in self._lines(f"`{name}`", one)]
        body = self._resolved(operation.get("requestBody"))
        sent, *fields = self._lines("Request body", body) if body else [""]
        responses = _node(operation.get("responses")).items()
        returned = [line for status, one in responses for line in self._lines(_shown(status), self._resolved(one))]
        return _arranged(
            _prose(operation) or _prose(item),
            "Deprecated." if _is_true(operation.get("deprecated")) else "",
            _listed("Parameters", given),
            sent.removeprefix("- "),
            "\n".join(map(str.strip, fields)),
            _listed("Responses", returned),
        )

    def _schema(self, schema: _Node) -> str:
        facts = ", ".join(_facts(schema))
        fields = islice(self._fields(schema), _MAX_ITEMS)
        return _arranged(_prose(schema), facts and f"Type: {facts}", _listed("Fields", fields))

    def _lines(self, label: str, node: _Node) -> Iterator[str]:
        """Yield the list item of a parameter, body or response, and those of the fields of a schema without a name."""
        schema = _schema_of(node)
        facts = [_shown(node.get("in")), *_facts(schema), "required" if _is_true(node.get("required")) else ""]
        yield _item(label, facts, node.get("description") or schema.get("description"))
        yield from (f"  {line}" for line in islice(self._fields(schema), _MAX_ITEMS))

    def _fields(self, schema: _Node, before: str = "", depth: int = 0) -> Iterator[str]:
        """Yield a list item for each field of a schema, with fields in a field as `address.street`."""
        if depth == _MAX_DEPTH:
            return
        for base in _nodes(schema, "allOf"):
            if "$ref" in base:
                yield f"- all fields of {_type(base)}"
            yield from self._fields(base, before, depth + 1)
        items = _node(schema.get("items"))
        if items and before:
            yield from self._fields(items, f"{before[:-1]}[].", depth + 1)
        elif items:
            yield from self._fields(items, "", depth + 1)
        required = schema.get("required")
        for name, field in _node(schema.get("properties")).items():
            is_required = isinstance(required, list) and name in required
            facts = [*_facts(_node(field)), "required" if is_required else ""]
            yield _item(f"`{before}{name}`", facts, _node(field).get("description"))
            yield from self._fields(_node(field), f"{before}{name}.", depth + 1)

    def _resolved(self, node: object) -> _Node:
        """The part that a reference within the file points to; what is no reference is returned itself."""
        for _ in range(_MAX_DEPTH):
            reference = _node(node).get("$ref")
            if not isinstance(reference, str):
                break
            node = self._root if reference.startswith("#/") else {}
            for step in reference.split("/")[1:]:
                node = _node(node).get(unquote(step).replace("~1", "/").replace("~0", "~"))
        return _node(node)


def _access(name: str, scheme: _Node) -> str:
    facts = [_shown(scheme.get(key)) for key in ("type", "scheme", "in", "name")]
    return _item(f"`{name}`", facts, scheme.get("description"))


def _schema_of(node: _Node) -> _Node:
    """The schema of a parameter, body or response; in Swagger 2 a parameter is its own schema."""
    forms = [form for form in _node(node.get("content")).values() if isinstance(form, dict)]
    return _node(node.get("schema")) or (_node(forms[0].get("schema")) if forms else node)


def _facts(schema: _Node) -> list[str]:
    """The type of a schema and the limits of its values."""
    values = schema.get("enum")
    named = ", ".join(filter(None, map(_shown, values[:_MAX_ITEMS]))) if isinstance(values, list) else ""
    limits = [f"{name} {_shown(schema[name])}" for name in _LIMITS if _shown(schema.get(name))]
    return [*filter(None, [_type(schema), named and f"one of {named}"]), *limits]


def _type(schema: _Node, depth: int = 0) -> str:
    """The type of a schema in words: `integer int64`, `array of Pet`, `string or null`; empty for an object."""
    if isinstance(reference := schema.get("$ref"), str):
        return unquote(reference.rpartition("/")[2])
    choices = [*_nodes(schema, "oneOf"), *_nodes(schema, "anyOf")]
    if choices and depth < _MAX_DEPTH:
        return " or ".join(dict.fromkeys(filter(None, (_type(one, depth + 1) for one in choices[:_MAX_ITEMS]))))
    kind = schema.get("type")
    name = " or ".join(map(_shown, kind)) if isinstance(kind, list) else _shown(kind)
    if name == "array" and depth < _MAX_DEPTH:
        return f"array of {_type(_node(schema.get('items')), depth + 1) or 'objects'}"
    return "" if name == "object" else f"{name} {_shown(schema.get('format'))}".strip()


def _item(label: str, facts: Iterable[str], description: object) -> str:
    known = ", ".join(filter(None, facts))
    return ": ".join(filter(None, [f"- {label} ({known})" if known else f"- {label}", _line(description)]))


def _listed(title: str, items: Iterable[str]) -> str:
    lines = "\n".join(items)
    return lines and f"{title}:\n\n{lines}"


def _arranged(about: str, *others: str) -> str:
    """A description with other blocks below it, or above it if it has headings, which they are not under."""
    return _blocks(*others, about) if any(find_headings(about, "markdown")) else _blocks(about, *others)


def _blocks(*blocks: str) -> str:
    return "\n\n".join(filter(None, blocks))


def _prose(node: _Node) -> str:
    """The summary and the description of a part, as a reader sees their Markdown."""
    summary, text = _line(node.get("summary")), node.get("description")
    seen = seen_text(text).strip() if isinstance(text, str) else ""
    if not summary or summary.rstrip(".") == seen.rstrip("."):
        return seen
    return _blocks(summary if summary.endswith((".", "!", "?", "。")) else f"{summary}.", seen)


def _line(text: object) -> str:
    return " ".join(seen_text(text).split()) if isinstance(text, str) else ""


def _node(value: object) -> _Node:
    return value if isinstance(value, dict) else {}


def _nodes(parent: _Node, name: str) -> list[_Node]:
    values = parent.get(name)
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _shown(value: object) -> str:
    """A single value as text; a list or an object is none."""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, (str, int, float)) else ""


def _is_true(value: object) -> bool:
    return _shown(value).lower() == "true"
