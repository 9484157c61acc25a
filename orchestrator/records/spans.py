"""What a simulated span of time would do, in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple


class Volume(NamedTuple):
    """Messages of one flow on one channel on one day."""

    day: date
    """In the project's zone."""
    flow: str
    channel: str
    sends: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How a number is spread over customers."""

    p50: int = 0
    p95: int = 0
    max: int = 0


@dataclass(frozen=True, slots=True)
class Pressure:
    """Messages that customers get, of those who get any."""

    customers: int = 0
    busiest_week: Spread = Spread()
    """Of each customer the calendar week (Monday to Sunday, project's zone) with the most."""
    whole_span: Spread = Spread()


@dataclass(frozen=True, slots=True)
class FlowSpan:
    """What one flow did in a simulated span; every mapping is a name → count."""

    entered: int = 0
    exited: Mapping[str, int] = field(default_factory=dict)
    sends: int = 0
    sends_by_channel: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    """Reason → holds; a send held for two reasons in turn counts under both."""
    suppressed: Mapping[str, int] = field(default_factory=dict)
    expired: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    still_held: int = 0
    """Sends that stand at the gate when the span ends."""
    lost_to: Mapping[str, int] = field(default_factory=dict)
    """Flow whose message was the customer's latest → sends that the frequency cap then held."""
    webhooks: int = 0
    effects: Mapping[str, int] = field(default_factory=dict)
    """Head of the step (``task``, ``add_to``) → how often it was done."""
    tripped_at: datetime | None = None
    """When the volume breaker tripped; nobody resumes it in a simulation."""

    @property
    def starved(self) -> bool:
        """Whether less than half of what could have been sent was: the rest expired or waits."""
        lost = sum(self.expired.values()) + self.still_held
        return lost > self.sends


@dataclass(frozen=True, slots=True)
class SpanReport:
    """What a simulated span of time would do, in numbers."""

    begin: datetime
    end: datetime
    """The last tick."""
    ticks: int
    every: str
    release: str
    goes_on_from: datetime | None
    """The latest live tick of the database; None is a fresh start at ``begin``."""
    customers: int
    flows: Mapping[str, FlowSpan]
    """By id, sorted."""
    volumes: Sequence[Volume]
    """By day, flow and channel; days without messages are left out."""
    pressure: Pressure
    sends: int
    seed: str | None = None
    """What chance came from; None if nothing was assumed."""
    assumed: Mapping[str, str] = field(default_factory=dict)
    """Receipt kind or event → share of the messages, as ``4%``."""
    project_tripped_at: datetime | None = None
    notes: Sequence[str] = ()
