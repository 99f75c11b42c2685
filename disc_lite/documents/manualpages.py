"""Printed manual pages (`man tar > tar.txt`) -> Markdown, with headings recognised by their indentation.

Section headings start at the margin; those of subsections are indented less than the text. `plaintext` calls this for
a text whose first line is the header of a manual page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from disc_lite.documents.headings import escaped
from disc_lite.documents.hyphens import is_broken_word, whole_words

_HEAD = re.compile(r"\s*(?P<name>[\w.:+@-]+\([1-9]\w*\)).*?(?P=name)\s*", re.IGNORECASE)


def manual_name(first_line: str) -> str:
    """The name in a line that is the header of a manual page, such as `tar(1)`; empty for other lines."""
    head = _HEAD.fullmatch(first_line)
    name = head["name"] if head else ""
    return name.lower() if name.isupper() else name


def manual_page(lines: Sequence[str], name: str) -> str:
    """The Markdown of a manual page, with its name as the title and without its header and footer.

    Args:
        lines: The lines below the header; the last is not blank.
        name: The name that `manual_name` returns.
    """
    # The footer holds the version, the date and again the name.
    if lines and not lines[-1].startswith("  ") and re.search(r"\S {3,}\S", lines[-1]):
        lines = lines[:-1]
    indents = [len(line) - len(line.lstrip()) for line in lines if line.startswith("    ")]
    body = min(indents, default=0)
    out = [f"# {name}", ""]
    for line, below in zip(lines, _next_text(lines), strict=True):
        indent = len(line) - len(line.lstrip())
        if line.strip() and indent == 0 and below.startswith("  "):
            out.append(f"## {line.strip()}")
        elif 0 < indent < body and below.startswith(" " * body):
            out.append(f"### {line.strip()}")
        else:
            out.append(escaped(line[min(indent, body) :].rstrip()))
    return _without_hyphens("\n".join(out)) + "\n"


def _next_text(lines: Sequence[str]) -> list[str]:
    """For each line, the next line that is not blank; empty if there is none."""
    found, below = [""] * len(lines), ""
    for index in reversed(range(len(lines))):
        found[index] = below
        below = lines[index] if lines[index].strip() else below
    return found


def _without_hyphens(text: str) -> str:
    """The text with words that were broken at the end of a line joined; compound words keep their hyphens."""
    text = text.replace("\u2010", "-")
    words = whole_words(text.split("\n"))

    def joined(found: re.Match[str]) -> str:
        first, second = found["first"], found["second"]
        return f"{first}{'' if is_broken_word(f'{first}-', second, words) else '-'}{second}\n{found['indent']}"

    broken = r"(?<![^\W\d_])(?P<first>[^\W\d_]{2,})-\n(?P<indent>[ \t]*)(?P<second>[^\W\d_]{2,}\S*)[ \t]*\n?"
    return re.sub(broken, joined, text)
