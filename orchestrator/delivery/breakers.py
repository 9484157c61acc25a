"""Breakers: a provider, or one domain of receivers, that fails is left alone for a while.

Only infrastructure counts: a rejected message says nothing about its provider. A breaker opens
after 5 failures in a row or 10 of the latest 20, for 30 seconds and then twice as long each
time, up to 10 minutes; then one message tries whether all is well. It lives in the database,
so all workers see the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, select

from orchestrator import tables
from orchestrator.channels.outcome import Outcome
from orchestrator.columns import to_micros
from orchestrator.database import insert_into
from orchestrator.database_clock import database_now

IN_A_ROW, OF_LATEST, LATEST = 5, 10, 20
SHORTEST, LONGEST = timedelta(seconds=30), timedelta(minutes=10)
PROBE_TIME = timedelta(minutes=15)
"""After which a probe that was never heard of again counts as lost."""
WHOLE = ""
"""Stands for the provider as a whole where a domain would stand."""
_GOOD, _BAD = ".", "x"


@dataclass(frozen=True)
class Breaker:
    """The state of one breaker."""

    state: str = "closed"
    recent: str = ""
    """The latest outcomes, oldest first: ``.`` for one that is well, ``x`` for a failure."""
    trips: int = 0
    open_until: datetime | None = None
    probe: str | None = None
    reason: str | None = None

    def succeeded(self) -> Breaker:
        """Return the state after an outcome that is no failure of the infrastructure."""
        if self.state != "closed":
            return Breaker()
        return replace(self, recent=(self.recent + _GOOD)[-LATEST:])

    def failed(self, now: datetime, reason: str | None) -> Breaker:
        """Return the state after one that is."""
        recent = (self.recent + _BAD)[-LATEST:]
        if self.state != "closed" or _is_too_much(recent):
            return replace(self, recent=recent).opened(now, reason)
        return replace(self, recent=recent)

    def opened(self, now: datetime, reason: str | None) -> Breaker:
        """Return it open from now on, longer each time."""
        if self.state == "open" and self.open_until is not None and now < self.open_until:
            return self  # what was under way when it opened says nothing new
        pause = min(LONGEST, SHORTEST * 2 ** min(self.trips, 10))
        return Breaker("open", self.recent, self.trips + 1, now + pause, None, reason)

    def admits(self, lease: str, now: datetime) -> bool:
        """Return whether a worker may call: closed, or it is the one that tries.

        A breaker that opened before the clock was set back is due, whatever it says.
        """
        if self.state == "closed" or self.probe == lease or self.open_until is None:
            return True
        return not now < self.open_until <= now + PROBE_TIME  # the longest span there is

    def probed_by(self, lease: str, now: datetime) -> Breaker:
        """Return it half open, with one worker trying."""
        return replace(self, state="half_open", probe=lease, open_until=now + PROBE_TIME)

    def has_let_pass(self, refusals: int, *, opens_at: int) -> bool:
        """Return whether it let others pass since a message was refused for the first time.

        Each refusal of it has opened the breaker once more since the latest success, but for
        those before it opened.

        Args:
            refusals: of that message until now.
            opens_at: how many of them open it.
        """
        if self.state == "closed":
            return not self.recent or _GOOD in self.recent
        return self.trips + opens_at - 1 < refusals


def _is_too_much(recent: str) -> bool:
    return recent.endswith(_BAD * IN_A_ROW) or recent.count(_BAD) >= OF_LATEST


class Noted(NamedTuple):
    """One outcome, and the domain of its receiver."""

    domain: str
    """Empty on channels whose addresses have none."""
    outcome: Outcome


def read_breakers(connection: Connection, provider: str) -> dict[str, Breaker]:
    """Return the breakers of a provider that are not at rest, by domain."""
    rows = connection.execute(_OF_PROVIDER, {"provider": provider})
    return {domain: Breaker(*rest) for domain, *rest in rows}


_breaker = tables.breaker.c
_OF_PROVIDER = select(
    _breaker.domain, _breaker.state, _breaker.recent, _breaker.trips, _breaker.open_until,
    _breaker.probe, _breaker.reason,
).where(_breaker.provider == bindparam("provider"))  # fmt: skip


def is_shut(connection: Connection, provider: str, lease: str) -> bool:
    """Return whether a worker may begin no call at a provider now; changes nothing."""
    breaker = _at_work(connection, provider)
    return breaker is not None and not breaker.admits(lease, database_now(connection))


def admitted(connection: Connection, provider: str, lease: str) -> int | None:
    """Return how many calls a worker may begin: None is any number, 0 none, 1 is the probe.

    The probe is noted in the caller's transaction, so that nobody else tries meanwhile.
    """
    breaker = _at_work(connection, provider)
    if breaker is None:
        return None
    now = database_now(connection)
    if not breaker.admits(lease, now):
        return 0
    _store(connection, provider, {WHOLE: breaker.probed_by(lease, now)})
    return 1


def _at_work(connection: Connection, provider: str) -> Breaker | None:
    """Return the breaker of a provider as a whole if it is not closed."""
    breaker = read_breakers(connection, provider).get(WHOLE)
    return None if breaker is None or breaker.state == "closed" else breaker


def closed_domains(
    connection: Connection, provider: str, lease: str, domains: Iterable[str]
) -> Mapping[str, datetime]:
    """Return which domains get nothing now, and until when; at one that is due, one tries."""
    breakers = read_breakers(connection, provider)
    asked = {domain: breakers[domain] for domain in set(domains) - {WHOLE} if domain in breakers}
    if not asked:
        return {}
    now, closed = database_now(connection), {}
    for domain, breaker in asked.items():
        if not breaker.admits(lease, now):
            closed[domain] = breaker.open_until or now + SHORTEST
        elif breaker.state != "closed" and breaker.probe != lease:
            _store(connection, provider, {domain: breaker.probed_by(lease, now)})
    return closed


def note(connection: Connection, provider: str, outcomes: Sequence[Noted]) -> bool:
    """Count outcomes, in the caller's transaction; return whether a breaker opened by them."""
    before = read_breakers(connection, provider)
    if not before and not any(_counts(one.outcome) for one in outcomes):
        return False
    now, after = database_now(connection), dict(before)
    for one in outcomes:
        for domain in {WHOLE, one.domain}:
            after[domain] = _judged(after.get(domain, Breaker()), domain, one.outcome, now)
    changed = {name: one for name, one in after.items() if before.get(name, Breaker()) != one}
    _store(connection, provider, changed)
    return any(
        one.state == "open" and before.get(name, Breaker()).trips < one.trips
        for name, one in changed.items()
    )


