"""HTML: the text of a page, the meaning of its raised letters, and the parts that are not its text."""

import pytest

from disc_lite.documents import tables
from disc_lite.documents.headings import find_headings
from disc_lite.documents.htmlnodes import Tag
from disc_lite.documents.source import RefusedFile
from tests.documents.written import converted, document


def text_of(body, suffix=".html"):
    return converted(suffix, body.encode()).text.strip()


# --- meaning ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("10<sup>6</sup> litres", "10^6 litres"),
        ("10<sup>&minus;3</sup>mm", "10^−3 mm"),
        ("20 m<sup>2</sup>.", "20 m^2."),
        ("log<sub>2</sub>8, x<sub>i</sub>, a<sup>n + 1</sup>", "log_2 8, x_i, a^(n + 1)"),
        ("H<sub>2</sub>O and Ca(OH)<sub>2</sub>", "H2O and Ca(OH)2"),
        ("the 1<sup>st</sup>, le XIX<sup>e</sup>, M<sup>lle</sup>, Ora<sup>TM</sup>", "the 1st, le XIXe, Mlle, OraTM"),
        ("opened in 1911.<sup><a href='#n4'>4</a></sup> It", "opened in 1911. It"),
        ("200<sup>[5]</sup> crowns, 300<sup>*</sup>", "200 crowns, 300"),
        ("He said so.<sup>12</sup> Then", "He said so. Then"),
        ("in 1921<sup class='reference'><a href='p.html#cite_note-2'>[2]</a></sup> and", "in 1921 and"),
        ("in 1921<a href='#_ftn1' name='_ftnref1'><span>[1]</span></a> and", "in 1921 and"),
        ("see <a href='#fish'>42</a> and <a href='a.html#fnord-rules'>Fnord</a>", "see 42 and Fnord"),
        ("Ada said <q>No</q> twice", "Ada said “No” twice"),
        ("rule <a class='reference internal' href='#r5'>5</a> holds", "rule 5 holds"),
        ("rule<a class='footnote-reference' href='#id2'>[1]</a> holds", "rule holds"),
        ("The fee is <del>30</del> <ins>45</ins><s>, or 20</s> crowns", "The fee is 45 crowns"),
        ("<ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>です", "漢字です"),
        ("break<wbr>able and&shy;so", "breakable andso"),
        ("Mail <a href='mailto:desk@example.org?subject=x'>the desk</a>", "Mail the desk (desk@example.org)"),
        ("Mail <a href='mailto:desk%40example.org'>desk@example.org</a>", "Mail desk@example.org"),
        ("See <img src=x alt='Two valves in a row'> <img src=b alt='build passing'>", "See [image: Two valves in a row]"),
        ("area <img class='tex' alt='\\pi r^2'>", "area \\pi r^2"),
    ],
)  # fmt: skip
def test_what_is_raised_marked_or_withdrawn_keeps_its_meaning(markup, text):
    assert text_of(f"<p>{markup}</p>") == text


