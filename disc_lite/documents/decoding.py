"""Bytes -> text, by rule and never by guess.

UTF-8, or UTF-16 with its byte order mark; anything else is refused with the offset of the
first byte that breaks the rule. A guessed encoding would teach the model mojibake unnoticed.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator

from disc_lite.documents.refusal import RefusedFile

# Share of control characters from which a text counts as binary; terminal logs stay far below.
BINARY_SHARE = 0.1

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BYTE_ORDER_MARK = "\ufeff"
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r") | {127})
# Bytes that are undefined in Windows-1252: with one of them it is not the encoding.
_NOT_WINDOWS_1252 = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))
_BLOCK_CHARS = 1 << 20


def decode(raw: bytes) -> str:
    """The text of a text file: no byte order mark, line ends as `\\n`, nothing else changed.

    Raises:
        RefusedFile: Not UTF-8 or UTF-16, blank, or binary.
    """
    codec = "utf-16" if raw.startswith(_UTF16_MARKS) else "utf-8"
    if codec == "utf-8" and b"\0" in raw:
        raise RefusedFile(f"binary: NUL at offset {raw.index(0)}")
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        raise _undecodable(raw, codec, error.start) from None
    if codec == "utf-8":
        text = text.removeprefix(_BYTE_ORDER_MARK)
    return check_text(text.replace("\r\n", "\n"))


def check_text(text: str) -> str:
    """The text itself, if it is one.

    Raises:
        RefusedFile: Blank, or binary by its control characters.
    """
    if not text or text.isspace():
        raise RefusedFile("no text")
    if "\0" in text:
        raise RefusedFile(f"binary: NUL at character {text.index(chr(0))}")
    controls = sum(len(block) - len(block.translate(None, _CONTROLS)) for block in _encoded(text))
    if controls > BINARY_SHARE * len(text):
        raise RefusedFile(f"binary: {controls} of {len(text)} characters are control characters")
    return text


def sha256_of_text(text: str) -> str:
    """SHA-256 of the text in UTF-8, in hexadecimal."""
    digest = hashlib.sha256()
    for block in _encoded(text):
        digest.update(block)
    return digest.hexdigest()


def _encoded(text: str) -> Iterator[bytes]:
    # In blocks, so that a file of 64 MB costs its bytes and its text and no third copy.
    for start in range(0, len(text), _BLOCK_CHARS):
        yield text[start : start + _BLOCK_CHARS].encode("utf-8")


def _undecodable(raw: bytes, codec: str, offset: int) -> RefusedFile:
    where = f"not {codec.upper()}: byte 0x{raw[offset]:02x} at offset {offset}"
    if codec == "utf-16" or any(byte in raw for byte in _NOT_WINDOWS_1252):
        return RefusedFile(f"{where}; save it as UTF-8")
    return RefusedFile(f"{where}; if it is Windows-1252: iconv -f WINDOWS-1252 -t UTF-8")
