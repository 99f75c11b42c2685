"""How a document begins, and whether a question names what that is about. Does not import torch.

The beginning tells the reader of any sentence of a page what it is about: "Our offices. Holt & Lind builds cranes for
harbours."
"""

from __future__ import annotations

from disc_lite.documents import Document, sentence_spans
from disc_lite.documents.headings import opening_headings
from disc_lite.planning.amounts import is_askable
from disc_lite.qa import words_of
from disc_lite.synthesis.topics import is_about

LONGEST = 300  # characters of a first sentence; a longer one says too much
SEARCHED = 4000  # characters in which the first sentence is looked for
STOPS = tuple(".?!:。？！：")


def beginning_of(document: Document) -> str:
    """Return the title of a document and its first sentence, on one line.

    A title from the file name is left out, and so are headings, rows of tables, pictures and code above that sentence.
    """
    title = "" if document.named_by_file else document.title
    sentence = _first_sentence(document)
    if not title or title in sentence:
        return sentence
    return f"{title}{'' if title.endswith(STOPS) else '.'} {sentence}".strip()


def _first_sentence(document: Document) -> str:
    text = document.text
    for start, end in sentence_spans(text, 0, min(len(text), SEARCHED), document.markup):
        sentence = " ".join(text[start:end].split())
        is_prose = len(sentence) <= LONGEST and not ("|" in sentence or sentence.startswith(("```", "~~~", "![")))
        if is_prose and is_askable(sentence) and not opening_headings(text[start:end]):
            return sentence
    return ""


def names_more(question: str, original: str, page: str) -> bool:
    """Whether a question has words of the page's beginning that the original question lacks."""
    known = set(words_of(original))
    return is_about(" ".join(word for word in words_of(question) if word not in known), page)
