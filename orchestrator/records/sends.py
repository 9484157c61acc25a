"""One decided send on its way to a channel: who gets what, and what became of rendering it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
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
