"""LaTeX -> text by pylatexenc, with rules of our own for numbered lists, tables, units and raised letters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from disc_lite.documents.formulas import separated, with_scripts
from disc_lite.documents.headings import escaped
from disc_lite.documents.numbering import number_text
from disc_lite.documents.tables import MAX_SPAN, Cell, lines_of_cells
from disc_lite.documents.texspecs import CITATIONS, ENVIRONMENTS, LISTS, MACROS, NUMBER_SIGN, TABLES, UNSEEN, unit_text

if TYPE_CHECKING:
    from disc_lite.documents.texwalker import TexConverter

_LEVELS = {"part": 2, "chapter": 2, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5}
_UNITS = {"SI": "[{[{", "qty": "[{{", "si": "[{", "unit": "[{", "SIrange": "[{{{", "qtyrange": "[{{{"}
# Placeholders in the text, which are replaced when the text in front of them is known.
_GONE = "\0"
_GONE_WITH_SPACE = re.compile(rf"(?<![ \t\u00a0])[ \t\u00a0]*{_GONE}")
_SCRIPT = re.compile("\1(sup|sub):([^\1\2]*)\2")
_ITEM_KINDS = ("1", "a", "i", "A")  # of nested numbered lists, from the outermost
_AROUND = ("{}.", "({})", "{}.", "{}.")
_LABEL = re.compile(r"(.*?)\\(arabic|alph|Alph|roman|Roman)\*(.*)")
_LABEL_KINDS = {"arabic": "1", "alph": "a", "Alph": "A", "roman": "i", "Roman": "I"}
_SHORT_LABEL = re.compile(r"([^\w]*)([1aAiI])([^\w]*)")
_COLUMNS = re.compile(r"\\multicolumn\s*(?:\[[^\]]*\]\s*)?\{[^\d}]*(\d{1,3})")
_ROWS = re.compile(r"\\multirow\s*(?:\[[^\]]*\]\s*)?\{[^\d}]*(\d{1,3})")
_TERM_ENDS = (":", ".", ")", "?", "!", "—")

Node = Any  # of pylatexenc, which has no types


class TexReader:
    """Turns LaTeX into text; `unknown` has the unknown macros that may have stood for text."""

    def __init__(self) -> None:
        self.unknown: dict[str, None] = {}  # in order of their use
        self._depth = 0  # of numbered lists
        self._last = 0  # the last number of the last list, for a list that resumes it
        self._walker = _arguments()
        self._text = self._converter()

    def _converter(self) -> TexConverter:
        from pylatexenc.latex2text import (
            EnvironmentTextSpec,
            MacroTextSpec,
            SpecialsTextSpec,
            get_default_latex_context_db,
        )

        from disc_lite.documents.texwalker import TexConverter

        shown = {name: text for name, (_, text) in MACROS.items()}
        shown |= {name: f"\n\n{'#' * level} %(3)s\n\n" for name, level in _LEVELS.items()}
        shown |= {"textsuperscript": "\1sup:%(1)s\2", "textsubscript": "\1sub:%(1)s\2"}
        seen: dict[str, str | Callable[[Node], str]] = {name: self._shown_as(text) for name, text in shown.items()}
        seen |= dict.fromkeys(UNSEEN, "") | dict.fromkeys(CITATIONS, _GONE) | dict.fromkeys(_UNITS, self._quantity)
        context = get_default_latex_context_db()
        context.add_context_category(
            "disc-lite",
            prepend=True,
            macros=[MacroTextSpec(name, simplify_repl=repl) for name, repl in seen.items()],
            environments=[
                *(EnvironmentTextSpec(name, simplify_repl=self._table) for name in TABLES),
                *(EnvironmentTextSpec(name, simplify_repl=self._list) for name in LISTS),
            ],
            specials=[SpecialsTextSpec("&", simplify_repl=" | ")],
        )
        context.set_unknown_macro_spec(MacroTextSpec("", simplify_repl=self._unknown))
        functions = {self._unknown, self._table, self._list, *(repl for repl in seen.values() if callable(repl))}
        return TexConverter(functions, latex_context=context, math_mode="verbatim", strict_latex_spaces=False)

    def text(self, written: str) -> str:
        """The text of a piece of LaTeX."""
        from disc_lite.documents.texwalker import TexWalker

        nodes = TexWalker(written, latex_context=self._walker, tolerant_parsing=True).get_latex_nodes()[0]
        _separate_groups(nodes)
        text = _GONE_WITH_SPACE.sub("", str(self._text.nodelist_to_text(nodes)))
        text = re.sub(rf"^([ \t]*){NUMBER_SIGN}", r"\1\\#", text, flags=re.MULTILINE).replace(NUMBER_SIGN, "#")
        return with_scripts(text, _SCRIPT)

    def _text_of(self, nodes: list[Node]) -> str:
        return str(self._text.nodelist_to_text([node for node in nodes if node is not None]))

    def _shown_as(self, written: str) -> Callable[[Node], str]:
        """A function from a macro's node to `written` with its arguments; empty if all are missing: `{\\section}`."""

        def shown(node: Node) -> str:
            given = node.nodeargd.argnlist if node.nodeargd else []
            texts = {str(number): self._text_of([argument]) for number, argument in enumerate(given, 1)}
            return written % texts if any(texts.values()) or "%" not in written else ""

        return shown

    def _unknown(self, node: Node) -> str:
        # A group after a macro is text, which stays: only a macro without a group can have stood for a value.
        arguments = node.nodeargd.argnlist if node.nodeargd else []
        behind = node.parsing_state.s[node.pos + node.len : node.pos + node.len + 2]
        if not arguments and (behind[:1] not in ("{", "[") or behind == "{}"):
            self.unknown[f"\\{node.macroname}"] = None
        return self._text_of(arguments)

    def _quantity(self, node: Node) -> str:
        given = [argument for argument in node.nodeargd.argnlist[1:] if argument is not None]
        unit = unit_text(given[-1].latex_verbatim().removeprefix("{").removesuffix("}"))
        values = [self._text_of([argument]).strip() for argument in given[:-1]]
        if node.macroname == "SI" and len(values) > 1:  # the second is a unit in front of the number
            values = [f"{values[1]} {values[0]}"]
        return f"{' to '.join(values)} {unit}".strip()

    def _list(self, node: Node) -> str:
        is_numbered = node.environmentname == "enumerate"
        option = node.nodeargd.argnlist[0] if node.nodeargd and node.nodeargd.argnlist else None
        options = option.latex_verbatim()[1:-1] if option is not None else ""
        start = re.search(r"\bstart\s*=\s*(\d+)", options)
        number = int(start[1]) - 1 if start else self._last if "resume" in options else 0
        kind, around = _shape_of(options, self._depth)
        self._depth += is_numbered
        items = []
        for label, body in _items(node.nodelist):
            number += is_numbered and label is None
            marker = around.format(number_text(kind, number)) if is_numbered else "-"
            marker = marker if re.fullmatch(r"-|(?:\d{1,3}|[a-z])[.)]", marker) else f"- {marker}"
            text = self._text_of(body).strip()
            if label is not None:
                term = self._text_of([label]).strip().removeprefix("[").removesuffix("]").strip()
                marker = f"- {term}{'' if term.endswith(_TERM_ENDS) or not term else ':'}"
            items.append(f"{marker} {text}")
        self._depth -= is_numbered
        if is_numbered:
            self._last = number
        return "\n\n" + "\n".join(items) + "\n\n"

    def _table(self, node: Node) -> str:
        rows: list[list[Cell]] = []
        held: dict[int, int] = {}  # column -> rows that a cell above still covers
        for row in _split(node.nodelist, "macroname", "\\", "tabularnewline"):
            cells: list[Cell] = []
            column = 0
            reaching: dict[int, int] = {}
            for nodes in _split(row, "specials_chars", "&"):
                text = self._text_of(nodes).strip()
                # Only what is in front of a table in the cell, which has spans of its own.
                written = "".join(node.latex_verbatim() for node in nodes).partition("\\begin")[0]
                width, height = _span(written, _COLUMNS), _span(written, _ROWS)
                if text or not held.get(column):  # a covered cell is written too, and empty
                    cells.append(Cell(_in_a_line(text), width, height))
                    reaching |= dict.fromkeys(range(column, column + width), height)
                column += width
            held = {place: left - 1 for place, left in {**held, **reaching}.items() if left > 1}
            rows.append(cells)
        shown = "\n".join(map(escaped, lines_of_cells(rows)))
        return f"\n\n{shown}\n\n"


