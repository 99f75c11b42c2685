"""The output of the HTML reader so far: blocks of plain Markdown, and the text of the open one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from disc_lite.documents.blocks import is_marker
from disc_lite.documents.formulas import separated
from disc_lite.documents.headings import escaped
from disc_lite.documents.noise import SENTENCE

_STOPS = ".:?!…。：？！"  # behind another letter a term gets a colon

Kind = Literal["paragraph", "item", "table"]


@dataclass
class Writer:
    """Blocks written so far, and the inline text of the one that is open."""

    is_page: bool  # of a site; not a part of a document
    is_mail: bool = False
    blocks: list[tuple[Kind, str]] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    prefix: str = ""
    term: str = ""  # what the next paragraph is about: `FREEZE`, `Note`
    opening: str = ""  # of the next block: a tick
    numbers: dict[int, int] = field(default_factory=dict)

    def close(self) -> None:
        """Ends the open block, if it has any text."""
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
        """Ends the open block, and writes a term or a tick as a paragraph where none follows that is about it."""
        self.close()
        if alone := self.opening.rstrip() or self.term:
            self.inline, self.opening, self.term = [alone], "", ""
            self.close()

    def tick(self, tick: str) -> None:
        """Writes a tick, before the next text even where that is a paragraph of its own."""
        if "".join(self.inline).strip():
            self.inline.append(tick)
        else:
            self.opening += tick

    def before(self) -> str:
        """The last characters of the open block."""
        return "".join(self.inline[-3:])[-20:]

    def drop_banner(self) -> None:
        """Drops what stands above the first heading of level 1, if there is no sentence in it."""
        first = next((index for index, (_, block) in enumerate(self.blocks) if block.startswith("# ")), 0)
        if all(kind != "table" and not SENTENCE.search(block) for kind, block in self.blocks[:first]):
            del self.blocks[:first]

    def text(self) -> str:
        """All blocks: a blank line between, but none between list items."""
        parts = []
        previous: Kind | None = None
        for kind, block in self.blocks:
            parts.append(("\n" if kind == previous == "item" else "\n\n") + block)
            previous = kind
        return "".join(parts).strip("\n")
