"""Checkboxes of HTML -> `[x]` or `[ ]`, by form elements, attributes, or the classes of list items.

Confluence, Notion and other editors do not write forms, but `<li class="checked">` in a list of tasks, or a drawn box.
"""

from __future__ import annotations

from disc_lite.documents.htmlnodes import Tag
from disc_lite.documents.htmltree import around

_TASKS = ("task", "todo", "to-do", "checklist")
_TICKED = ("checked", "done", "complete", "completed")
_BOXES = frozenset(("checkbox-on", "checkbox-off"))  # of Notion


def tick_of_item(item: Tag) -> str:
    """The tick of a task in a list if its state is only in an attribute or a class; else empty."""
    state = item.get("data-checked") or item.get("aria-checked")
    if state in ("true", "false"):
        return _shown(state == "true")
    tasks = around(item, ("ul", "ol"))
    is_task = tasks is not None and any(word in name for name in tasks.classes for word in _TASKS)
    return _shown(not set(_TICKED).isdisjoint(item.classes)) if is_task and not _has_box(item) else ""


def tick_of_box(box: Tag, is_page: bool) -> str:
    """The tick of a checkbox in a form (`<input type="checkbox">`) or drawn; empty for others, which may open menus."""
    if "checkbox-o" in box.get("class") and (drawn := _BOXES & {*box.classes}):
        return _shown("checkbox-on" in drawn)
    if box.get("role") == "checkbox" and box.get("aria-checked"):
        return _shown(box.get("aria-checked") == "true")
    if box.name != "input" or box.get("type") != "checkbox":
        return ""
    item = around(box, ("li",))
    if item is not None and item.get("data-checked"):
        return ""  # `tick_of_item` returns it
    is_answer = not is_page or "disabled" in box.attrs or (box.parent is not None and box.parent.name == "li")
    return _shown("checked" in box.attrs) if is_answer else ""


def _has_box(item: Tag) -> bool:
    boxes = (one for one in item.descendants if isinstance(one, Tag))
    return any(one.name == "input" or one.get("role") == "checkbox" or "checkbox" in one.classes for one in boxes)


def _shown(is_ticked: bool) -> str:
    return "[x] " if is_ticked else "[ ] "
