"""Two columns of words: which begin with a row, which with a header, and what the ledger says in doubt."""

import io

import pytest
from openpyxl import Workbook
from openpyxl.styles import Font

from tests.documents.written import converted

# (header, rows)
TABLES = [
    ("Term|Explanation", ["Dunden|a sweet bread with raisins", "Loaf|a plain bread", "Roll|a bread eaten warm"]),
    ("Word|What it means", ["Keeper|The person who guards the gate.", "Ferry|A boat that crosses the river."]),
    ("term|definition", ["mill|a place where grain is ground", "barn|a place where hay is kept"]),
    ("WORD|MEANING", ["mill|place where grain is ground", "barn|place where hay is kept"]),
    ("Dish|What is in it", ["Dunden|flour, raisins and honey", "Soup|leek, potato and cream"]),
    ("Question asked|Answer", ["Who runs the mill?|Ada Berg", "When is the market?|On Friday", "What is a toll?|A fee."]),
    ("Frage|Antwort", ["Wer leitet die Mühle?|Ada Berg", "Wo liegt die Fähre?|Unter der Brücke"]),
    ("Störung|Abhilfe", ["Pumpe ist laut|Öl bis zur Marke auffüllen", "Kein Wasser|Ventil langsam öffnen und entlüften"]),
    ("Your role|What would you change?", ["Teacher of the first class|The letters are small", "Cook in the hall|It is slow"]),
    ("Abbreviation|Meaning", ["API|application programming interface", "CLI|command line interface", "RAM|fast store"]),
    ("ISO|Country", ["DE|Germany", "FR|France", "ES|Spain"]),
    ("Shortcut|Action", ["Ctrl+S|Save", "Ctrl+Z|Undo", "Ctrl+F|Find"]),
    ("English|German", ["mill|Mühle", "bridge|Brücke", "gate|Tor"]),
    ("Name|Role", ["Ada Berg|director", "Olle Lind|deputy", "Kim Ek|treasurer"]),
    ("Role|Person", ["Director|Ada Berg", "Deputy|Olle Lind", "Treasurer|Kim Ek"]),
    ("Item|Kind", ["Apple|fruit", "Leek|vegetable", "Pear|fruit"]),
    ("Employee|Manager", ["Ada|Olle", "Olle|Kim", "Eva|Lin"]),
    ("Field|Entry", ["Name|Ada Berg", "Department|Sales", "Town|Oslo"]),
    ("Domanda|Risposta", ["Chi dirige il mulino?|Ada Berg", "Dove si trova il traghetto?|Sotto il ponte"]),
    ("Термин|Значение", ["Мельница|место, где мелют зерно", "Паром|лодка, которая ходит через реку"]),
]  # fmt: skip
IDS = [header for header, _ in TABLES]


def tsv(rows):
    return "\n".join(rows).replace("|", "\t")


@pytest.mark.parametrize(("header", "rows"), TABLES, ids=IDS)
def test_words_without_a_header_keep_their_first_row(header, rows):
    shown = [f"- {row.replace('|', ' ' if '?|' in row else ': ')}\n" for row in rows]
    assert converted("a.tsv", tsv(rows)).text == "\n".join(shown)
    beside = [f"|{row}" for row in rows]  # in the second and third column of a sheet
    assert converted("a.tsv", tsv(beside)).text == "\n".join(shown)


@pytest.mark.parametrize(("header", "rows"), TABLES, ids=IDS)
def test_words_below_a_header_have_it_before_each_value(header, rows):
    names = header.split("|")
    shown = ["".join(f"- {name}: {cell}\n" for name, cell in zip(names, row.split("|"), strict=True)) for row in rows]
    read = converted("a.tsv", tsv([header, *rows]))
    assert (read.text, read.warning) == ("\n".join(shown), "")


@pytest.mark.parametrize(
    "rows",
    [
        "Hotel|Town\nGrand|Oslo\nAnnex|Bergen",
        "Bird|Habitat\nHeron|Reed beds and slow rivers\nSwift|Old towers\nOwl|Barns",
        "Nutrient|per 100 g\nFat|3.5 g\nSugar|5 g",
        "Composer|Famous Work\nClara Schumann|Three Romances\nEdvard Grieg|Peer Gynt",
        "SKU|Artikelname\nABX|Dunden\nCDY|Wecken",
        "Home|Away\nLeeds|Derby\nHull|Leeds\nBury|Derby",
        "Term|Meaning\nmill|a place where grain is ground\nTerm|Meaning\nbarn|a place where hay is kept",  # of each page
        "Extension of|Rings at\nFront desk|Hall\nKitchen|Cellar",
        "Process step|Responsible department for it\nOrder|Sales\nPacking|Stock",
    ],
)
def test_a_header_of_other_words_stays_one(rows):
    header, first = (row.split("|") for row in rows.split("\n")[:2])
    lines = "".join(f"- {name}: {value}\n" for name, value in zip(header, first, strict=True))
    assert converted("a.tsv", tsv([rows])).text.startswith(f"{lines}\n- {header[0]}: ")


def test_the_ledger_names_a_header_that_can_be_a_row():
    doubt = "“{}, {}” is read as a header: if it is a row, put a header above it"
    assert converted("a.csv", "France,Paris\nSpain,Madrid\nItaly,Rome\n").warning == doubt.format("France", "Paris")
    assert converted("a.csv", "offen,neu\nfertig,geprüft\n").warning == doubt.format("offen", "neu")
    for header in ("Country,Capital", "country,capital", "NATION,SEAT", "nation,seat"):
        assert converted("a.csv", f"{header}\nFrance,Paris\nSpain,Madrid\n").warning == ""
    book = Workbook()
    for row in (["Nation", "Seat"], ["France", "Paris"], ["Spain", "Madrid"]):
        book.active.append(row)
    for bold, warning in ((False, f"in Sheet, {doubt.format('Nation', 'Seat')}"), (True, "")):
        book.active["A1"].font = book.active["B1"].font = Font(bold=bold)
        book.save(buffer := io.BytesIO())
        assert converted("a.xlsx", buffer.getvalue()).warning == warning


WIDE = ["Ada Berg|director|Oslo", "Olle Lind|deputy|Bergen", "Kim Ek|treasurer|Oslo"]


def test_three_columns_of_words_keep_a_first_row_of_which_a_cell_is_repeated():
    shown = "\n".join("".join(f"- {cell}\n" for cell in row.split("|")) for row in WIDE)
    assert converted("a.tsv", tsv(WIDE)).text == shown
    for header in ("Ada|role|Oslo", "Person|Work|Oslo"):  # a common name of a column, whatever else there is
        assert converted("a.tsv", tsv([header, *WIDE[1:]])).text.startswith(f"- {header.split('|')[0]}: Olle Lind")
    names = "Singer|Voice|Home"
    assert converted("a.tsv", tsv([names, *WIDE, names, *WIDE])).text.startswith("- Singer: Ada Berg\n")  # of each page


def test_the_ledger_names_a_wide_header_that_can_be_a_row():
    assert converted("a.tsv", tsv([*WIDE[:2], "Eva Holm|cook|Narvik"])).warning.startswith(
        "“Ada Berg, director” is read"
    )
    assert converted("a.tsv", tsv(["Singer|Voice|Town", *WIDE])).warning == ""