def _in_a_line(text: str) -> str:
    """The text of a cell as one line."""
    text = separated(with_scripts(text, _SCRIPT).replace("\u00ad", ""))
    return escaped(" ".join(text.split()))


def _separate_groups(nodes: list[Node]) -> None:
    """Insert a space between adjacent groups, such as those after an unknown macro: `\\entry{2010}{Pilot}`."""
    from pylatexenc.latexwalker import LatexCharsNode, LatexEnvironmentNode, LatexGroupNode

    for index in range(len(nodes) - 1, -1, -1):
        node = nodes[index]
        if isinstance(node, LatexEnvironmentNode):
            _separate_groups(node.nodelist)
        elif isinstance(node, LatexGroupNode) and index and isinstance(nodes[index - 1], LatexGroupNode):
            nodes.insert(index, LatexCharsNode(parsing_state=node.parsing_state, chars=" ", pos=node.pos, len=0))


@cache
def _arguments() -> Any:
    """The arguments of macros and environments, as a context for pylatexenc's parser."""
    from pylatexenc.latexwalker import get_default_latex_context_db
    from pylatexenc.macrospec import EnvironmentSpec, MacroSpec

    known = {name: spec for name, (spec, _) in MACROS.items()} | UNSEEN | _UNITS
    known |= {"textsuperscript": "{", "textsubscript": "{"}
    context = get_default_latex_context_db()
    context.add_context_category(
        "disc-lite",
        prepend=True,
        macros=[MacroSpec(name, spec) for name, spec in known.items()],
        environments=[EnvironmentSpec(name, spec) for name, spec in ENVIRONMENTS.items()],
    )
    return context


