"""Mail -> text: the subject, sender, recipients and date, then the body, in plain text or else from HTML.

Python's `email` package parses the mail. Quoted lines keep their `>` and are set apart by blank lines, since the sender
did not write them. A forwarded mail is quoted in the same way, under its own headers; a mail that a delivery report
returns is not read.

Attachments are listed by name and not read: save them next to the mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email import message_from_bytes, policy
from email.message import MIMEPart

from disc_lite.documents.headings import escaped, quoted
from disc_lite.documents.html import page_text
from disc_lite.documents.source import Converted, RefusedFile, Source

_SHOWN = ("From", "To", "Cc", "Date")
_QUOTE = re.compile(r"> ?(?:> ?)*")
_SIGNATURE = "-- "
_BLANK = re.compile(r"\n{3,}")
_BROKEN = "\ufffd"  # the header parser puts it in place of undecodable bytes


def mail_text(source: Source) -> Converted:
    """The text of one mail."""
    message = message_from_bytes(source.raw, policy=policy.default)
    shown = _headers(message, _SHOWN)
    if not shown:
        raise RefusedFile("not a mail: it has no From, To or Date")
    subject = " ".join(_header(message, "Subject").split())
    if _BROKEN in "".join([subject, *shown]):
        raise RefusedFile("a header is not in the encoding that it declares")
    text = _text_of(message)
    if not text:
        raise RefusedFile("no text in the mail")
    names = [name for part in _parts(message, attached=True) if (name := part.get_filename())]
    attached = [f"Attachments, not read: {', '.join(names)}"] if names else []
    head = [f"# {subject}"] if subject else []
    return Converted("\n\n".join([*head, "\n".join([*shown, *attached]), text]) + "\n")


def _headers(message: MIMEPart, names: Iterable[str]) -> list[str]:
    shown = ((name, " ".join(_header(message, name).split())) for name in names)
    return [f"{name}: {value}" for name, value in shown if value]


def _header(message: MIMEPart, name: str) -> str:
    try:
        return str(message[name] or "")
    except (AttributeError, IndexError):  # Python's parser fails at a comment after a group of recipients
        return next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")


def _parts(part: MIMEPart, attached: bool) -> list[MIMEPart]:
    """The subparts that are attachments, or those that are not; any but the first counts as one if it has a name."""
    parts = list(part.iter_parts()) if part.is_multipart() else []
    files = [one for one in parts if one.is_attachment() or (one.get_filename() and one is not parts[0])]
    return files if attached else [one for one in parts if one not in files]


def _text_of(part: MIMEPart) -> str:
    """The text of a part and its subparts without attachments; of alternatives only one, plain text if it has any."""
    kind = part.get_content_type()
    if kind in ("text/plain", "text/html"):
        return _body_text(part).strip()
    parts = _parts(part, attached=False)
    if kind == "message/rfc822":
        return "\n\n".join(_mail_within(one) for one in parts)
    if kind == "multipart/report":
        parts = [one for one in parts if one.get_content_maintype() != "message"]
    if kind != "multipart/alternative":
        return "\n\n".join(filter(None, map(_text_of, parts)))
    plain_first = sorted(parts, key=lambda one: one.get_content_type() != "text/plain")
    return next(filter(None, map(_text_of, plain_first)), "")


def _mail_within(message: MIMEPart) -> str:
    """The headers and text of a mail inside another mail, each line quoted; empty if it has no text."""
    if not (text := _text_of(message)):
        return ""
    return quoted("\n".join([*_headers(message, (*_SHOWN, "Subject")), "", text]))


def _body_text(part: MIMEPart) -> str:
    raw = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    if not isinstance(raw, bytes):
        raise RefusedFile("its text is another mail; save that one as .eml")
    try:
        text = raw.decode("utf-8" if charset == "us-ascii" else charset).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise RefusedFile(f"not {charset}, which it declares: byte {error.start} of its text") from None
    except LookupError:
        raise RefusedFile(f"unknown encoding: {charset}") from None
    if part.get_content_subtype() == "html":
        return page_text(text, is_mail=True).text
    is_flowed = str(part.get_param("format", "")).lower() == "flowed"
    lines = text.split("\n")
    return _BLANK.sub("\n\n", "\n".join(_blocks(_unflowed(lines) if is_flowed else lines)))


def _unflowed(lines: list[str]) -> Iterator[str]:
    """Yield the lines of a text in `format=flowed`, joining each line that ends with a space to the next (RFC 3676)."""
    open_line: str | None = None
    for line in lines:
        marks, content = _quoted(line)
        goes_on = content.endswith(" ") and content != _SIGNATURE
        if open_line is not None and _quoted(open_line)[0] == marks and content and content != _SIGNATURE:
            line = open_line + content
        elif open_line is not None:
            yield open_line.rstrip()
        open_line = line if goes_on else None
        if not goes_on:
            yield line
    if open_line is not None:
        yield open_line.rstrip()


def _blocks(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines with a blank line around each quotation; a line like "Ann wrote:" stays with its quotation."""
    parted = [_quoted(line) for line in lines]
    depths = [len(marks) for marks, _ in parted]
    introduces = [
        content.rstrip().endswith(":") and depth < below
        for (_, content), depth, below in zip(parted, depths, [*depths[1:], 0], strict=True)
    ]
    for number, (marks, content) in enumerate(parted):
        is_introduced = number > 0 and introduces[number - 1]
        if number and (introduces[number] or (depths[number] != depths[number - 1] and not is_introduced)):
            yield ""
        yield f"{marks} {content}" if marks and content.strip() else escaped(content)


def _quoted(line: str) -> tuple[str, str]:
    """The `>` marks at the start of a line, without spaces, and the rest of the line."""
    marks = _QUOTE.match(line)
    return (marks.group().replace(" ", ""), line[marks.end() :]) if marks else ("", line)
