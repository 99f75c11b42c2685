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
    """The text of a specification of OpenAPI in YAML."""
    text = decode(source.raw)
    content = _loaded(text) if _KEY.search(text) else None
    if not is_specification(content):
        raise RefusedFile(_OTHER)
    return specification_text(content)


def _loaded(text: str) -> object:
    try:
        return _Loader(text).get_single_data()
    except (yaml.YAMLError, ValueError) as error:
        raise RefusedFile(f"not YAML: {' '.join(str(error).split())[:200]}") from None
