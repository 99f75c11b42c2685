"""The details of sentences as people write them."""

import pytest

from disc_lite.qa.details import MOST, details_of

SENTENCES = [
    ("Up to six unused days may be carried over, but they lapse on 20 June.", "", "six unused; 20 June"),
    ("Ask for leave in Sandpiper; your team lead has four working days.", "", "Sandpiper; four working"),
    ("Ada Brink founded the company in 1987, in a rented loft.", "", "Ada Brink; 1987"),
    ("If you get home after ten in the evening, start at 11:15 the next day.", "", "ten; 11:15"),
    ("The desk is open all day and nobody is refused.", "", ""),
    ("Parental leave is long. Members may ask.", "", ""),  # capitals of their place
    ("Holt & Lind of Skellan Point pay $4.50, or 15% of it.", "", "Holt & Lind; Skellan Point; $4.50; 15%"),
    ("Home coast | 34 euros | 108 euros |", "", "Home coast; 34 euros; 108 euros"),
    ('He wrote "Moby Dick" then.', "", "Moby Dick"),
    ("Set `max_retries` to 5 or pass --retry-count to getValue().", "", "max_retries; --retry-count; getValue; 5"),
    (
        "Maria Olsen, die 2011 in die Firma Holt & Lind kam, leitet das Büro.",
        "German",
        "Maria Olsen; 2011; Firma Holt & Lind",
    ),
    ("Die Waschküche ist von 7 bis 20 Uhr offen.", "German", "7; 20 Uhr"),
    ("Le musée ouvre à neuf heures, dit Marie Curie.", "French", "neuf heures; Marie Curie"),
    ("Директор завода Иван Петров родился 5 мая в Туле.", "Cyrillic", "Иван Петров; 5 мая; Туле"),
    ("图书馆星期六11点开门。《红楼梦》在3楼。", "Chinese", "红楼梦; 11点; 3楼"),
]


@pytest.mark.parametrize(("sentence", "language", "expected"), SENTENCES, ids=[s[:20] for s, _, _ in SENTENCES])
def test_the_details_of_a_sentence(sentence: str, language: str, expected: str) -> None:
    assert "; ".join(details_of(sentence, language)) == expected


def test_a_row_of_many_cells_has_no_more_details_than_are_asked_for() -> None:
    row = " | ".join(f"cell {n}" for n in range(30))
    assert details_of(row) == tuple(f"cell {n}" for n in range(MOST))
