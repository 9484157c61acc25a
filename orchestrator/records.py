"""The plain values that walk from the tick to a channel. No I/O, no database rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

DecisionKind = Literal["send", "hold", "suppress", "expire"]


@dataclass(frozen=True)
class CustomerFacts:
    """One customer as templates see them: plain data only."""

    id: int
    """Row id in the database."""
    external_id: str
    email: str | None
    phone: str | None
    push_token: str | None
    locale: str | None
    timezone: str | None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Attribute → typed value (text, Decimal, bool, date, aware datetime, list of text)."""


@dataclass(frozen=True)
class Send:
    """One decided send, with everything that rendering may read.

    No slots here and in its customer: without them it is pickled in half the time, on its way
    to where it is rendered.
    """

    customer: CustomerFacts
    flow: str
    entry: int
    step: str
    occurrence: str
    message: str
    channel: str
    variant: str | None
    at: datetime
    """The deciding tick, UTC; ``today`` in templates is its date in the customer's zone."""
    due_at: datetime
    entry_facts: Mapping[str, Any] = field(default_factory=dict)
    """Properties of what started the run, plus ``at`` (aware UTC) and ``start``."""
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Step id → what that step of the run has brought back, if anything yet."""
    links: Mapping[str, str] = field(default_factory=dict)
    """``unsubscribe`` and ``preferences`` → the address signed for this message; without them
    templates print addresses of the same shape that lead nowhere."""


class Decided(NamedTuple):
    """One decision about one message and its customer, as read from the tables."""

    customer_id: int
    """Row id in the database."""
    customer: str
    """External id."""
    email: str | None
    phone: str | None
    push_token: str | None
    locale: str | None
    timezone: str | None
    flow: str
    entry: int
    step: str
    occurrence: str
    message: str
    channel: str | None
    """None only of what is not sent."""
    variant: str | None
    at: datetime
    due_at: datetime
    entry_at: datetime | None
    entry_event_id: int | None
    start: str | None
    decision: DecisionKind = "send"
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as a channel gets it."""

    to: str | None
    subject: str | None
    preheader: str | None
    text: str
    html: str | None
    locale: str | None
    """The locale of the template taken, after fallback; None for the one without locale."""
    is_json: bool = False
    """Whether ``text`` is the JSON that the channel's own format asks for."""


@dataclass(frozen=True, slots=True)
class RenderFailure:
    """Why one customer's message could not be rendered; nobody else is affected."""

    code: str
    message: str


# --- what one tick tells --------------------------------------------------------------


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


# --- why ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExplainedLeaf:
    """One condition, asked about one customer."""

    path: str
    """Where it stands in the flow: ``audience.any.0``; a segment's own conditions stand
    below its name, ``audience.0.vip.1``."""
    says: str
    """What is asked of the customer; under ``none:`` and in ``exits_when`` the opposite."""
    holds: bool
    """Whether it helps the customer to enter."""
    actual: str | None
    """What was found: ``is 64.00``, ``never``."""
    nearest: str | None
    """The smallest change that would flip it: ``needs 36.00 more``, ``on 9 March``."""
    at: str
    """``playbooks/win_back.yaml:4``."""
    reason: str | None = None
    """The entry reason code that a tick gives where this does not hold (semantics 61)."""


@dataclass(frozen=True, slots=True)
class KeyedRun:
    """Where a customer stands in a flow under one value of its ``key``."""

    key: str | None
    """As the event that began the run has it; None of a run from before the flow had a key."""
    state: Mapping[str, Any]
    next: str | None


@dataclass(frozen=True, slots=True)
class RunMessage:
    """One message of a run, as it stands."""

    step: str
    channel: str | None
    """None of a send that a tick decided against before it chose one."""
    state: str
    at: datetime
    """Since when."""
    why: str | None
    """A reason code, or what the provider said."""
    not_before: datetime | None = None
    """``queued``: not tried earlier."""
    id: int | None = None
    """In the ledger; None if it never came there."""


@dataclass(frozen=True, slots=True)
class Explained:
    """Why one customer does or does not enter one flow."""

    customer: str
    flow: str
    enters: bool
    conditions: Sequence[ExplainedLeaf]
    state: Mapping[str, Any] = field(default_factory=dict)
    """The customer's standing in the flow: ``{"step": …, "entry": 1}``; empty if none."""
    messages: Sequence[RunMessage] = ()
    """Of the run that ``state`` is about, in the order of its steps."""
    next: str | None = None
    """What will happen next, as a sentence."""
    waits_for: Sequence[ExplainedLeaf] = ()
    """What lets an active run go on, or holds its send; ``holds`` is what is true now."""
    key: str | None = None
    """Of a flow with ``key``: the value that all of this is about."""
    others: Sequence[KeyedRun] = ()
    """The latest run under each other key, the newest first; the first few of them."""
    keys: int = 0
    """Under how many values of the flow's ``key`` the customer ever was in it."""


# --- what a simulation tells ----------------------------------------------------------


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
