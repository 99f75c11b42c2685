"""What every office format must read alike: raised, lowered, struck-out, hidden, merged and numbered text.

A new reader of such a format adds its file to `FILES`.
"""

import pytest

from tests.documents.written import converted, text, zipped

RAISED = "10^6 lamps, log_2 8."
STRUCK = "The fee is 84 euros."
ROWS = "Oslo | Grand | 140\nOslo | Annex | 90"
NUMBERED = ["1. Open it.", "It is hot.", "2. Close it.", "a) Wait.", "3. Repeat step 2."]

HTML = """<h1>T</h1><p>10<sup>6</sup> lamps, log<sub>2</sub> 8.</p><p>The fee is <s>80</s> <span hidden>secret</span> 84 euros.</p>
<table><tr><td rowspan=2>Oslo<td>Grand<td>140<tr><td>Annex<td>90</table>
<ol><li>Open it.</ol><p>It is hot.</p><ol start=2><li>Close it.</ol><ol type=a><li>Wait.</ol><ol start=3><li>Repeat step 2.</ol>"""

OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def word(content, style="", level=None):
    """A paragraph of runs, each `text` or `(text, properties)`."""
    number = "" if level is None else f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="7"/></w:numPr>'
    runs = [(run, "") if isinstance(run, str) else run for run in content]
    written = "".join(f"<w:r><w:rPr>{p}</w:rPr><w:t xml:space='preserve'>{t}</w:t></w:r>" for t, p in runs)
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{number}</w:pPr>{written}</w:p>'


def docx_file(body, numbering="", styles=""):
    relations = "".join(
        f'<Relationship Id="{name}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{name}" Target="{name}.xml"/>'
        for name in ("numbering", "styles")
    )
    top = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    return zipped({
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": top.format(f'<Relationship Id="d" Type="{office}" Target="word/document.xml"/>'),
        "word/_rels/document.xml.rels": top.format(relations),
        "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
        "word/numbering.xml": f'<w:numbering {W}><w:abstractNum w:abstractNumId="3">{numbering}</w:abstractNum><w:num w:numId="7"><w:abstractNumId w:val="3"/></w:num></w:numbering>',
        "word/styles.xml": f"<w:styles {W}>{styles}</w:styles>",
    })  # fmt: skip


def word_level(number, kind, template, inside=""):
    return f'<w:lvl w:ilvl="{number}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/>{inside}<w:lvlText w:val="{template}"/></w:lvl>'


def docx():
    high, low = ('<w:rStyle w:val="High"/>', '<w:vertAlign w:val="subscript"/>')
    cells = [["Oslo", "Grand", "140"], ["", "Annex", "90"]]
    rows = ""
    for number, row in enumerate(cells):
        merge = ["<w:vMerge w:val='restart'/>", "<w:vMerge/>"][number]
        rows += f"<w:tr>{''.join(f'<w:tc><w:tcPr>{merge if at == 0 else str()}</w:tcPr>{word([cell])}</w:tc>' for at, cell in enumerate(row))}</w:tr>"
    body = (
        word(["10", ("6", high), " lamps, log", ("2", low), " 8."])
        + word(["The fee is ", ("80", "<w:dstrike/>"), (" secret", "<w:vanish/>"), " 84 euros."])
        + f"<w:tbl><w:tblGrid><w:gridCol/><w:gridCol/><w:gridCol/></w:tblGrid>{rows}</w:tbl>"
        + word(["Open it."], level=0) + word(["It is hot."]) + word(["Close it."], level=0)
        + word(["Wait."], level=1) + word(["Repeat step 2."], level=0)
    )  # fmt: skip
    styles = '<w:style w:type="character" w:styleId="High"><w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style>'
    return docx_file(body, word_level(0, "decimal", "%1.") + word_level(1, "lowerLetter", "%2)"), styles)


