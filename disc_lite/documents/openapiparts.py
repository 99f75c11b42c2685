"""Parts of an OpenAPI specification -> list items: servers, authentication, parameters, bodies and responses."""

from __future__ import annotations

from collections.abc import Iterator

from disc_lite.documents.openapischemas import Node, as_node, facts_of, field_items, is_true, list_item, nodes_of, shown

_USUAL_TYPE = "application/json"


def server_items(server: Node) -> Iterator[str]:
    yield list_item(shown(server.get("url")), [], server.get("description"))
    for name, variable in as_node(server.get("variables")).items():
        yield f"  {list_item(f'`{name}`', facts_of(as_node(variable)), as_node(variable).get('description'))}"


def access_items(name: str, scheme: Node) -> Iterator[str]:
    """Yield the list item of a way to authenticate, and those of the scopes of OAuth."""
    facts = [shown(scheme.get(key)) for key in ("type", "scheme", "in", "name")]
    yield list_item(f"`{name}`", facts, scheme.get("description"))
    flows = [scheme, *map(as_node, as_node(scheme.get("flows")).values())]
    scopes = {scope: text for flow in flows for scope, text in as_node(flow.get("scopes")).items()}
    yield from (f"  {list_item(f'`{scope}`', [], text)}" for scope, text in scopes.items())


def authentication(part: Node) -> str:
    """How callers of an operation authenticate: `key` or `oauth` (read) and `pin`; empty if it is not given."""
    ways = []
    for way in nodes_of(part, "security"):
        schemes = {
            name: ", ".join(map(shown, scopes if isinstance(scopes, list) else [])) for name, scopes in way.items()
        }
        named = [f"`{name}` ({scopes})" if scopes else f"`{name}`" for name, scopes in schemes.items()]
        ways.append(" and ".join(named) or "none")
    return f"Authentication: {' or '.join(ways) or 'none'}" if isinstance(part.get("security"), list) else ""


def part_items(label: str, part: Node) -> Iterator[str]:
    """Yield the list item of a parameter, body or response, and those of the fields of a schema without a name."""
    (types, facts, fields), *others = _forms(part)
    schema = _schema_of(part)
    states = {"required": part.get("required"), "deprecated": schema is not part and part.get("deprecated")}
    facts = [shown(part.get("in")), types, *facts, *(name for name, state in states.items() if is_true(state))]
    yield list_item(label, facts, part.get("description") or schema.get("description"))
    yield from (f"  {text}" for text in fields)
    for types, facts, fields in others:
        yield f"  {list_item(f'as {types}', facts, '')}"
        yield from (f"    {text}" for text in fields)


def _forms(part: Node) -> list[tuple[str, list[str], list[str]]]:
    """The forms of a parameter, body or response: (media types, facts, items of its fields); at least one.

    Media types of the same schema are one form. JSON is not named if it is the only type.
    """
    types: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for name, form in as_node(part.get("content")).items():
        schema = as_node(as_node(form).get("schema"))
        types.setdefault((tuple(facts_of(schema)), tuple(field_items(schema))), []).append(name)
    if not types:
        schema = _schema_of(part)
        return [("", facts_of(schema), [*field_items(schema)])]
    is_usual = [*types.values()] == [[_USUAL_TYPE]]
    return [("" if is_usual else " or ".join(names), [*facts], [*fields]) for (facts, fields), names in types.items()]


def _schema_of(part: Node) -> Node:
    """The first schema of a parameter, body or response; in Swagger 2 a parameter is its own schema."""
    forms = map(as_node, as_node(part.get("content")).values())
    return as_node(part.get("schema")) or next(filter(None, (as_node(form.get("schema")) for form in forms)), part)
