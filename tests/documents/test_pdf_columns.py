"""PDF: texts side by side that are not columns, and text that looks like titles or items."""

from tests.documents.test_pdf import PROSE, Page


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


def test_a_dash_within_a_sentence_opens_no_item():
    lines = [
        "The two chips of the gate took six lamps of the store",
        "- as much as the whole of the bridge, which is lit",
        "by night. On it stand:",
        "- a crane",
        "- a mill",
    ]
    text = Page().page(*[(20, 20 + 5 * n, line) for n, line in enumerate(lines)]).read()
    assert text == f"{' '.join(lines[:3])}\n\n- a crane\n- a mill\n"


def test_a_foreword_in_larger_letters_is_text():
    words = " ".join([PROSE] * 4).split()
    lines = [" ".join(words[at : at + 18]) for at in range(0, len(words), 18)]
    foreword = [(20, 40 + 5 * n, line, 12) for n, line in enumerate(lines)]
    body = [(20, 110 + 5 * n, PROSE[:80], 10) for n in range(24)]
    text = Page().page((20, 25, "Foreword", 18), *foreword, *body).read()
    assert [line for line in text.split("\n") if line.startswith("#")] == ["# Foreword"]
    assert " ".join(words) in text
