"""Org, AsciiDoc, LaTeX, notebooks and mail -> Markdown."""

import json

import pytest

from tests.counting import calls_in, is_quadratic
from tests.documents.written import converted, document, refusal, sections, text

ORG = """\
#+TITLE: Garden plan
#+AUTHOR: Ann
# a comment
* TODO [#A] Spring  :work:home:
:PROPERTIES:
:ID: 1
:END:
Plant *beans* and /peas/, see [[https://x.org][the guide]], [[b.org]] or =a*b= in a/b/c.
+ one
  - two
| Name | Price |
|------+-------|
| Bean | 3     |
#+BEGIN_SRC python
* no headline
x = "[[a]]"
#+END_SRC
** Late
#+begin_quote
Said *so*.
#+end_quote
#+BEGIN_COMMENT
Not this.
#+END_COMMENT
: fixed
"""


def test_org():
    made = document("a.org", ORG)
    assert (made.title, sections(made)) == (
        "Garden plan",
        [
            ((), "# Garden plan"),
            (
                ("TODO Spring",),
                "## TODO Spring\nPlant beans and peas, see the guide, b.org or `a*b` in a/b/c.\n- one\n  - two\nName | Price\n"
                'Bean | 3\n```python\n* no headline\nx = "[[a]]"\n```',
            ),
            (("TODO Spring", "Late"), "### Late\nSaid so.\n    fixed"),
        ],
    )
    assert text("a.org", "Now. +They cost 5.+ They cost 7 +1.\n") == "Now. They cost 7 +1.\n"
    assert [path for path, _ in sections(document("b.org", "* One\n** Two\nx\n"))] == [(), ("Two",)]


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("* One\n  SCHEDULED: <2026-01-02 Fri>\n  Text.\n-----\n", "# One\n  Text.\n"),
        (
            "* One\nA.\n** TODO COMMENT Two\nB.\n*** Three\nC.\n** Four  :x:noexport:\nD.\n* Five\nE.\n",
            "# One\nA.\n# Five\nE.\n",
        ),
        ("Red[fn:1], and blue[fn:: Since May.].\n\n[fn:1] Says *Ada*.\n", "Red, and blue [Since May.].\n\nSays Ada.\n"),
        ("- Force :: A push.\n- Weight ::\n\n  A pull.\n", "- Force: A push.\n- Weight:\n\n  A pull.\n"),
        (
            "#+MACRO: fee $1 euros ($2)\nIt costs {{{fee(84,a\\, b)}}}, {{{kbd(Tab)}}}, {{{date}}}; see [[*Fees]].\n",
            "It costs 84 euros (a, b), Tab, {{{date}}}; see Fees.\n",
        ),
        ("#+BEGIN_HTML\n<hr>\n#+END_HTML\n4) [@6] x^{10}\n5) H_{2}O\n", "6) x^10\n5) H2O\n"),
        ("#+begin_src org\n  ,* One\n    ,#+x\n#+end_src\n", "```org\n* One\n  #+x\n```\n"),
        ("#+begin_export html\n<hr>\n#+end_export\nA @@html:<b>@@b@@html:</b>@@.\n", "A b.\n"),
    ],
)
def test_org_shows_what_it_exports(written, seen):
    assert text("a.org", written) == seen


ADOC = """\
= The Manual
Ann Author <a@b.org>
:product: Dunden
:toc:

Welcome to {product} {unknown}. See https://x.org[the site], link:a.html[] and <<install,Install>> [1].

////
= No heading
////
[[install]]
== Install *now* ==
.Steps
. First
.. Deeper +
* bullet

[source,python]
----
= no heading
x = 1 // c
----
// comment
NOTE: Be _careful_ with `a_b_c` and file_name_x.

[cols="1,1"]
|===
|Name |Price

|Dunden
|12 a
piece

|Loaf | 3
|===

CPU:: The brain.
include::other.adoc[]
image::a.png[A picture, 20]
"""


