"""The only module that writes durable files.

Every file is written under a temporary name next to the target, fsynced and renamed, and then the folder is fsynced. So
a reader sees the old content or the new one, even if the writer is killed in between. Begin to read in `files`.
"""

from disc_lite.storage.blocks import bytes_below, free_disk, no_room, read_into, reserved_file
from disc_lite.storage.digests import (
    DIGESTS,
    begin_digests,
    is_noted,
    require_all_unchanged,
    require_digests,
    require_unchanged,
    sha256_of,
)
from disc_lite.storage.files import (
    Json,
    JsonLines,
    JsonObject,
    append_jsonl,
    read_bytes,
    read_json,
    read_jsonl,
    read_log,
    require_file,
    write_bytes,
    write_json,
    write_jsonl,
    write_text,
)
from disc_lite.storage.folders import (
    atomic_folder,
    is_untouched,
    lock,
    require_place,
    require_writable,
    sweep,
    sweep_dead,
    waiting_lock,
)
from disc_lite.storage.journal import Journal, key_of, once
from disc_lite.storage.lines import line_of, value_in
from disc_lite.storage.manifest import MANIFEST, manifest, seal, verify

__all__ = [
    "DIGESTS",
    "MANIFEST",
    "Journal",
    "Json",
    "JsonLines",
    "JsonObject",
    "append_jsonl",
    "atomic_folder",
    "begin_digests",
    "bytes_below",
    "free_disk",
    "is_noted",
    "is_untouched",
    "key_of",
    "line_of",
    "lock",
    "manifest",
    "no_room",
    "once",
    "read_bytes",
    "read_into",
    "read_json",
    "read_jsonl",
    "read_log",
    "require_all_unchanged",
    "require_digests",
    "require_file",
    "require_place",
    "require_unchanged",
    "require_writable",
    "reserved_file",
    "seal",
    "sha256_of",
    "sweep",
    "sweep_dead",
    "value_in",
    "verify",
    "waiting_lock",
    "write_bytes",
    "write_json",
    "write_jsonl",
    "write_text",
]
