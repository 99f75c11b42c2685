"""Reading: one outcome per file, text by rule, every format, and what hostile files cost."""

import io
import os
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from pathlib import Path

import docx
import pytest
from fpdf import FPDF
from hypothesis import given, settings
from hypothesis import strategies as st

from disc_lite.documents import conversion, read_documents
from disc_lite.documents.decoding import check_text, decode, sha256_of_text
from disc_lite.documents.refusal import RefusedFile
from disc_lite.errors import DocumentsError, UsageError


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def read(folder, files):
    documents, ledger = read_documents([write(folder, files)])
    return {one.name: one for one in documents}, {one.name: one for one in ledger}


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
    """A PDF of one page by hand; pypdf finds its objects without a cross-reference table."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids " + kids + b" >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources 5 0 R >>",
        b"<< %s /Length %d >>\nstream\n%s\nendstream" % (page_filter, len(contents), contents),
        b"<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Courier >> >> >>",
    ]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % pair for pair in enumerate(objects, start=1))
    return b"%PDF-1.4\n" + body + b"trailer << /Root 1 0 R /Size 6 >>\nstartxref\n0\n%%EOF"


def refusal(suffix, raw):
    with pytest.raises(RefusedFile) as caught:
        conversion.convert(suffix, raw)
    return str(caught.value)


# --- text by rule (R15, R16) --------------------------------------------------------------------

PRINTED = st.text(st.characters(exclude_categories=("Cc", "Cs"))).map(lambda text: "a" + text)


@settings(deadline=None)
@given(PRINTED, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.sampled_from(["\n", "\r\n"]))
def test_text_encodes_back_to_the_bytes_it_came_from(text, codec, newline):
    written = (text + newline + text).encode(codec)
    decoded = decode(written)
    assert decoded == text + "\n" + text
    assert decoded.replace("\n", newline).encode(codec) == written


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"abc\xe9f", "0xe9 at offset 3; if it is Windows-1252"),
        (b"\xef\xbb\xbfabc\xff\x81", "0xff at offset 6; save it as UTF-8"),
        (b"\xff\xfea\x00\x00\xd8", "not UTF-16: byte 0x00 at offset 4"),
        (b"ab\0c", "NUL at offset 2"),
        ("\ufeffa\0".encode("utf-16-le"), "NUL at character 1"),
        (b"\x01\x02abc", "2 of 5 characters are control"),
        (b" \n\t\n", "no text"),
        (b"", "no text"),
    ],
)
def test_bytes_against_the_rule_are_refused_with_the_place(raw, words):
    assert words in refusal(".txt", raw)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(conversion.MARKUPS)), st.binary(max_size=300))
def test_junk_is_read_or_refused_and_gains_no_replacement_characters(suffix, junk):
    marks = {".pdf": b"%PDF-1.7\n", ".docx": b"PK\3\4"}
    try:
        # In this process: what a parser raises must not leave it either.
        here = conversion.MARKUPS[suffix] == "converted"
        raw = marks.get(suffix, b"") + junk
        converted = conversion.convert_here(suffix, raw, on_step=int) if here else conversion.convert(suffix, raw)
    except RefusedFile as refused:
        assert str(refused)
    else:
        assert ("\ufffd" in converted.text) <= (b"\xef\xbf\xbd" in junk or b"&#" in junk)
        assert check_text(converted.text) == converted.text


# --- one outcome per file (R14, R18, R20) ---------------------------------------------------------

NAMES = st.sampled_from([f"{stem}.{end}" for stem in ("a", "b/c", "b/.d", ".e/f") for end in
                         ("md", "txt", "html", "csv")])  # fmt: skip
CONTENTS = st.sampled_from([b"One.", b"One.\r\n", b"Two  words", b"Two\nwords", b"", b"\xff", b"x\0"])


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, CONTENTS))
def test_read_and_refused_and_duplicate_are_all_files_that_are_not_hidden(files):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), files)
        visible = sorted(name for name in files if "." not in (name[0], name[2]))
        try:
            documents, ledger = read_documents([Path(folder)])
        except DocumentsError:
            assert not any(files[name] in (b"One.", b"Two\nwords") for name in visible if
                           not name.endswith("csv"))  # fmt: skip
            return
    assert sorted(entry.name for entry in ledger) == visible
    outcomes = Counter(entry.outcome for entry in ledger)
    assert outcomes["read"] == len(documents)
    assert len({" ".join(one.text.split()) for one in documents}) == len(documents)
    assert all((entry.reason == "") == (entry.outcome == "read") for entry in ledger)


def test_a_duplicate_names_its_original_whatever_its_spaces_and_form(tmp_path):
    files = {
        "a.txt": "Caf\u00e9  au\nlait",
        "b/c.md": "Cafe\u0301 au lait\n",
        "d.txt": "Cafe au lait",
    }
    documents, ledger = read(tmp_path, files)
    assert list(documents) == ["a.txt", "d.txt"]
    assert ledger["b/c.md"].reason == "same text as a.txt"
    assert ledger["b/c.md"].as_dict()["outcome"] == "duplicate"
    assert documents["a.txt"].sha256 == sha256_of_text(files["a.txt"])


def test_links_stay_inside_the_named_folder(tmp_path):
    outside = write(tmp_path / "outside", {"secret.md": "secret"})
    inside = write(tmp_path / "inside", {"a.md": "A.", "sub/b.md": "B."})
    (inside / "out.md").symlink_to(outside / "secret.md")
    (inside / "folder").symlink_to(outside)
    (inside / "up").symlink_to(inside)
    (inside / "gone.md").symlink_to("nowhere")
    (inside / "self.md").symlink_to("self.md")
    (inside / "twin.md").symlink_to("a.md")
    os.mkfifo(inside / "pipe.md")
    documents, ledger = read(inside, {})
    assert list(documents) == ["a.md", "sub/b.md"]
    reasons = {name: entry.reason for name, entry in ledger.items() if name not in documents}
    assert reasons["twin.md"] == "same text as a.md"
    assert reasons["out.md"] == reasons["folder"] == "link that leads outside the folder"
    assert reasons["gone.md"] == reasons["self.md"] == "broken link"
    assert reasons["up"].startswith("link to a folder")
    assert reasons["pipe.md"] == "not a regular file"


def test_names_are_unique_and_cannot_break_a_line(tmp_path):
    one, two = write(tmp_path / "1", {"a.md": "A."}), write(tmp_path / "2", {"a.md": "B."})
    weird = two / os.fsdecode(b"x\n\x1b\xff.md")
    weird.write_text("C.")
    documents, _ = read_documents([one, two, one / "a.md", two])
    assert [document.name for document in documents] == ["a.md", "2/a.md", r"x\n\x1b\udcff.md"]


def test_what_was_named_but_is_not_there_or_empty(tmp_path):
    for path in (tmp_path / "no", Path("a\0b"), Path("x" * 300)):
        with pytest.raises(UsageError):
            read_documents([path])
    with pytest.raises(DocumentsError, match="no file there"):
        read_documents([tmp_path])
    with pytest.raises(DocumentsError) as caught:
        read(tmp_path, {f"{i}.csv": "x" for i in range(7)} | {".hidden.md": "x"})
    assert caught.value.why.count("extension .csv") == 5
    assert caught.value.why.endswith("and 2 more")
    documents, _ = read_documents([tmp_path / ".hidden.md"])  # named, so meant
    assert documents[0].title == ".hidden"


def test_a_huge_file_is_refused_unread(tmp_path):
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(100 << 30)
    _, ledger = read(tmp_path, {"a.md": "A."})
    assert ledger["huge.txt"].bytes == 100 << 30
    assert (ledger["huge.txt"].reason, ledger["huge.txt"].sha256) == (
        "larger than 64 MB; split it",
        "",
    )


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
    document = read(tmp_path, {"a.md": MARKDOWN})[0]["a.md"]
    assert document.text == MARKDOWN
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
    document = read(tmp_path, {"a.rst": text})[0]["a.rst"]
    assert paths_of(document) == [
        ("Top",),
        ("Top", "One"),
        ("Top", "One", "Deep er"),
        ("Top", "Two"),
    ]


def test_a_title_comes_from_the_file_name_if_from_nowhere_else(tmp_path):
    files = {"site_guide-2.txt": "1. Intro\n--------\nx", "b.htm": "<title>T &amp;\nU</title>x"}
    documents, _ = read(tmp_path, files)
    assert paths_of(documents["site_guide-2.txt"]) == [("site guide 2", "1. Intro")]
    assert documents["b.htm"].title == "T & U"


HTML = """<head><title>No</title><style>s</style></head><nav>menu</nav>
<h1>Site <b>gu</b>ide</h1><p>One<br>two
 <i>three</i>.<!-- no --><script>s</script><ul><li>a<ul><li>b</ul><li>c</ul>
