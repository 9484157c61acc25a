"""The nearest right word."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean "x"? ``, or nothing if no known word is near."""
    names = list(known)
    near = get_close_matches(word, names, n=1) or get_close_matches(word.upper(), names, n=1)
    return f'did you mean "{near[0]}"? ' if near else ""
