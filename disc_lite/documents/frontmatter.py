"""Splits front matter, settings in YAML or TOML above a Markdown text, from the text, and takes the title from it."""

from __future__ import annotations

import re

import yaml

_YAML = re.compile(r"---[ \t]*\n(?P<block>(?:.*\n)*?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_TOML = re.compile(r"\+\+\+[ \t]*\n(?P<block>(?:.*\n)*?)\+\+\+[ \t]*(?:\n|\Z)")
_TOML_TITLE = re.compile(r"^title[ \t]*=[ \t]*(?P<quote>\"|')(?P<title>.*?)(?P=quote)[ \t]*(?:#.*)?$", re.MULTILINE)
# Front matter that is invalid YAML because of a template in it: each line is a key, comment, list item or indented.
_LOOKS_LIKE_YAML = re.compile(r"(?:[\w.-]+[ \t]*:(?:[ \t].*)?\n|[ \t]*#.*\n|[ \t]*-[ \t].*\n|[ \t]+.*\n|[ \t]*\n)+")
# No settings are longer. A text that begins with a rule may have another rule far below.
_MAX_CHARS = 1 << 14


def split_front_matter(text: str) -> tuple[str, str]:
    """The text without its front matter, and the title in the front matter, which is empty if there is none."""
    if found := _TOML.match(text[:_MAX_CHARS]):
        title = _TOML_TITLE.search(found["block"])
        return text[found.end() :].lstrip("\n"), title["title"] if title else ""
    found = _YAML.match(text[:_MAX_CHARS])
    if found is None:
        return text, ""
    try:
        settings = yaml.safe_load(found["block"])
    except (yaml.YAMLError, ValueError, RecursionError):
        settings = {} if _LOOKS_LIKE_YAML.fullmatch(found["block"]) else None
    if settings is None and not found["block"].strip():
        settings = {}
    # What stands between two rules can also be a paragraph.
    if not isinstance(settings, dict):
        return text, ""
    title = settings.get("title")
    body = text[found.end() :].lstrip("\n")
    return body, " ".join(str(title).split()) if isinstance(title, (str, int, float)) else ""