def _span(cell: str, macro: re.Pattern[str]) -> int:
    """The number of rows or columns that a cell covers, from the first argument of a macro in it; 1 without it."""
    found = macro.search(cell)
    return min(max(int(found[1]), 1), MAX_SPAN) if found else 1


def _shape_of(options: str, depth: int) -> tuple[str, str]:
    """The kind of a list's numbers and the template around them, from its options (enumitem, enumerate) or depth."""
    label = _LABEL.search(re.sub(r"^.*?label\s*=\s*|,[^,]*=.*$", "", options).strip("{}"))
    if label:
        return _LABEL_KINDS[label[2]], _plain(label[1]) + "{}" + _plain(label[3])
    short = _SHORT_LABEL.fullmatch(options.strip("{} "))
    if short:
        return short[2], short[1] + "{}" + short[3]
    return _ITEM_KINDS[min(depth, 3)], _AROUND[min(depth, 3)]


def _plain(label: str) -> str:
    return re.sub(r"\\[A-Za-z]+|[{}]", "", label)


def _items(nodes: list[Node]) -> Iterator[tuple[Node | None, list[Node]]]:
    """Yield each item of a list as (the label that it sets itself or None, its nodes)."""
    starts = [place for place, node in enumerate(nodes) if getattr(node, "macroname", "") == "item"]
    for start, end in pairwise([*starts, len(nodes)]):
        arguments = nodes[start].nodeargd
        label = arguments.argnlist[0] if arguments and arguments.argnlist else None
        yield label, nodes[start + 1 : end]


def _split(nodes: list[Node], attribute: str, *ends: str) -> Iterator[list[Node]]:
    """Yield the runs of nodes between those whose attribute has one of the values `ends`."""
    part: list[Node] = []
    for node in nodes:
        if getattr(node, attribute, "") in ends:
            yield part
            part = []
        else:
            part.append(node)
    yield part
