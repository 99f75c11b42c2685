"""Bytes -> text, by fixed rules: the encoding is never guessed.

Read are UTF-8, UTF-16 with a byte order mark, and the charset that an HTML page declares. Anything else is refused; the
reason names the first invalid byte and, if it can be told, the encoding that the file looks like. A wrong guess would
teach the model mojibake unnoticed.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from disc_lite.documents.source import RefusedFile

# A text with a larger share of control characters counts as binary; terminal logs have far fewer.
BINARY_SHARE = 0.1

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BYTE_ORDER_MARK = "\ufeff"
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r") | {127})
# Bytes that Windows-1252 does not define: a file with one of them is in another encoding.
_NOT_WINDOWS_1252 = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))
_BLOCK_CHARS = 1 << 20

# In the first bytes of a page: `<meta charset=x>`, `content="text/html; charset=x"`, `<?xml encoding="x"?>`.
_DECLARED = re.compile(
    rb"<meta\b[^>]*?charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml\b[^>]*?encoding\s*=\s*[\"']([\w.:-]+)", re.I
)
_DECLARED_WITHIN_BYTES = 4096
# Browsers decode a page that names one of these charsets with a larger one (Encoding Standard, whatwg.org).
_WIDER = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs",
}  # fmt: skip
_ALSO_CALLED = {"sjis": "cp932", "windows-874": "cp874"}
_NAMES = re.compile(
    r"utf-8|cp\d+|iso8859-\d+|koi8-[rut]|gb18030|hz|big5hkscs|euc_jp|iso2022_(?:jp|kr)\w*|mac-\w+|ptcp154"
)
# In these every byte is ASCII, so that a page in them is also valid UTF-8.
_SEVEN_BIT = ("iso2022", "hz")
# Fewer bytes beyond ASCII do not distinguish one encoding from another.
_MIN_TELLING_BYTES = 12


def decode(raw: bytes) -> str:
    """The text of a text file, without a byte order mark and with line ends as `\\n`; nothing else is changed.

    Raises:
        RefusedFile: Not UTF-8 or UTF-16, blank, or binary.
    """
    codec = "utf-16" if raw.startswith(_UTF16_MARKS) else "utf-8"
    if codec == "utf-8" and b"\0" in raw:
        raise RefusedFile(f"binary: NUL at offset {raw.index(0)}; save it in a format that is read")
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        raise _undecodable(raw, codec, error.start) from None
    if codec == "utf-8":
        text = text.removeprefix(_BYTE_ORDER_MARK)
    return check_text(text.replace("\r\n", "\n"))


def decode_page(raw: bytes) -> str:
    """The text of an HTML page, read as UTF-8 if it is valid UTF-8, else in the charset that the page declares.

    Raises:
        RefusedFile: The page is not valid in its charset: the declared one, or else UTF-8 (UTF-16 with a mark).
    """
    found = _DECLARED.search(raw, 0, _DECLARED_WITHIN_BYTES)
    declared = (found[1] or found[2]).decode("ascii", "replace") if found else ""
    codec = _codec(declared)
    is_marked = raw.startswith((*_UTF16_MARKS, codecs.BOM_UTF8))
    if not codec or is_marked or (not codec.startswith(_SEVEN_BIT) and _is_utf8(raw)):
        return decode(raw)
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        where = f"not {declared}, which the page declares: byte 0x{raw[error.start]:02x} at offset {error.start}"
        raise RefusedFile(f"{where}; save it as UTF-8") from None
    return check_text(text.replace("\r\n", "\n"))


def parsed_json(raw: bytes) -> Any:
    """The value that a JSON file holds.

    Raises:
        RefusedFile: The file is not text, or not JSON.
    """
    try:
        return json.loads(decode(raw))
    except ValueError as error:
        raise RefusedFile(f"not JSON: {error}") from None


def check_text(text: str) -> str:
    """Return the text unchanged, after checking that it is text.

    Raises:
        RefusedFile: Blank, binary by its control characters, or with a lone surrogate (half of a character in UTF-16).
    """
    if not text or text.isspace():
        raise RefusedFile("no text; leave it out")
    if "\0" in text:
        raise RefusedFile(f"binary: NUL at character {text.index(chr(0))}; save it in a format that is read")
    try:
        controls = sum(len(block) - len(block.translate(None, _CONTROLS)) for block in _encoded(text))
    except UnicodeEncodeError as error:  # as in JSON that was cut in the middle of an emoji
        raise RefusedFile(f"{error.object[error.start]!a} is half of a surrogate pair; remove it") from None
    if controls > BINARY_SHARE * len(text):
        share = f"{controls} of {len(text)} characters are control characters"
        raise RefusedFile(f"binary: {share}; save it in a format that is read")
    return text


def sha256_of_text(text: str) -> str:
    """SHA-256 of the text in UTF-8, in hexadecimal."""
    digest = hashlib.sha256()
    for block in _encoded(text):
        digest.update(block)
    return digest.hexdigest()


def _encoded(text: str) -> Iterator[bytes]:
    # In blocks, so that a file of 64 MB is in memory as bytes and as text, but not a third time.
    for start in range(0, len(text), _BLOCK_CHARS):
        yield text[start : start + _BLOCK_CHARS].encode("utf-8")


def _codec(declared: str) -> str:
    """Python's name of a declared charset; empty if Python has no text encoding for it."""
    name = declared.lower().removeprefix("x-")
    try:
        codec = codecs.lookup(_ALSO_CALLED.get(name, name)).name
    except LookupError:
        return ""
    codec = _WIDER.get(codec, codec)
    return codec if _NAMES.fullmatch(codec) else ""


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _undecodable(raw: bytes, codec: str, offset: int) -> RefusedFile:
    """The refusal of bytes that are not in their encoding, with the command that converts them, if one is likely."""
    where = f"not {codec.upper()}: byte 0x{raw[offset]:02x} at offset {offset}"
    if codec == "utf-8" and (likely := _likely_encoding(raw)):
        return RefusedFile(f"{where}; it looks like {likely}: iconv -f {likely} -t UTF-8 FILE > NEW")
    if codec == "utf-16" or any(byte in raw for byte in _NOT_WINDOWS_1252):
        return RefusedFile(f"{where}; save it as UTF-8")
    return RefusedFile(f"{where}; if it is Windows-1252: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW")


def _likely_encoding(raw: bytes) -> str:
    """iconv's name of the encoding that the bytes are likely in; empty if that cannot be told."""
    if len(raw) - len(raw.translate(None, bytes(range(128, 256)))) < _MIN_TELLING_BYTES:
        return ""
    from charset_normalizer import from_bytes

    best = from_bytes(raw[:_BLOCK_CHARS], enable_fallback=False).best()
    if best is None:
        return ""
    # Encodings related to Windows-1252 have the same codes for most letters of its languages.
    same = str(best) == raw[:_BLOCK_CHARS].decode("cp1252", "replace")
    return "WINDOWS-1252" if same else best.encoding.upper().replace("_", "-")
