"""The page of codes: what ``check`` reports, and why a message was not sent."""

from __future__ import annotations

from collections.abc import Iterator


def codes_page() -> Iterator[str]:
    """Yield the parts of the page."""
    yield "to come"
