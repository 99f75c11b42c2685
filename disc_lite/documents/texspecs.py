"""Tables of LaTeX macros: their arguments in pylatexenc's notation, and their visible text; units of siunitx."""

from __future__ import annotations

import re
from functools import cached_property

OPTION = r"(?:\[[^\]]{0,1000}\])?"  # an argument in square brackets, as part of a pattern
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
NUMBER_SIGN = "\3"  # stands for `\\#`, which must not open a heading

# Name -> (arguments: `{` required, `[` optional; visible text, in which `%(2)s` is the second argument).
MACROS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("footnote", "footnotetext", "tablefootnote"), ("[{", " (%(2)s)")),
    "thanks": ("{", " (%(1)s)"),
    "footnotemark": ("[", ""),
    "caption": ("*[{", "\n\n%(3)s\n\n"),
    "captionof": ("{[{", "\n\n%(3)s\n\n"),
    **dict.fromkeys(("href", "rotatebox", "colorbox", "textcolor", "foreignlanguage"), ("[{{", "%(3)s")),
    **dict.fromkeys(("url", "texttt", "textsf", "mbox"), ("{", "%(1)s")),
    **dict.fromkeys(("makebox", "framebox"), ("[[{", "%(3)s")),
    **dict.fromkeys(("num", "hyperref", "lstinline"), ("[{", "%(2)s")),
    "mintinline": ("[{{", "%(3)s"),
    "multicolumn": ("{{{", "%(3)s"),
    "multirow": ("[{[{[{", "%(6)s"),
    "parbox": ("[[[{{", "%(5)s"),
    "resizebox": ("*{{{", "%(4)s"),
    "scalebox": ("{[{", "%(3)s"),
    "raisebox": ("{[[{", "%(4)s"),
    "texorpdfstring": ("{{", "%(2)s"),
    "enquote": ("*{", "“%(2)s”"),
    "bibitem": ("[{", "\n- "),
    "ang": ("[{", "%(2)s°"),
    "numrange": ("[{{", "%(2)s to %(3)s"),
    "EUR": ("{", "%(1)s €"),
    **dict.fromkeys(("euro", "texteuro"), ("", "€")),
    "degree": ("", "°"),
    "celsius": ("", "°C"),
    "slash": ("", "/"),
    **dict.fromkeys(("\n", "\t"), ("", " ")),  # a space, as `\\ ` is
    "#": ("", NUMBER_SIGN),
    "and": ("", ", "),
    "par": ("", "\n\n"),
    "newline": ("", "\n"),
    "item": ("[", "\n- "),
    "textgreater": ("", ">"),
    "textless": ("", "<"),
    "textbar": ("", "|"),
    # LaTeX's number is not in the file; `texreferences` has already replaced references to what has a name.
    **dict.fromkeys(("ref", "eqref", "autoref", "cref", "Cref", "pageref", "nameref", "vref"), ("*{", "%(2)s")),
}

# Arguments -> macros that show nothing, or whose text is struck out.
_UNSEEN = {
    "": """
        maketitle tableofcontents listoffigures listoftables printbibliography centering noindent indent raggedright
        raggedleft small large Large LARGE huge Huge tiny scriptsize footnotesize normalsize normalfont bfseries itshape
        clearpage cleardoublepage newpage pagebreak nopagebreak linebreak bigskip medskip smallskip hfill vfill hrule
        toprule midrule bottomrule hline endhead endfirsthead endfoot endlastfoot appendix frontmatter mainmatter
        backmatter onehalfspacing doublespacing singlespacing phantomsection FloatBarrier newblock protect xspace
        balance sloppy fussy makeatletter makeatother bf it rm sf tt sc em relax leavevmode null strut allowbreak
        ignorespaces unskip endinput textwidth linewidth columnwidth textheight baselineskip selectfont printindex
        rowcolor cellcolor tabularnewline mdseries upshape ttfamily sffamily rmfamily scshape nolinebreak flushbottom
        raggedbottom twocolumn onecolumn today hspace* vspace*
    """,
    "{": """
        label title vspace hspace thispagestyle pagestyle bibliographystyle bibliography index glossary todo newcounter
        setstretch cline phantom hphantom vphantom sout st xout cancel nocite graphicspath usetikzlibrary hypersetup
        captionsetup selectlanguage pagenumbering cmidrule markright refstepcounter stepcounter theoremstyle
    """,
    "{{": "setcounter addtocounter setlength addtolength markboth rule pagecolor definecolor*",
    "{{{": "addcontentsline definecolor",
    "[{": "usepackage includegraphics marginpar documentclass rowcolors lstinputlisting input include",
    "{[{": "newtheorem",
    "*{[{{{{[": "titleformat",
    "*{{{{[": "titlespacing",
    "[[{": "cite citep citet autocite parencite textcite footcite citeauthor citeyear citealp citealt",
}
UNSEEN = {name: arguments for arguments, names in _UNSEEN.items() for name in names.split()}
CITATIONS = frozenset(_UNSEEN["[[{"].split())

