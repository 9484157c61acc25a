"""A message as an adapter gets it: frozen before the first attempt, the same at every one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

Purpose = Literal["marketing", "transactional"]


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom a message comes from."""

    name: str
    """As people read it; may be empty."""
    address: str
    """An e-mail address, a phone number, or what else the channel sends from."""
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    """A bare file name, no path."""
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """How the receiver of a marketing message ends it."""

    url: str
    """HTTPS; POST acts at once, GET shows a page (RFC 8058)."""
    mailto: str | None = None
    """An address that takes the same wish by e-mail."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message, rendered once; each attempt of it carries exactly this."""

    key: str
    """The business key: project, customer, flow, entry, step, occurrence, channel, generation."""
    provider_key: str
    """At most 40 characters of A-Z and 2-7, the same at every attempt and not to be guessed: the
    idempotency key where a provider takes one, and the tag by which its receipts are known."""
    channel: str
    message: str
    """The message's name, the folder under ``templates/``."""
    flow: str
    step: str
    customer: str
    """External id."""
    to: str
    """The address; empty on channels that need none."""
    purpose: Purpose
    text: str
    created_at: datetime
    """When it was frozen, UTC: what a ``Date`` header says at every attempt."""
    subject: str | None = None
    preheader: str | None = None
    html: str | None = None
    is_json: bool = False
    """Whether ``text`` is the JSON that the channel's own format asks for."""
    locale: str | None = None
    topic: str | None = None
    variant: str | None = None
    sender: Sender | None = None
    unsubscribe: Unsubscribe | None = None
    """There is one for each marketing message once ``links.base_url`` is set."""
    attachments: tuple[Attachment, ...] = ()
    expires_at: datetime | None = None
    """Not to be delivered at or after this instant, UTC; None never expires."""
    project: str = ""
    attempt: int = 1
    """Counts from 1; the only thing that differs between attempts, with the next."""
    possible_duplicate: bool = False
    """Whether an earlier attempt may have been accepted."""
    entry: int = 1
    """The customer's run of the flow, counted from 1."""
    decided_at: datetime | None = None
    """When the tick decided it, and when it was due, UTC."""
    due_at: datetime | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Plain values that a channel without text takes: the ``with`` of a call, a due date."""

    def left(self, now: datetime) -> timedelta | None:
        """Return how long it may still be delivered, never less than nothing; None is for ever."""
        return None if self.expires_at is None else max(timedelta(), self.expires_at - now)