SQUARE = "<mrow><mi>a</mi><mo>=</mo><mi>π</mi><msup><mi>r</mi><mn>2</mn></msup></mrow>"
TEX = "<annotation encoding='application/x-tex'>a=\\pi r^2</annotation>"
HALF = "<mi>h</mi><mo>=</mo><mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mn>2</mn></mfrac><msqrt><msub><mi>x</mi><mi>i</mi></msub></msqrt>"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (f"<math><semantics>{SQUARE}{TEX}</semantics></math>", "a = πr^2"),
        (f"<math>{HALF}</math>", "h = (a + 1)/2√(x_i)"),
        ("<math><msup><mfrac><mi>x</mi><mi>v</mi></mfrac><mn>2</mn></msup></math>", "(x/v)^2"),
        ("<math><mi>cos</mi><mo>\u2061</mo><mfrac><mi>x</mi><mi>v</mi></mfrac></math>", "cos(x/v)"),
        ("<math><mi>f</mi><mo>\u2061</mo><mo>(</mo><mi>x</mi><mo>)</mo></math>", "f(x)"),
        ("<math><mover><mi>x</mi><mo>¯</mo></mover><mo>=</mo><mn>3</mn></math>", "x\u0304 = 3"),
        ("<math><mi>x</mi><mo>∈</mo><mfenced open='[' close=')'><mn>0</mn><mn>1</mn></mfenced></math>", "x ∈ [0, 1)"),
        ("<math><mi>P</mi><mfenced separators='|'><mi>A</mi><mi>B</mi></mfenced></math>", "P(A|B)"),
        ("<math><mo>(</mo><mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac><mo>)</mo></math>", "(n choose k)"),
        ("<math><mfrac><mn>1</mn><mrow><mn>2</mn><mi>π</mi></mrow></mfrac></math>", "1/(2π)"),
        ("<math><mfrac><mn>1</mn><mn>2</mn></mfrac><mi>m</mi></math>", "1/2 m"),
        (f"<math><mtable>{2 * '<mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr>'}</mtable></math>", "1, 2; 1, 2"),
        (f"<math alttext='A'><mtable><mtr><mtd>{SQUARE}</mtd></mtr></mtable></math>", "A"),
        # KaTeX and MathJax display a copy next to the formula.
        (
            f"<span class=katex><span><math>{SQUARE}</math></span><span aria-hidden='true'>a=πr2</span></span>",
            "a = πr^2",
        ),
        ("<span hidden>x2</span><script type='math/tex'>x^2</script>", "x^2"),
    ],
)
def test_a_formula_is_there_once(markup, text):
    assert text_of(f"<p>Area {markup} holds.</p>") == f"Area {text} holds."


def test_a_name_of_a_letter_needs_no_semicolon():
    assert text_of("<p>at 5 &degC, A&ampB, &ltname> &notin; x&y.</p>") == "at 5 °C, A&B, <name> ∉ x&y."


def test_a_body_line_that_begins_like_markup_is_no_heading():
    page = "<title>Shell</title><p># Counts the arguments.<p>```<p>#5 is Ada.<pre># x\n```</pre>"
    made = converted(".html", page.encode())
    assert made.text == "\\# Counts the arguments.\n\n\\```\n\n#5 is Ada.\n\n````\n# x\n```\n````\n"
    assert find_headings(made.text, "converted") == []


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        (
            "<dl><dt>-q<dt>--quiet<dd><p>Be quiet.<p>Very.<dt>Who?<dd>Ada.</dl>",
            "-q, --quiet: Be quiet.\n\nVery.\n\nWho? Ada.",
        ),
        ("<dl><dt>Rent<dd><ul><li>84 euros</ul><dt>Pets<dd></dl>No.", "Rent\n\n- 84 euros\n\nPets\n\nNo."),
        (
            "<dl><dt>Run<dd><pre>x</pre><dt>Fees<dd><table><tr><td>a<td>b</table></dl>",
            "Run\n\n```\nx\n```\n\nFees\n\na | b",
        ),
        ("<ul><li><dl><dt>Rent<dd>84</dl></ul>", "- Rent: 84"),
        ("<dl><dt><h2>Rent</h2><dd>84</dl>", "## Rent\n\n84"),
        ("<div class=note><h3>Note</h3><p>It is due.</div>Pay.", "Note: It is due.\n\nPay."),
        ("<div class='admonition tip'><p class='admonition-title'>Tip</p><p>Pay now.</div>", "Tip: Pay now."),
        ("<p>A.</p><div class=warning><h3>Mind it</h3></div><p>B.", "A.\n\nMind it\n\nB."),
        ("<p>A.</p><p class=admonition-title>Mind it</p>", "A.\n\nMind it"),
        ("<ul><li class=tip><h3>Mind it</h3></li><li>B</ul>", "- Mind it\n- B"),
        ("<div class='card note'><h2>Free</h2></div><p>It costs 5.", "## Free\n\nIt costs 5."),
        ("<div class=note><h3>Rent</h3><p>A.<h4>Due</h4><p>B.</div>", "### Rent\n\nA.\n\n#### Due\n\nB."),
        ("<dl class=footnote><dt class=label><span>[</span>1<span>]</span><dd>It is due.</dl>", "It is due."),
        (
            "<aside class=footnote><span class=label>[<a>12</a>]</span><p>It is due, as it was.</aside>",
            "It is due, as it was.",
        ),
    ],
)
def test_a_term_opens_what_defines_it_and_the_mark_of_a_note_goes(page, shown):
    assert text_of(f"<main>{page}</main>") == shown


