"""One thing that ``doctor`` found, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]
"""``error``: something is not done, or would be done wrongly, until it is mended."""


@dataclass(frozen=True)
class Finding:
    """What is wrong, and its fix."""

    severity: Severity
    area: str
    """``channels``, ``clock``, ``database``, ``delivery``, ``mail``, ``packages``, ``playbooks``,
    ``runs``, ``secret``, ``work``, ``zones``."""
    says: str
    fix: str
