"""Lines of a chart: long ones are thinned, missing values leave a gap."""

import pytest

from disc_lite.report.charts import figure, line_chart, smoothed, thinned
from disc_lite.report.markup import paragraph


def test_long_lines_are_thinned_by_their_means() -> None:
    values = [(n, float(n) if n % 2 else None) for n in range(1, 100_001)]
    found = thinned(values)
    assert len(found) <= 400
    assert sum(v for _, v in found if v is not None) / len(found) == pytest.approx(50_000, rel=1e-3)
    assert thinned(values[:400]) == values[:400]
    assert smoothed([(1, 1.0), (2, None), (3, 3.0)], 1) == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_figures_and_options_are_written_as_people_do() -> None:
    assert [figure(value) for value in (4.95e-5, 0.0005, 2.374, 1e-12)] == ["4.95 × 10⁻⁵", "0.0005", "2.37", "0"]
    assert paragraph("Your own (--questions) & more").text == "<p>Your own (<code>--questions</code>) &amp; more</p>"


def test_a_line_is_lifted_where_a_value_is_missing() -> None:
    drawn = line_chart("x", {"strong": [(1, 1.0), (2, None), (3, 2.0), (4, 2.0)]}, [], 5).text
    assert 'd="M0,500L0,500M500,0L750,0"' in drawn
