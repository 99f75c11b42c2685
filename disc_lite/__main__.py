"""`python -m disc_lite`."""

from disc_lite.cli import main

main()