def test_end_tags_may_be_left_out_as_often_as_the_page_likes():
    assert text_of("<p>a" * 3000).count("a\n\na") == 1500
    assert text_of("<ul>" + "<li>a<p>b" * 2000).count("- a\n\nb") == 2000
    assert text_of("<table>" + "<tr><td>a<td>b" * 2000).split("\n") == ["a | b"] * 2000
    assert text_of("<dl><dt>a<dd>b<dt>c<dd><p>d<p>e</dl>f") == "a: b\n\nc: d\n\ne\n\nf"
    assert (
        text_of("<ul><li>a<ul><li>b</ul><li>c</ul><p>d<h2>e</h2><p>f<!-- <p> --><b>g</b>")
        == "- a\n  - b\n- c\n\nd\n\n## e\n\nfg"
    )
    assert text_of("<table><tr><td><table><tr><td>a</table><td>b</table>") == "a\n\nb"


# --- lists and tables -----------------------------------------------------------------------------------


def test_numbered_items_keep_their_numbers():
    page = "<ol start=4><li>Open.<ul><li>Slowly.</li></ul></li><li value=7>Close.</li><li>If not, repeat 4.</li></ol>"
    assert text_of(page) == "4. Open.\n  - Slowly.\n7. Close.\n8. If not, repeat 4."


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ("<tr><td rowspan=2>North<td>Mill<td>12<tr><td>Hall<td>7<tr><td>South<td>Barn<td>3",
         ["North | Mill | 12", "North | Hall | 7", "South | Barn | 3"]),
        ("<tr><th>Day</th><th>From</th></tr><tr><td rowspan='2'>Weekend</td><td>10</td></tr><tr><td>11</td></tr>",
         ["Day | From", "Weekend | 10", "Weekend | 11"]),
        ("<tr><td>Pears<td><td>9<td><tr><td><td>4<td><td>x", ["Pears | | 9 |", "| 4 | | x"]),
        ("<tr><td colspan=2>Both<td>c<tr><td>1<td>2<td>3<tr><td colspan=3>All of them<tr><td><td><td>",
         ["Both | | c", "1 | 2 | 3", "All of them"]),
        ("<tr><td><p>B3<p>(new)<td><ul><li>80 by day<li>60 by night</ul>", ["B3 (new) | 80 by day; 60 by night"]),
        ("<tr><td rowspan=999999999999>a<td colspan=x>b", ["a | b"]),
        ("<tr><th>Task<th>Run<tr><td>Build<td><pre>make\nmake x</pre><tr><td>Test<td><pre>t</pre>",
         ["Task | Run", "Build | `make`; `make x`", "Test | `t`"]),
        ("<thead><tr><th colspan=5>Sums<tr><th rowspan=2>Town<th colspan=2>2022<th>2023<tr><th>Won<th>Lost<th>Won<tbody><tr><td>Oslo<td>1<td>2<td>3",
         ["Sums", "Town | 2022 Won | 2022 Lost | 2023 Won", "Oslo | 1 | 2 | 3"]),
        ("<tr><th>Town<th>Won<tr><th>North<tr><td>Oslo<td>1", ["Town | Won", "North", "Oslo | 1"]),
        ("<tr><th>Town<th>Won<tr><th>Oslo<th>1", ["Town | Won", "Oslo | 1"]),
        ("<tr><th>Day<th>Mon<th>Tue<tr><th>Open<th>9<th>10<tr><td>Shut<td>17<td>18",
         ["Day | Mon | Tue", "Open | 9 | 10", "Shut | 17 | 18"]),
        ("<thead><tr><th colspan=2>Sums<th>Own<tbody><tr><th>x<th>y<th>z<tr><td>1<td>2<td>3",
         ["Sums | | Own", "x | y | z", "1 | 2 | 3"]),
        ("<tr><td rowspan=2><img alt='[Note]'><th>Note<tr><td>It is hot.", ["Note", "It is hot."]),
    ],
)  # fmt: skip
def test_a_cell_keeps_its_row_and_its_column(rows, lines):
    assert text_of(f"<table><caption>Seats</caption>{rows}</table>") == "\n".join(["Seats\n", *lines])


