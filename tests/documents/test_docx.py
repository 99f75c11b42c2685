"""DOCX: headings by outline level, hidden and deleted text, formulas, notes and merged cells."""

import io
import re
import zipfile

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from tests.documents.written import converted

MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def saved(word, body=""):
    """The bytes of a Word document, with the XML `body` added at the end of its body."""
    word.save(buffer := io.BytesIO())
    if not body:
        return buffer.getvalue()
    changed = io.BytesIO()
    with zipfile.ZipFile(buffer) as before, zipfile.ZipFile(changed, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "word/document.xml":
                content = content.replace(b"<w:sectPr", body.encode() + b"<w:sectPr", 1)
            after.writestr(name, content)
    return changed.getvalue()


def text_of(word, body=""):
    return converted(".docx", saved(word, body)).text.strip()


def run(text, properties=""):
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t xml:space='preserve'>{text}</w:t></w:r>"


def add_style(word, name, level=None, base=None):
    style = word.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    if base:
        style.base_style = word.styles[base]
    if level is not None:
        outline = OxmlElement("w:outlineLvl")
        outline.set(qn("w:val"), str(level))
        style.element.get_or_add_pPr().append(outline)


def test_styles_with_an_outline_level_are_headings_whatever_they_are_called():
    word = docx.Document()
    add_style(word, "Nadpis eins", 0)
    add_style(word, "Nadpis zwei", 1)
    add_style(word, "Vom zweiten", base="Nadpis zwei")
    add_style(word, "Fließtext", 9)
    for text, style in (
        ("Brücke", "Nadpis eins"),
        ("Öffnung", "Nadpis zwei"),
        ("Zoll", "Vom zweiten"),
        ("Um sieben.", "Fließtext"),
    ):
        word.add_paragraph(text, style=style)
    own = "<w:p><w:pPr><w:outlineLvl w:val='2'/></w:pPr><w:r><w:t>Nacht</w:t></w:r></w:p>"
    assert text_of(word, own) == "# Brücke\n\n## Öffnung\n\n## Zoll\n\nUm sieben.\n\n### Nacht"


def test_hidden_and_withdrawn_text_is_left_out():
    word = docx.Document()
    hidden = add_hidden_style(word)
    body = f"""<w:p>{run("The fee is ")}<w:del w:id="1" w:author="x"><w:r><w:delText>30</w:delText></w:r></w:del>
    <w:ins w:id="2" w:author="x">{run("45")}</w:ins>{run(" crowns")}{run(", or 20", "<w:vanish/>")}{run(".", "<w:vanish w:val='0'/>")}</w:p>
    <w:p><w:moveFrom w:id="3" w:author="x">{run("Moved.")}</w:moveFrom></w:p>
    <w:p><w:pPr><w:pStyle w:val="{hidden}"/></w:pPr>{run("A draft.")}</w:p>"""
    assert text_of(word, body) == "The fee is 45 crowns."


def add_hidden_style(word):
    add_style(word, "Draft")
    style = word.styles["Draft"]
    style.font.hidden = True
    return style.style_id


def test_raised_letters_formulas_and_notes_keep_their_meaning():
    word = docx.Document()
    raised = '<w:vertAlign w:val="superscript"/>'
    formula = f"""<m:oMath {MATH}><m:r><m:t>E=m</m:t></m:r><m:sSup><m:e><m:r><m:t>c</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r>
    </m:sup></m:sSup><m:f><m:num><m:r><m:t>a+1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>"""
    body = f"<w:p>{run('10')}{run('6', raised)}{run(' fish in 12 km')}{run('2', raised)}{run('.')}</w:p><w:p>{run('So ')}{formula}{run(' holds.')}</w:p>"
    assert text_of(word, body) == "10^6 fish in 12 km^2.\n\nSo E = mc^2(a+1)/2 holds."


def test_a_fraction_that_is_raised_and_what_a_function_is_of_are_in_brackets():
    fraction = "<m:f><m:num><m:r><m:t>x</m:t></m:r></m:num><m:den><m:r><m:t>v</m:t></m:r></m:den></m:f>"
    power = f"<m:sSup><m:e>{fraction}</m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
    cosine = f"<m:func><m:fName><m:r><m:t>cos</m:t></m:r></m:fName><m:e>{fraction}</m:e></m:func>"
    assert text_of(docx.Document(), f"<w:p><m:oMath {MATH}>{power}{cosine}</m:oMath></w:p>") == "(x/v)^2 cos (x/v)"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("<m:d><m:dPr><m:begChr m:val='['/></m:dPr><m:e>0,1</m:e></m:d>", "[0,1)"),
        ("P<m:d><m:e>A</m:e><m:e>B</m:e></m:d>", "P(A|B)"),
        ("<m:d><m:dPr><m:begChr m:val='|'/><m:endChr m:val='|'/></m:dPr><m:e>x</m:e></m:d>", "|x|"),
        (
            "<m:d><m:dPr><m:begChr m:val='{'/><m:endChr m:val=''/></m:dPr><m:e><m:eqArr><m:e>1</m:e><m:e>0</m:e></m:eqArr></m:e></m:d>",
            "{1; 0",
        ),
        ("<m:d><m:e><m:f><m:fPr><m:type m:val='noBar'/></m:fPr><m:num>n</m:num><m:den>k</m:den></m:f></m:e></m:d>", "(n choose k)"),
        ("<m:func><m:fName><m:limLow><m:e>max</m:e><m:lim>x</m:lim></m:limLow></m:fName><m:e>f</m:e></m:func>", "max_x f"),
        ("<m:sSub><m:e>β</m:e><m:sub>1</m:sub></m:sSub><m:sSub><m:e>x</m:e><m:sub>2</m:sub></m:sSub>", "β_1 x_2"),
        ("<m:acc><m:e>p</m:e></m:acc>+<m:bar><m:barPr><m:pos m:val='top'/></m:barPr><m:e>x</m:e></m:bar>", "p\u0302+x\u0304"),
        ("<m:m><m:mr><m:e>1</m:e><m:e>2</m:e></m:mr><m:mr><m:e>3</m:e><m:e>4</m:e></m:mr></m:m>", "1, 2; 3, 4"),
    ],
)  # fmt: skip
def test_brackets_limits_means_and_stacks_of_a_formula_are_not_another_formula(formula, text):
    runs = re.sub(r"(?<=>)[^<]+(?=<)|^[^<]+", r"<m:r><m:t>\g<0></m:t></m:r>", formula)
    assert text_of(docx.Document(), f"<w:p><m:oMath {MATH}>{runs}</m:oMath></w:p>") == text