def _judged(breaker: Breaker, domain: str, outcome: Outcome, now: datetime) -> Breaker:
    reason = " ".join(filter(None, (outcome.code, outcome.detail))) or None
    if outcome.kind == "refused" and outcome.fault != "domain" and domain == WHOLE:
        return breaker.opened(now, reason)
    fault = "provider" if domain == WHOLE else "domain"
    if _counts(outcome) and outcome.fault == fault:
        return breaker.failed(now, reason)
    return breaker.succeeded()


def _counts(outcome: Outcome) -> bool:
    """Return whether an outcome is a failure of the infrastructure."""
    return outcome.kind in ("deferred", "refused", "unknown") and outcome.fault != "message"


def _store(connection: Connection, provider: str, breakers: Mapping[str, Breaker]) -> None:
    row = tables.breaker
    for domain, breaker in breakers.items():
        here = (row.c.provider == provider, row.c.domain == domain)
        if breaker.state == "closed" and _BAD not in breaker.recent:
            connection.execute(delete(row).where(*here))
            continue
        values = {
            "state": breaker.state, "recent": breaker.recent, "trips": breaker.trips,
            "open_until": to_micros(breaker.open_until) if breaker.open_until else None,
            "probe": breaker.probe, "reason": breaker.reason,
        }  # fmt: skip
        new = insert_into(connection.dialect.name, row)
        connection.execute(
            new.values(provider=provider, domain=domain, **values).on_conflict_do_update(
                index_elements=["provider", "domain"], set_=values
            )
        )
