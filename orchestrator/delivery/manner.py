"""How a worker works: by which clock, until when, how often it looks, to whom it speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Literal, Protocol

POLL = 0.25
"""Seconds between two looks at a queue that was empty."""
RESCUE_EVERY = timedelta(seconds=10)


class Until(Enum):
    """When a worker ends by itself."""

    STOPPED = "stopped"
    NOTHING_DUE = "nothing_due"
    """Whatever other workers still have in hand."""
    NOTHING_LEFT = "nothing_left"
    """Nothing is due, and nobody has anything in hand: what lost workers had is seen through."""


Level = Literal["info", "warning", "error"]


class Say(Protocol):
    """Tells what happened: a word, a sentence, how bad it is, ids and counts."""

    def __call__(
        self,
        event: str,
        says: str,
        level: Level = "info",
        facts: Mapping[str, Any] | None = None,
        /,
    ) -> None: ...


def silent(
    event: str,
    says: str,
    level: Level = "info",
    facts: Mapping[str, Any] | None = None,
    /,
) -> None:
    """Say nothing."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a worker works; what most need no other of."""

    clock: Callable[[], datetime]
    until: Until = Until.STOPPED
    lease: timedelta | None = None
    """How long a claim lasts without a sign of life; None is as each channel's adapter asks."""
    rescue_every: timedelta = RESCUE_EVERY
    poll: float = POLL
    skew_stops: timedelta | None = None
    """How far the clock may be from the database's; beyond it nothing leaves. None compares none,
    for clocks that are not of this world."""
    seed: int | None = None
    """What chance comes from; None is the system's."""