def test_a_table_below_another_is_its_own_and_boxes_are_ticked_or_not():
    word = docx.Document()
    for cells in (("Ware", "Price"), ("Act", "Fine")):
        row = word.add_table(1, 2).rows[0]
        row.cells[0].text, row.cells[1].text = cells
        word.add_paragraph()
    box = "<w:sdt><w:sdtPr><w14:checkbox xmlns:w14='http://schemas.microsoft.com/office/word/2010/wordml'><w14:checked w14:val='{}'/></w14:checkbox></w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>"
    body = f"<w:p>{box.format(1, run('☒'))}{run(' Read')}</w:p><w:p>{box.format(0, run('☐'))}{run(' Signed')}</w:p>"
    assert text_of(word, body) == "Ware | Price\n\nAct | Fine\n\n[x] Read\n\n[ ] Signed"


def test_merged_cells_stand_in_every_row_and_empty_ones_keep_their_place():
    word = docx.Document()
    table = word.add_table(3, 3)
    for row, cells in enumerate((("Load", "Toll", "Note"), ("Cart", "3", ""), ("", "5", "by night"))):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    assert text_of(word) == "Load | Toll | Note\nCart | 3 |\nCart | 5 | by night"


def test_a_row_that_begins_late_keeps_its_columns_and_lines_of_a_cell_are_entries():
    word = docx.Document()
    table = word.add_table(2, 2)
    for row, cells in enumerate((("Day", "Seller"), ("Monday", "Ada Berg\nOle Lind"))):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text.partition("\n")[0]
    table.cell(1, 1).add_paragraph("Ole Lind")
    table.cell(1, 1).add_paragraph("of Dunden, who is there at noon.")
    row = table.add_row()
    row.cells[1].text = "Kai Moe"
    before = OxmlElement("w:gridBefore")
    before.set(qn("w:val"), "1")
    row._tr.get_or_add_trPr().append(before)
    row._tr.remove(row.cells[0]._tc)
    assert text_of(word) == ("Day | Seller\nMonday | Ada Berg; Ole Lind of Dunden, who is there at noon.\n| Kai Moe")


def test_what_stands_below_small_letters_that_say_how_it_is_read_is_text():
    small = f"<w:ruby><w:rt>{run('とうきょう')}</w:rt><w:rubyBase>{run('東京')}</w:rubyBase></w:ruby>"
    assert text_of(docx.Document(), f"<w:p><w:r>{small}</w:r>{run('の市場。')}</w:p>") == "東京の市場。"


def test_the_table_of_contents_is_left_out():
    word = docx.Document()
    add_style(word, "toc 1")
    word.add_paragraph("Hours\t3", style="toc 1")
    word.add_heading("Hours", 1)
    word.add_paragraph("It opens.")
    assert text_of(word) == "# Hours\n\nIt opens."


def test_a_dropped_capital_begins_its_word():
    word = docx.Document()
    for letters, dropped in (("T", "drop"), ("he mill grinds.", None), ("A", "none"), ("bell", None)):
        properties = word.add_paragraph(letters)._p.get_or_add_pPr()
        if dropped:
            frame = OxmlElement("w:framePr")
            frame.set(qn("w:dropCap"), dropped)
            properties.append(frame)
    assert text_of(word) == "The mill grinds.\n\nA\n\nbell"
