"""LaTeX: a file's own definitions, units, numbered lists, tables, and unknown macros."""

import re

import pytest

from disc_lite.documents.tex import Macro, definitions, expanded, without_unseen_branches
from disc_lite.documents.texnodes import _arguments
from disc_lite.documents.texreferences import with_references
from disc_lite.documents.texverbatim import Verbatim
from tests.counting import calls_in, is_quadratic
from tests.documents.written import converted, refusal, text


def made(body, before=""):
    return converted("a.tex", f"{before}\\begin{{document}}\n{body}\n\\end{{document}}\n")


def read(body, before=""):
    return made(body, before).text.strip()


def test_macros_of_the_file_are_what_they_stand_for():
    before = r"""\newcommand{\fee}{84 euros\xspace}
    \def\pump#1{pump \emph{P-#1}} \newcommand*\room[2][big]{the #1 #2 for \fee}
    % \renewcommand{\fee}{99 euros}
    """
    body = r"The \pump{17} costs \fee{}. Take \room{hall} or \room[small]{hut}; $x = \fee$ % \fee"
    shown = "The pump P-17 costs 84 euros. Take the big hall for 84 euros or the small hut for 84 euros; $x = 84 euros$"
    assert read(body, before) == shown
    assert "without end" in refusal(".tex", r"\newcommand{\a}{\b}\newcommand{\b}{\a\a}\a")


def test_a_macro_that_is_not_known_is_named_where_it_stood_for_something():
    read_text = made(r"It costs \price{} or \cost. \highlight{Always.} \noindent\vspace{1cm}\small \verb|a b|")
    assert read_text.text == "It costs or . Always. a b\n"
    assert read_text.warning == (
        r"2 macros are unknown and left out (\price, \cost): if one stands for a value, write the value out"
    )
    assert "write it out" not in made(r"\href{http://x.org}{Here} \EUR{5}.").warning


def test_arguments_without_braces_are_no_damage():
    assert read(r"Rows are \renewcommand\baselinestretch 2 wide.") == "Rows are 2 wide."


def test_the_arguments_of_a_macro_or_environment_that_is_not_known_are_words_apart():
    entry = r"\begin{rubric}{Jobs}{Sea} \cventry{2010--2012}{Pilot}{\textbf{ACME}} \textcolor{red}{A} $\frac{1}{2}$\end{rubric}"
    assert read(entry) == r"Jobs Sea 2010–2012 Pilot ACME A $\frac{1}{2}$"


def test_a_macro_that_another_takes_as_its_argument_is_no_heading():
    body = r"\titleformat{\section}[hang]{\large}{\thesection}{1em}{}\titlespacing*{\section}{0pt}{1em}{1em}\titleformat{\paragraph}{\large}{}{1em}{}\section{Term} Pay."
    assert read(body) == "## Term\n\nPay."
    assert read(r"\robustify{\section}\robustify{\footnote}Pay.\footnote{Soon.}") == "Pay. (Soon.)"


def test_quantities_keep_their_units_and_raised_letters_their_meaning():
    assert read(r"\SI{3}{\kilo\metre\per\hour}, \qty{9.81}{\m\per\s\squared}, \SIrange{1}{2}{\bar}, \unit{kg.m}") == (
        "3 km/h, 9.81 m/s^2, 1 to 2 bar, kg·m"
    )
    assert read(r"10\textsuperscript{6} H\textsubscript{2}O, \sout{80} 84 at \qty{20}{\celsius}") == (
        "10^6 H2O, 84 at 20 °C"
    )


def test_lists_have_the_numbers_and_terms_that_latex_prints():
    body = r"""\begin{enumerate}\item Open.\item Close.\begin{enumerate}\item Wait.\end{enumerate}\end{enumerate} Then:
    \begin{enumerate}[resume]\item Repeat.\end{enumerate}\begin{enumerate}[label=\alph*)]\item A.\end{enumerate}
    \begin{description}\item[Fee] 84 euros.\end{description}"""
    lines = ["1. Open.", "2. Close.", "- (a) Wait.", "Then:", "3. Repeat.", "a) A.", "- Fee: 84 euros."]
    assert [line for line in read(body).split("\n") if line] == lines


