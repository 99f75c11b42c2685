"""Mail -> text: subject, sender, receivers and date, then the plain text or else the HTML, by Python's own reader.

Attachments are named and not read: save them beside the mail.
"""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import MIMEPart

from disc_lite.documents.html import html_text
from disc_lite.documents.refusal import RefusedFile
from disc_lite.documents.source import Converted, Source

_SHOWN = ("From", "To", "Cc", "Date")
_BROKEN = "\ufffd"  # what the reader of headers makes of undecodable bytes


def mail_text(source: Source) -> Converted:
    """The text of one mail.

    Raises:
        RefusedFile: No mail, no text in it, or its bytes are not in the encoding that it declares.
    """
    message = message_from_bytes(source.raw, policy=policy.default)
    shown = [f"{name}: {' '.join(str(message[name]).split())}" for name in _SHOWN if message[name]]
    if not shown:
        raise RefusedFile("not a mail: it has no From, To or Date")
    subject = " ".join(str(message["Subject"] or "").split())
    if _BROKEN in "".join([subject, *shown]):
        raise RefusedFile("a header is not in the encoding that it declares")
    body = message.get_body(preferencelist=("plain", "html"))
    text = _body_text(body) if body is not None else ""
    if not text.strip():
        raise RefusedFile("no text in the mail")
    names = [name for part in message.iter_attachments() if (name := part.get_filename())]
    attached = [f"Attachments, not read: {', '.join(names)}"] if names else []
    head = [f"# {subject}"] if subject else []
    return Converted("\n\n".join([*head, "\n".join([*shown, *attached]), text.strip()]) + "\n")


def _body_text(part: MIMEPart) -> str:
    raw = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    if not isinstance(raw, bytes):
        raise RefusedFile("its text is a mail of its own")
    try:
        text = raw.decode("utf-8" if charset == "us-ascii" else charset).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise RefusedFile(f"not {charset}, as it declares: byte {error.start} of its text") from None
    except LookupError:
        raise RefusedFile(f"an unknown encoding: {charset}") from None
    return html_text(text)[0] if part.get_content_subtype() == "html" else text
