"""JSON and JSON lines -> a section for each record: the text in a named field, under the record's title.

Other fields are not read. By default the field is the first of `TEXT_FIELDS` that a record has; the setting
`documents.text_field` names another (`body.text`: a field within a field). An OpenAPI specification is read by
`openapi` instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from disc_lite.documents.decoding import decode, parsed_json
from disc_lite.documents.headings import Heading, find_headings
from disc_lite.documents.html import markup_text
from disc_lite.documents.openapi import is_specification, specification_text
from disc_lite.documents.source import QUESTION_MARKS, QUESTIONS, Converted, Part, RefusedFile, Source, joined

TEXT_FIELDS = ("text", "content", "body", "markdown", "article", "passage", "contents", "page_content")
TITLE_FIELDS = ("title", "heading", "headline", "subject", "name")

_QUESTION = "question"
# A text that begins and ends with an HTML tag.
_HTML = re.compile(
    r"\s*<(?:!doctype|html|body|article|section|div|p|ul|ol|table|blockquote|h[1-6]|span|strong|b|em)\b.*>\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_TITLE_CHARS = 200
_LISTED_FIELDS = 8

Record = dict[str, object]


def json_text(source: Source) -> Converted:
    """The text of a JSON file: a record, a list of records, an object that holds one such list, or a specification."""
    content = parsed_json(source.raw)
    if is_specification(content) and not source.options.text_field:
        return specification_text(content)
    if isinstance(content, dict) and not _text_of(content, source.options.text_field):
        lists = [value for value in content.values() if isinstance(value, list) and _records(value)]
        content = lists[0] if len(lists) == 1 else content
    return _converted(_records(content if isinstance(content, list) else [content]), source.options.text_field)


def json_lines_text(source: Source) -> Converted:
    """The text of a file of JSON lines, one record per line."""
    values = []
    for number, line in enumerate(decode(source.raw).split("\n"), 1):
        try:
            values += [json.loads(line)] if line.strip() else []
        except ValueError as error:
            raise RefusedFile(f"line {number} is not JSON: {error}") from None
    return _converted(_records(values), source.options.text_field)


def _records(values: Sequence[object]) -> list[Record]:
    return [value for value in values if isinstance(value, dict)]


def _converted(records: Sequence[Record], field: str) -> Converted:
    """The records that have a text as one text, with a section for each."""
    if not field and any(map(_asks, records)):
        raise RefusedFile(QUESTIONS)
    sections = [(_title_of(record), text) for record in records if (text := _text_of(record, field))]
    if not sections:
        raise RefusedFile(_no_text(records, field))
    parts = (_part(title, text, len(records) > 1) for title, text in sections)
    is_one = len(sections) == 1
    return joined(parts, "markdown", sections[0][0] if is_one else "", alone=not is_one)


def _part(title: str, text: str, is_section: bool) -> Part:
    """The text of a record below its title; a section begins with a heading even if there is no title."""
    part = f"# {title}\n\n{text}\n\n" if title else f"{text}\n\n"
    inner = find_headings(part, "markdown")
    top = [Heading(0, 1, "")] if is_section and not (inner and inner[0].start == 0) else []
    # Headings in the text go one level down, below the record's own title.
    return part, [*top, *(replace(h, level=h.level + (h.start > 0)) for h in inner)]


def _asks(record: Record) -> bool:
    """Whether a record is a question, for `--questions` or `--pairs`: it has an answer too, or ends like a question."""
    question = record.get(_QUESTION)
    is_asked = isinstance(question, str) and question.rstrip().endswith(QUESTION_MARKS)
    return is_asked or (question is not None and any(name in record for name in ("answer", "answers")))


def _text_of(record: Record, field: str) -> str:
    """The text in the field of a record, with a list of strings as paragraphs; empty if it has none."""
    for name in (field,) if field else TEXT_FIELDS:
        value = _value_of(record, name)
        parts = value if isinstance(value, list) else [value]
        texts = [part.strip() for part in parts if isinstance(part, str)]
        if any(texts):
            return "\n\n".join(filter(None, map(_plain, texts))).replace("\r\n", "\n")
    return ""


def _plain(text: str) -> str:
    """A text as its reader sees it; help desks and blogs store HTML, which goes through the HTML reader."""
    return markup_text(text) if _HTML.match(text) else text


def _value_of(record: Record, name: str) -> object:
    """The value of a field of a record; `body.text` is a field within a field."""
    if name in record:
        return record[name]
    first, dot, rest = name.partition(".")
    inner = record.get(first)
    return _value_of(inner, rest) if dot and isinstance(inner, dict) else None


def _title_of(record: Record) -> str:
    titles: Iterator[object] = (record.get(name) for name in TITLE_FIELDS)
    title = next((title for title in titles if isinstance(title, str) and title.strip()), "")
    return " ".join(title.split())[:_TITLE_CHARS]


def _no_text(records: Sequence[Record], field: str) -> str:
    wanted = f"the field {field}" if field else f"any of the fields {', '.join(TEXT_FIELDS)}"
    fields = list(dict.fromkeys(name for record in records[:100] for name in record))[:_LISTED_FIELDS]
    there = f"it has {', '.join(fields)}" if fields else "it holds no records"
    return f"no text in {wanted}; {there}: name one with --set documents.text_field=NAME"
