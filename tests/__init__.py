"""Tests, a folder for each room of disc_lite (a file, where the room is one) and `bench` for the benches.

A package, so that files of the same name may stand in two folders and `tests.made` can be imported from any.
"""
