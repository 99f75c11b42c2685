"""reStructuredText: the text is what its reader sees."""

import pytest

from disc_lite.documents.headings import find_headings
from tests.counting import is_quadratic
from tests.documents.written import converted


def text_of(text):
    return converted(".rst", text.encode()).text


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("See :ref:`the bells <bells>`, :func:`~bell.Bell.ring` and :py:class:`Bell`.", "See the bells, ring and Bell."),
        ("Read `the guide <https://example.org>`_ and `Rules`_.", "Read the guide and Rules."),
        ("Literal ``:ref:`x``` and ``a_``.", "Literal ``:ref:`x``` and ``a_``."),
        ("Built in 1911 [1]_. Then [#a]_ more.\n\n.. [1] Says Ada.\n   And Ben.", "Built in 1911. Then more.\n\nSays Ada.\nAnd Ben."),
        (".. note:: It is hot.\n   So wait.\n\nAfter.", "Note: It is hot.\nSo wait.\n\nAfter."),
        (".. warning::\n   :class: red\n\n   It is :term:`hot`.\n\nAfter.", "Warning:\n\nIt is hot.\n\nAfter."),
        (".. versionadded:: 3.2\n   Rings twice.", "New in version 3.2:\nRings twice."),
        (".. _bells:\n\nBells.\n\n.. a comment\n   over lines\n\nRing.", "\nBells.\n\n\nRing."),
        (".. image:: a.png\n   :alt: x\n\n.. toctree::\n   :maxdepth: 2\n\n   one\n   two\n\nText.", "\n\nText."),
        (".. code-block:: sh\n   :linenos:\n\n   # run `x`_ now\n\nText.", "```\n   # run `x`_ now\n```\n\nText."),
        ("So::\n\n   .. note:: literal\n   `x`_\n\nText.", "So:\n\n```\n   .. note:: literal\n   `x`_\n```\n\nText."),
        ("So ::\n\n  a. B | c\n\n  D\n  =\n\n::\n\n  ``` e\n\nEnd::\n", "So\n\n```\n  a. B | c\n\n  D\n  =\n```\n\n\n\n````\n  ``` e\n````\n\nEnd::\n"),
        ("- Go::\n\n    # x\n\n  See `x`_.\n\n  - One::\n\n      a\n\n1. B::\n\n   c.", "- Go:\n\n  ```\n    # x\n  ```\n\n  See x.\n\n  - One:\n\n    ```\n      a\n    ```\n\n1. B::\n\n   c."),
        (".. function:: ring(times=3)\n\n   Rings the bell.", "ring(times=3)\n\nRings the bell."),
        (".. figure:: a.png\n   :width: 3\n\n   Two valves.", "\nTwo valves."),
        (".. |x| image:: a.png\n\nText.", "\nText."),
        (".. |fee| replace:: 84\n   euros\n\nIt is |fee|, |no|.", "\nIt is 84 euros, |no|."),
        ("#. Open.\n   Wait.\n\n   #. Look.\n#. Close.\n\nThen:\n\n#. New.\n\n4. Four.\n#. Five.",
         "1. Open.\n   Wait.\n\n   1. Look.\n2. Close.\n\nThen:\n\n1. New.\n\n4. Four.\n5. Five."),
        ('.. csv-table:: Prices\n   :header: "City", "Fee"\n\n   "Oslo, N", :ref:`1 <x>`\n\nB.', "Prices\n\nCity | Fee\nOslo, N | 1\n\nB."),
        (".. list-table::\n   :widths: 1 2\n\n   * - Name\n     - Room\n   * - Ada\n       Berg\n     -\n\nB.", "Name | Room\nAda Berg |\n\nB."),
        (".. list-table::\n\n   * * Name\n     * Key\n   * * Ada\n     * - no 7\n       - no 8\n\nB.", "Name | Key\nAda | - no 7 - no 8\n\nB."),
        (".. list-table::\n\n   * .. row 1\n\n     - Ada\n     - 84\n   *\n     - Bo\n     - 7\n\nB.", "Ada | 84\nBo | 7\n\nB."),
        (".. flat-table:: Fees\n\n    * - Name\n      - Fee in\n\teuros\n    * - Ada\n      - 84\n\nB.", "Fees\n\nName | Fee in euros\nAda | 84\n\nB."),
        (
            ".. flat-table::\n   :header-rows: 2\n\n   * - :rspan:`1` Name\n     - :cspan:`1` Fee\n   * - day\n     - night\n   * - Ada\n     - 84\n"
            "     - 90\n   * - :cspan:`1` All\n     - 174\n\nB.",
            "Name | Fee day | Fee night\nAda | 84 | 90\nAll | | 174\n\nB.",
        ),
        (r"Call log\_fee(\*rows) and \\n (\(C) 2026), :math:`\frac{1}{2}` or ``a\_b``.", r"Call log_fee(*rows) and \n ((C) 2026), \frac{1}{2} or ``a\_b``."),
        ("+-----+-----+\n| Key | Use |\n+=====+=====+\n| \\+  | \\\\t |\n+-----+-----+\n", "Key | Use\n+ | \\t\n"),
        ("See :ref:`the long\n  guide <install>` and `the\nsite <https://x.org>`__, or a ` sign.", "See the long\n  guide and the\nsite, or a ` sign."),
        (".. flat-table::\n\n    -  .. row 1\n\n       -  int fd\n\nB.", "\n-  .. row 1\n\n   -  int fd\n\nB."),
        (".. math:: a = b\n   :label: x\n\n.. math::\n\n   c\n\nB.", "```\na = b\n```\n\n```\n   c\n```\n\nB."),
        ("It is 10\\ :sup:`6` Pa of H\\ :sub:`2`\\ O, *re*\\ done, ``a\\ b``.", "It is 10^6 Pa of H2O, *re*done, ``a\\ b``."),
        ("| Red |x|,\n| and blue\n\n| a | b |\n\nSee [Ada26]_ and `x`__.\n\n__ https://x.org\n", "Red |x|,\nand blue\n\n| a | b |\n\nSee [Ada26] and x.\n\n"),
        (".. only:: html\n\n   .. container:: wide\n\n      Text.\n\n.. class:: Bell(x)\n\n.. seealso:: B.", "\n\nText.\n\nBell(x)\n\nSee also: B."),
        (".. raw:: html\n\n   <p>A<sup>2</sup> &amp; b.</p>\n\n.. raw:: latex\n\n   x", "A^2 & b.\n"),
    ],
)  # fmt: skip
def test_only_what_a_reader_sees_is_text(written, seen):
    assert text_of(written) == seen


def test_headings_stay_headings():
    text = ".. _top:\n\nBell `guide`_\n=============\n\nOne.\n\n.. note::\n\n   Two.\n\nUse\n---\n\nThree.\n"
    assert [(one.level, one.title) for one in find_headings(text_of(text), "rst")] == [(1, "Bell guide"), (2, "Use")]


@pytest.mark.parametrize(("opening", "end"), [("`x", ""), (":a:`x", ""), ("x", "y::\n\n  a")])
def test_no_text_takes_quadratic_time(opening, end):
    assert not is_quadratic(lambda size: text_of("Some words. " + opening + " " * size + end + "\n"), 60_000)


def test_references_lose_their_underscores_if_the_file_has_their_targets():
    written = "Bell_ and ding_ with ``Bell_`` and x_.\n\n.. code::\n\n   Bell_\n\n.. _bell: https://x.org\n.. _Ding: https://x.org\n"
    assert text_of(written) == "Bell and ding with ``Bell_`` and x_.\n\n```\n   Bell_\n```\n\n"
