"""Diagrams and charts on slides: their texts and values are there, in the order and under the names that are seen."""

import io
import zipfile

import pytest

from tests.documents.written import text, zipped

NAMES = 'xmlns:p="presentationml" xmlns:a="drawingml" xmlns:r="relations" xmlns:c="chart" xmlns:m="diagram"'


def with_drawing(kind, shown, drawing):
    """A presentation of one slide, on which `shown` stands for a drawing of this kind."""
    return zipped({
        "ppt/presentation.xml": f'<p:presentation {NAMES}><p:sldId r:id="s"/></p:presentation>',
        "ppt/_rels/presentation.xml.rels": '<rs><r Id="s" Type="x/slide" Target="1.xml"/></rs>',
        "ppt/1.xml": f"<p:sld {NAMES}><p:graphicFrame>{shown}</p:graphicFrame></p:sld>",
        "ppt/_rels/1.xml.rels": f'<rs><r Id="d" Type="x/{kind}" Target="d.xml"/></rs>',
        "ppt/d.xml": drawing,
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
