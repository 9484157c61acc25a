"""What came of one attempt: the five answers an adapter can give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

OutcomeKind = Literal["accepted", "deferred", "rejected", "refused", "unknown"]
Fault = Literal["message", "domain", "provider"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt's end. Make it with the functions below, which say what each means."""

    kind: OutcomeKind
    provider_id: str | None = None
    """What the provider calls the message."""
    code: str | None = None
    """The provider's own code, as text: ``550 5.1.1``, ``429``, ``63016``."""
    detail: str | None = None
    """One line for people, without addresses and without content."""
    retry_after: timedelta | None = None
    """No earlier than this from now, as the provider asked."""
    fault: Fault = "message"
    """Whose trouble it is: ``provider`` and ``domain`` count for their breakers."""
    is_dead_address: bool = False
    """Whether the address takes no messages for good: it is suppressed."""
    fields: Mapping[str, str] | None = None
    """What a call was answered with, by name; None if nothing."""


def accepted(provider_id: str | None = None, *, fields: Mapping[str, str] | None = None) -> Outcome:
    """Return: the provider has taken it over. Not yet that anybody received it."""
    return Outcome("accepted", provider_id, fields=fields)


def deferred(
    detail: str,
    *,
    code: str | None = None,
    retry_after: timedelta | None = None,
    fault: Fault = "provider",
) -> Outcome:
    """Return: surely not taken; worth another try.

    A connection that could not be made or broke before the message was whole, SMTP 4xx, HTTP
    429, HTTP 503 with a body that says no.
    """
    return Outcome("deferred", None, code, detail, retry_after, fault)


def rejected(detail: str, *, code: str | None = None, is_dead_address: bool = False) -> Outcome:
    """Return: this message will never be taken: SMTP 5xx, HTTP 400, 404, 410, 422."""
    return Outcome("rejected", None, code, detail, is_dead_address=is_dead_address)


def refused(detail: str, *, code: str | None = None) -> Outcome:
    """Return: we are not let in, whatever the message: SMTP 530 and 535, HTTP 401 and 403.

    The provider's breaker opens, the message goes back to the queue, no attempt is spent.
    """
    return Outcome("refused", None, code, detail, fault="provider")


def unknown(detail: str, *, code: str | None = None) -> Outcome:
    """Return: it may or may not have been taken.

    A timeout or break after the final dot or the whole body, HTTP 500, 502, 504, a success
    that cannot be read.
    """
    return Outcome("unknown", None, code, detail, fault="provider")
