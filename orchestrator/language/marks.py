"""Where a word stands in a file, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Mark:
    """A place in a file; ``line`` and ``column`` count from 1, ``length`` in characters."""

    path: str
    line: int
    column: int
    length: int = 1
    made_into: str = ""
    """Of a place in a blueprint: the flow that was made from it."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a user's file. Sorted by place."""

    mark: Mark
    code: str
    message: str = field(compare=False)
    help: str | None = field(default=None, compare=False)
    severity: Severity = field(default="error", compare=False)
