"""The days of the week in texts of several languages."""

from __future__ import annotations

import pytest

from disc_lite.qa.weekdays import weekdays_known, weekdays_named

WEEK = {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("on Mondays and Fridays", {0, 4}), ("dienstags und am Sonntagabend", {1, 6}), ("le mercredi", {2}),
        ("los sábados", {5}), ("il giovedì", {3}), ("na sexta-feira", {4}), ("op zondag", {6}), ("по понедельникам", {0}),
        ("в среду", {2}), ("每周三闭馆", {2}), ("星期天", {6}), ("月曜日", {0}), ("월요일", {0}),
        ("Karfreitag", set()), ("средства", set()), ("一周三次", set()), ("Sat. or So", set()),
    ],
)  # fmt: skip
def test_days_are_named_in_any_form(text: str, days: set[int]) -> None:
    assert weekdays_named(text) == days
    assert weekdays_known(text) >= days


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Mo–Fr 9–17 Uhr", WEEK), ("Mon-Fri", WEEK), ("Montag bis Freitag", WEEK), ("du lundi au vendredi", WEEK),
        ("lun.-ven.", WEEK), ("с понедельника по пятницу", WEEK), ("周一至周五", WEEK), ("Sat to Mon", {5, 6, 0}),
        ("Monday, Friday", {0, 4}), ("Sonn- und Feiertage", {6}), ("am Wochenende", {5, 6}), ("open daily", {*WEEK, 5, 6}),
        ("werktags", {*WEEK, 5}), ("within three working days", set()), ("sat on it, so we do", set()),
    ],
)  # fmt: skip
def test_a_passage_knows_days_by_short_forms_and_spans(text: str, days: set[int]) -> None:
    assert weekdays_known(text) == days