def test_adoc():
    made = document("a.adoc", ADOC)
    assert sections(made) == [
        (
            (),
            "# The Manual\nAnn Author <a@b.org>\n\nWelcome to Dunden {unknown}. See the site, a.html and Install [1].",
        ),
        (
            ("Install now",),
            "## Install now\nSteps\n\n1. First\n  a. Deeper\n- bullet\n\n```python\n= no heading\nx = 1 // c\n```\n"
            "NOTE: Be careful with `a_b_c` and file_name_x.\n\nName | Price\nDunden | 12 a piece\nLoaf | 3\n\nCPU: The brain.\nA picture",
        ),
    ]


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        (
            'See https://x.org[the site^], link:a.html["One, two",window=_blank] and x:a[b^].',
            "See the site, One, two and x:a[b^].",
        ),
        (
            "Press kbd:[Ctrl+C], btn:[OK], menu:File[Save > As] or menu:Edit[].",
            "Press Ctrl+C, OK, File > Save > As or Edit.",
        ),
        (r"Its path is /\{id} or \{empty}.", "Its path is /{id} or {empty}."),
        ("A ((valve)) (((pump, red)))icon:tags[]indexterm:[x] f((a)b).", "A valve  f((a)b)."),
        ('`+kbd:[a]+` "`so`" `((x))` is `a+b`.', "`kbd:[a]` “so” `((x))` is `a+b`."),
        ("The [#norm:fee]#fee is\n84# or [.line-through]#80# 90.", "The fee is\n84 or 90."),
        (
            "Area stem:[x^2+y^2], pass:q[<u>a_b_c</u>] at 5&#176;C &amp; +++<b>d_e_f</b>+++ `&lt;`.",
            "Area x^2+y^2, a_b_c at 5°C & d_e_f `&lt;`.",
        ),
        ("84 \ufdd1 crowns, area stem:[x^2+y^2]\ufdd1.", "84  crowns, area x^2+y^2."),  # no placeholder is left
        ("[stem]\n++++\nx^2+y^2\n++++\n\n++++\n<p>A <b>bell</b>.</p><script>x</script>\n++++", "x^2+y^2\n\nA bell."),
        ("[WARNING]\n====\nHot.\n====\n\n'''\n\n[NOTE.small]\nMind.\n\n<<<\n", "Warning:\nHot.\n\n\nNote:\nMind."),
    ],
)
def test_adoc_shows_no_macros(written, seen):
    assert text("a.adoc", written) == f"{seen}\n"


def test_adoc_titles_can_have_a_line_below_them():
    written = "bell(1)\n=======\n\n[[use]]\nUSE\n---\nIt rings.\n\nLoud\n~~~~~\n[verse]\nA line\nof text\n\nRun it:\n\n----\nring\n----\n"
    assert text("a.adoc", f"{written}\nor this one:\n--------\nTitle\n=====\n--------\n") == (
        "# bell(1)\n\n## USE\nIt rings.\n\n### Loud\nA line\nof text\n\nRun it:\n\n```\nring\n```\n\n"
        "or this one:\n```\nTitle\n=====\n```\n"
    )


def test_adoc_may_be_called_asc_as_keys_are():
    assert text("a.asc", "= Guide\n\nPay.\n") == "# Guide\n\nPay.\n"
    assert "a PGP key or signature" in refusal(".asc", "-----BEGIN PGP SIGNATURE-----\nxyz\n")


def test_adoc_is_searched_for_markup_only_where_there_can_be_any():
    lines = "Some words (and numbers), as usual.\n" * 1000
    assert calls_in(converted, "a.adoc", lines) < 35_000  # 23 for each line, or 50 with all searches


def test_adoc_markup_that_is_not_closed_takes_no_quadratic_time():
    assert not is_quadratic(lambda size: text("a.adoc", "*a " * size), 16_000)


def test_adoc_rows_are_full_by_their_columns():
    assert text("a.adoc", '[cols="1,2"]\n|===\n|Name |Role\n|Ada\n|Chair\n\n|Ben |Clerk\n|===\n') == (
        "Name | Role\nAda | Chair\nBen | Clerk\n"
    )


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (
            '[cols="1,1,1"]\n|===\n|Lamp |Watt |Price\n\n.2+|Ada |40 |12\n|60 |14\n\n|Ole 2+|sold out\n|===',
            "Lamp | Watt | Price\nAda | 40 | 12\nAda | 60 | 14\nOle | sold out |",
        ),
        ('[cols="2*,<3"]\n|===\n|A|B|C\n2+^.>s|one|\n3*|x\n|===', "A | B | C\none | |\nx | x | x"),
        ('[%header,format=csv]\n|===\nName,Price\nRye,"1,20"\n|===', "Name | Price\nRye | 1,20"),
        (",===\nName,Price\n,===", "Name | Price"),
        (
            '[cols="1,1a"]\n|===\n|Grand\n|\n[cols="2*"]\n!===\n!day !84\n!night !90\n!===\n|Annex |70\n|===',
            "Grand | day, 84; night, 90\nAnnex | 70",
        ),
    ],
)
def test_adoc_cells_that_span_columns_or_rows_keep_the_others_in_their_place(table, rows):
    assert text("a.adoc", f"{table}\n") == f"{rows}\n"


