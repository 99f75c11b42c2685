"""PDF: what stands side by side without being columns."""

from tests.documents.test_pdf import Page


def test_terms_beside_what_they_mean_are_no_columns():
    terms = {"SET LAMPS=GREEN": "lights it for carts that may pass", "SET LAMP HISTORY=n": "keeps the last n changes of it",
             "SHOW LAMP HISTORY": "prints when it was changed", "SHOW LAMP HISTORY=n": "prints the first n of them"}  # fmt: skip
    drawn = [
        (x, 30 + 6 * n, text) for n, term in enumerate(terms.items()) for x, text in zip((30, 95), term, strict=True)
    ]
    text = Page().page((20, 20, "The keeper has a command for each of the lamps:"), *drawn).read()
    assert [line.replace(" | ", " ") for line in text.split("\n")[2:6]] == [
        f"{term} {says}" for term, says in terms.items()
    ]


def test_two_lists_beside_one_another_are_columns_however_far_apart():
    left = [
        "- Ada Berg of the harbour",
        "- Ole Lind of the market",
        "- Ida Brandt of the tower",
        "- Kai Moe of the mill",
    ]
    right = ["- Tom Arend of the quay", "- Eva Sand of the toll", "- Jan Holm of the bridge", "- Liv Dahl of the well"]
    drawn = [
        (x, 30 + 6 * n, text)
        for n, pair in enumerate(zip(left, right, strict=True))
        for x, text in zip((30, 120), pair, strict=True)
    ]
    assert Page().page(*drawn).read().split("\n") == [*left, "", *right, ""]
