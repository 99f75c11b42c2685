"""LaTeX source -> the same source with placeholders for code and for addresses with `%`, and without comments.

What `\\verb`, `verbatim`, `lstlisting` or `minted` encloses is not LaTeX: `%` begins no comment there, `\\section` no
section, and macros are not expanded. It is put back into the text that the source became. Elsewhere `%` also takes the
line break and the indentation behind it: `cu%` above `cumber` is one word.
"""

from __future__ import annotations

import re

from disc_lite.documents.headings import fenced

# Listings: the environments of packages, and names that classes and other files give to their own.
_LISTING = r"[A-Za-z]*[vV]erbatim|lstlisting|minted|alltt|(?!CodeChunk)[A-Za-z]?[cC]ode[A-Za-z]*|S(?:in|out)put"
_OPTIONS = r"(?:\[[^\]\n]*\])?"
_CODE = re.compile(
    r"(?<!\\)(?P<breaks>(?:\\\\)*)%[^\n]*(?:\n[ \t]*(?=\S))?"
    rf"|\\begin\s*\{{(?:comment|(?P<listing>(?:{_LISTING})\*?))\}}"
    rf"|\\(?:verb\*?(?![A-Za-z])|lstinline{_OPTIONS}|mintinline{_OPTIONS}\{{\w+\}})"
    r"(?:(?P<mark>[^\w\s*{\[])(?P<marked>[^\n]*?)(?P=mark)|\{(?P<braced>(?:[^{}\n]|\{[^{}\n]*\})*)\})"
    r"|\\(?P<link>url|href)\s*\{(?=[^{}\s]*\})(?P<address>[^{}\s]*(?<!\\)%[^{}\s]*)\}"
)
_ARGUMENTS = re.compile(r"(?:\[[^\]]*\])?(?:\{(?P<language>\w+)\})?\n?")  # of a listing
_PARAMETER = re.compile(r"#\d")  # in the body of a macro
_ALONE = re.compile("^[ \t]*\4(\\d+)\5[ \t]*$", re.MULTILINE)
_KEPT = re.compile("\4(\\d+)\5")


class Verbatim:
    """Takes what is not LaTeX out of a source, and puts it back into its text."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, str]] = []  # content and language

    def taken_out(self, text: str) -> str:
        """The source with a placeholder in each place; an environment that is not ended is LaTeX like the rest."""
        parts: list[str] = []
        unended: set[str] = set()
        at = 0
        while found := _CODE.search(text, at):
            parts.append(text[at : found.start()])
            at = found.end()
            if not found[0].startswith("\\begin"):
                parts.append(self._inline(found))
                continue
            name = found["listing"] or "comment"
            end = None if name in unended else re.compile(rf"\\end\s*\{{{re.escape(name)}\}}").search(text, at)
            if end is None:
                unended.add(name)
                parts.append(found[0])
                continue
            if found["listing"] and (arguments := _ARGUMENTS.match(text, at, end.start())):
                code = text[arguments.end() : end.start()].rstrip(" \t").removesuffix("\n")
                parts.append(f"\n\n{self._placeholder(code, arguments['language'] or '')}\n\n")
            at = end.end()
        return "".join([*parts, text[at:]])

    def put_back(self, text: str) -> str:
        """The text with what the placeholders stand for: a fenced block if one is alone in its line."""
        text = _ALONE.sub(lambda found: fenced(*self._kept[int(found[1])]), text)
        return _KEPT.sub(lambda found: " ".join(self._kept[int(found[1])][0].split()), text)

    def _inline(self, found: re.Match[str]) -> str:
        """What replaces a comment, code in a line, or an address."""
        if found["breaks"] is not None:
            return found["breaks"]
        content = next((text for text in found.group("marked", "braced", "address") if text is not None), None)
        if content is None or _PARAMETER.search(content):
            return found[0]
        return f"\\{found['link']}{{{self._placeholder(content)}}}" if found["link"] else self._placeholder(content)

    def _placeholder(self, content: str, language: str = "") -> str:
        self._kept.append((content, language))
        return f"\4{len(self._kept) - 1}\5"
