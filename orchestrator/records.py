"""The plain values that walk from the tick to a channel. No I/O, no database rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

DecisionKind = Literal["send", "hold", "suppress", "expire"]


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Send:
    """One decided send, with everything that rendering may read."""

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


@dataclass(frozen=True, slots=True)
class RenderFailure:
    """Why one customer's message could not be rendered; nobody else is affected."""

    code: str
    message: str
