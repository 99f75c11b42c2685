"""Books, presentations and OpenDocument texts: zips of XML."""

import sys

import pytest

from tests.documents.written import document, refusal, sections, text, zipped

CONTAINER = '<container xmlns="x"><rootfiles><rootfile full-path="EPUB/book.opf"/></rootfiles></container>'
BOOK = """<package xmlns="o" xmlns:dc="d"><metadata><dc:title>The  Road</dc:title></metadata><manifest>
<item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="x" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
<item id="b" href="b%20c.xhtml" media-type="application/xhtml+xml"/><item id="a" href="a.xhtml"/><item id="z" href="z.xhtml"/>
</manifest><spine><itemref idref="n"/><itemref idref="a"/><itemref idref="b"/><itemref idref="a"/><itemref idref="gone"/></spine></package>"""
NCX = """<ncx xmlns="n"><navMap><navPoint><navLabel><text>Late
 days</text></navLabel><content src="b%20c.xhtml#top"/></navPoint></navMap></ncx>"""
CHAPTER = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>T</title></head><body>{}</body></html>'
EPUB = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "EPUB/book.opf": BOOK,
    "EPUB/toc.ncx": NCX,
    "EPUB/nav.xhtml": '<html><nav><ol><li><a href="a.xhtml">Not used</a></li></ol></nav></html>',
    "EPUB/a.xhtml": CHAPTER.format("<h1>Early</h1><p>It began.</p>"),
    "EPUB/b c.xhtml": CHAPTER.format("<p>It ended.</p><h2>After</h2><p>Rest.</p>"),
    "EPUB/z.xhtml": CHAPTER.format("<p>Not in the spine.</p>"),
}


def test_epub_chapters_in_reading_order_under_their_headings_or_entries_in_the_contents():
    made = document("a.epub", zipped(EPUB))
    assert made.title == "The Road"
    assert sections(made) == [
        ((), "# The Road"),
        (("Early",), "# Early\n\nIt began."),
        (("Late days",), "# Late days\n\nIt ended."),
        (("Late days", "After"), "## After\n\nRest."),
    ]


def test_a_book_has_no_site_around_its_text_and_keeps_its_notes():
    body = (
        '<div class="sidebar">Costs.</div><p>In 1904<a epub:type="noteref" href="#n1">1</a> it '
        '<span epub:type="pagebreak">12</span><span class="pagenum">13</span>began.</p>'
        '<aside epub:type="footnote" id="n1">Or so.</aside><footer>By Ada.</footer>'
    )
    chapter = CHAPTER.format(f"<p>For Ben</p><h1>Early</h1>{body}")
    assert "For Ben\n\n# Early\n\nCosts.\n\nIn 1904 it began.\n\nOr so.\n\nBy Ada." in text(
        "a.epub", zipped({**EPUB, "EPUB/a.xhtml": chapter})
    )


def test_epub_that_is_protected_empty_or_none():
    lock = '<encryption><CipherData><CipherReference URI="EPUB/{}"/></CipherData></encryption>'
    assert "DRM" in refusal(".epub", zipped({**EPUB, "META-INF/encryption.xml": lock.format("a.xhtml")}))
    assert "It began." in text("a.epub", zipped({**EPUB, "META-INF/encryption.xml": lock.format("font.otf")}))
    assert "holds no META-INF/container.xml" in refusal(".epub", zipped({"a": "b"}))
    empty = {name: "<html/>" if name.endswith(".xhtml") else content for name, content in EPUB.items()}
    assert "run OCR" in refusal(".epub", zipped(empty))


OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
ODT = f"""<o:document-content xmlns:o="{OFFICE}" xmlns:t="text" xmlns:s="style" xmlns:b="table">
<o:automatic-styles><s:style s:family="paragraph" s:name="P1" s:parent-style-name="Title"/></o:automatic-styles><o:body><o:text>
<t:tracked-changes><t:p>Deleted.</t:p></t:tracked-changes><t:p t:style-name="P1">Site guide</t:p>
<t:h t:outline-level="2">Markets</t:h><t:p>Open<t:s/>at <t:span>six &amp; &lt;b&gt;</t:span><t:note><t:note-citation>1</t:note-citation>
<t:note-body><t:p>A note.</t:p></t:note-body></t:note>.<t:line-break/>Later<o:annotation><t:p>Ann: why?</t:p></o:annotation>.</t:p>
<t:list><t:list-item><t:p>one</t:p><t:list><t:list-item><t:p>deep</t:p></t:list-item></t:list></t:list-item></t:list>
<b:table><b:table-row><b:table-cell><t:p>A</t:p></b:table-cell><b:table-cell><t:p>B</t:p></b:table-cell></b:table-row></b:table>
</o:text></o:body></o:document-content>"""


