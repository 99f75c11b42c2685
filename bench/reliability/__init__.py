"""Reliability on real processes and disks: a long run, and drills from outside."""
