"""Diagrams and charts on slides and in documents: texts and values in their visible order, with their names."""

import io
import zipfile

import pytest
from openpyxl import Workbook

from tests.documents.written import document, sections, text, zipped

OFFICE = 'xmlns:a="drawingml" xmlns:c="chart" xmlns:m="diagram"'
NAMES = f'xmlns:p="presentationml" xmlns:r="relations" {OFFICE}'


def with_drawing(kind, shown, drawing):
    """A presentation with one slide, on which the element `shown` refers to a drawing of this kind."""
    return zipped({
        "ppt/presentation.xml": f'<p:presentation {NAMES}><p:sldId r:id="s"/></p:presentation>',
        "ppt/_rels/presentation.xml.rels": '<rs><r Id="s" Type="x/slide" Target="1.xml"/></rs>',
        "ppt/1.xml": f"<p:sld {NAMES}><p:graphicFrame>{shown}</p:graphicFrame></p:sld>",
        "ppt/_rels/1.xml.rels": f'<rs><r Id="d" Type="x/{kind}" Target="d.xml"/></rs>',
        "ppt/d.xml": drawing,
    })  # fmt: skip


def word_with(body, drawings):
    """A Word document with this body, and with drawings (kind, XML) whose ids are their numbers."""
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    markup = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    listed = "".join(f'<r Id="{n}" Type="{office}/{kind}" Target="d{n}.xml"/>' for n, (kind, _) in enumerate(drawings))
    return zipped({
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<rs><r Id="1" Type="{office}/officeDocument" Target="word/document.xml"/></rs>',
        "word/document.xml": f'<w:document xmlns:w="{word}" xmlns:r="{office}" xmlns:mc="{markup}" {OFFICE}><w:body>{body}</w:body></w:document>',
        "word/_rels/document.xml.rels": f"<rs>{listed}</rs>",
        **{f"word/d{n}.xml": drawing for n, (_, drawing) in enumerate(drawings)},
    })  # fmt: skip


def point(id_, words="", kind="node"):
    return f'<m:pt modelId="{id_}" type="{kind}"><m:t><a:p><a:r><a:t>{words}</a:t></a:r></a:p></m:t></m:pt>'


def link(above, below, place, kind="parOf"):
    return f'<m:cxn srcId="{above}" destId="{below}" srcOrd="{place}" type="{kind}"/>'


def test_the_texts_of_a_diagram_are_a_list_in_its_order():
    points = point(0, kind="doc") + point(1, "Weigh the flour.") + point(2, "Knead it.") + point(3, "Ten minutes.")
    links = link(0, 2, 1) + link(0, 1, 0) + link(2, 3, 0) + link(0, 3, 5, "presOf") + link(3, 2, 0)
    drawing = f"<m:dataModel {NAMES}>{points}{links}</m:dataModel>"
    shown = text("a.pptx", with_drawing("diagramData", '<m:relIds r:dm="d"/>', drawing))
    assert shown == "- Weigh the flour.\n- Knead it.\n  - Ten minutes.\n    - Knead it.\n"


def values(kind, *stored, number_format=""):
    shown = f"<c:formatCode>{number_format}</c:formatCode>" if number_format else ""
    points = "".join(f'<c:pt idx="{place}"><c:v>{value}</c:v></c:pt>' for place, value in enumerate(stored) if value)
    return f"<c:ref><c:{kind}Cache>{shown}{points}</c:{kind}Cache></c:ref>"


def series(name, categories, figures):
    return f"<c:ser><c:tx>{values('str', name)}</c:tx><c:cat>{categories}</c:cat><c:val>{figures}</c:val></c:ser>"


def title(words):
    return f"<c:tx><c:rich><a:p><a:r><a:t>{words}</a:t></a:r></a:p></c:rich></c:tx>"


DAYS = values("num", "46082", "46083", number_format="d/m/yyyy")


