"""`Source`, `Converted` and `RefusedFile`: the argument, result and error of every function that reads a format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from disc_lite.documents.headings import Heading
from disc_lite.documents.records import Markup

QUESTIONS = "a file of questions, not a text; measure with it (--questions) or teach it (--pairs)"
QUESTION_MARKS = ("?", "？", "؟")  # the end of a question in such a file, if it has no answer


@dataclass(frozen=True)
class ReadingOptions:
    """The settings of a recipe that change what is read.

    Attributes:
        text_field: Field of JSON records that holds their text; if empty, the usual names are tried.
        notebook_outputs: Whether the printed outputs of notebooks are read too.
        ocr_languages: Languages in which scanned pages are read, by tesseract's names; if empty, they are not read.
    """

    text_field: str = ""
    notebook_outputs: bool = False
    ocr_languages: str = "eng"


@dataclass(frozen=True)
class Source:
    """One file to read.

    Attributes:
        raw: Its bytes.
        name: Its name in the ledger, which for source code is also shown to the model.
        on_step: Must be called before each page or part, which gives it a time limit of its own.
        on_scan: Must be called after each page that was read by OCR, which restarts the time limit of the file.
    """

    raw: bytes
    name: str = ""
    options: ReadingOptions = field(default_factory=ReadingOptions)
    on_step: Callable[[], object] = int
    on_scan: Callable[[], object] = int


@dataclass(frozen=True)
class Converted:
    """The text of a file.

    Attributes:
        markup: How its headings are marked.
        title: The title, if the format has one besides the text.
        headings: The headings, if the text has no marks for them, as in source code; else None.
        alone: Whether each section (a table row, a definition) is a passage of its own, which is
            not merged with its neighbours.
        warning: What a person should check, for the ledger.
        ocr_pages: How many of its pages were read by OCR.
    """

    text: str
    markup: Markup = "converted"
    title: str = ""
    headings: tuple[Heading, ...] | None = None
    alone: bool = False
    warning: str = ""
    ocr_pages: int = 0


Part = tuple[str, Sequence[Heading]]  # a text and its headings, which start relative to it


def joined(
    parts: Iterable[Part], markup: Markup = "converted", title: str = "", alone: bool = True, warning: str = ""
) -> Converted:
    """The parts as one text, with the headings of each at their places in it."""
    texts: list[str] = []
    headings: list[Heading] = []
    at = 0
    for text, own in parts:
        headings += [replace(heading, start=at + heading.start) for heading in own]
        texts.append(text)
        at += len(text)
    return Converted("".join(texts).removesuffix("\n"), markup, title, tuple(headings), alone, warning)


class RefusedFile(Exception):
    """Raised if a file cannot be read; its message is the reason, with a remedy if there is one.

    It never leaves the package: one bad file is a line of the ledger, not the end of a run.
    """
