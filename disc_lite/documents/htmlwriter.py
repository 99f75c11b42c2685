"""The output of the HTML reader: finished blocks of plain Markdown, and the text of the block that is still open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from disc_lite.documents.blocks import is_marker
from disc_lite.documents.formulas import separated
from disc_lite.documents.headings import escaped
from disc_lite.documents.noise import SENTENCE

_STOPS = ".:?!…。：？！"  # a term that ends with any other character gets a colon

Kind = Literal["paragraph", "item", "table"]


@dataclass
class Writer:
    """The blocks written so far, and the inline text of the open block."""

    is_page: bool  # a web page, and not a part of another document
    is_mail: bool = False
    blocks: list[tuple[Kind, str]] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    prefix: str = ""
    term: str = ""  # what the next paragraph is about: `FREEZE`, `Note`
    opening: str = ""  # what the next block begins with: a tick
    numbers: dict[int, int] = field(default_factory=dict)

    def close(self) -> None:
        """End the open block, and add it to the blocks if it has any text."""
        lines = separated("".join(self.inline)).split("\n")
        lines = [line for line in (" ".join(line.split()) for line in lines) if line]
        text = " ".join(lines) if self.prefix.startswith("#") else "\n".join(map(escaped, lines))
        self.inline.clear()
        if text:
            if self.term:
                text, self.term = f"{self.term}{'' if self.term[-1] in _STOPS else ':'} {text}", ""
            text, self.opening = self.opening + text, ""
            self.blocks.append(("item" if is_marker(self.prefix.rstrip()) else "paragraph", self.prefix + text))
            self.prefix = ""

    def close_all(self) -> None:
        """End the open block, and write a term or a tick that no text has followed as a paragraph by itself."""
        self.close()
        if alone := self.opening.rstrip() or self.term:
            self.inline, self.opening, self.term = [alone], "", ""
            self.close()

    def tick(self, tick: str) -> None:
        """Write a tick: into the open block if it has text, else before the next text, in whatever block that is."""
        if "".join(self.inline).strip():
            self.inline.append(tick)
        else:
            self.opening += tick

    def before(self) -> str:
        """The last characters of the open block, at most 20."""
        return "".join(self.inline[-3:])[-20:]

    def drop_banner(self) -> None:
        """Drop the blocks above the first heading of level 1, if there is no sentence and no table among them."""
        first = next((index for index, (_, block) in enumerate(self.blocks) if block.startswith("# ")), 0)
        if all(kind != "table" and not SENTENCE.search(block) for kind, block in self.blocks[:first]):
            del self.blocks[:first]

    def text(self) -> str:
        """All blocks as one text, with a blank line between them, except between list items."""
        parts = []
        previous: Kind | None = None
        for kind, block in self.blocks:
            parts.append(("\n" if kind == previous == "item" else "\n\n") + block)
            previous = kind
        return "".join(parts).strip("\n")
