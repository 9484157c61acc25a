"""What one tick tells: its decisions line by line, and what it did in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.records.sends import DecisionKind, RenderFailure


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """One message decision, as it is told. ``channel``, ``to`` and ``subject`` are of sends."""

    customer: str
    """External id."""
    flow: str
    step: str
    message: str
    channel: str | None
    to: str | None
    """The address as it is; output masks it."""
    decision: DecisionKind
    reason: str | None
    at: datetime
    due_at: datetime
    subject: str | None
    variant: str | None
    entry: int
    detail: str | None = None
    error: RenderFailure | None = None
    text: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class FlowReport:
    """What one tick did in one flow; every mapping is reason (or channel) → count."""

    entered: int = 0
    exited: Mapping[str, int] = field(default_factory=dict)
    sends: int = 0
    sends_by_channel: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    suppressed: Mapping[str, int] = field(default_factory=dict)
    expired: int = 0
    effects: Mapping[str, int] = field(default_factory=dict)
    """What was done beside sending: the step's head → how often."""
    withheld: Mapping[str, int] = field(default_factory=dict)
    """Effects that were only noted: why → how many."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    tripped: bool = False
    """Whether the volume breaker holds all sends until it is resumed."""
    shadow: bool = False
    """Whether the flow only decides, and sends nothing."""


@dataclass(frozen=True, slots=True)
class TickReport:
    """What one tick did, in numbers."""

    now: datetime
    release: str
    """Fingerprint of the playbooks that decided."""
    dry_run: bool
    customers: int
    flows: Mapping[str, FlowReport]
    """By id, sorted; evaluated flows only."""
    stages: Mapping[str, int]
    """Stage → customers in it, in the order of the stage model."""
    sends: int
    notes: Sequence[str] = ()
    """Sentences for people: unknown zones, drafts taken as live, a first run."""
    paused: Mapping[str, int] = field(default_factory=dict)
    """Paused flow → how many runs stand still in it."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many customers are where at an instant."""

    now: datetime
    customers: int
    stages: Mapping[str, int]
    """Stage → customers in it, in the order of the stage model."""
    segments: Mapping[str, int]
    """Segment → customers in it, by name."""
