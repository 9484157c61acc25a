"""Rescuing: what lost workers had goes back into the queue, or into doubt.

Any worker may do it for any other, at any time: it is one look at leases that have run out, and
an update of rows that nobody else holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    literal_column,
    or_,
    select,
    true,
    update,
)

from orchestrator import tables
from orchestrator.columns import MICROSECOND, to_micros
from orchestrator.counting import counted, number
from orchestrator.database_clock import now_by
from orchestrator.delivery.claims import in_state
from orchestrator.delivery.ending import DONE, final, tell
from orchestrator.delivery.marking import drop_payloads
from orchestrator.delivery.outlet import LONGEST_LEASE, Outlet
from orchestrator.delivery.poison import CRASHED, is_poison, suspects
from orchestrator.delivery.policy import LOOKS, LOST, MOST_CRASHES, Attempt, Change, in_doubt

COINCIDENCE = timedelta(seconds=5)
MOST = 500
"""Rows rescued in one transaction."""
FORSAKEN = timedelta(hours=1)
"""After the end of a lease, if no worker carries the channel of what was at the wire."""
_ROW = tables.message.c
_POISON = "poison: {} workers were lost with it"
_UNSENT = "the worker was lost before the call"
_LISTS = {
    "in_doubt": "clmctl outbox in-doubt list",
    "dead": "clmctl outbox list --state dead",
    "failed": "clmctl outbox list --state failed",
}
"""State → what shows the messages in it, of those that a person looks after."""
_RESCUED = (
    update(tables.message)
    .where(_ROW.id == bindparam("row"))
    .values(
        state=bindparam("to_state"),
        state_at=bindparam("now"),
        error=bindparam("why"),
        not_before=bindparam("when"),
        crashes=bindparam("count"),
        possible_duplicate=bindparam("again"),
        lease_until=None,
    )
)


class _Orphan(NamedTuple):
    """A row whose worker gives no sign of life."""

    id: int
    state: str
    lease: str
    channel: str
    purpose: str
    attempt: int
    crashes: int
    first_attempt_at: datetime | None
    possible_duplicate: int
    not_before: datetime
    error: str | None


@dataclass(frozen=True)
class Rescuer:
    """Rescues what was lost, by the policies of the channels."""

    outlets: Mapping[str, Outlet]
    chance: Random

    def rescue(
        self, connection: Connection, now: datetime, *, all_of_them: bool = False
    ) -> Counter[str]:
        """Rescue messages in the caller's transaction; return how many came to which state.

        Args:
            all_of_them: whether leases that have not run out count too: nobody else can be alive.
        """
        orphans = self._orphans(connection, all_of_them=all_of_them)
        if not orphans:
            return Counter()
        suspected = suspects(connection, orphans)
        rows = [
            self._rescued(connection, one, now, is_suspect=one.id in suspected) for one in orphans
        ]
        connection.execute(_RESCUED, rows)
        drop_payloads(connection, [row["row"] for row in rows if row["to_state"] in DONE])
        return Counter(str(row["to_state"]) for row in rows)

    def _orphans(self, connection: Connection, *, all_of_them: bool) -> list[_Orphan]:
        ran_out = true() if all_of_them else _ran_out(now_by(connection))
        query = (
            select(*(_ROW[name] for name in _Orphan._fields))
            .where(in_state("claimed", "sending"), ran_out)
            .where(or_(in_state("claimed"), self._is_carried(now_by(connection))))
            .order_by(_ROW.lease_until, _ROW.id)
            .limit(MOST)
            .with_for_update(skip_locked=True)
        )
        return [_Orphan(*row) for row in connection.execute(query)]

    def _is_carried(self, now: ColumnElement[int]) -> ColumnElement[bool]:
        """Return whether the channel is one of ours, or nobody's: else its workers see to it."""
        forsaken = _ROW.lease_until <= now - literal_column(str(FORSAKEN // MICROSECOND))
        return or_(_ROW.channel.in_(sorted(self.outlets)), forsaken)

    def _rescued(
        self, connection: Connection, orphan: _Orphan, now: datetime, *, is_suspect: bool
    ) -> dict[str, Any]:
        crashes = orphan.crashes + is_suspect
        if is_poison(connection, orphan.id, crashes, now):
            change = Change("dead", _POISON.format(crashes))
        else:
            change = self._change(orphan, crashes, now)
        if is_suspect or change.state == "dead":
            facts = {"attempt": orphan.attempt, "detail": change.error or _UNSENT}
            tell(connection, orphan.id, CRASHED, now, facts)
        return {
            "row": orphan.id,
            "to_state": final(change.state, orphan.channel),
            "now": to_micros(now),
            "why": change.error,
            "when": to_micros(change.not_before or now),
            "count": crashes,
            "again": int(change.possible_duplicate or orphan.possible_duplicate),
        }

    def _change(self, orphan: _Orphan, crashes: int, now: datetime) -> Change:
        if orphan.state == "claimed":
            back = Change("queued", orphan.error, orphan.not_before)
        else:
            back = self._after_a_call(orphan, now)
        if back.state != "queued" or crashes < MOST_CRASHES - 1:
            return back
        # What was lost with two workers or more comes back at another moment, lest whoever kills
        # workers in a rhythm meets it again.
        return replace(back, not_before=now + COINCIDENCE * self.chance.random())

    def _after_a_call(self, orphan: _Orphan, now: datetime) -> Change:
        """Return what becomes of a message that may have reached its provider."""
        outlet = self.outlets.get(orphan.channel)
        if outlet is None:
            return Change("in_doubt", LOST, now + LOOKS[0])
        attempt = Attempt(
            number=orphan.attempt,
            channel=orphan.channel,
            first_at=orphan.first_attempt_at or now,
            expires_at=None,
            doubt=outlet.doubt(orphan.purpose),
            key_ttl=outlet.adapter.capabilities.key_ttl,
            was_resent=bool(orphan.possible_duplicate),
        )
        change = in_doubt(attempt, LOST, now, self.chance)
        if change.state != "queued":
            return change
        # The worker failed, not the provider: no reason to wait.
        return replace(change, error=LOST, not_before=now)


def _ran_out(now: ColumnElement[int]) -> ColumnElement[bool]:
    """Return whether a lease ended, or was taken before the clock was set back."""
    far_off = now + literal_column(str(2 * LONGEST_LEASE // MICROSECOND))
    return or_(_ROW.lease_until <= now, _ROW.lease_until > far_off)


def told_of(states: Mapping[str, int]) -> str:
    """Return what became of rescued messages, in words, with where those that got stuck are seen.

    Args:
        states: state → messages.
    """
    parts = []
    for state in sorted(states, key=lambda state: (state != "queued", state != "in_doubt", state)):
        count, again = states[state], "goes again" if states[state] == 1 else "go again"
        word = {"queued": again, "in_doubt": "in doubt"}.get(state, state)
        where = f": {_LISTS[state]}" if state in _LISTS else ""
        parts.append(f"{number(count)} {word}{where}")
    total = counted(sum(states.values()), "message")
    return f"{total} of lost workers rescued: {', '.join(parts)}"