@pytest.mark.parametrize(
    ("inside", "rows"),
    [
        (
            series("Rye", values("str", "North", "South"), values("num", "8.1999999999999993", "", "3"))
            + series("Oats", values("str", "North", "South"), values("num", "0.5", "0.25", number_format="0%")),
            "| Rye | Oats\nNorth | 8.2 | 50 %\nSouth | | 25 %\n",
        ),
        (
            f"<c:title>{title('Harvest')}</c:title>{series('Rye', values('str', 'North'), values('num', '4'))}<c:valAx><c:title>{title('tons')}</c:title></c:valAx>",
            "Harvest; tons\n\n| Rye\nNorth | 4\n",
        ),
        (series("Rye", DAYS, values("num", "4", "5")), "| Rye\n2026-03-01 | 4\n2026-03-02 | 5\n"),
        (
            '<c:date1904 val="1"/>' + series("Rye", DAYS, values("num", "4", "5")),
            "| Rye\n2030-03-02 | 4\n2030-03-03 | 5\n",
        ),
    ],
)
def test_a_chart_is_a_table_of_what_it_draws(inside, rows):
    drawing = f"<c:chartSpace {NAMES}>{inside}</c:chartSpace>"
    assert text("a.pptx", with_drawing("chart", '<c:chart r:id="d"/>', drawing)) == rows


def test_a_drawing_that_is_missing_refuses_no_slide():
    broken = with_drawing("chart", '<p:sp><a:p><a:r><a:t>Growth.</a:t></a:r></a:p></p:sp><c:chart r:id="d"/>', "")
    with zipfile.ZipFile(io.BytesIO(broken)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if name != "ppt/d.xml"}
    assert text("a.pptx", zipped(parts)) == "Growth.\n"


def test_a_curve_of_many_points_is_no_table():
    curve = series("Rye", values("str", *map(str, range(99))), values("num", *"123" * 33))
    frame = '<p:sp><a:p><a:r><a:t>Growth.</a:t></a:r></a:p></p:sp><c:chart r:id="d"/>'
    assert text("a.pptx", with_drawing("chart", frame, f"<c:chartSpace {NAMES}>{curve}</c:chartSpace>")) == "Growth.\n"


def paragraph(inside):
    return f"<w:p>{inside}</w:p>"


def written(words):
    return f"<w:r><w:t>{words}</w:t></w:r>"


def drawn(number, kind="chart", properties=""):
    shown = f'<m:relIds r:dm="{number}"/>' if kind == "diagram" else f'<c:chart r:id="{number}"/>'
    return f"<w:r><w:rPr>{properties}</w:rPr><w:drawing>{shown}</w:drawing></w:r>"


def test_the_drawings_of_a_word_document_stand_below_their_paragraphs_and_withdrawn_ones_are_gone():
    steps = f"<m:dataModel {NAMES}>{point(0, kind='doc')}{point(1, 'Knead &amp; rest.')}{link(0, 1, 0)}</m:dataModel>"
    crops = [
        f"<c:chartSpace {NAMES}>{series(name, values('str', 'North'), values('num', '4'))}</c:chartSpace>"
        for name in ("Rye", "Oats", "Peas", "Corn", "Figs")
    ]
    fallback = "<mc:Fallback><w:pict/></mc:Fallback>"
    body = (
        paragraph(written("See ") + drawn(0) + drawn(1) + written("above."))
        + f"<w:tbl><w:tr><w:tc>{paragraph(drawn(5, 'diagram'))}</w:tc><w:tc>{paragraph(written('two steps'))}</w:tc></w:tr></w:tbl>"
        + paragraph(f"<w:del>{drawn(2)}</w:del>{drawn(3, properties='<w:vanish/>')}")
        + paragraph(f"<mc:AlternateContent><mc:Choice>{drawn(4)}</mc:Choice>{fallback}</mc:AlternateContent>")
        + paragraph(written("The end."))
    )
    drawings = [*(("chart", crop) for crop in crops), ("diagramData", steps)]
    assert text("a.docx", word_with(body, drawings)) == (
        "See above.\n\n| Rye\nNorth | 4\n\n| Oats\nNorth | 4\n\nKnead & rest. | two steps\n\n"
        "| Figs\nNorth | 4\n\nThe end.\n"
    )


