"""Measures what disc-lite costs and achieves; see README.md in this folder."""