def test_tables_side_by_side_are_two_and_boxes_are_ticked_or_not():
    page = "<table><tr><th>Ware<th>Price<tr><td>Salt<td>3</table><p></p><table><tr><th>Act<th>Fine<tr><td>Theft<td>9</table>"
    assert text_of(page) == "Ware | Price\nSalt | 3\n\nAct | Fine\nTheft | 9"
    page = (
        "<ul><li><input type=checkbox checked> Read<li><input type=checkbox> Signed</ul><p><input type=checkbox> Menu"
    )
    assert text_of(page) == "- [x] Read\n- [ ] Signed\n\nMenu"


def test_a_listing_of_doxygen_is_one_and_its_page_is_called_by_its_title():
    code = "<div class=fragment><div class=line>dm2 = 2.</div><div class=line>  * sm1;</div><div class=ttc>sm1 is old</div></div>"
    assert text_of(code) == "```\ndm2 = 2.\n  * sm1;\n```"
    lines = "".join(
        f"<div class=line><a id=l{n}></a><span class=lineno>    {n}</span>&#160;{line}</div>"
        for n, line in enumerate(("int main() {", "  <b>return</b> 0;", "}"), 1)
    )
    folded = f"<div class=fragment>\n<div class=foldopen>{lines}</div></div>"
    assert text_of(folded) == "```\nint main() {\n  return 0;\n}\n```"
    steps = "<div class=fragment><p>It opens.</p><div class=line>x = 1</div><p>It shuts.</p></div>"
    assert text_of(steps) == "It opens.\n\nx = 1\n\nIt shuts."
    page = f"<title>Sparse</title><div class=title>Sparse</div><h1>Use</h1><p>It is small.</p>{code}<h1>Notes</h1><p>So it is."
    made = document("a.html", page)
    assert (made.title, [section.heading_path for section in made.sections]) == (
        "Sparse",
        [("Sparse", "Use"), ("Sparse", "Notes")],
    )
    assert document("a.html", "<title>Shop</title><h1>Use</h1><p>It is small.").title == "Use"


def test_tables_in_one_another_are_looked_through_once(monkeypatch):
    looked_at = []

    def within(tag, names):
        return (
            one for one in tag.descendants if looked_at.append(1) is None and isinstance(one, Tag) and one.name in names
        )

    monkeypatch.setattr(tables, "within", within)
    steps = []
    for depth in (20, 40):
        looked_at.clear()
        rows = "<table>" + "<tr><td>a<td>b" * 20 + "<tr><td>"
        assert text_of(rows * depth + "The end." + "</table>" * depth).endswith("The end.")
        steps.append(len(looked_at))
    assert steps[1] < 3 * steps[0]  # 4 times if each table were searched for every one around it


def test_a_table_that_only_places_things_is_no_table():
    page = (
        "<table class=highlighttable><tr><td class=linenos><pre>1\n2</pre></td><td><pre>open\nclose</pre></table>"
        "<table><tr><td><h2>Left</h2><p>One.</td><td><p>Two.</td></tr></table>"
    )
    assert text_of(page) == "```\nopen\nclose\n```\n\n## Left\n\nOne.\n\nTwo."
    assert (
        text_of("<table><tr><td><p>Ways:</p><ol><li>Ring.<li>Knock.</ol><p>Ada.</table>")
        == "Ways:\n\n1. Ring.\n2. Knock.\n\nAda."
    )
    assert text_of("<table><tr><td><p>Mind the</p> step.</td><td><p>Two</p>") == "Mind the step. | Two"


def test_a_short_table_in_the_cell_of_one_is_a_value_and_other_tables_are_placed_by_theirs():
    inner = "<table><tr><td>day<td>84<tr><td>night<td>90</table>"
    rows = f"<tr><th>Town<th>Fee<tr><td>Velmar<td>{inner}<tr><td>Dunden<td>12"
    assert text_of(f"<table>{rows}</table>") == "Town | Fee\nVelmar | day, 84; night, 90\nDunden | 12"
    assert text_of(f"<table><tr><td>Velmar<td>{inner}</table>") == "Velmar\n\nday | 84\nnight | 90"
    long = inner.replace("84", "84 crowns, " * 30)
    assert "\nnight | 90" in text_of(f"<table>{rows.replace(inner, long)}</table>")
    assert "`a | b`" in text_of(f"<table>{rows.replace('84', '<pre>a | b</pre>')}</table>")  # one cell, not two


