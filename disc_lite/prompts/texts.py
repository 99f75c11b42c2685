"""A tokenised document, cut into passages: the text and language of each in prompts. Does not import torch."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256

from disc_lite.documents import Document, Passage, Section, cut_passages
from disc_lite.documents.tokens import Offsets, Tokenizer
from disc_lite.prompts.answering import passage_text
from disc_lite.qa import language_of


@dataclass(frozen=True)
class Text:
    """A document tokenised once, and its passages as ranges of those tokens."""

    document: Document
    offsets: Offsets
    passages: tuple[Passage, ...]
    ids: array[int]  # token ids; empty if the model is not loaded

    def passage(self, index: int) -> Passage:
        """Return the passage with this index; others may have been left out."""
        return self.passages[bisect_left(self.passages, index, key=lambda passage: passage.index)]

    def passage_text(self, passage: Passage) -> str:
        """Return the passage as a prompt shows it."""
        return passage_text(self.document.text[passage.char_start : passage.char_end], passage.heading_path)

    def passage_sha256(self, passage: Passage) -> str:
        """Return a hash of the passage's words, without headings and white space, by which a pair finds it again."""
        words = self.document.text[passage.char_start : passage.char_end].split()
        return sha256(" ".join(words).encode()).hexdigest()[:16]

    def language(self, passage: Passage) -> str:
        """Return the language of a passage as it is shown, or of its document if it has too few words (a table)."""
        return language_of(self.passage_text(passage)) or language_of(self.document.text)

    def sentence_text(self, start: int, end: int) -> str:
        """Return the text of the tokens from `start` to `end`."""
        return self.document.text[self.offsets[start][0] : self.offsets[end - 1][1]]

    def heading_path(self, start: int) -> tuple[str, ...]:
        """Return the headings above the token `start`."""
        section = self.section(self.offsets[start][1] - 1)
        return section.heading_path if section else ()

    def section(self, at: int) -> Section | None:
        """Return the section that contains the character `at`; sections are in order."""
        sections = self.document.sections
        number = bisect_right(sections, at, key=lambda section: section.start) - 1
        return sections[number] if number >= 0 and at < sections[number].end else None


def text_of(document: Document, tokenizer: Tokenizer, passage_tokens: int) -> Text:
    """Return a document as a model with this tokenizer reads it."""
    offsets = tokenizer(document.text)
    return Text(document, offsets, cut_passages(document, offsets, passage_tokens), array("i"))


def shown_passages(texts: Iterable[Text]) -> list[tuple[str, str]]:
    """Return (document, text as a prompt shows it) of all passages."""
    return [(text.document.name, text.passage_text(passage)) for text in texts for passage in text.passages]


def with_passages(texts: Iterable[Text], chosen: Callable[[Passage], bool]) -> tuple[Text, ...]:
    """Return the texts with only the chosen passages, without texts that have none."""
    fewer = (replace(text, passages=tuple(p for p in text.passages if chosen(p))) for text in texts)
    return tuple(text for text in fewer if text.passages)
