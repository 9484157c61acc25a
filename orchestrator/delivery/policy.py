"""What becomes of a message after an attempt: plain values in, one change out.

No database and no clock here, so every row of the table in docs/delivery.md is a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from orchestrator.channels.outcome import Outcome

Doubt = Literal["park", "resend", "retry"]
"""What is done with a message that may or may not have been accepted: nothing until a person or
the provider tells; sent once more; sent again under a key by which the provider knows it."""

MOST_ATTEMPTS = 8
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=6)
REFUSED_DELAY, LONGEST_REFUSED_DELAY = FIRST_DELAY, timedelta(minutes=10)
MOST_REFUSALS = 3
"""Of one message while others are taken: it is refused for its own sake then."""
SMTP_FLOORS = (timedelta(minutes=5), timedelta(minutes=5), timedelta(minutes=30))
"""The least before the second, the third and every later attempt of a mail that got a 4xx."""
KEY_MARGIN = timedelta(hours=1)
"""So long before a provider forgets a key, it is not relied on any more."""
MOST_CRASHES = 3
LOST = "the worker was lost during the call"
"""What the ledger says of a message whose worker was lost with it at the wire."""
DOUBT_ENDS = timedelta(hours=72)
LOOKS = (timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=60))
"""How long after its attempt a provider that can be asked is asked about a message in doubt."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, as far as what follows depends on it."""

    number: int
    """From 1."""
    channel: str
    first_at: datetime
    """When the first attempt began."""
    expires_at: datetime | None
    doubt: Doubt
    key_ttl: timedelta | None
    """How long the provider remembers keys; None is for ever."""
    was_resent: bool
    """Whether it was sent again already although an earlier attempt may have been accepted."""
    refusals: int = 0
    """How often it was refused before."""
    is_refused_alone: bool = False
    """Whether its provider takes others meanwhile."""
    shut_for: timedelta = timedelta()
    """How long its provider, or its domain there, is left alone now."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the message's row."""

    state: str
    error: str | None = None
    not_before: datetime | None = None
    is_spent: bool = True
    """Whether the attempt counts; what the provider refused altogether does not."""
    possible_duplicate: bool = False


def after(outcome: Outcome, attempt: Attempt, now: datetime, chance: Random) -> Change:
    """Return what becomes of a message whose attempt ended so."""
    if outcome.kind == "accepted":
        return Change("sent")
    error = reason(outcome)
    if outcome.kind == "rejected":
        return Change("dead", error)
    if outcome.kind == "refused":
        return _refused(attempt, error, now)
    if outcome.kind == "unknown":
        return in_doubt(attempt, error, now, chance)
    if attempt.number >= MOST_ATTEMPTS:
        return Change("dead", f"exhausted: {error}")
    return Change("queued", error, again_at(attempt, outcome, now, chance))


def _refused(attempt: Attempt, error: str, now: datetime) -> Change:
    """Return what becomes of a message that was not let in.

    It comes after the others: the next to try whether all is well again is another one.
    """
    if attempt.is_refused_alone and attempt.refusals + 1 >= MOST_REFUSALS:
        return Change("dead", f"refused {attempt.refusals + 1} times while others pass: {error}")
    wait = min(LONGEST_REFUSED_DELAY, REFUSED_DELAY * 2 ** min(attempt.refusals, 10))
    later = max(wait, attempt.shut_for + REFUSED_DELAY if attempt.shut_for else wait)
    return Change("queued", error, now + later, is_spent=False)


def in_doubt(attempt: Attempt, error: str | None, now: datetime, chance: Random) -> Change:
    """Return what becomes of a message that may or may not have been accepted."""
    if attempt.doubt == "retry" and _is_key_known(attempt, now):
        if attempt.number < MOST_ATTEMPTS:
            return Change("queued", error, now + delay(attempt.number, chance))
    elif attempt.doubt == "resend" and not attempt.was_resent:
        again = now + delay(attempt.number, chance)
        return Change("queued", error, again, possible_duplicate=True)
    return Change("in_doubt", error, now + LOOKS[0])


def _is_key_known(attempt: Attempt, now: datetime) -> bool:
    return attempt.key_ttl is None or now < attempt.first_at + attempt.key_ttl - KEY_MARGIN


def delay(number: int, chance: Random) -> timedelta:
    """Return the pause after an attempt: full jitter over a bound that doubles."""
    bound = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (number - 1))
    return timedelta(seconds=bound.total_seconds() * chance.random())


def again_at(attempt: Attempt, outcome: Outcome, now: datetime, chance: Random) -> datetime:
    """Return when to try again; a message that expires before is looked at then."""
    least = outcome.retry_after or timedelta()
    if attempt.channel == "email" and (outcome.code or "").startswith("4"):
        least = max(least, SMTP_FLOORS[min(attempt.number, len(SMTP_FLOORS)) - 1])
    when = now + max(least, delay(attempt.number, chance))
    return when if attempt.expires_at is None else min(when, max(now, attempt.expires_at))


def next_look(since: datetime, now: datetime) -> datetime:
    """Return when a message in doubt is looked at next: after 2, 10, 60 minutes, then at its end.

    Args:
        since: when it came into doubt.
    """
    return next((since + look for look in LOOKS if since + look > now), since + DOUBT_ENDS)


def reason(outcome: Outcome) -> str:
    """Return one line that says what came of an attempt, the provider's code first."""
    return ": ".join(part for part in (outcome.code, outcome.detail) if part) or outcome.kind
