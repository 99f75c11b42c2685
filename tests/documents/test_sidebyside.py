"""Sheets with more than one table: side by side, or with sentences below that are about them."""

import pytest

from tests.documents.written import converted, document, sections, text


def test_a_sentence_below_a_table_is_about_it_and_no_row():
    note = "All prices are in euros, net of tax, ex works, and valid until the end of June unless the market moves."
    made = document("a.csv", f'Item,Price\nBolt,1\nNut,2\n\n"{note}"\n* from ten on\n')
    assert sections(made) == [
        (("Bolt",), "- Item: Bolt\n- Price: 1"),
        (("Nut",), "- Item: Nut\n- Price: 2"),
        ((), note),
        ((), "* from ten on"),
    ]
    rules = "Rule,Since\nNo dogs on the lawn please.,2020\nNo fires in the wood at all.\n"
    assert "- Rule: No fires in the wood at all.\n" in text("a.csv", rules)
    assert "- Remark: It is sold out now.\n" in text("a.csv", "Item,Remark\nBolt,new\n,It is sold out now.\n")


@pytest.mark.parametrize(
    "sheet",
    [
        "Item,Price,,Staff,Phone\nA,1,,Ada,33\nB,2,,Berg,34\nC,3,,Cole,35\nD,4\nE,5",  # ends before the other
        "Item,Price\nA,1\nB,2,,Staff,Phone\nC,3,,Ada,33\nD,4,,Berg,34\nE,5,,Cole,35",  # begins behind it
        "Prices,,,Office\nItem,Price,,Staff,Phone\nA,1,,Ada,33\nB,2,,Berg,34\nC,3,,Cole,35\nD,4\nE,5",
        "Prices,,,Office\nItem,Price,,Staff,Phone\nA,1,,Ada,33\nB,2,,Berg,34\nC,3,,Cole,35\nD,4,,Dorn,36\nE,5,,Elm,37",
        "Item,Price,,Staff,Phone\nA,1,,Ada,33\nB,2,,Berg,34\nC,3,,Cole,35\n,,,Dorn,36\nD,4,,,\nE,5,,Elm,37\n,,,Fox,38\n,,,Gay,39",
    ],
)
def test_tables_side_by_side_are_two(sheet):
    made = converted("a.csv", sheet).text
    assert "- Item: A\n- Price: 1\n" in made and "- Item: E\n- Price: 5\n" in made
    assert "- Staff: Ada\n- Phone: 33\n" in made and "- Staff: Cole\n- Phone: 35\n" in made
    assert made.index("Item: E") < made.index("Staff: Ada")


def test_tables_side_by_side_may_have_others_above_and_below_them():
    wrapped = "Name,Room,,Name,Room\nAda,1,,Cole,3\nBerg,2,,Dorn,4\n"
    names = [f"- Name: {name}\n- Room: {n}" for n, name in enumerate(["Ada", "Berg", "Cole", "Dorn"], 1)]
    wide = "Town,Jan,Feb,Mar,Apr\nOslo,1,2,3,4\n"
    row = "- Town: Oslo\n- Jan: 1\n- Feb: 2\n- Mar: 3\n- Apr: 4"
    assert text("a.csv", wrapped) == "\n\n".join(names) + "\n"
    assert text("a.csv", f"{wide}\n{wrapped}\n{wide}") == "\n\n".join([row, *names, row]) + "\n"
    assert (
        text("a.csv", f"{wrapped}\nAll are on floor 3.\n")
        == "\n\n".join([*names[:2], "All are on floor 3.", *names[2:]]) + "\n"
    )


@pytest.mark.parametrize(
    "sheet",
    [
        "Item,Price,,Origin,Shelf\nA,1,,Oslo,33\nB,2,,Bonn,34\nC,3,,Rome,35\nSum,6",
        "Item,Price,,Remark,By\nA,1,,new,Ada\nB,2,,old,Berg\nC,3\nD,4\nE,5",
        "Home,Goals,,Away,Goals\nA,1,,Oslo,3\nB,2,,Bonn,4\nC,3,,Rome,5",
        "Item,Won,,Won,Lost\nA,1,,3,4\nB,2,,4,5\nC,3\nD,4\nE,5",
    ],
)
def test_an_empty_column_within_a_table_does_not_divide_it(sheet):
    name, value = sheet.split("\n")[1].split(",,")[1].split(",")
    first, second = sheet.split("\n")[0].split(",,")[1].split(",")
    assert text("a.csv", sheet).split("\n\n")[0].endswith(f"1\n- {first}: {name}\n- {second}: {value}")
