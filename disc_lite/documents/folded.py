"""Recognises parts of a web page that are hidden until a reader opens them (answers of a FAQ, tabs), and their titles.

`noise` keeps these parts as text.
"""

from __future__ import annotations

import re
from itertools import islice

from disc_lite.documents.htmlnodes import Tag
from disc_lite.documents.htmltree import around

_TITLES = ("h1", "h2", "h3", "h4", "h5", "h6")
_FOLDED = re.compile(
    r"(?:.*[-_])?(?:accordion|collapsible|collapse|faq|spoiler|toggle)[-_]*(?:answer|body|collapse|content|panel|text)"
)
_OPENS = re.compile(r"(?:.*[-_])?(?:accordion|collapsible|faq|spoiler)(?:[-_].*)?")
_MAX_NODES = 5000  # without a limit the time would grow with the square of the number of panels
_NEAR = 4  # how many of the elements around a panel are searched for its tabs


def is_folded(tag: Tag) -> bool:
    """Whether a hidden element is text that a reader can open: the panel of a tab or of an accordion."""
    role = tag.get("role")
    is_panel = role == "tabpanel" or (role == "region" and "aria-labelledby" in tag.attrs)
    return is_panel or tag.get("hidden") == "until-found" or any(map(_FOLDED.fullmatch, tag.classes))


def is_title(button: Tag) -> bool:
    """Whether a button is the title of what it opens: it is a question, a whole heading, or part of an accordion."""
    words = button.get_text().split()
    heading = around(button, _TITLES)
    if not words or (heading is not None and heading.get_text().split() != words):
        return False
    is_named = "aria-expanded" in button.attrs and any(map(_OPENS.fullmatch, button.classes))
    return heading is not None or is_named or words[-1].endswith(("?", "？", "؟"))


def title_of_tab(panel: Tag) -> str:
    """The name of the tab that opens a panel, found by its id or else by its position; empty if it is uncertain."""
    for near in islice(panel.parents, _NEAR):
        within = [one for one in islice(near.descendants, _MAX_NODES) if isinstance(one, Tag)]
        tabs = [one for one in within if one.get("role") == "tab"]
        panels = [one for one in within if one.get("role") == "tabpanel"]
        named = [tab for tab in tabs if tab.get("id") and tab.get("id") == panel.get("aria-labelledby")]
        if not named and tabs and len(tabs) == len(panels):
            named = [tabs[next(place for place, one in enumerate(panels) if one is panel)]]
        if tabs:
            return " ".join(named[0].get_text().split()) if named else ""
    return ""
