"""Text -> HTML. Only `Html` objects are markup; all other text is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

# Characters that are invalid in HTML or UTF-8 (control characters, lone surrogates, non-characters), and the two
# overrides of the writing direction, which can make a text look like another.
IMPOSSIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
OPTION = re.compile(r"(--[a-z][a-z-]+)")
VOID = frozenset({"meta", "br"})
AT_ONCE = 30  # rows of a long list that are shown; the others are folded


@dataclass(frozen=True)
class Html:
    """Markup, which is inserted without escaping."""

    text: str


Child = Html | str | None
Attribute = str | int | float | None


def element(name: str, /, *children: Child, **attributes: Attribute) -> Html:
    """An HTML element. Text in `children` and `attributes` is escaped, None is left out.

    A trailing underscore of an attribute's name is dropped (`class_`), other underscores become hyphens.
    """
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    written = ((key, value if isinstance(value, str) else f"{value:g}") for key, value in pairs)
    opening = "".join(f' {key}="{safe(value)}"' for key, value in written)
    if name in VOID:
        return Html(f"<{name}{opening}>")
    return Html(f"<{name}{opening}>{join(children).text}</{name}>")


def join(children: Iterable[Child]) -> Html:
    """Concatenate pieces; text is escaped."""
    return Html("".join(c.text if isinstance(c, Html) else safe(c) for c in children if c is not None))


def safe(text: str) -> str:
    """Escape text for an element or a quoted attribute."""
    return escape(IMPOSSIBLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n")))


def foreign(text: str, name: str = "bdi") -> Html:
    """Text of a document, a model or a user, with its own writing direction."""
    return element(name, text, dir="auto", class_="foreign")


def paragraph(*children: Child, class_: str | None = None) -> Html:
    """A paragraph in which command options (`--questions`) are not broken over two lines."""
    return element("p", *map(_with_options, children), class_=class_)


def _with_options(child: Child) -> Child:
    if not isinstance(child, str):
        return child
    return join(element("code", part) if OPTION.fullmatch(part) else part for part in OPTION.split(child))


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[Child]]) -> Html:
    """A table whose first column has the row headings; it scrolls horizontally on a narrow page."""
    head = element("tr", *(element("th", heading, scope="col") for heading in headings))
    body = [
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])) for row in rows
    ]
    titled = element("thead", head) if headings else None
    made = element("table", element("caption", caption), titled, element("tbody", *body))
    return element("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption)


def beginning(draw: Callable[[str, Sequence[Any]], Html], title: str, rows: Sequence[Any]) -> Iterable[Html]:
    """A long table or chart in two parts made by `draw`: the first AT_ONCE rows, and the others folded."""
    yield draw(title, rows[:AT_ONCE])
    if rest := rows[AT_ONCE:]:
        yield folded(f"{len(rest)} more", draw(f"{title}, continued", rest))


def folded(summary: str, *children: Child) -> Html:
    """Collapsed details, without a script."""
    return element("details", element("summary", summary), *children)
