"""Conditions of Sphinx -> whether a page shows a block of `only::`, and a warning about conditions left undecided."""

from __future__ import annotations

import ast
import re

_PAGE = frozenset("html builder_html format_html".split())
_OTHER_OUTPUTS = frozenset("epub gettext json latex latexpdf man pdf texinfo text xml".split())
_CONDITION = re.compile(r"^[ \t]*\.\. (only|ifconfig)::[ \t]*(\S.*)$", re.MULTILINE)


def is_seen(expression: str) -> bool:
    """Whether a web page shows a block with a condition such as `not latex`; unknown tags are false, as in Sphinx."""
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True


def doubt_about(text: str) -> str:
    """The ledger's warning about conditions in a text; empty if the output format decides all of them."""
    found = _CONDITION.findall(text)
    left_out = {name for kind, one in found if kind == "only" and not is_seen(one) for name in _names(one)}
    left_out = {f"“{name}”" for name in left_out - _PAGE - _OTHER_OUTPUTS}
    settings = {one.strip() for kind, one in found if kind == "ifconfig"}
    said = (
        [f"text that is only for {', '.join(sorted(left_out))} is left out: remove the directive to include it"]
        if left_out
        else []
    )
    return "; ".join([*said, *(f"read too: text that the site shows only if {one}" for one in sorted(settings)[:3])])


def _value(node: ast.expr) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(map(_value, values))
        case ast.BoolOp(values=values):
            return any(map(_value, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand)
        case ast.Name(id=name):
            return name in _PAGE
    raise ValueError


def _names(expression: str) -> set[str]:
    return set(re.findall(r"\w+", expression)) - {"and", "or", "not"}
