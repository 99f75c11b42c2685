"""Markdown images -> their visible text: nothing for badges and linked logos, the alternative text for embedded data.

Other images stay as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# An image, and the link around it. The lengths are limited, or the search for the end of each would be quadratic.
_IMAGE = re.compile(
    r"(?P<link>\[)?!\[(?P<alt>[^\]]{0,1000})\](?:\((?P<target>[^)]{0,2000})\)|\[(?P<ref>[^\]]{1,200})\])"
    r"(?P<linked>(?(link)(?:\](?:\([^)]{0,2000}\)|\[[^\]]{0,200}\]))?))"
)
_BADGE = re.compile(r"badge|shields\.io|travis-ci|codecov|coveralls|/workflows/|readthedocs\.org/projects")
_MOST_LOGO_WORDS = 2


def with_seen_images(text: str, targets: Mapping[str, str]) -> str:
    """The text of a line with its images replaced by their visible text.

    Args:
        text: The line, without code.
        targets: The targets of links and images that are defined separately, by their names in lower case.
    """
    if "![" not in text:
        return text
    end = max(text.rfind(")"), text.rfind("]")) + 1  # no image ends after this
    return _IMAGE.sub(lambda found: _seen(found, targets), text[:end]) + text[end:]


def _seen(found: re.Match[str], targets: Mapping[str, str]) -> str:
    """The text for an image: nothing for a badge or linked logo, its words for embedded data, else the image."""
    opening, alt, linked = found["link"] or "", found["alt"], found["linked"]
    target = found["target"] if found["ref"] is None else targets.get(found["ref"].lower(), "")
    if _BADGE.search(target) or (linked and len(alt.split()) <= _MOST_LOGO_WORDS):
        return opening if opening and not linked else ""
    return f"{opening}{alt}{linked}" if target.lstrip().removeprefix("<").startswith("data:") else found.group()
