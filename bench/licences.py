"""The licence of every package that `pip install disc-lite` brings, as the package states it.

    python -m bench.licences [EXTRA ...]                 # exits 1 if a package has no licence that allows any use
    python -m bench.licences --lock dev documents gguf   # all their versions, as in constraints.txt

Follows the requirements of the installed disc-lite, with the extras that are named.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

OLDEST = "3.10.19"  # Python
# Permissive licences, and two of limited copyleft: MPL 2.0, and the LGPL for libraries that are only called.
ALLOWED = re.compile(
    r"\b(MIT|Apache|BSD|ISC|PSF|Python Software Foundation|MPL|Mozilla|Unlicense|CC0|LGPL|HPND|Zlib)\b"
)


def closure(name: str, extras: frozenset[str], found: dict[str, Distribution]) -> None:
    """Add the distributions that `name` needs on this machine, with these extras."""
    for text in distribution(name).requires or []:
        needed = Requirement(text)
        environments = [{"extra": extra} for extra in (*extras, "")]
        if needed.marker and not any(needed.marker.evaluate(environment) for environment in environments):
            continue
        key = canonicalize_name(needed.name)
        if key not in found:
            try:
                found[key] = distribution(needed.name)
            except PackageNotFoundError:
                continue  # part of an extra that is not installed here
            closure(needed.name, frozenset(needed.extras), found)


def licence_of(package: Distribution) -> str:
    """Return the licence as stated: the SPDX expression, else the classifiers, else the licence field."""
    about = package.metadata
    classifiers = [
        line.split(" :: ")[-1] for line in about.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    named = about.get("License-Expression") or ", ".join(classifiers) or about.get("License") or ""
    return named.strip().splitlines()[0] if named.strip() else ""


def locked(package: Distribution) -> str:
    """Return a line of constraints.txt; a version that the oldest Python cannot run is for later Pythons only."""
    version, pythons = package.version.split("+")[0], SpecifierSet(package.metadata.get("Requires-Python") or "")
    later = "" if pythons.contains(OLDEST) else ' ; python_version >= "3.11"'
    return f"{canonicalize_name(package.metadata['Name'])}=={version}{later}"


def main(named: list[str]) -> int:
    found: dict[str, Distribution] = {}
    closure("disc-lite", frozenset(named) - {"--lock"}, found)
    if "--lock" in named:
        print("# What the tests ran with, all of it; pyproject.toml holds the floors. Written by")
        print(f"# python -m bench.licences {' '.join(named)}")
        print("\n".join(sorted(map(locked, found.values()))))
        return 0
    doubtful = []
    for name, package in sorted(found.items()):
        licence = licence_of(package)
        print(f"{name:24} {package.version:16} {licence or '?'}")
        if not ALLOWED.search(licence):
            doubtful.append(name)
    print(
        f"{len(found)} packages" + (f"; look at {', '.join(doubtful)}" if doubtful else ", all of them allow any use")
    )
    return 1 if doubtful else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
