"""The names of time zones: IANA's, and the same on every machine."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

NO_PLACES = frozenset(("Factory", "localtime", "posixrules"))
"""In the list for machines, not for people: what they stand for differs or is nothing."""


@cache
def zone_names() -> frozenset[str]:
    """Return every IANA name, from ``tzdata``, so that all machines know the same."""
    listed = (files("tzdata") / "zones").read_text(encoding="utf-8").split()
    return frozenset(listed) - NO_PLACES
