"""Rendering apart from what sends: in processes that may be killed, and have nothing to tell.

``pool`` is the sender's side. It starts one ``nursery``, which imports what rendering needs and
forks a ``limited`` process wherever one is wanted: in milliseconds, with its templates compiled.
Whatever goes wrong in there, exactly one message is lost by it.
"""
