"""Images of Markdown -> their visible text: nothing for a badge, the alternative text for a picture in a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping

# An image, and what it links to. No alternative text is longer: looking for the end of each would be quadratic.
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
        targets: Name, in lower case, -> target of the links and images that are defined separately.
    """
    if "![" not in text:
        return text
    end = max(text.rfind(")"), text.rfind("]")) + 1  # behind it no image ends
    return _IMAGE.sub(lambda found: _seen(found, targets), text[:end]) + text[end:]


def _seen(found: re.Match[str], targets: Mapping[str, str]) -> str:
    """The text for an image: nothing for a badge or linked logo, the words for one with embedded data, else itself."""
    opening, alt, linked = found["link"] or "", found["alt"], found["linked"]
    target = found["target"] if found["ref"] is None else targets.get(found["ref"].lower(), "")
    if _BADGE.search(target) or (linked and len(alt.split()) <= _MOST_LOGO_WORDS):
        return opening if opening and not linked else ""
    return f"{opening}{alt}{linked}" if target.lstrip().removeprefix("<").startswith("data:") else found.group()
