"""An OpenAPI or Swagger specification, parsed from JSON or YAML -> a section for each operation and each schema.

A section has the description, then the parameters, the fields of the request body, and the responses:

    # GET /pets/{id}

    Finds a pet.

    Parameters:

    - `id` (path, integer, required): The number of the pet.

    Responses:

    - 200 (Pet): The pet.
    - 404: There is no such pet.

Examples are not read, nor is what a reference to another file points to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeGuard
from urllib.parse import unquote

from disc_lite.documents.headings import Heading, find_headings
from disc_lite.documents.markdown import seen_text
from disc_lite.documents.openapiparts import access_items, authentication, part_items, server_items
from disc_lite.documents.openapischemas import (
    Node,
    as_node,
    facts_of,
    field_items,
    in_line,
    is_object,
    is_true,
    nodes_of,
    shown,
    type_of,
)
from disc_lite.documents.source import Converted, Part, RefusedFile, joined

_VERSION_KEYS, _PARTS = ("openapi", "swagger"), ("paths", "webhooks", "components", "definitions")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_MAX_REFERENCES = 4  # references that point to references
_LISTED_FILES = 3


def is_specification(content: object) -> TypeGuard[Node]:
    """Whether a parsed file is a specification of OpenAPI or Swagger."""
    has_version = isinstance(content, dict) and any(shown(content.get(key)) for key in _VERSION_KEYS)
    return has_version and any(as_node(as_node(content).get(part)) for part in _PARTS)


def specification_text(content: Node) -> Converted:
    """The text of a specification; each operation, schema and tag is a passage of its own."""
    specification, warning = _Specification(content), _warning(_other_files(content))
    sections = [(title, text) for title, text in specification.sections() if text]
    if not sections:
        raise RefusedFile(warning or "a specification without operations and schemas; leave it out")
    introduction = specification.introduction()
    parts = (_part(title, text) for title, text in [("", introduction), *sections] if text)
    return joined(parts, "markdown", in_line(as_node(content.get("info")).get("title")), warning=warning)


def _part(title: str, text: str) -> Part:
    """The text of a section below its title; headings in a description go below that of its section."""
    title = " ".join(title.split())
    top = f"# {title}\n\n" if title else ""
    part = f"{top}{text}\n\n"
    inner = (one for one in find_headings(part, "markdown") if one.start >= len(top))
    headings = [Heading(0, 1, title)] if title else []
    return part, [*headings, *(replace(one, level=one.level + (title != "")) for one in inner)]


class _Specification:
    """The parts of a specification as text; `root` holds what its references point to."""

    def __init__(self, root: Node) -> None:
        self._root = root

    def introduction(self) -> str:
        """The description of the whole, its version, servers, and ways to authenticate."""
        info = as_node(self._root.get("info"))
        version = shown(info.get("version"))
        servers = [one for server in nodes_of(self._root, "servers") for one in server_items(server)]
        if host := shown(self._root.get("host")):
            servers.append(f"- {host}{shown(self._root.get('basePath'))}")
        schemes = self._shared("securitySchemes", "securityDefinitions").items()
        access = [one for name, scheme in schemes for one in access_items(name, self._resolved(scheme))]
        listed = _listed("Servers", servers), _listed("Authentication", access)
        return _arranged(_prose(info), version and f"Version: {version}", *listed, authentication(self._root))

    def sections(self) -> Iterator[tuple[str, str]]:
        """Yield (heading, text) of each tag with a description, each operation and each schema."""
        yield from ((shown(tag.get("name")), _prose(tag)) for tag in nodes_of(self._root, "tags"))
        for path, one in as_node(self._root.get("paths")).items():
            yield from self._operations(path, self._resolved(one))
        for name, one in as_node(self._root.get("webhooks")).items():
            yield from self._operations(f"{name} (webhook)", self._resolved(one))
        for name, schema in self._shared("schemas", "definitions").items():
            yield name, _schema(as_node(schema))

    def _shared(self, kind: str, older_kind: str) -> Node:
        """The definitions of a kind, by its names in OpenAPI and in Swagger 2."""
        return as_node(as_node(self._root.get("components")).get(kind)) or as_node(self._root.get(older_kind))

    def _operations(self, path: str, of_path: Node, is_callback: bool = False) -> Iterator[tuple[str, str]]:
        """Yield (heading, text) of each operation of a path and of its callbacks, which have none of their own."""
        for method in _METHODS:
            operation = of_path.get(method)
            if isinstance(operation, dict):
                title = f"{method.upper()} {path}"
                yield title, self._operation(of_path, operation)
                for name, callback in {} if is_callback else as_node(operation.get("callbacks")).items():
                    for address, one in self._resolved(callback).items():
                        called = f"{address} (callback {name} of {title})"
                        yield from self._operations(called, self._resolved(one), is_callback=True)

    def _operation(self, of_path: Node, operation: Node) -> str:
        """The text of an operation; parameters of its path that it does not define itself are its own."""
        parameters: dict[tuple[str, str], Node] = {}
        for one in map(self._resolved, [*nodes_of(of_path, "parameters"), *nodes_of(operation, "parameters")]):
            parameters[shown(one.get("name")), shown(one.get("in"))] = one
        given = [text for (name, _), one in parameters.items() if name for text in part_items(f"`{name}`", one)]
        name, body = shown(operation.get("operationId")), self._resolved(operation.get("requestBody"))
        sent, *fields = part_items("Request body", body) if body else [""]
        responses = as_node(operation.get("responses")).items()
        returned = [text for status, one in responses for text in self._response(shown(status), self._resolved(one))]
        return _arranged(
            _prose(operation) or _prose(of_path),
            "Deprecated." if is_true(operation.get("deprecated")) else "",
            name and f"Operation ID: {name}",
            authentication(operation),
            _listed("Parameters", given),
            sent.removeprefix("- "),
            "\n".join(text.removeprefix("  ") for text in fields),
            _listed("Responses", returned),
        )

    def _response(self, status: str, response: Node) -> Iterator[str]:
        yield from part_items(status, response)
        for name, header in as_node(response.get("headers")).items():
            yield from (f"  {text}" for text in part_items(f"header `{name}`", self._resolved(header)))

    def _resolved(self, part: object) -> Node:
        """The part that a reference within the file points to; what is no reference is returned itself."""
        for _ in range(_MAX_REFERENCES):
            reference = as_node(part).get("$ref")
            if not isinstance(reference, str):
                break
            part = self._root if reference.startswith("#/") else {}
            for step in reference.split("/")[1:]:
                part = as_node(part).get(unquote(step).replace("~1", "/").replace("~0", "~"))
        return as_node(part)


def _other_files(root: Node) -> list[str]:
    """The names of the files that references point to, except in examples."""
    files: dict[str, None] = {}
    seen: set[int] = set()  # aliases of YAML can put a part into itself
    parts: list[object] = [root]
    while parts:
        part = parts.pop()
        if id(part) in seen:
            continue
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str) and not reference.startswith("#"):
                files[reference.partition("#")[0]] = None
            parts += [inner for name, inner in part.items() if name not in ("example", "examples")]
        elif isinstance(part, list):
            parts += part
        seen.add(id(part))
    return sorted(files)


def _warning(files: list[str]) -> str:
    if not files:
        return ""
    listed = ", ".join(files[:_LISTED_FILES]) + (", …" if files[_LISTED_FILES:] else "")
    return f"parts in other files are not read ({listed}): make one file of them, as `redocly bundle` does"


def _schema(schema: Node) -> str:
    fields = [*field_items(schema)]
    facts = facts_of({**schema, "allOf": []} if fields else schema)
    facts = ["object", *facts] if facts and is_object(schema) and not type_of(schema) else facts
    return _arranged(_prose(schema), f"Type: {', '.join(facts)}" if facts else "", _listed("Fields", fields))


def _listed(title: str, items: Iterable[str]) -> str:
    lines = "\n".join(items)
    return lines and f"{title}:\n\n{lines}"


def _arranged(about: str, *others: str) -> str:
    """A description with other blocks below it, or above it if it has headings, which they are not under."""
    return _blocks(*others, about) if any(find_headings(about, "markdown")) else _blocks(about, *others)


def _blocks(*blocks: str) -> str:
    return "\n\n".join(filter(None, blocks))


def _prose(part: Node) -> str:
    """The summary and the description of a part, as a reader sees their Markdown."""
    summary, text = in_line(part.get("summary")), part.get("description")
    seen = seen_text(text).strip() if isinstance(text, str) else ""
    if not summary or summary.rstrip(".") == seen.rstrip("."):
        return seen
    return _blocks(summary if summary.endswith((".", "!", "?", "。")) else f"{summary}.", seen)
