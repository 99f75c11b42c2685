"""Compares disc-lite with other ways to distil the same documents, with the same model, adapter, tokens and loss."""
