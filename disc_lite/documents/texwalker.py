"""pylatexenc's parser and converter of LaTeX, made faster; imported when the first LaTeX file is read.

pylatexenc makes a token of each character and compares it with every special sequence (`--`, `&`), which took four
fifths of the time of reading a file. Here one regular expression finds the tokens, and a run of text is one token. What
it does not match (comments, errors, `$$`) is left to pylatexenc, as are the arguments of macros and environments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from typing import Any

from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import (
    LatexCharsNode,
    LatexCommentNode,
    LatexGroupNode,
    LatexMacroNode,
    LatexMathNode,
    LatexSpecialsNode,
    LatexToken,
    LatexWalker,
    LatexWalkerEndOfStream,
    LatexWalkerParseError,
    get_default_latex_context_db,
)
from pylatexenc.macrospec import MacroSpec, ParsedMacroArgs  # type: ignore[attr-defined] # imported there

_SPECIALS = {spec.specials_chars: spec for spec in get_default_latex_context_db().iter_specials_specs()}
_SPECIAL = "|".join(map(re.escape, sorted(_SPECIALS, key=len, reverse=True)))
_FIRSTS = "".join(sorted({re.escape(special[0]) for special in _SPECIALS}))
_SPACE = r"(?:(?!\n\n)\s)*"  # at most to the end of the paragraph


def _token_pattern(brackets: str) -> re.Pattern[str]:
    """A pattern for a token with the white space in front of it; a run of text ends at any of the brackets."""
    return re.compile(
        rf"(?P<space>{_SPACE})(?:"
        rf"(?P<char>(?!\s)(?:[^\\%{{}}${brackets}{_FIRSTS}]+|(?!{_SPECIAL})[{_FIRSTS}])+)"
        r"|\\(?P<environment>begin|end)\s*\{(?P<name>[\w* ._-]+)\}"
        rf"|\\(?P<macro>[A-Za-z]+)(?![A-Za-z]|[^\x00-\x7f])(?P<space_behind>{_SPACE})"
        rf"|(?P<brace_open>\{{)|(?P<brace_close>\}})|(?P<mathmode_inline>\$)(?!\$)|(?P<specials>{_SPECIAL}))"
    )


_TOKEN = _token_pattern("")
_GROUP = re.compile(rf"{_SPACE}\{{")
_OPTION = re.compile(rf"{_SPACE}\[")
_TOKEN_IN_BRACKETS = _token_pattern(r"\[\]")
_UNKNOWN = MacroSpec("")
_NO_ARGUMENTS = ParsedMacroArgs()
_MATH = ("mathmode_inline", "mathmode_display")
_MATH_ENDS = (("mathmode_inline", "\\)"), ("mathmode_display", "\\]"))


def _token(found: re.Match[str], has_environments: bool) -> LatexToken | None:
    """The token of a match; None if pylatexenc has to find it."""
    place, space = found.end("space"), found["space"]
    match found.lastgroup:
        case "char":
            text = found["char"] if has_environments else found["char"][0]
            return LatexToken("char", text, place, len(text), space)
        case "brace_open" | "brace_close" | "mathmode_inline" as kind:
            return LatexToken(kind, found[kind], place, 1, space)
        case "space_behind" if not has_environments or found["macro"] not in ("begin", "end"):
            return LatexToken("macro", found["macro"], place, found.end() - place, space, found["space_behind"])
        case "specials":
            chars = found["specials"]
            return LatexToken("specials", _SPECIALS[chars], place, len(chars), space)
        case "name" if has_environments:
            name = f"{found['environment']}_environment"
            return LatexToken(name, found["name"], place, found.end() - place, space)
    return None


class TexWalker(LatexWalker):
    """Parses LaTeX into the same nodes as `LatexWalker`; what is wrong in the source is passed over."""

    def get_token(
        self, pos: int, include_brace_chars: Any = None, environments: bool = True, keep_inline_math: None = None,
        parsing_state: Any = None, **kwargs: Any,
    ) -> LatexToken:  # fmt: skip
        """The token at or after a position, as `LatexWalker` finds it, or a whole run of text.

        Args:
            pos: The position.
            include_brace_chars: Set if square brackets are tokens of their own.
            environments: False where the argument of a macro is expected, which can be a single character, and where
                `\\begin` is a macro like others.
            keep_inline_math: Not used.
            parsing_state: Whether the position is in a formula.
            kwargs: Not used.
        """
        found = (_TOKEN_IN_BRACKETS if include_brace_chars else _TOKEN).match(self.s, pos)
        token: LatexToken | None = _token(found, environments) if found else None
        return token or super().get_token(pos, include_brace_chars, environments, parsing_state=parsing_state)

    def get_latex_nodes(
        self, pos: int = 0, stop_upon_closing_brace: Any = None, stop_upon_end_environment: str | None = None,
        stop_upon_closing_mathmode: str | None = None, read_max_nodes: None = None, parsing_state: Any = None,
    ) -> tuple[list[Any], int, int]:  # fmt: skip
        """The nodes from a position to the end of a group, environment or formula; the position; their length.

        A bracket, `\\end` or `\\)` that ends nothing is passed over.
        """
        state = parsing_state or self.default_parsing_state
        opening, closing = stop_upon_closing_brace or ("{", None)
        brackets = None if opening == "{" else [(opening, closing)]
        ends = {"brace_close": closing, "end_environment": stop_upon_end_environment}
        ends |= dict.fromkeys(_MATH, stop_upon_closing_mathmode)
        nodes: list[Any] = []
        at = text_start = pos
        pattern = _TOKEN_IN_BRACKETS if brackets else _TOKEN
        while True:
            found = pattern.match(self.s, at)
            if found and found.lastgroup == "char":
                at = found.end()
                continue
            try:
                token = (found and _token(found, True)) or super().get_token(at, brackets, parsing_state=state)
            except LatexWalkerEndOfStream as end:
                at += len(end.final_space)
                if at > text_start:
                    nodes.append(self._text(text_start, at, state))
                return nodes, pos, at - pos
            at = token.pos + token.len
            if token.tok == "char":
                continue
            if token.pos > text_start:
                nodes.append(self._text(text_start, token.pos, state))
            if token.tok in ends and token.arg == ends[token.tok]:
                return nodes, pos, at - pos
            if (token.tok, token.arg) not in _MATH_ENDS and token.tok not in ("brace_close", "end_environment"):
                node, at = self._node(token, state)
                nodes.append(node)
            text_start = at

    def get_latex_braced_group(
        self, pos: int, brace_type: str = "{", parsing_state: Any = None
    ) -> tuple[Any, int, int]:
        """The group whose bracket follows a position, the position of the bracket, and the group's length."""
        while self.s[pos].isspace():
            pos += 1
        brackets = (brace_type, "]" if brace_type == "[" else "}")
        nodes, _, length = self.get_latex_nodes(pos + 1, stop_upon_closing_brace=brackets, parsing_state=parsing_state)
        node = LatexGroupNode(nodes, delimiters=brackets, parsing_state=parsing_state, pos=pos, len=length + 1)
        return node, pos, length + 1

    def get_latex_expression(self, pos: int, strict_braces: None = None, parsing_state: Any = None) -> Any:
        """The argument at a position, a group or a single token, as (node, its position, its length)."""
        if group := _GROUP.match(self.s, pos):
            return self.get_latex_braced_group(group.end() - 1, parsing_state=parsing_state)
        return super().get_latex_expression(pos, parsing_state=parsing_state)

    def get_latex_maybe_optional_arg(self, pos: int, parsing_state: Any = None) -> Any:
        """The argument in square brackets at a position, as (node, its position, its length), or None."""
        if not _OPTION.match(self.s, pos):
            return None
        return self.get_latex_braced_group(pos, "[", parsing_state=parsing_state)

    def _text(self, start: int, end: int, state: Any) -> LatexCharsNode:
        return LatexCharsNode(self.s[start:end], parsing_state=state, pos=start, len=end - start)

    def _node(self, token: LatexToken, state: Any) -> tuple[Any, int]:
        """The node that begins with a token that is neither text nor the end of something, and where it ends."""
        kind, value, start = token.tok, token.arg, token.pos
        if kind == "macro":
            return self._macro(token, state)
        if kind == "brace_open":
            node, _, length = self.get_latex_braced_group(start, value, parsing_state=state)
        elif kind == "begin_environment":
            node, _, length = self.get_latex_environment(start, value, parsing_state=state)
        elif kind in _MATH:
            node, length = self._formula(token, state)
        elif kind == "specials":
            length = token.len
            node = LatexSpecialsNode(value.specials_chars, nodeargd=None, parsing_state=state, pos=start, len=length)
        else:
            length = token.len
            node = LatexCommentNode(
                value, comment_post_space=token.post_space, parsing_state=state, pos=start, len=length
            )
        return node, start + length

    def _formula(self, token: LatexToken, state: Any) -> tuple[LatexMathNode, int]:
        """The formula that begins with a token, and its length."""
        opening, kind = token.arg, token.tok.removeprefix("mathmode_")
        closing = {"\\(": "\\)", "\\[": "\\]"}.get(opening, opening)
        inner = state.sub_context(in_math_mode=True, math_mode_delimiter=opening)
        start = token.pos + token.len
        nodes, _, length = self.get_latex_nodes(start, stop_upon_closing_mathmode=closing, parsing_state=inner)
        length += token.len
        node = LatexMathNode(kind, nodes, delimiters=(opening, closing), parsing_state=state, pos=token.pos, len=length)
        return node, length

    def _macro(self, token: LatexToken, state: Any) -> tuple[LatexMacroNode, int]:
        """The macro that begins with a token, with its arguments, and where it ends."""
        end = token.pos + token.len
        spec = state.latex_context.get_macro_spec(token.arg) or _UNKNOWN
        arguments: Any = _NO_ARGUMENTS
        if spec.args_parser.argspec:
            try:
                arguments, start, length = spec.parse_args(w=self, pos=end, parsing_state=state)
                end = start + length
            except (LatexWalkerEndOfStream, LatexWalkerParseError):
                arguments = None
        option, values = arguments.legacy_nodeoptarg_nodeargs if arguments else (None, [])
        node = LatexMacroNode(
            token.arg, nodeargd=arguments, macro_post_space=token.post_space, nodeoptarg=option, nodeargs=values,
            parsing_state=state, pos=token.pos, len=end - token.pos,
        )  # fmt: skip
        return node, end


class TexConverter(LatexNodes2Text):
    """Converts nodes to text as `LatexNodes2Text` does, which inspects the parameters of a function before each call.

    Args:
        functions: Functions that get a node and nothing else, which are called directly.
        options: Those of `LatexNodes2Text`.
    """

    def __init__(self, functions: Set[Callable[[Any], str]], **options: Any) -> None:
        super().__init__(**options)
        self._functions = functions

    def nodelist_to_text(self, nodelist: list[Any]) -> str:
        """The text of nodes, with the white space between them as it is written."""
        return "".join(
            [node.chars if isinstance(node, LatexCharsNode) else self.node_to_text(node) for node in nodelist]
        )

    def apply_simplify_repl(self, node: Any, simplify_repl: str | Callable[..., str], what: str) -> str:
        if callable(simplify_repl) and simplify_repl in self._functions:
            return simplify_repl(node)
        return str(super().apply_simplify_repl(node, simplify_repl, what))
