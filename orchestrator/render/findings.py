"""What is wrong in a template's text, before it is known which file the text stands in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing wrong; ``line`` counts from 1 within the template's own text."""

    line: int
    code: str
    message: str
    help: str | None = None
    needle: str = ""
    """A text on that line to put the caret under."""
    severity: Literal["error", "warning"] = "error"
