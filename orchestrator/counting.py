"""Counts in words: ``1 customer``, ``1,204 customers``."""

from __future__ import annotations


def number(count: int) -> str:
    """Return a count with thousands separators: ``1,204``."""
    return f"{count:,}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return ``1 customer``, ``1,204 customers``; a plural that takes more than an s is given."""
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"
