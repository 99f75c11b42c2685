"""Tables drawn in reStructuredText: each row becomes a line of cells, and a table drawn wrongly stays as it is."""

import time
from textwrap import indent

import pytest

from disc_lite.documents import cut_passages
from tests.documents.test_passages import words
from tests.documents.test_rst import text_of
from tests.documents.written import document

GRID = """\
+------------+----------------------------+--------+
| Call       | What it does               | Notes  |
+============+============================+========+
| ``a | b``  | opens *a*, or if that is   | - slow |
|            | shut :ref:`the             | - loud |
|            | second one <two>`          |        |
+------------+----------------------------+--------+
|            | .. note:: It is hot.       | [1]_   |
+------------+----------------------------+--------+
"""
GRID_ROWS = "Call | What it does | Notes\n``a | b`` | opens *a*, or if that is shut the second one | slow; loud\n| Note: It is hot. |\n"
SPANS = """\
+-----------+-----------------------+
| Pump      | Pressure in the hall  |
|           +-----------+-----------+
|           | by day    | at night  |
+===========+===========+===========+
| North     | 16 bar    | 12 bar    |
+-----------+-----------+           |
| South     | 14 bar    |           |
+-----------+-----------+-----------+
| All of them are shut off at 18.   |
+-----------+-----------------------+
| West      | out of order          |
+-----------+-----------------------+
"""
SPANS_ROWS = """\
Pump | Pressure in the hall by day | Pressure in the hall at night
North | 16 bar | 12 bar
South | 14 bar | 12 bar
All of them are shut off at 18.
West | out of order |
"""
SIMPLE = """\
=====  =====  ======
   Doors       Alarm
------------  ------
North  South  rings
=====  =====  ======
open   open   for an
              hour

\\      shut   never
-----  -----  ------
shut   open   at 7, then at 8
=====  =====  ======
"""
SIMPLE_ROWS = "Doors North | Doors South | Alarm rings\nopen | open | for an hour\n| shut | never\nshut | open | at 7, then at 8\n"


@pytest.mark.parametrize(
    ("drawn", "rows"),
    [
        (GRID, GRID_ROWS),
        (SPANS, SPANS_ROWS),
        (SIMPLE, SIMPLE_ROWS),
        ("====  ====\na     b\nc     d\n====  ====\n", "a | b\nc | d\n"),
        (
            "======  ====\n城市    人口\n======  ====\n北京    2000\n上海    2400\n======  ====\n",
            "城市 | 人口\n北京 | 2000\n上海 | 2400\n",
        ),
        ("+------+----+\n| 北京 | 20 |\n+------+----+\n", "北京 | 20\n"),
        ("+----------------+\n| Ada has *both* |\n| keys.          |\n+----------------+\n", "Ada has *both* keys.\n"),
    ],
)
def test_a_row_is_a_line_with_each_cell_in_its_column(drawn, rows):
    assert text_of(f"Above.\n\n{drawn}\nBelow.\n") == f"Above.\n\n{rows}\nBelow.\n"
    deeper = indent(drawn, "   ")
    assert text_of(f"- One:\n\n{deeper}\n- Two.\n") == f"- One:\n\n{indent(rows, '   ')}\n- Two.\n"
    assert text_of(f".. table:: Fees\n   :widths: auto\n\n{deeper}\nBelow.\n") == f"Fees\n\n{rows}\nBelow.\n"


@pytest.mark.parametrize(
    "drawn",
    [
        "+-----+-----+\n| one | two  |\n+-----+-----+",
        "+-----+-----+\n| one | two |\n+-----+--+--+\n| three  | 4 |\n+--------+---+",
        "+-----+-----+\n| one | two |\n",
        "====  ====\nthree two\n====  ====",
        "=====  ====\nNorth  1\nSouth  2\n",
        "=====  ====\nNorth  1\n---  ------\nSouth  2\n=====  ====",
        "+---+---+\n+---+---+",
    ],
)
def test_what_is_drawn_wrongly_stays_as_it_is(drawn):
    text = f"Above.\n\n{drawn}\n\nBelow.\n"
    assert text_of(text) == text


def test_a_drawing_in_code_stays_and_a_name_that_stands_for_a_longer_text_moves_no_column():
    code = indent(SPANS, "   ")
    assert text_of(f"So::\n\n{code}\nBelow.\n") == f"So:\n\n```\n{code}```\n\nBelow.\n"
    fee = ".. |fee| replace:: 84 :abbr:`EUR` a year\n\n=====  =====\nNorth  |fee|\nSouth  |no|\n=====  =====\n"
    assert text_of(fee) == "\nNorth | 84 EUR a year\nSouth | |no|\n"


def test_a_passage_in_the_midst_of_a_table_has_its_header():
    rows = "".join(f"{f'Hall {n}':8}  {n} bar\n" for n in range(10, 60))
    text = f"Halls\n=====\n\n========  ========\nName      Pressure\n========  ========\n{rows}========  ========\n"
    made = document("a.rst", text)
    passages = cut_passages(made, words(made.text), 60)
    assert len(passages) > 3
    assert {passage.heading_path for passage in passages[1:]} == {("Halls", "Name | Pressure")}


def test_no_drawing_takes_quadratic_time():
    began = time.process_time()
    for drawn in (
        "+-" * 30_000 + "+\n",
        ("+-" * 200 + "+\n") * 400,
        ("+-" * 200 + "+\n" + "||" * 200 + "|\n") * 200 + "+-" * 200 + "+\n",
        "=== ===\n\n" * 8_000,
        "+---+\n\n" * 8_000,
        "=== ===\na b\n" * 8_000,
        "=== ===\n" + "a   b\n" * 20_000,
        "+---+\n" + "| a |\n" * 20_000,
    ):
        text_of(drawn)
    assert time.process_time() - began < 8  # 1 s on an idle core
