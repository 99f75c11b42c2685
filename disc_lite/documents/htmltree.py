"""HTML -> its tree of elements, and functions that find elements around one, inside it and directly below it.

The parser does not know that end tags can be left out, and would nest each paragraph or row in the one before it. So
missing end tags are added first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from disc_lite.documents.htmlnodes import Tag, tree_of

# name -> (names of open elements that an element of this name closes, names of elements at which that stops)
_CELLS = frozenset(("td", "th"))
_ENDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "li": (frozenset(("li",)), frozenset(("ul", "ol", "menu"))),
    "dt": (frozenset(("dt", "dd")), frozenset(("dl",))),
    "dd": (frozenset(("dt", "dd")), frozenset(("dl",))),
    "td": (_CELLS, frozenset(("tr", "table"))),
    "th": (_CELLS, frozenset(("tr", "table"))),
    "tr": (frozenset(("tr",)), frozenset(("table", "tbody", "thead", "tfoot"))),
    **dict.fromkeys(("tbody", "thead", "tfoot"), (frozenset(("tbody", "thead", "tfoot")), frozenset(("table",)))),
}
_BLOCKS = """
    address article aside blockquote body caption center details dialog div dl fieldset figcaption figure footer form h1
    h2 h3 h4 h5 h6 header hgroup main menu nav ol p pre section summary table ul
"""
_NAMES = sorted({*_ENDS, *_BLOCKS.split()}, key=len, reverse=True)
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<raw>script|style|textarea|title|template)\b.*?(?:</(?P=raw)\s*>|\Z)"
    rf"|<(?P<end>/?)(?P<name>{'|'.join(_NAMES)})(?=[\s/>])",
    re.DOTALL | re.IGNORECASE,
)
_MANY_UNFINISHED = 100


def parsed(markup: str) -> Tag:
    """The root of the tree of HTML."""
    return tree_of(_with_end_tags(_finished(markup)))


def around(tag: Tag, names: Collection[str]) -> Tag | None:
    """The innermost element around `tag` that has one of these names, or None."""
    return next((one for one in tag.parents if one.name in names), None)


def within(tag: Tag, names: Collection[str]) -> Iterator[Tag]:
    """The elements inside `tag`, at any depth, that have one of these names."""
    return (one for one in tag.descendants if type(one) is Tag and one.name in names)


def children(tag: Tag, names: Collection[str]) -> list[Tag]:
    """The elements directly below `tag` that have one of these names."""
    return [one for one in tag.contents if type(one) is Tag and one.name in names]


def elements(tag: Tag) -> list[Tag]:
    """All elements inside `tag`, at any depth."""
    return [one for one in tag.descendants if type(one) is Tag]


def _finished(markup: str) -> str:
    """The markup up to the first comment or tag that has no end, as browsers cut it, but only if there are many.

    For each of them the tokenizer searches all that follows: 20,000 took 5 s.
    """
    for opening, closing in (("<!--", "-->"), ("<", ">")):
        end = markup.rfind(closing) + 1
        if markup.count(opening, end) > _MANY_UNFINISHED:
            markup = markup[: markup.find(opening, end)]
    return markup


def _with_end_tags(markup: str) -> str:
    """The markup with the missing end tags of paragraphs, list items, rows and cells."""
    parts: list[str] = []
    stack: list[str] = []
    place = 0
    for tag in _TAG.finditer(markup):
        if not tag["name"]:
            continue
        name = tag["name"].lower()
        if tag["end"]:
            if name in stack:
                del stack[len(stack) - 1 - stack[::-1].index(name) :]
            continue
        ended = _ended(stack, name)
        if ended < len(stack):
            parts += [markup[place : tag.start()], *(f"</{one}>" for one in reversed(stack[ended:]))]
            place = tag.start()
            del stack[ended:]
        stack.append(name)
    return "".join([*parts, markup[place:]]) if parts else markup


def _ended(stack: list[str], name: str) -> int:
    """The number of open elements that stay open when an element of this name begins."""
    if name not in _ENDS:
        return len(stack) - (stack[-1:] == ["p"])
    ends, bounds = _ENDS[name]
    for index in range(len(stack) - 1, -1, -1):
        if stack[index] in ends:
            return index
        if stack[index] in bounds:
            break
    return len(stack)
