"""What the reader of a format gets, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from disc_lite.documents.headings import Heading, Markup


@dataclass(frozen=True)
class ReadingOptions:
    """The settings of a recipe that change what is read.

    Attributes:
        text_field: Field of JSON records that holds their text; empty: the usual names are tried.
        notebook_outputs: Whether the printed outputs of notebooks are read too.
    """

    text_field: str = ""
    notebook_outputs: bool = False


@dataclass(frozen=True)
class Source:
    """One file to read.

    Attributes:
        raw: Its bytes.
        name: As the ledger names it; source code shows it to the model.
        on_step: To be called before each page or part, so that each has its own time limit.
    """

    raw: bytes
    name: str = ""
    options: ReadingOptions = field(default_factory=ReadingOptions)
    on_step: Callable[[], object] = int


@dataclass(frozen=True)
class Converted:
    """The text of a file.

    Attributes:
        markup: How its headings are marked.
        title: If the format has one beside the text.
        headings: Given where the text has no marks of its own for them, as source code has none.
        alone: Whether each section is a passage of its own (the row of a table, a definition),
            which is not joined with its neighbours.
    """

    text: str
    markup: Markup = "converted"
    title: str = ""
    headings: tuple[Heading, ...] | None = None
    alone: bool = False
