"""A conversation with an adapted model.

opening       a run, an adapter folder or a merged model, checked before it is loaded; single questions
conversation  streamed answers, a history within the context, the base for comparison
"""