# --- noise ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        "<div id=cookie-consent class=cookie-banner role=dialog><p>We use cookies.</p><button>Accept</button></div>",
        "<a class='skip-link' href='#main'>Skip to main content</a>",
        "<header role=banner><a href='/'>Library</a></header><form role=search><label>Search</label></form>",
        "<div role=navigation><ul><li>Home</ul></div><nav>Menu</nav><ul class=breadcrumb><li>Home</ul>",
        "<p hidden>Draft: it opens at 8:00.</p><p style='color:red; display: none'>Old</p><p aria-hidden=true>★</p>",
        "<div class=sphinxsidebar><h3>Contents</h3></div><div id=toc>1 Intro</div><div class=toc>1 Intro</div>",
        "<select><option>May</select><textarea>x</textarea><button>Copy</button><dialog>Sure?</dialog>",
        "<div class='toc-macro rbtoc1'><ul class=toc-indentation><li><a href='#x-A'>A</a></ul></div>"  # of Confluence
        "<div id=expander-control-1 class=expand-control><span class=expand-control-text>Click to expand</span></div>",
        "<footer>© Town</footer><aside>Related</aside><div role=contentinfo>© us</div><span class='mw-editsection'>edit</span>",
    ],
)
def test_parts_that_are_no_text_of_the_page_are_left_out(part):
    assert text_of(f"<h1>Hours<a class=headerlink href='#x'>¶</a></h1>{part}<p>It opens.</p>") == "# Hours\n\nIt opens."


def test_what_only_sounds_like_noise_stays():
    page = (
        "<article class='post related'><header><h1>Hours</h1></header><aside>Call first.</aside>"
        "<div class='cookie-recipes footer-notes'>Bake.</div><footer>By Ada.</footer></article>"
        "<details><summary>Holidays</summary>Closed.</details>"
    )
    assert text_of(page) == "# Hours\n\nCall first.\n\nBake.\n\nBy Ada.\n\nHolidays\n\nClosed."


def test_sentences_stay_where_a_name_alone_could_mean_navigation():
    said = "<aside>Never open the valve above 16 bar.</aside><div class=menu>Soup costs 4 euros on Monday.</div>"
    teased = (
        "<aside><a href=a>Read how we saved a lot of money.</a></aside><div class=related><a href=b>See the other page of it now.</a></div>"
        "<aside class=sidebar>Subscribe to our letter and save 5 euros.</aside><div class=menu>Home Visit</div>"
    )
    shown = "# Hours\n\nNever open the valve above 16 bar.\n\nSoup costs 4 euros on Monday."
    assert text_of(f"<h1>Hours</h1>{said}{teased}") == shown


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ("<dl><dt id=re.error.lineno>lineno</dt><dd>The line.</dd></dl>", "lineno: The line."),  # docs.python.org
        (
            "<div class=section id=s-pagination><h2>Pages</h2></div><h4 id=data_pagination>9.2. Pagination</h4>",
            "#### 9.2. Pagination",
        ),
        ("<div class=section id=s-pagination><h2>Pagination</h2>Ten.</div>", "## Pagination\n\nTen."),  # of Django
        ("<div class=sidebar>Debian has a database of packages.</div>", "Debian has a database of packages."),
        ("<main><h2>A</h2><aside class=sidebar>It is for those who know.</aside></main>", "It is for those who know."),
        ("<div id=informed-consent>They sign before the surgeon begins.</div>", "They sign before the surgeon begins."),
        ("<div class=newsletter>We opened a second hall.</div>", "We opened a second hall."),
        ("<section id=method.cookie><h4>fn cookie(self)</h4></section>", "#### fn cookie(self)"),  # rustdoc
    ],
)
def test_a_part_stays_that_has_the_name_of_one_of_a_site_and_a_text_of_its_own(part, shown):
    assert text_of(f"<h1>Hours</h1>{part}").endswith(f"\n\n{shown}")


@pytest.mark.parametrize("form", ["<form><input></form>", "<button>Yes</button>"])
@pytest.mark.parametrize("name", ["newsletter", "cookie-consent", "gdpr"])
def test_what_asks_the_visitor_for_something_is_no_text(name, form):
    asked = f"<div class={name}><p>We want to tell you of our offers.</p>{form}</div>"
    assert text_of(f"<h1>Hours</h1>{asked}") == "# Hours"


