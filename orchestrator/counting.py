"""Counts in words: ``1 customer``, ``1,204 customers``; shares in percent."""

from __future__ import annotations

from decimal import Decimal


def number(count: int) -> str:
    """Return a count with thousands separators: ``1,204``."""
    return f"{count:,}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return ``1 customer``, ``1,204 customers``; a plural that takes more than an s is given."""
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"


def percent(share: Decimal) -> str:
    """Return a share as people write it: ``0.5%``."""
    return f"{(share * 100).normalize():f}%"