def test_a_chart_of_an_odt_is_the_table_that_is_stored_with_it():
    spaces = 'xmlns:o="office" xmlns:t="text" xmlns:d="draw" xmlns:l="link" xmlns:c="chart" xmlns:b="table"'

    def row(*cells):
        return (
            f"<b:table-row>{''.join(f'<b:table-cell><t:p>{cell}</t:p></b:table-cell>' for cell in cells)}</b:table-row>"
        )

    body = (
        "<t:p>Harvest by place:</t:p><t:p><d:frame><d:object l:href='./Object 1'/></d:frame></t:p><t:p>The end.</t:p>"
    )
    table = (
        "<b:table><b:table-header-columns><b:table-column/></b:table-header-columns><b:table-header-rows>"
        f"{row('', 'Rye', 'Oats')}</b:table-header-rows><b:table-rows>{row('North', 9.1, 2)}{row('South', 3, 'NaN')}</b:table-rows></b:table>"
    )
    chart = f"<c:chart><c:title><t:p>Tons &amp; more</t:p></c:title><c:plot-area/>{table}</c:chart>"
    parts = {
        "content.xml": f"<o:document-content {spaces}><o:body><o:text>{body}</o:text></o:body></o:document-content>",
        "Object 1/content.xml": f"<o:document-content {spaces}><o:body><o:chart>{chart}</o:chart></o:body></o:document-content>",
    }
    assert text("a.odt", zipped(parts)) == (
        "Harvest by place:\n\nTons & more\n\n| Rye | Oats\nNorth | 9.1 | 2\nSouth | 3 |\n\nThe end.\n"
    )


def level(*stored, number_format=""):
    points = "".join(f'<x:pt idx="{place}">{value}</x:pt>' for place, value in enumerate(stored))
    return f'<x:lvl formatCode="{number_format}">{points}</x:lvl>'


def test_the_values_of_a_chart_of_office_2016_are_a_table():
    data = f'<x:data id="1"><x:strDim type="cat">{level("North", "South")}{level("Land")}</x:strDim>'
    figures = f'<x:numDim type="val">{level("0.5", "0.25", number_format="0%")}</x:numDim></x:data>'
    named = "<x:tx><x:txData><x:v>Rye</x:v></x:txData></x:tx>"
    drawing = (
        f'<x:chartSpace xmlns:x="chartex" {NAMES}>{data}{figures}<x:title><a:p><a:r><a:t>Harvest</a:t></a:r></a:p></x:title>'
        f'<x:series>{named}<x:dataId val="1"/></x:series></x:chartSpace>'
    )
    shown = text("a.pptx", with_drawing("chartEx", '<c:chart r:id="d"/>', drawing))
    assert shown == "Harvest\n\n| Rye\nNorth | 50 %\nSouth | 25 %\n"
    place = '<w:p><w:r><mc:AlternateContent><mc:Choice><w:drawing><c:chart r:id="0"/></w:drawing></mc:Choice><mc:Fallback><w:pict/></mc:Fallback></mc:AlternateContent></w:r></w:p>'
    assert text("a.docx", word_with(place, [("chartEx", drawing)])) == shown


def shape(words, box="", place=""):
    paragraphs = "".join(f"<a:p><a:r><a:t>{one}</a:t></a:r></a:p>" for one in words)
    return f"<d:sp {box}><d:nvSpPr><d:cNvPr {place}/></d:nvSpPr><d:txBody>{paragraphs}</d:txBody></d:sp>"


def test_text_boxes_and_diagrams_on_a_sheet_are_text_below_its_tables():
    book = Workbook()
    for row in (["Item", "Price"], ["Bolt", 1]):
        book.active.append(row)
    book.create_sheet("Cover")
    book.save(buffer := io.BytesIO())
    with zipfile.ZipFile(buffer) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    boxes = shape(["Net of tax.", "From 500 EUR on free."]) + shape(["Bolt"], 'textlink="A2"')
    diagram = f"<m:dataModel {NAMES}>{point(0, kind='doc')}{point(1, 'Pay in time.')}{link(0, 1, 0)}</m:dataModel>"
    drawing = f'<d:wsDr xmlns:d="spreadsheetDrawing" {NAMES}>{{}}</d:wsDr>'
    rels = '<rs><r Id="x" Type="x/{}" Target="{}"/></rs>'
    for sheet, drawn in (("1", boxes + shape(["Old."], place='hidden="1"')), ("2", '<m:relIds r:dm="x"/>')):
        parts[f"xl/worksheets/_rels/sheet{sheet}.xml.rels"] = rels.format("drawing", f"../drawings/{sheet}.xml")
        parts[f"xl/drawings/{sheet}.xml"] = drawing.format(drawn)
    parts["xl/drawings/_rels/2.xml.rels"] = rels.format("diagramData", "d.xml")
    parts["xl/drawings/d.xml"] = diagram
    assert sections(document("a.xlsx", zipped(parts))) == [
        (("Sheet", "Bolt"), "- Item: Bolt\n- Price: 1"),
        (("Sheet",), "Net of tax.\n\nFrom 500 EUR on free."),
        (("Cover",), "- Pay in time."),
    ]
