"""The command `disc-lite`, and `python -m disc_lite`."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Import the command line and run it: Ctrl-C ends with 130 from the first moment, not only once all is imported."""
    try:
        from disc_lite.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    try:
        main()
    finally:
        # CPython notes a KeyboardInterrupt that ends an `exec` of text, as importing torch has many, and `python -m`
        # then dies by SIGINT, whatever its exit code is. The next `exec` clears the note.
        exec("")
