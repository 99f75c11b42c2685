"""A conversation with an adapted model."""