<table><tr><th>A<th>B<tr><td><p>1</p><td>2</table><h2><div>Code</div></h2><pre>
# x
  y</pre>end"""


def test_html_becomes_plain_markdown(tmp_path):
    document = read(tmp_path, {"a.html": HTML})[0]["a.html"]
    assert document.text == (
        "# Site guide\n\nOne\ntwo three.\n\n- a\n  - b\n- c\n\nA | B\n1 | 2\n\n## Code\n\n```\n# x\n  y\n```\n\nend\n"
    )
    assert paths_of(document) == [("Site guide",), ("Site guide", "Code")]


def test_html_too_deep_or_too_large_for_this_process(monkeypatch):
    assert "nested too deeply" in refusal(".html", b"<b>" * 3000 + b"x")
    monkeypatch.setattr(conversion, "_HTML_IN_PROCESS_BYTES", 0)
    converted = conversion.convert(".htm", "<title>Ü</title><p>€".encode())
    assert (converted.title, converted.text) == ("Ü", "€\n")


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
    document = read(tmp_path, {"a.docx": buffer.getvalue()})[0]["a.docx"]
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
    document = read(tmp_path, {"a.pdf": bytes(pdf(*pages).output())})[0]["a.pdf"]
    assert document.text == (
        f"# Site Guide\n\n## Markets\n\n{LONG}It is old.\n\n{LONG}The end of the page is not the "
        f"end.\n\n- one\n- two\n\n## Prices\n\n{LONG.strip()}\n"
    )
    assert paths_of(document)[-1] == ("Site Guide", "Prices")


def test_pdf_without_text_or_behind_a_password():
    assert "scanned?" in refusal(".pdf", bytes(pdf([]).output()))
    locked = pdf([(11, "Secret.")])
    locked.set_encryption("owner", "user")
    assert "encrypted" in refusal(".pdf", bytes(locked.output()))
    assert "%PDF- mark" in refusal(".pdf", b"hello")


# --- hostile files (R19) ------------------------------------------------------------------------


def test_pdf_bomb_and_loop_are_refused():
    assert conversion.convert(".pdf", raw_pdf(b"BT /F 1 Tf (Hi.) Tj ET")).text == "Hi.\n"
    bomb = zlib.compress(b"\0" * (200 << 20), 9)
    assert refusal(".pdf", raw_pdf(bomb, page_filter=b"/Filter /FlateDecode"))
    assert refusal(".pdf", raw_pdf(b"", kids=b"[2 0 R]"))


def test_a_page_that_takes_too_long_and_a_reader_that_dies(monkeypatch):
    monkeypatch.setattr(conversion, "STEP_TIMEOUT_S", 1)
    slow = zlib.compress(b"BT /F 1 Tf " + b"(a) Tj " * 1_000_000 + b"ET")
    assert "more than 1 s" in refusal(".pdf", raw_pdf(slow, page_filter=b"/Filter /FlateDecode"))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert "crashed (exit status 1)" in refusal(".pdf", b"%PDF-")


def test_the_package_imports_no_reader_and_no_torch_until_needed():
    heavy = "{'torch', 'transformers', 'pypdf', 'mammoth', 'bs4'}"
    code = f"import sys, disc_lite.documents; print({heavy} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
