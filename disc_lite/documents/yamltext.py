"""YAML -> the text of an OpenAPI or Swagger specification (`openapi`); other YAML files are refused as settings."""

from __future__ import annotations

import re

import yaml

from disc_lite.documents.decoding import decode
from disc_lite.documents.openapi import is_specification, specification_text
from disc_lite.documents.source import Converted, RefusedFile, Source

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

_OTHER = "YAML, but no OpenAPI specification: settings, not a text; write what they mean as .md"
# Only a file with such a line is parsed.
_KEY = re.compile(r"^[ \t{]*[\"']?(?:openapi|swagger)[\"']?[ \t]*:", re.MULTILINE)


class _Loader(SafeLoader):
    """Loads every value as it is written: `no` and `1.20` are texts. A tag other than YAML's own is an error."""


_Loader.yaml_implicit_resolvers = {"<": [("tag:yaml.org,2002:merge", re.compile("<<$"))]}


def yaml_text(source: Source) -> Converted:
    """The text of a specification of OpenAPI in YAML, also if other documents, such as settings, are in the file."""
    text = decode(source.raw)
    found = [content for content in (_loaded(text) if _KEY.search(text) else ()) if is_specification(content)]
    if not found:
        raise RefusedFile(_OTHER)
    if len(found) > 1:
        raise RefusedFile(f"{len(found)} specifications in one file; make a file of each")
    return specification_text(found[0])


def _loaded(text: str) -> list[object]:
    """The documents of a YAML file, which are separated by `---`."""
    try:
        loader = _Loader(text)
        documents = []
        while loader.check_node():
            node = loader.get_node()
            _check_keys(node)
            documents.append(loader.construct_document(node))
        return documents
    except (yaml.YAMLError, ValueError) as error:
        raise RefusedFile(f"not YAML: {' '.join(str(error).split())[:200]}") from None


def _check_keys(root: yaml.Node | None) -> None:
    """Refuse a key that is repeated, since the last one would silently replace the others.

    Raises:
        RefusedFile: An object has a key twice.
    """
    parts: list[yaml.Node | None] = [root]
    seen: set[int] = set()
    while parts:
        part = parts.pop()
        if id(part) in seen:  # an alias
            continue
        seen.add(id(part))
        if isinstance(part, yaml.SequenceNode):
            parts += part.value
        elif isinstance(part, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in part.value:
                if isinstance(key, yaml.ScalarNode) and key.value in keys:
                    where = f"line {key.start_mark.line + 1}"
                    raise RefusedFile(f"{where}: the key {key.value[:80]} is there twice; remove or rename one")
                keys |= {key.value} if isinstance(key, yaml.ScalarNode) else set()
                parts.append(value)