# Environments whose arguments are not text.
ENVIRONMENTS = {
    "minipage": "[[[{", "tabular": "[{", "tabular*": "{[{", "tabularx": "{[{", "tabulary": "{[{", "longtable": "[{",
    "tblr": "[{", "wrapfigure": "[{[{", "multicols": "{[", "figure": "[", "figure*": "[", "table": "[", "table*": "[",
    "thebibliography": "{", "enumerate": "[", "itemize": "[", "description": "[", "adjustbox": "{", "spacing": "{",
    "sidewaystable": "[", "array": "[{",
}  # fmt: skip
TABLES = ("tabular", "tabular*", "tabularx", "tabulary", "longtable", "tblr")
LISTS = ("enumerate", "itemize", "description")

_PREFIXES = {"kilo": "k", "mega": "M", "giga": "G", "tera": "T", "milli": "m", "micro": "µ", "nano": "n", "pico": "p",
             "centi": "c", "deci": "d", "hecto": "h"}  # fmt: skip
_POWERS = {"square": "^2", "squared": "^2", "cubic": "^3", "cubed": "^3"}
_UNIT_NAMES = """
    metre=m meter=m gram=g second=s ampere=A kelvin=K mole=mol candela=cd litre=l liter=l hertz=Hz newton=N
    pascal=Pa joule=J watt=W volt=V ohm=Ω coulomb=C farad=F tesla=T minute=min hour=h day=d degree=°
    celsius=°C degreeCelsius=°C percent=% tonne=t hectare=ha electronvolt=eV decibel=dB kilogram=kg byte=B
    bit=bit lumen=lm lux=lx becquerel=Bq sievert=Sv gray=Gy
"""
_UNITS = dict(pair.split("=") for pair in _UNIT_NAMES.split())
_FACTOR = re.compile(
    rf"(?P<per>\\per)?\s*(?:\\(?P<before>square|cubic)(?![A-Za-z]))?\s*"
    rf"(?:\\(?P<prefix>{'|'.join(_PREFIXES)})(?![A-Za-z]))?\s*\\(?P<unit>[A-Za-z]+)\s*"
    rf"(?:\\(?P<behind>squared|cubed)(?![A-Za-z])|\\tothe\s*\{{(?P<exponent>[^{{}}]*)\}})?"
)


def unit_text(written: str) -> str:
    """A siunitx unit as it is printed: `\\kilo\\metre\\per\\hour` as km/h; without macros only `.` and `~` change."""
    if "\\" not in written:
        return written.replace(".", "·").replace("~", "·").strip()
    text = ""
    for factor in _FACTOR.finditer(written):
        between = "/" if factor["per"] else "·" if text else ""
        unit = _UNITS.get(factor["unit"], factor["unit"])  # `\\bar`, `\\km`
        power = _POWERS.get(factor["before"] or factor["behind"] or "", "")
        exponent = f"^{factor['exponent']}" if factor["exponent"] else ""
        text += between + _PREFIXES.get(factor["prefix"] or "", "") + unit + power + exponent
    return text


class Groups:
    """The groups `{…}` of a text, which are found in one pass, however many are not closed."""

    def __init__(self, text: str) -> None:
        self._text = text

    def end(self, at: int) -> int | None:
        """The end of the group that begins at a place; None if there is none, or it is not closed."""
        return self._ends.get(at)

    @cached_property
    def _ends(self) -> dict[int, int]:
        ends: dict[int, int] = {}
        opened: list[int] = []
        for brace in _BRACE.finditer(self._text):
            if brace[0] == "{":
                opened.append(brace.start())
            elif brace[0] == "}" and opened:
                ends[opened.pop()] = brace.end()
        return ends


def after_space(text: str, at: int) -> int:
    """The first position from `at` on that is not white space."""
    while at < len(text) and text[at].isspace():
        at += 1
    return at