def test_adoc_numbers_and_what_is_struck_raised_or_noted():
    written = (
        "[.line-through]#Old fee 80.# The fee is [.big]#84#.footnote:[A year.] 10^6^ m^2^, H~2~O.\n\n. Open\n.. Wait\n+\nIt is hot.\n\n"
        ". Close, then step 1\n\nThen:\n\n. New\n\n[start=4]\n. Four\n"
    )
    assert text("a.adoc", written) == (
        "The fee is 84. [A year.] 10^6 m^2, H2O.\n\n1. Open\n  a. Wait\nIt is hot.\n\n2. Close, then step 1\n\nThen:\n\n"
        "1. New\n\n4. Four\n"
    )


TEX = r"""\documentclass{article}
\title[short]{The \emph{Great} Bridge}
\newcommand{\x}{y}
\begin{document}
\maketitle
Caf\'e bridges---and $x^2 + \alpha$. % a comment
\section{Intro\label{sec:i}}
Hello \textbf{bold} \cite{smith}, see~\ref{sec:i}.\footnote{A note.} 50\% \& more.

\begin{itemize}
\item One
  \item Two
\end{itemize}
\subsection*{Tables}
\begin{tabular}{lr} Name & Price \\ Dunden & 12 \\ \end{tabular}
\begin{lstlisting}[language=C]
# 50% off \item
\end{lstlisting}
\end{document}
Not this.
"""


def test_tex():
    assert sections(document("a.tex", TEX)) == [
        ((), "# The Great Bridge\n\nCafé bridges—and $x^2 + \\alpha$."),
        (("Intro",), "## Intro\n\nHello bold, see “Intro”. (A note.) 50% & more.\n\n- One\n- Two"),
        (("Intro", "Tables"), "### Tables\n\nName | Price\nDunden | 12\n\n```\n# 50% off \\item\n```"),
    ]


CELLS = [
    {"cell_type": "markdown", "source": ["# Steps\n", "<!-- TODO -->\n", "\n", "<b>Text</b> of max\\_tokens."]},
    {
        "cell_type": "code",
        "source": "print('```')\n# done",
        "outputs": [{"text": ["4", "2"]}, {"data": {"text/plain": "7"}}],
    },
    {"cell_type": "raw", "source": " "},
]


def test_notebook_with_and_without_its_outputs():
    book = json.dumps({"cells": CELLS, "metadata": {"language_info": {"name": "python"}}})
    plain = "# Steps\n\nText of max_tokens.\n\n````python\nprint('```')\n# done\n````\n"
    assert text("a.ipynb", book) == plain
    assert text("a.ipynb", book, notebook_outputs=True) == plain + "\n```\n42\n```\n\n```\n7\n```\n"
    old = {
        "worksheets": [
            {"cells": [{"cell_type": "heading", "level": 2, "source": "Old"}, {"cell_type": "code", "input": "x"}]}
        ]
    }
    assert text("a.ipynb", json.dumps(old)) == "## Old\n\n```\nx\n```\n"
    assert "not a notebook" in refusal(".ipynb", "[1]")
    assert "no cell with text" in refusal(".ipynb", '{"cells": []}')


HEADERS = "From: Ann <a@x.org>\nTo: b@x.org\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nMIME-Version: 1.0\n"


def test_mail_shows_its_headers_and_the_plain_text():
    body = (
        HEADERS
        + 'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: multipart/alternative; boundary="c"\n\n'
    )
    body += "--c\nContent-Type: text/html\n\n<p>Not this.\n--c\nContent-Type: text/plain; charset=iso-8859-1\n\nF\xfcr dich.\n--c--\n"
    body += '--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename="a.pdf"\n\nx\n--b--\n'
    assert text("a.eml", body.encode("latin-1")) == (
        "# Grüße\n\nFrom: Ann <a@x.org>\nTo: b@x.org\nAttachments, not read: a.pdf\n\nFür dich.\n"
    )
    html = HEADERS + "Content-Type: text/html; charset=utf-8\n\n<h2>Hi</h2><p>You.\n"
    assert text("a.eml", html).endswith("\n\n## Hi\n\nYou.\n")


def test_a_mail_in_html_keeps_its_text_where_others_stand_behind_it():
    def parts(kind, *bodies):
        inner = "".join(f"--{kind[:1]}\nContent-Type: {body}\n" for body in bodies)
        return f'multipart/{kind}; boundary="{kind[:1]}"\n\n{inner}--{kind[:1]}--\n'

    footer, page = "text/plain\n\nLeave the list.", "text/html; charset=utf-8\n\n<p>Lunch is at noon."
    named = 'text/plain; name="a.log"\nContent-Disposition: inline; filename="a.log"\n\nx'
    body = parts("mixed", page, named, parts("alternative", "text/plain\n\n", page), footer)
    shown = text("a.eml", f"{HEADERS}Content-Type: {body}")
    assert shown.endswith("Attachments, not read: a.log\n\nLunch is at noon.\n\nLunch is at noon.\n\nLeave the list.\n")