def test_tables_keep_their_columns_under_their_captions_and_references_name_them():
    body = r"""\section{Stays}\label{s} See \ref{t} and Section~\ref{s}.
    \begin{table}\caption{Prices.}\label{t}\begin{tabular}{l|p{2cm}r}\hline City & Hotel & Price \\ \hline
    \multirow{2}{*}{Oslo} & Grand & 140 \\ & Annex & 90 \\ \cline{1-2} \multicolumn{3}{c}{Closed in May} \\
    \multicolumn{2}{l}{Rome} & 70 \end{tabular}\end{table}"""
    assert read(body) == (
        "## Stays\n\nSee “Prices” and Section “Stays”.\n\nPrices.\n\nCity | Hotel | Price\nOslo | Grand | 140\nOslo | Annex | 90\n"
        "Closed in May\nRome | | 70"
    )


def test_a_table_of_the_smallest_kind():
    assert text("a.tex", r"\begin{tabular}{l}A\\B\end{tabular}") == "A\nB\n"


def test_a_number_sign_opens_no_heading_and_a_space_may_be_the_end_of_a_line():
    body = "We denote by\n\\# the lamps, e.g.\\\n84 (lamp \\#5).\n\n\\begin{code}\n# a comment\nf(&x)\n\\end{code}"
    assert made(body).text == ("We denote by\n\\# the lamps, e.g. 84 (lamp #5).\n\n```\n# a comment\nf(&x)\n```\n")
    assert made("e.g.\\\n84").warning == ""


def article(body, before=""):
    return rf"\documentclass{{article}}{before}\begin{{document}}{body}\end{{document}}"


EQUATIONS = r"""\begin{equation}\label{e} a \end{equation} % \begin{equation} b \end{equation}
\begin{align} c \nonumber \\ \begin{matrix} d \\ e \end{matrix} \label{f} \\ g \tag{T} \label{g} \end{align}
By \eqref{e}, (\ref{f}), \eqref{g}, \Cref{f} and \eqref{h}."""


def test_a_reference_to_an_equation_is_its_number():
    assert "By (1), (2), (T), Equation (2) and (h)." in text("a.tex", article(EQUATIONS))
    assert r"\tag{1} a" in text("a.tex", article(EQUATIONS)) and r"\tag{T} \end" in text("a.tex", article(EQUATIONS))
    numbered = article(rf"\section{{A}}\section{{B}}{EQUATIONS}", r"\numberwithin{equation}{section}")
    assert "By (2.1), (2.2), (T)" in text("a.tex", numbered)


@pytest.mark.parametrize(
    "where", [r"\input{other}", r"\begin{subequations}\end{subequations}", r"\newcommand{\be}{\begin{equation}}"]
)
def test_a_number_that_is_not_sure_is_not_written(where):
    assert "By (e), (f), (g), f and (h)." in text("a.tex", article(where + EQUATIONS))
    assert "By (e), " in text("a.tex", EQUATIONS)  # without a document class, such as a chapter of a book


# Runs of text, special sequences, arguments of one character or after a paragraph, and what closes or opens nothing.
PARSED = [
    "A few words, (and) `some' more -- or --- less\n\n \t``so''. Non-\nbreaking~space, ¡hola! ?` 'x''' $a$$b$ $$c$$ & d",
    r"\alpha² \alphaé \é \frac12 \frac 1{2} \sqrt[3]{x} \'e \"{o}n \footnote[1]{n [x] (y) <z>} \item[a [b] c] $[0,1)$",
    "\\section*{S}\\section *{T}\\caption\n\n*{U}\\\\[2mm] a\\\\*\n\nb \\hspace  *{1cm} \\  % c\nd % e\n\nf \\verb|a$b{| \\%\n%\\)\ng",
    "\\begin {quote}q\\end\n{quote}\\begin{tabular}[t]{l p{3cm}}a & b\\\\\\end{tabular} \\begin{align*}a_{i} &= b\\end{align*}",
    r"} \) \] \end{quote} \begin \end \beginx{a} $\text{a $x$ \(y\) \[z\]}$ \[w\] \mbox{$",
    r"\begin{itemize}\item \textbf{a} {b \begin{verbatim}{$\end{verbatim} \item[c \verb+a",
    "a\\",
    "\\textbf",
]


@pytest.mark.parametrize("written", PARSED)
def test_the_parser_makes_the_nodes_of_pylatexenc(written):
    latexwalker = pytest.importorskip("pylatexenc.latexwalker")
    from disc_lite.documents.texwalker import TexWalker

    def nodes(walker):
        found, start, length = walker(written, latex_context=_arguments(), tolerant_parsing=True).get_latex_nodes()
        return re.sub(r"parsing state \d+", "", repr(found)), start, length

    assert nodes(TexWalker) == nodes(latexwalker.LatexWalker)


