"""What is said of one code."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """One kind of problem."""

    title: str
    text: str
    """One paragraph: what is wrong, and why it is refused or warned of."""
    wrong: str
    right: str
