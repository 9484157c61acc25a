"""What conditions are asked about: one customer, as of an instant, with all that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from reference.values import Clocks
from reference.world import ConsentAct, Happening, Person, World

from orchestrator import timing
from orchestrator.playbook.model import Playbook

COLUMNS = {
    "email": "text",
    "phone": "text",
    "push_token": "text",
    "locale": "text",
    "timezone": "text",
    "preferred_channel": "text",
    "created_at": "datetime",
}
"""Attributes that every customer has without a catalog."""


@dataclass(frozen=True)
class Stay:
    """``[began, ended)`` in one stage or segment; silent ends are no transitions."""

    name: str
    began: datetime
    ended: datetime | None = None
    silent: bool = False
    ended_silent: bool = False
    first_seen: bool = False
    """Whether it began because the customer had not been seen before (rule 25)."""


@dataclass(frozen=True)
class Sent:
    """One decision ``send``."""

    customer: str
    flow: str
    entry: int
    step: str
    message: str
    channel: str
    at: datetime
    marketing: bool = True
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Passed:
    """One run of a flow as other conditions know it."""

    customer: str
    flow: str
    entry: int
    at: datetime
    ended: datetime | None = None


@dataclass
class Past:
    """What ticks remembered: stays, sends, attributes that flows wrote."""

    stages: dict[str, list[Stay]] = field(default_factory=dict)
    """customer → stays, oldest first."""
    segments: dict[tuple[str, str], list[Stay]] = field(default_factory=dict)
    """(segment, customer) → stays, oldest first."""
    sent: list[Sent] = field(default_factory=list)
    runs: list[Passed] = field(default_factory=list)
    """As the present part of the tick knows them."""
    written: dict[tuple[str, str], str] = field(default_factory=dict)
    """(customer, attribute) → raw text a flow set."""
    consents: list[ConsentAct] = field(default_factory=list)
    """What flows wrote down."""


@dataclass(frozen=True)
class Result:
    """What a wait brought back (rule 44)."""

    at: datetime
    timed_out: bool = False
    event: Happening | None = None


@dataclass(frozen=True)
class Run:
    """What a condition may know of the run that asks."""

    flow: str
    entry: int
    at: datetime
    start: str = ""
    event: Happening | None = None
    results: Mapping[str, Result] = field(default_factory=dict)
    """Step id → what it brought back."""


@dataclass(frozen=True)
class View:
    """One customer, seen at one instant."""

    playbook: Playbook
    world: World
    past: Past
    person: Person
    now: datetime
    owner: str = ""
    """The flow, segment or stage that asks: the default seed of samples."""
    run: Run | None = None
    this_run: bool = False
    """Whether message facts without a window mean this run (rule 20)."""

    @cached_property
    def project_zone(self) -> ZoneInfo:
        return ZoneInfo(self.playbook.project.timezone)

    @cached_property
    def zone(self) -> ZoneInfo:
        return timing.zone_or(self.person.timezone, self.project_zone)[0]

    @cached_property
    def clocks(self) -> Clocks:
        return Clocks(self.now, self.project_zone, self.zone)

    @cached_property
    def events(self) -> list[Happening]:
        """The customer's events up to now, by time and id."""
        mine = [
            one
            for one in self.world.happenings
            if one.customer == self.person.external_id and one.occurred_at <= self.now
        ]
        return sorted(mine, key=lambda one: (one.occurred_at, one.source_id.encode()))