def odt():
    spaces = " ".join(
        f'xmlns:{p}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"'
        for p, n in (("o", "office"), ("t", "text"), ("b", "table"), ("s", "style"))
    )
    styles = "".join(
        f'<s:style s:name="{name}" s:family="text" s:parent-style-name="{parent}"><s:text-properties {properties}/></s:style>'
        for name, parent, properties in (
            ("H", "", 's:text-position="super 58%"'), ("H2", "H", ""), ("L", "", 's:text-position="-33% 58%"'),
            ("S", "", 's:text-line-through-style="solid"'), ("N", "", 't:display="none"'))
    )  # fmt: skip
    level = '<t:list-level-style-number t:level="{}" s:num-format="{}" s:num-suffix="{}"/>'
    items = "".join(
        f'<t:list t:style-name="Z" t:continue-numbering="true"><t:list-item>{item}</t:list-item></t:list>{between}'
        for item, between in (
            ("<t:p>Open it.</t:p>", "<t:p>It is hot.</t:p>"),
            ("<t:p>Close it.</t:p><t:list><t:list-item><t:p>Wait.</t:p></t:list-item></t:list>", ""),
            ("<t:p>Repeat step 2.</t:p>", ""),
        )
    )
    cell = "<b:table-cell{}><t:p>{}</t:p></b:table-cell>"
    body = f"""<t:table-of-content><t:p>secret 7</t:p></t:table-of-content>
    <t:p>10<t:span t:style-name="H2">6</t:span> lamps, log<t:span t:style-name="L">2</t:span> 8.</t:p>
    <t:p>The fee is <t:span t:style-name="S">80</t:span><t:span t:style-name="N"> secret</t:span> 84 euros.</t:p>
    <b:table><b:table-row>{cell.format(' b:number-rows-spanned="2"', "Oslo")}{cell.format("", "Grand")}{cell.format("", "140")}</b:table-row>
    <b:table-row><b:covered-table-cell/>{cell.format("", "Annex")}{cell.format("", "90")}</b:table-row></b:table>{items}"""
    lists = f'<t:list-style s:name="Z">{level.format(1, "1", ".")}{level.format(2, "a", ")")}</t:list-style>'
    return zipped({
        "content.xml": f"<o:document-content {spaces}><o:automatic-styles>{styles}{lists}</o:automatic-styles><o:body><o:text>{body}</o:text></o:body></o:document-content>"
    })  # fmt: skip


def pptx():
    names = 'xmlns:p="presentationml" xmlns:a="drawingml" xmlns:r="relations"'

    def given(attributes):
        return " ".join(f'{name}="{value}"' for name, value in attributes.items())

    def run(written, **properties):
        return f"<a:r><a:rPr {given(properties)}/><a:t>{written}</a:t></a:r>"

    def step(written, level=0, **scheme):
        return f'<a:p><a:pPr lvl="{level}"><a:buAutoNum {given(scheme)}/></a:pPr>{run(written)}</a:p>'

    def cell(written, **attributes):
        return f"<a:tc {given(attributes)}><a:txBody><a:p>{run(written)}</a:p></a:txBody></a:tc>"

    digits = "arabicPeriod"
    lines = (
        f"<a:p>{run('10')}{run('6', baseline=30000)}{run(' lamps, log')}{run('2', baseline=-25000)}{run(' 8.')}</a:p>"
        f"<a:p>{run('The fee is ')}{run('80', strike='sngStrike')}{run(' 84 euros.')}</a:p>"
        f"{step('Open it.', type=digits)}<a:p>{run('It is hot.')}</a:p>{step('Close it.', type=digits, startAt=2)}"
        f"{step('Wait.', 1, type='alphaLcParenR')}{step('Repeat step 2.', type=digits, startAt=2)}"
    )
    table = (
        f"<a:tbl><a:tr>{cell('Oslo', rowSpan=2)}{cell('Grand')}{cell('140')}</a:tr>"
        f"<a:tr>{cell('', vMerge=1)}{cell('Annex')}{cell('90')}</a:tr></a:tbl>"
    )
    slides = [
        f"<p:sld {names}><p:sp><p:txBody>{lines}</p:txBody></p:sp>{table}</p:sld>",
        f'<p:sld {names} show="0"><p:sp><p:txBody><a:p>{run("secret")}</a:p></p:txBody></p:sp></p:sld>',
    ]
    listed = "".join(f'<r Id="{n}" Type="x/slide" Target="{n}.xml"/>' for n in range(2))
    return zipped({
        "ppt/presentation.xml": f'<p:presentation {names}><p:sldId r:id="0"/><p:sldId r:id="1"/></p:presentation>',
        "ppt/_rels/presentation.xml.rels": f"<rs>{listed}</rs>",
        **{f"ppt/{n}.xml": content for n, content in enumerate(slides)},
    })  # fmt: skip