def test_odt():
    made = document("a.odt", zipped({"content.xml": ODT}))
    assert made.text == (
        "# Site guide\n\n## Markets\n\nOpen at six & <b> [A note.].\nLater.\n\n- one\n  - deep\n\nA | B\n"
    )
    assert "holds no text document" in refusal(".odt", zipped({"content.xml": "<a/>"}))


NAMES = 'xmlns:p="presentationml" xmlns:a="drawingml" xmlns:r="relations"'


def shape(kind, *paragraphs):
    holder = f'<p:nvPr><p:ph type="{kind}"/></p:nvPr>' if kind != "box" else ""
    return f"<p:sp>{holder}<p:txBody>{''.join(paragraphs)}</p:txBody></p:sp>"


def line(content, level=""):
    return f'<a:p><a:pPr lvl="{level}"/><a:r><a:t>{content}</a:t></a:r><a:br/></a:p>'


def slide(*shapes):
    return f"<p:sld {NAMES}>{''.join(shapes)}</p:sld>"


def relations(**targets):
    rows = "".join(f'<r Id="{key}" Type="x/{kind}" Target="{target}"/>' for key, (kind, target) in targets.items())
    return f"<rs>{rows}</rs>"


TABLE = f"<a:tbl><a:tr><a:tc>{line('Name')}</a:tc><a:tc>{line('Price')}</a:tc></a:tr></a:tbl>"
PPTX = {
    "ppt/presentation.xml": f'<p:presentation {NAMES}><p:sldId id="7" r:id="b"/><p:sldId id="8" r:id="a"/></p:presentation>',
    "ppt/_rels/presentation.xml.rels": relations(a=("slide", "slides/1.xml"), b=("slide", "/ppt/slides/2.xml")),
    "ppt/slides/2.xml": slide(shape("subTitle", line("Of spring")), shape("ctrTitle", line("Report"), line("2026"))),
    "ppt/slides/1.xml": slide(
        shape("body", line("Bread &amp; milk"), line("cheap", "1"), line("Salt")), shape("sldNum", line("2")),
        shape("title", line("Prices")), TABLE, shape("box", line("A box."))),
    "ppt/slides/_rels/1.xml.rels": relations(n=("notesSlide", "../notes/1.xml"), l=("slideLayout", "../l.xml")),
    "ppt/notes/1.xml": slide(shape("sldImg"), shape("body", line("Say it slowly.")), shape("sldNum", line("2"))),
}  # fmt: skip


def test_pptx_slides_in_order_under_their_titles_with_tables_and_notes():
    made = document("a.pptx", zipped(PPTX))
    assert sections(made) == [
        ((), "# Report 2026\n\nOf spring"),
        (
            ("Prices",),
            "## Prices\n\n- Bread & milk\n  - cheap\n- Salt\n\nName | Price\n\nA box.\n\nNotes:\n\nSay it slowly.",
        ),
    ]
    pictures = {**PPTX, "ppt/slides/2.xml": slide(), "ppt/slides/1.xml": slide(), "ppt/notes/1.xml": slide()}
    assert "run OCR" in refusal(".pptx", zipped(pictures))


def test_a_raised_number_where_a_level_belongs_refuses_no_file():
    slides = {**PPTX, "ppt/slides/2.xml": slide(shape("body", line("Of spring", "²")))}
    assert "Of spring" in document("a.pptx", zipped(slides)).text
    names = 'xmlns:o="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:x="text"'
    content = f'<o:d {names}><o:text><x:h x:outline-level="²" x:start-value="²">Of spring</x:h></o:text></o:d>'
    assert "Of spring" in document("a.odt", zipped({"content.xml": content})).text


@pytest.mark.parametrize(("suffix", "part"), [(".odt", "content.xml"), (".pptx", "ppt/presentation.xml")])
def test_hostile_xml(suffix, part):
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "ha" * 1000}">' for n in range(12))
    assert "damaged" in refusal(suffix, zipped({part: f"<!DOCTYPE x [{laughs}]><x>&a11;</x>"}))
    deep = "<a>" * 100_000 + "</a>" * 100_000
    assert refusal(suffix, zipped({part: f'<t xmlns="{OFFICE}"><text>{deep}</text></t>'}))


def test_a_missing_library_is_named_with_the_line_that_installs_it(monkeypatch):
    for module in ("openpyxl.reader.excel", "pylatexenc.latex2text"):
        monkeypatch.setitem(sys.modules, module, None)
    assert refusal(".xlsx", zipped({"a": "b"})) == "needs openpyxl: pip install 'disc-lite[documents]'"
    assert refusal(".tex", "x") == "needs pylatexenc: pip install 'disc-lite[documents]'"


def test_an_encrypted_archive_is_refused_as_such():
    raw = bytearray(zipped({"content.xml": ODT}))
    central = raw.rindex(b"PK\1\2")
    raw[central + 8] |= 1
    assert "without a password" in refusal(".odt", bytes(raw))
    assert "save it as .pptx" in refusal(".pptx", b"\xd0\xcf\x11\xe0 old")
