"""Tags of site generators in Markdown (Liquid, Jinja, Hugo, GitBook, MDX) -> what they show, as far as it is known.

A tag around text is removed and its text stays, under the title that the tag gives it. A value that only the site has
(`{{ version }}`) stays as written inside a text, which would be false without it; alone on a line it is removed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from disc_lite.documents.escapes import CODE_SPAN

_BRACES = r"\{(?:[^{}\n]|\{[^{}\n]{0,300}\}){0,300}\}"
_VALUES = r"(?:[^{}\n]|\{(?!\{)[^{}\n]{0,300}\}){0,1000}?"
# Liquid's `{% name %}`, Hugo's `{{< name >}}` and `{{% name %}}`, JSX; after `(` it is the target of a link.
_TAG = re.compile(
    rf"(?<![({{\"'\\])(?:\{{%[-+]?[ \t]*(?P<liquid>\w+){_VALUES}[-+]?%\}}"
    rf"|\{{\{{[<%][ \t]*(?P<ends>/?)[ \t]*(?P<hugo>\w[\w./-]*){_VALUES}[>%]\}}\}}"
    rf"|(?:(?P<closes></)|(?<!\w)<)(?P<jsx>[A-Z]\w*)(?:\s(?:[^<>{{}}\n]|{_BRACES}){{0,1000}}?)?(?P<empty>/?)>)"
)
_CLOSING = re.compile(r"\{%[-+]?[ \t]*end_?(\w+)|\{\{[<%][ \t]*/[ \t]*([\w./-]+)|</([A-Z]\w*)\s*>")
_CONTROL = frozenset("assign break cycle elif else elsif extends from import set when".split())
_TITLE = re.compile(r"(?<![\w-])(?:title|label|header|summary|content|text)=(?:\"([^\"]*)\"|'([^']*)')")
_KIND = re.compile(r"(?<![\w-])(?:style|type)=[\"'](\w+)[\"']")
_TAB = re.compile(r"\btab\b.*\sname=\"([^\"]*)\"")
_NOTES = frozenset("caution danger hint important info note success tip warning".split())
_COMMENT_SIGNS = (
    (r"\{%-?[ \t]*comment[ \t]*-?%\}", r"\{%-?[ \t]*endcomment[ \t]*-?%\}"),
    (r"\{#(?=\s|$)", r"(?:(?<=\s)|^)#\}"),
    (r"\{/\*", r"\*/\}"),
)
_COMMENT = re.compile("|".join(rf"{opening}.{{0,300}}?{closing}" for opening, closing in _COMMENT_SIGNS))
_OPEN_COMMENTS = [
    (re.compile(rf"[ ]{{0,3}}{opening}(?!.*{closing})"), re.compile(rf".*{closing}[ \t]*"))
    for opening, closing in _COMMENT_SIGNS
]
_MAX_COMMENT_LINES = 100
_CODE = re.compile(rf"^[ \t>]*(?P<fence>`{{3,}}|~{{3,}})(?s:.*?)(?:^[ \t>]*(?P=fence)|\Z)|{CODE_SPAN}", re.MULTILINE)
_LISTING = re.compile(
    r"[ \t]*(?:\{%-?[ \t]*(?:endhighlight\b|highlight[ \t]+(?P<liquid>\w+)).*%\}"
    r"|\{\{[<%][ \t]*(?:/[ \t]*highlight\b|highlight[ \t]+(?P<hugo>\w+)).*[>%]\}\})[ \t]*"
)
LISTING = "~~~~"  # the fence of a listing between tags
_ATTRIBUTE = r"(?:[.#][\w:.-]+|[\w-]+=(?:\"[^\"}]*\"|[^\s}\"']+)|toc)"
_ATTRIBUTES = rf"\{{:?[ \t]*{_ATTRIBUTE}(?:[ \t]+{_ATTRIBUTE}){{0,20}}[ \t]*\}}"
_OF_LINE = re.compile(rf"^[ \t]*{_ATTRIBUTES}[ \t]*$|(?P<heading>^#{{1,6}}[ \t].*?)[ \t]{_ATTRIBUTES}[ \t]*$")
_OF_LINK = re.compile(rf"(?P<link>\](?:\([^()]{{0,500}}\)|\[[^\]\[]{{0,200}}\])){_ATTRIBUTES}")
ICON_SETS = (":material-", ":fontawesome-", ":octicons-", ":simple-")
# An icon, with its link if nothing else of the link is seen.
_ICON = re.compile(
    rf"(?<![\w:])(?P<linked>\[(?=:[\w-]+:\]\())?(?:{'|'.join(ICON_SETS)})[\w-]+:"
    rf"(?(linked)\]\([^()]{{0,500}}\)|(?:{_ATTRIBUTES})?[ ]?)"
)
_NO_TEXT = re.compile(
    r"[ \t]*(?:\{\{(?![<%])[^{}]*\}\}|\[TOC\]|\[\[_?toc_?\]\]|;*-{1,2}8<-{1,2}(?:[ \t].*)?)[ \t]*", re.IGNORECASE
)
# The start of a block that runs to the next blank line: a module of MDX, or a `:::` directive of mkdocstrings.
_MODULE = re.compile(
    r"import[ \t]+(?:(?:(?:[\w*].*|\{.*\})[ \t]+from[ \t]+)?[\"'][^\"']+[\"'];?[ \t]*$|\{[ \t\w,]*$)"
    r"|export[ \t]+(?:const|let|default|function)[ \t]+\w+[ \t]*[=({]|:::[ \t]+\w+(?:\.\w+)+[ \t]*$"
)


def listing_fence(line: str) -> str:
    """The fence for a tag that opens or closes a listing; empty if the line is not such a tag."""
    found = _LISTING.fullmatch(line)
    return LISTING + (found["liquid"] or found["hugo"] or "") if found else ""


def seen_line(line: str) -> str:
    """A line outside code without what no reader sees: attributes, tables of contents, lone values."""
    if listing := listing_fence(line):
        return listing
    if _NO_TEXT.fullmatch(line):
        return ""
    return _OF_LINE.sub(r"\g<heading>", line) if "{" in line else line


def seen_tags(text: str, is_alone: bool, closed: frozenset[str]) -> str:
    """A piece of a line without code, with its tags replaced by what a reader sees of them.

    Args:
        text: The piece.
        is_alone: Whether the line has nothing but tags.
        closed: The names of the tags that have text between an opening and a closing tag.
    """
    text = _OF_LINK.sub(r"\g<link>", _ICON.sub("", text)) if "-" in text or "{" in text else text
    return _TAG.sub(lambda tag: _seen(tag, is_alone, closed), _COMMENT.sub("", text))


def _seen(tag: re.Match[str], is_alone: bool, closed: frozenset[str]) -> str:
    name = tag["liquid"] or tag["hugo"] or tag["jsx"]
    if tag["jsx"] and not tag["empty"] and name not in closed:
        return tag[0]  # a placeholder: `<NAME>`
    if tag["ends"] or tag["closes"] or name in _CONTROL or (tag["liquid"] and name.startswith("end")):
        return ""
    if title := _TITLE.search(tag[0]) or _TAB.search(tag[0]):
        return next(filter(None, title.groups()), "")
    kind = _KIND.search(tag[0])
    note = kind[1].lower() if kind and kind[1].lower() in _NOTES else name.lower()
    if note in _NOTES:
        return f"{note.capitalize()}:" + ("" if is_alone else " ")
    return "" if is_alone or tag["jsx"] or name in closed else tag[0]


def has_tags_alone(line: str) -> bool:
    """Whether a line has nothing but tags."""
    return not _TAG.sub("", line).strip()


def closed_names(text: str) -> frozenset[str]:
    """The names of the tags that a Markdown text closes outside code."""
    prose = _CODE.sub("", text) if _CLOSING.search(text) else ""
    return frozenset(name for tag in _CLOSING.finditer(prose) for name in tag.groups() if name)


def end_of_hidden(lines: Sequence[str], number: int, begins_paragraph: bool) -> int:
    """The number of the line after the comment or site code that opens in a line; 0 if none does."""
    if begins_paragraph and _MODULE.match(lines[number]):
        return next((n for n in range(number, len(lines)) if not lines[n].strip()), len(lines))
    for opening, closing in _OPEN_COMMENTS if "{" in lines[number] else ():
        if opening.match(lines[number]):
            below = range(number + 1, min(number + _MAX_COMMENT_LINES, len(lines)))
            return next((n + 1 for n in below if closing.fullmatch(lines[n])), 0)
    return 0