FILES = {".html": lambda: HTML.encode(), ".docx": docx, ".odt": odt, ".pptx": pptx}


@pytest.mark.parametrize("suffix", FILES)
def test_office_files_say_what_their_reader_sees(suffix):
    made = text(f"a{suffix}", FILES[suffix]())
    lines = [line.strip().replace("a. ", "a) ") for line in made.split("\n") if line.strip()]
    assert RAISED in lines
    assert STRUCK in lines
    assert ROWS in made
    assert [line for line in lines if line in NUMBERED] == NUMBERED
    assert "secret" not in made


def test_a_hidden_slide_is_named():
    assert converted("a.pptx", pptx()).warning == "slide 2 is hidden and not read"


def test_an_odt_list_begins_again_unless_it_goes_on_with_another():
    spaces = f'xmlns:o="{OFFICE}" xmlns:t="text" xmlns:s="style" xmlns:x="xml"'
    level = '<t:list-level-style-number t:level="1" s:num-format="1" s:num-prefix="Art. "/>'
    outline = '<t:outline-level-style t:level="1" s:num-format="I" s:num-suffix="."/>'

    def listed(attributes):
        return f"<t:list t:style-name='Z' {attributes}><t:list-item><t:p>x</t:p></t:list-item></t:list><t:p>y</t:p>"

    lists = "".join(map(listed, ['x:id="a"', "", 't:continue-list="a"', 't:continue-numbering="true"']))
    parts = {
        "styles.xml": f"<o:document-styles {spaces}><t:outline-style>{outline}</t:outline-style></o:document-styles>",
        "content.xml": f"<o:document-content {spaces}><o:automatic-styles><t:list-style s:name='Z'>{level}</t:list-style></o:automatic-styles>"
        f"<o:body><o:text><t:h t:outline-level='1'>Laws</t:h>{lists}</o:text></o:body></o:document-content>",
    }
    assert text("a.odt", zipped(parts)) == (
        "# I. Laws\n\nArt. 1 x\n\ny\n\nArt. 1 x\n\ny\n\nArt. 2 x\n\ny\n\nArt. 3 x\n\ny\n"
    )


def test_a_formula_of_an_odt_is_there():
    math = "<m:math xmlns:m='mathml'><m:msup><m:mi>r</m:mi><m:mn>2</m:mn></m:msup></m:math>"
    body = "<t:p>Take <d:object l:href='./Object 1'/>.</t:p>"
    spaces = f'xmlns:o="{OFFICE}" xmlns:t="text" xmlns:d="draw" xmlns:l="link"'
    content = f"<o:document-content {spaces}><o:body><o:text>{body}</o:text></o:body></o:document-content>"
    assert text("a.odt", zipped({"content.xml": content, "Object 1/content.xml": math})) == "Take r^2 .\n"


def test_word_numbers_headings_and_paragraphs_by_their_styles():
    def style(name, level, inside=""):
        number = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="7"/></w:numPr>'
        return f'<w:style w:type="paragraph" w:styleId="{name}"><w:pPr>{number}{inside}</w:pPr></w:style>'

    styles = (
        style("Part", 0, '<w:outlineLvl w:val="0"/>') + style("Law", 1, '<w:outlineLvl w:val="1"/>') + style("Para", 2)
    )
    levels = (
        word_level(0, "upperRoman", "Part %1")
        + word_level(1, "decimal", "§ %2", '<w:lvlRestart w:val="0"/>')
        + word_level(2, "decimal", "(%3)")
    )
    body = "".join(
        word([content], name)
        for name, content in (
            ("Part", "Dues"), ("Law", "Scope"), ("Para", "It holds."), ("Para", "For all."), ("Part", "Ends"), ("Law", "Fees"),
            ("Para", "84 euros."))
    )  # fmt: skip
    gone = '<w:p><w:pPr><w:pStyle w:val="Para"/><w:rPr><w:del w:id="1"/></w:rPr></w:pPr></w:p>'
    assert text("a.docx", docx_file(gone + body, levels, styles)) == (
        "# Part I Dues\n\n## § 1 Scope\n\n(1) It holds.\n\n(2) For all.\n\n"
        "# Part II Ends\n\n## § 2 Fees\n\n(1) 84 euros.\n"
    )