def test_text_is_not_parsed_letter_by_letter():
    body = "Some more words (and numbers),\n" * 1000
    assert calls_in(read, body) < len(body)  # pylatexenc's own parser makes thirty calls for each letter


def test_blanks_take_no_quadratic_time():
    assert not is_quadratic(lambda size: read("a" + " " * size + "b"), 20_000)


CODE = r"""\section{Use}
Write \verb|\fee{2} % now|, \verb*+a b+, \lstinline[language=C]!x--;!, \lstinline{f(x)} and \mintinline{python}{5 % 2}, not 4.
\begin{verbatim}
\section{Fees} % of all
\newcommand{\fee}{9}
\end{verbatim}
See \href{https://x.org/a%20b}{the list} or \url{https://x.org/c%20d}; the fee is \fee{1}, in \code{x_1}.
\begin{comment}
It was \verb|5|.
\end{comment}
% \begin{verbatim}
\begin{itemize}
\item First
\begin{lstlisting}[language=C]
{ /* 100% */
\end{lstlisting}
\item Second
\end{itemize}"""


def test_code_is_not_latex_and_comment_environments_are_not_read():
    before = "\\newcommand{\\fee}[1]{#1 euros}\\newcommand{\\code}[1]{\\mintinline{c}{#1}}\n"
    shown = (
        "## Use\n\nWrite \\fee{2} % now, a b, x--;, f(x) and 5 % 2, not 4.\n\n"
        "```\n\\section{Fees} % of all\n\\newcommand{\\fee}{9}\n```\n\n"
        "See the list or https://x.org/c%20d; the fee is 1 euros, in x_1.\n\n"
        "- First\n\n```\n{ /* 100% */\n```\n- Second"
    )
    made = converted("a.tex", f"{before}\\begin{{document}}\n{CODE}\n\\end{{document}}\n".replace("\n", "\r\n"))
    assert (made.text.strip(), made.warning) == (shown, "")


def test_the_title_can_have_groups_in_groups():
    assert read("Open.", r"\title[Mill]{The {\bf {old} mill}}") == "# The old mill\n\nOpen."


def test_listings_that_are_not_ended_take_no_quadratic_time():
    assert not is_quadratic(lambda size: Verbatim().taken_out("\\begin{verbatim}\\begin{comment}" * size), 4000)
    assert read("\\begin{verbatim} It opens.") == "It opens."


@pytest.mark.parametrize(
    "work",
    [
        lambda size: definitions(r"\newcommand{\a}{b " * size),
        lambda size: expanded(r"\a{b " * size, {"a": Macro("c #1", arguments=1)}),
        lambda size: with_references(r"\section{A " * size),
        lambda size: with_references(r"\begin{figure} a " * size),
        lambda size: with_references(r"\documentclass{article}" + r"\begin{equation} a " * size),
        lambda size: without_unseen_branches("\\ifx a " * size + "\\iftrue a\\fi " * size),
    ],
)
def test_what_is_not_closed_or_ended_takes_no_quadratic_time(work):
    assert not is_quadratic(work, 4000)


def test_floats_and_equations_without_an_end_are_passed_over():
    body = r"\begin{figure}\begin{table}\caption{Fees}\label{t}\end{table}\begin{table*}\caption{Dues}\label{u}\end{table*} See \ref{t} and \ref{u}."
    assert "See “Fees” and “Dues”." in read(body)


def test_a_comment_takes_the_line_break_and_the_indentation_behind_it():
    assert read("A cu%\n  cumber,% old\n\nwhich 5\\% like\\\\% and\nbuy. % c\n% d\nMore.") == (
        "A cucumber,\n\nwhich 5% like\nbuy. More."
    )


def test_authors_and_date_are_below_the_title():
    about = (
        r"\title{The Dun%"
        + "\n  den}"
        + r"\author{Ada Berg\\ Mill of Ularic \and Olle Lind}\author[2]{Kim Ek}\date{DAY}"
    )
    shown = "# The Dunden\n\nAuthor: Ada Berg, Mill of Ularic, Olle Lind, Kim Ek"
    assert read(r"\maketitle Bread.", about.replace("DAY", "1 May 2031")) == f"{shown}\n\nDate: 1 May 2031\n\nBread."
    assert read(r"\maketitle Bread.", about.replace("DAY", r"\today")) == f"{shown}\n\nBread."
