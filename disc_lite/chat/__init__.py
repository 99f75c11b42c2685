"""A conversation with an adapted model.

opening       what can be asked: a run, an adapter folder or a merged folder; and the base beside it
conversation  answers as they are written, a history that fits, the base beside it
"""
