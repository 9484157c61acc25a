"""Messages in doubt: asking providers that can tell, and an end after three days."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from orchestrator import tables
from orchestrator.channels.outcome import Outcome
from orchestrator.columns import to_micros
from orchestrator.delivery.aside import Aside, Hangs, NotAsked
from orchestrator.delivery.claims import in_state
from orchestrator.delivery.ending import final, tell
from orchestrator.delivery.freezing import Frozen, thaw
from orchestrator.delivery.hearing import heard
from orchestrator.delivery.line import Line
from orchestrator.delivery.manner import Say, silent
from orchestrator.delivery.marking import drop_payloads
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.policy import DOUBT_ENDS, next_look, reason
from orchestrator.tick.attachments import kept

MOST = 20
"""Messages looked at in one round."""
ASKED_SECONDS = 20.0
"""In which a provider tells of one message; after so many no more are asked about in a round."""
PAUSE_SECONDS = 600.0
"""In which a provider is asked nothing once it did not tell in time."""
_ROW = tables.message.c


class _Doubtful(NamedTuple):
    id: int
    state_at: datetime
    attempt: int
    content: bytes | None
    digest: str | None


def beside(outlet: Outlet) -> Aside:
    """Return what asks the provider of an outlet about messages in doubt."""
    seconds = min(ASKED_SECONDS, outlet.adapter.capabilities.timeout.total_seconds())
    return Aside(lambda: outlet.anew().adapter, seconds, PAUSE_SECONDS)


@dataclass(frozen=True)
class Doubts:
    """Looks after what is in doubt on one channel."""

    outlet: Outlet
    line: Line
    aside: Aside
    """Asks the provider; in the lane's own adapter a question that does not end would end it."""
    say: Say = silent

    def look(self, now: datetime) -> int:
        """Look at the messages whose time has come; return how many.

        Raises:
            EnvironmentFault: the database failed.
        """
        found = self.line.read(lambda connection: self._due(connection, now))
        until = monotonic() + ASKED_SECONDS
        for looked, one in enumerate(found):
            if monotonic() > until:
                return looked
            outcome = self._verified(one) if one.state_at + DOUBT_ENDS > now else None
            self.line.write(partial(self._settle, one=one, outcome=outcome, now=now))
        return len(found)

    def _due(self, connection: Connection, now: datetime) -> Sequence[_Doubtful]:
        frozen = tables.payload.c
        query = (
            select(_ROW.id, _ROW.state_at, _ROW.attempt, frozen.content, frozen.digest)
            .select_from(tables.message.outerjoin(tables.payload, frozen.message_id == _ROW.id))
            .where(in_state("in_doubt"), _ROW.channel == self.outlet.channel)
            .where(_ROW.not_before <= to_micros(now))
            .order_by(_ROW.not_before)
            .limit(MOST)
        )
        return [_Doubtful(*row) for row in connection.execute(query)]

    def _verified(self, one: _Doubtful) -> Outcome | None:
        """Ask the provider; whatever goes wrong, it has not told."""
        if not self.outlet.adapter.capabilities.verify or one.content is None:
            return None
        try:
            message = thaw(Frozen(one.content, one.digest or ""), self._attached)
            said = self.aside.ask(lambda adapter: adapter.verify(message))
            return None if said is None else heard(said, message, self.outlet.adapter)
        except NotAsked:
            return None
        except Hangs:
            self._tell()
            return None
        except Exception:  # noqa: BLE001  # asking must not stop the lane
            return None

    def _attached(self, digests: Collection[str]) -> Mapping[str, bytes]:
        return self.line.read(lambda connection: kept(connection, digests))

    def _tell(self) -> None:
        channel = self.outlet.channel
        says = f"{channel}: asking the provider about a message in doubt does not end"
        self.say("question_hangs", says, "error", {"channel": channel})

    def _settle(
        self, connection: Connection, *, one: _Doubtful, outcome: Outcome | None, now: datetime
    ) -> None:
        state = "in_doubt"
        values: dict[str, Any] = {}
        if outcome is not None and outcome.kind == "accepted":
            state, values = "sent", {"provider_id": outcome.provider_id, "error": None}
        elif outcome is not None and outcome.kind == "rejected":
            state, values = "dead", {"error": reason(outcome)}
        elif outcome is not None and outcome.kind == "deferred":
            state, values = "queued", {"not_before": to_micros(now)}
        elif one.state_at + DOUBT_ENDS <= now:
            state, values = "dead", {"error": "in_doubt: nobody told within 72 hours"}
        else:
            values = {"not_before": to_micros(next_look(one.state_at, now))}
        if state != "in_doubt":
            values |= {"state": final(state, self.outlet.channel), "state_at": to_micros(now)}
        which = (_ROW.id == one.id, in_state("in_doubt"))
        if connection.execute(update(tables.message).where(*which).values(**values)).rowcount:
            if state in ("sent", "dead"):
                drop_payloads(connection, [one.id])
            if outcome is not None:
                facts = {"attempt": one.attempt, "code": outcome.code, "detail": outcome.detail}
                tell(connection, one.id, f"verified_{outcome.kind}", now, facts)