@pytest.mark.parametrize(("kind", "quoted"), [
    ("mixed", "\n\n> From: Bo <bo@y.org>\n> Subject: Rent\n\n> It is 90 euros.\n\n>> Is it?"),
    ("report; report-type=delivery-status", ""),
])  # fmt: skip
def test_a_mail_within_a_mail_is_quoted_and_one_that_came_back_is_not_read(kind, quoted):
    body = f"Content-Type: multipart/{kind}; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee below.\n"
    body += (
        "--b\nContent-Type: message/rfc822\n\nFrom: Bo <bo@y.org>\nSubject: Rent\n\nIt is 90 euros.\n> Is it?\n--b--\n"
    )
    assert text("a.eml", HEADERS + body).endswith(f"\n\nSee below.{quoted}\n")


def test_what_a_mail_quotes_stands_by_itself_and_its_lines_are_no_headings():
    body = "# 1 is the leak.\n\n> Who pays?\nI do.\nOn Mon, Ben wrote:\n> I resign.\n>\n> Tell Carl.\n> On Sun, Carl wrote:\n>> It leaks.\n> Ben\n"
    shown = (
        "\\# 1 is the leak.\n\n> Who pays?\n\nI do.\n\nOn Mon, Ben wrote:\n> I resign.\n\n> Tell Carl.\n\n> On Sun, Carl wrote:\n"
        ">> It leaks.\n\n> Ben\n"
    )
    assert text("a.eml", f"{HEADERS}\n{body}").endswith(f"b@x.org\n\n{shown}")
    flowed = "Content-Type: text/plain; format=flowed\n\nOrder the \nseal \n\nnow.\n-- \nAnn\n> It \n> leaks.\n"
    assert text("a.eml", HEADERS + flowed).endswith("\n\nOrder the seal\n\nnow.\n-- \nAnn\n\n> It leaks.\n")


@pytest.mark.parametrize("how", ['type="cite"', 'class="gmail_quote"', 'style="border-left: 1px solid"'])
def test_what_a_mail_in_html_quotes_is_marked_too(how):
    inner = '<blockquote type="cite"><p>When?</p></blockquote>'
    body = f"<p>On 1 June.</p><blockquote {how}><p>Ada asked:</p>{inner}<ul><li>a</ul></blockquote><blockquote><p>Set in.</p></blockquote>"
    mail = f"Subject: S\nFrom: o@x.org\nContent-Type: text/html\n\n<html>{body}</html>\n"
    assert text("a.eml", mail) == "# S\n\nFrom: o@x.org\n\nOn 1 June.\n\n> Ada asked:\n\n>> When?\n\n> - a\n\nSet in.\n"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"hello\n", "not a mail"),
        (HEADERS.encode() + b"\n\xff\n", "not utf-8, which it declares: byte 0"),
        (HEADERS.encode() + b"Content-Type: text/plain; charset=klingon\n\nx\n", "unknown encoding: klingon"),
        (HEADERS.encode() + b"\n \n", "no text in the mail"),
        (b"From: \xff\xfe\n\nx", "a header"),
    ],
)
def test_mail_that_is_refused(raw, words):
    assert words in refusal(".eml", raw)


LISTING = "```\n# Install\npip install x\n```\nMax is 5.\n# Done"


@pytest.mark.parametrize(("name", "before", "after"), [
    ("a.adoc", "= Guide\n\n----\n", "\n----\n\nAfter.\n"), ("a.adoc", "= Guide\n\n----\n", ""),
    ("a.org", "#+TITLE: Guide\n\n#+BEGIN_EXAMPLE\n", "\n#+END_EXAMPLE\n\nAfter.\n"),
    ("a.tex", "\\documentclass{article}\\begin{document}\\section{Guide}\n\\begin{verbatim}\n", "\n\\end{verbatim}\n\\end{document}"),
    ("a.html", "<html><body><h1>Guide</h1><pre>", "</pre><p>After.</p></body></html>"),
])  # fmt: skip
def test_a_listing_may_hold_a_fence(name, before, after):
    found = document(name, before + LISTING + after)
    assert f"````\n{LISTING}\n````" in found.text
    assert [section.heading_path[-1] for section in found.sections] == ["Guide"]
