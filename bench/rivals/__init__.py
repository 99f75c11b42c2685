"""disc-lite beside other ways to distil the same documents: the same model, adapter, tokens and loss in all of them."""