@pytest.mark.parametrize("name", ["permalink", "headerlink", "anchor-link", "anchorjs-link"])
def test_a_heading_whose_words_are_all_in_a_link_to_it_stays_and_the_words_of_a_link_beside_it_go(name):
    for heading in (
        f"<h2><a class={name} href=#a>Keys</a></h2>",
        f"<h2><a class={name} href=#a>Keys</a> \U0001f517</h2>",
        f"<a class={name} href=#a><h2>Keys</h2></a>",
        f"<h2 class={name}>Keys</h2>",
        f"<h2>Keys<a class={name} href=#a> Permalink</a></h2>",
    ):
        assert text_of(f"<h1>Hours</h1>{heading}<p>Ada has them.").startswith("# Hours\n\n## Keys"), heading


def test_notes_and_asides_of_the_main_part_stay():
    page = "<div role=main><h1>Bells</h1><p>It rings.<aside class=footnote-list><aside role=doc-footnote>Says Ada.</aside></aside></div>"
    assert text_of(page) == "# Bells\n\nIt rings.\n\nSays Ada."


def test_the_banner_above_the_heading_goes_unless_it_says_something():
    page = "<div>Library of Velmar</div><ul><li>Home<li>Visit</ul>{}<h1>Hours</h1><p>It opens."
    for nothing in ("", "<table><tr><td></table>"):
        assert text_of(page.format(nothing)) == "# Hours\n\nIt opens."
    said = "<p>The library is closed until the third of May.</p>"
    assert text_of(page.format(said)).startswith("Library of Velmar\n\n- Home\n- Visit\n\nThe library is closed")
    assert text_of("<p>Hall 7</p><p>It opens.") == "Hall 7\n\nIt opens."


def test_the_main_part_is_the_page_unless_it_is_empty():
    assert (
        text_of("<div>Shop now</div><main><h1>Hours</h1><p>It opens.</main><div>Like us</div>")
        == "# Hours\n\nIt opens."
    )
    assert text_of("<main></main><p>It opens.") == "It opens."


# --- charsets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("iso-8859-1", "cp1252", "Brücke – “auf”"),
        ("windows-1251", "cp1251", "Мост открыт"),
        ("KOI8-R", "koi8-r", "Мост открыт"),
        ("Shift_JIS", "shift_jis", "橋は開く"),
        ("iso-2022-jp", "iso-2022-jp", "橋は開く"),
        ("gb2312", "gb18030", "桥在七点开放"),
        ("iso-8859-1", "utf-8", "Brücke"),  # wrongly declared, as is likelier than UTF-8 by chance
        ("no-such", "utf-8", "Brücke"),
        ("unicode_escape", "utf-8", "a\\u0041"),
    ],
)
def test_a_page_is_read_in_the_charset_that_it_declares(charset, codec, text):
    for head in (f"<meta charset='{charset}'>", f"<meta http-equiv=x content='text/html; charset={charset}'>"):
        assert converted(".html", f"<html><head>{head}</head><p>{text}".encode(codec)).text.strip() == text
    declared = f"<?xml version='1.0' encoding='{charset}'?><html><p>{text}</html>".encode(codec)
    assert converted(".html", declared).text.strip() == text


def test_a_page_that_breaks_its_charset_is_refused_with_its_name():
    with pytest.raises(RefusedFile, match="not Shift_JIS, which the page declares: byte 0x81 at offset 25"):
        converted(".html", b"<meta charset=Shift_JIS>a\x81")


def test_a_refusal_names_the_encoding_that_the_text_looks_like():
    russian = "Мост открыт с девяти часов утра. Сторож живёт у моста, и его зовут Пётр Иванов."
    for codec, name in (("koi8-r", "KOI8-R"), ("cp1251", "CP1251")):
        with pytest.raises(RefusedFile, match=f"it looks like {name}: iconv -f {name} -t UTF-8 FILE > NEW"):
            converted(".txt", russian.encode(codec))
    with pytest.raises(RefusedFile, match="WINDOWS-1252"):
        converted(
            ".txt",
            ("Die Brücke öffnet früh, die Hüter heißen Jäger, und sie führen über den Fluß. " * 2).encode("cp1252"),
        )
