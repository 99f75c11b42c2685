"""The tests, with a folder for each package of disc_lite (a file for a single module) and `bench` for the benches.

This is a package so that two folders can have files of the same name, and so that every test can import `tests.made`.
"""
