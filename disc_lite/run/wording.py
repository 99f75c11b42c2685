"""Counts, lists, durations and sizes in words, alike for the listener, the terminal and the report."""

from __future__ import annotations

from collections.abc import Sequence

from disc_lite.planning.sizes import GIB


def counted(number: int, what: str) -> str:
    """`1 document`, `1,200 documents`; for words whose plural ends in s."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def listed(names: Sequence[str], most: int) -> str:
    """`a, b, c and 4 more`"""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def duration(seconds: float) -> str:
    """`42 s`, `89 min`, `9 h 00 min`; at least a second unless it is zero."""
    if seconds < 59.5:
        return f"{max(int(seconds > 0), round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


def data_size(size_bytes: float) -> str:
    """`1.4 GiB`, or `36 MiB` for small sizes."""
    return f"{size_bytes / GIB:.1f} GiB" if size_bytes >= GIB else f"{size_bytes / 2**20:.0f} MiB"
