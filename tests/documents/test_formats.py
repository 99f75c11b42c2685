"""Formats: headings and sections, the text of HTML, DOCX and PDF, and the cost of hostile files."""

import io
import sys
import zlib

import docx
import pytest
from fpdf import FPDF

from disc_lite.documents import read_documents, workers
from tests.documents.written import converted, refusal, refusal_of_child
from tests.tiers import reached


def read(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return {document.name: document for document in read_documents([folder])[0]}


def paths_of(document):
    return [section.heading_path for section in document.sections]


def pdf(*pages):
    writer = FPDF()
    for page in pages:
        writer.add_page()
        for size, text in page:
            writer.set_font("helvetica", size=size)
            writer.multi_cell(0, size / 2, text, new_x="LMARGIN", new_y="NEXT")
    return writer


def raw_pdf(contents, kids=b"[3 0 R]", page_filter=b""):
    """A PDF of one page, written by hand without a cross-reference table."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids " + kids + b" >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources 5 0 R >>",
        b"<< %s /Length %d >>\nstream\n%s\nendstream" % (page_filter, len(contents), contents),
        b"<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Courier >> >> >>",
    ]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % pair for pair in enumerate(objects, start=1))
    return b"%PDF-1.4\n" + body + b"trailer << /Root 1 0 R /Size 6 >>\nstartxref\n0\n%%EOF"


# --- formats ------------------------------------------------------------------------------------

MARKDOWN = """\
---
tags: none
---
Before.

# Site *guide* ##

## [Markets](x.md)
```sh
# a comment
```
### `open_at` six
Text under
a rule
---
Prices
------
No # heading, #nor this
"""


def test_markdown_headings_make_the_sections(tmp_path):
    document = read(tmp_path, {"a.md": MARKDOWN})["a.md"]
    assert document.text == MARKDOWN.removeprefix("---\ntags: none\n---\n")
    assert document.title == "Site guide"
    assert paths_of(document) == [
        ("Site guide",),
        ("Site guide",),
        ("Site guide", "Markets"),
        ("Site guide", "Markets", "open_at six"),
        ("Site guide", "Prices"),
    ]
    starts = [document.text[section.start :].split("\n")[0] for section in document.sections]
    assert starts[1:] == ["# Site *guide* ##", "## [Markets](x.md)", "### `open_at` six", "Prices"]


def test_rst_levels_follow_the_order_of_the_styles(tmp_path):
    text = "====\nTop\n====\n\nOne\n---\nx\n\nDeep ``er``\n~~~~~~~~~~~\n\n quoted\n ------\n\nTwo\n---\n"
    document = read(tmp_path, {"a.rst": text})["a.rst"]
    assert paths_of(document) == [
        ("Top",),
        ("Top", "One"),
        ("Top", "One", "Deep er"),
        ("Top", "Two"),
    ]


def test_a_title_comes_from_the_file_name_if_from_nowhere_else(tmp_path):
    files = {
        "site_guide-2.txt": "1. Intro\n--------\nx",
        "b.htm": "<title>T &amp;\nU</title>x",
        "Article 812-3.md": "It holds.",
    }
    documents = read(tmp_path, files)
    assert paths_of(documents["site_guide-2.txt"]) == [("site guide 2", "1. Intro")]
    assert documents["b.htm"].title == "T & U"
    assert documents["Article 812-3.md"].title == "Article 812-3"


@pytest.mark.parametrize(
    ("headings", "title", "paths"),
    [
        (
            "# 1. Overview\n\n## 1.1. Aim\n\n# 2. Use",
            "a",
            ["a > 1. Overview", "a > 1. Overview > 1.1. Aim", "a > 2. Use"],
        ),
        ("# 2024 in short\n\n# 1. Rent", "2024 in short", ["2024 in short", "2024 in short > 1. Rent"]),
        ("# 1.11.0 (2022)\n\n# 1.10.8 (2021)", "a", ["a > 1.11.0 (2022)", "a > 1.10.8 (2021)"]),
        ("# 1 Scope\n\n# 2 Use", "a", ["a > 1 Scope", "a > 2 Use"]),
        ("# 24 hours in Rome\n\n# 48 hours", "24 hours in Rome", ["24 hours in Rome", "24 hours in Rome > 48 hours"]),
        ("# 6.2. Rent\n\n# Pets", "6.2. Rent", ["6.2. Rent", "6.2. Rent > Pets"]),
    ],
)
def test_a_numbered_section_among_others_is_not_the_title(tmp_path, headings, title, paths):
    document = read(tmp_path, {"a.md": headings.replace("\n", "\n\nIt is due.\n") + "\n\nIt is due.\n"})["a.md"]
    assert document.title == title
    assert [" > ".join(path) for path in paths_of(document)] == paths


HTML = """<head><title>No</title><style>s</style></head><nav>menu</nav>
<h1>Site <b>gu</b>ide</h1><p>One<br>two
 <i>three</i>.<!-- no --><script>s</script><ul><li>a<ul><li>b</ul><li>c</ul>
<table><tr><th>A<th>B<tr><td><p>1</p><td>2</table><h2><div>Code</div></h2><pre>
# x
  y</pre>end"""


def test_html_becomes_plain_markdown(tmp_path):
    document = read(tmp_path, {"a.html": HTML})["a.html"]
    assert document.text == (
        "# Site guide\n\nOne\ntwo three.\n\n- a\n  - b\n- c\n\nA | B\n1 | 2\n\n## Code\n\n```\n# x\n  y\n```\n\nend\n"
    )
    assert paths_of(document) == [("Site guide",), ("Site guide", "Code")]


def test_html_that_its_parser_warns_of_is_read_in_silence():
    xhtml = b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><p>A.</p></html>'
    assert converted(".html", xhtml).text == "A.\n"
    assert converted(".html", b"./page.html").text == "./page.html\n"


def test_html_too_deep_and_the_title_of_a_page():
    assert "nested too deeply" in refusal(".html", b"<b>" * 3000 + b"x")
    made = converted(".htm", "<title>Ü</title><p>€".encode())
    assert (made.title, made.text) == ("Ü", "€\n")


def test_docx(tmp_path):
    word = docx.Document()
    word.add_heading("Site guide", 0)
    word.add_heading("Markets", 1)
    word.add_paragraph("Open at six. Ünïcode.")
    word.add_paragraph("one", style="List Bullet")
    word.add_paragraph("two", style="List Bullet")
    cells = word.add_table(1, 2).rows[0].cells
    cells[0].text, cells[1].text = "A", "B"
    word.save(buffer := io.BytesIO())
    document = read(tmp_path, {"a.docx": buffer.getvalue()})["a.docx"]
    assert document.text == ("# Site guide\n\n# Markets\n\nOpen at six. Ünïcode.\n\n- one\n- two\n\nA | B\n")
    assert paths_of(document) == [("Site guide",), ("Site guide", "Markets")]
    assert "not a .docx" in refusal(".docx", b"\xd0\xcf\x11\xe0 old")
    assert "damaged" in refusal(".docx", buffer.getvalue()[:-99])


LONG = (
    "The northern market opens at six in the morning and closes at noon, except on the day of "
    "the harvest festival. Traders come from all four valleys, and they know each other. "
)


def test_pdf_lines_become_paragraphs_headings_and_items(tmp_path):
    pages = (
        [(18, "Site Guide"), (14, "Markets"), (11, LONG + "It is old."), (11, LONG + "The end of")],
        [(11, "the page is not the end.\n- one\n- two"), (14, "Prices"), (11, LONG), (11, "2")],
    )
    document = read(tmp_path, {"a.pdf": bytes(pdf(*pages).output())})["a.pdf"]
    assert document.text == (
        f"# Site Guide\n\n## Markets\n\n{LONG}It is old.\n\n{LONG}The end of the page is not the "
        f"end.\n\n- one\n- two\n\n## Prices\n\n{LONG.strip()}\n"
    )
    assert paths_of(document)[-1] == ("Site Guide", "Prices")


def test_pdf_without_text_or_behind_a_password():
    assert "empty pages?" in refusal(".pdf", bytes(pdf([]).output()))
    locked = pdf([(11, "Secret.")])
    locked.set_encryption("owner", "user")
    assert "encrypted" in refusal(".pdf", bytes(locked.output()))
    assert "%PDF- mark" in refusal(".pdf", b"hello")


# --- hostile files (R19) ------------------------------------------------------------------------


def test_pdf_bomb_and_loop_are_refused():
    assert converted(".pdf", raw_pdf(b"BT /F 1 Tf (Hi.) Tj ET")).text == "Hi.\n"
    bomb = zlib.compress(b"\0" * (100 << 20), 1)
    assert refusal_of_child(".pdf", raw_pdf(bomb, page_filter=b"/Filter /FlateDecode"))
    assert refusal_of_child(".pdf", raw_pdf(b"", kids=b"[2 0 R]"))
    reached("R19", PDF_bombs_and_loops_refused=2)


def test_a_page_that_takes_too_long_and_a_reader_that_dies(monkeypatch):
    monkeypatch.setattr(workers, "STEP_TIMEOUT_S", 1)
    slow = zlib.compress(b"BT /F 1 Tf " + b"(a) Tj " * 1_000_000 + b"ET")
    assert "more than 1 s" in refusal_of_child(".pdf", raw_pdf(slow, page_filter=b"/Filter /FlateDecode"))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert "crashed (exit status 1)" in refusal_of_child(".pdf", b"%PDF-")
