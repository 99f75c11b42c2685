"""Parts of AsciiDoc, LaTeX and Sphinx files that their reader does not see, since a condition is not met."""

import pytest

from tests.documents.written import converted


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("ifdef::inner[]\nA.\nendif::[]\nifndef::inner[]\nB.\nendif::[]", "B."),
        (":inner:\n\nifdef::inner[]\nA.\nendif::[]\nifndef::inner[]\nB.\nendif::[]", "A."),
        (":inner:\n:!inner:\n\nifdef::inner[]\nA.\nendif::[]\nB.", "B."),
        ("ifdef::inner[]\nifdef::backend-html5[]\nA.\nendif::[]\n----\nx\n----\nendif::inner[]\nB.", "B."),
        ("ifdef::inner[A.]\nifndef::inner[B.]\nifeval::[1 > 0]\nC.\nendif::[]", "B.\nC."),
        (":a:\n\nifdef::a,b[]\nA.\nendif::[]\nifdef::a+b[]\nB.\nendif::[]", "A."),
        ("----\nifdef::inner[]\na\nendif::[]\nb\n----", "```\nb\n```"),
    ],
)
def test_what_an_adoc_shows_by_its_own_attributes_is_read(written, seen):
    assert converted("a.adoc", f"{written}\n").text == f"{seen}\n"


def test_the_attributes_that_parts_of_an_adoc_wait_for_are_named():
    assert "only for inner is left out" in converted("a.adoc", "ifdef::inner[]\nA.\nendif::[]\nB.\n").warning
    assert converted("a.adoc", "ifndef::inner[]\nA.\nendif::[]\nB.\n").warning == ""


def test_anchors_and_empty_attributes_of_an_adoc_are_not_seen():
    assert (
        converted("a.adoc", "== Fees [[fees]]\n\n[[x]]Dues{empty} are 3{nbsp}%.\n").text == "## Fees\n\nDues are 3 %.\n"
    )


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        (r"One. \iffalse Two. \ifx\a\b Three. \fi Four. \fi Five.", "One. Five."),
        (r"One. \iffalse Two. \else Three. \fi Four.", "One. Three. Four."),
        (r"\newif\ifdraft One. \ifdraft Two. \else Three. \fi Four.", "One. Three. Four."),
        (r"\newif\ifdraft\drafttrue One. \ifdraft Two. \else Three. \fi Four.", "One. Two. Four."),
        ("One. \\iffalse Two.\n% \\fi\nThree. \\fi Four.", "One. Four."),
        (r"One. \iftrue Two. \iffalse Three. \fi Four. \fi Five.", "One. Two. Four. Five."),
        (r"$a \iff b$ is one. \iffalse Two. \fi Three.", r"$a \iff b$ is one. Three."),
    ],
)
def test_branches_that_latex_does_not_print_are_not_read(written, seen):
    assert " ".join(converted("a.tex", rf"\begin{{document}}{written}\end{{document}}").text.split()) == seen


@pytest.mark.parametrize(
    ("condition", "is_read"),
    [("html", True), ("latex", False), ("not latex", True), ("html and not draft", True), ("man or (draft)", False)],
)
def test_of_sphinx_what_a_page_shows_is_read(condition, is_read):
    read = converted("a.rst", f".. only:: {condition}\n\n   A.\n\nB.\n")
    assert ("A." in read.text, "B." in read.text) == (is_read, True)
    assert ("“draft” is left out" in read.warning) == (condition == "man or (draft)")


def test_what_a_setting_of_sphinx_decides_is_read_and_told():
    read = converted("a.rst", ".. ifconfig:: level in ('a',)\n\n   A.\n\nB.\n")
    assert read.text == "\nA.\n\nB.\n"
    assert read.warning == "read too: text that the site shows only if level in ('a',)"
