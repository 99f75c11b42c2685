"""Measures reliability on real processes and disks: a long run, drills, and the survivors of mutation testing."""
