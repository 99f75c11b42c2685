"""The elements around one of a page, and those within it, by name: bs4's search builds a filter at every call."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import Tag


def around(tag: Tag, names: Collection[str]) -> Tag | None:
    """The innermost element of these names that an element stands in."""
    return next((one for one in tag.parents if one.name in names), None)


def within(tag: Tag, names: Collection[str]) -> Iterator[Tag]:
    """The elements of these names in another, however deep."""
    from bs4 import Tag

    return (one for one in tag.descendants if isinstance(one, Tag) and one.name in names)
