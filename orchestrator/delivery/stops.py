"""What people, or a breaker, have stopped: read when messages are claimed and marked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, not_, or_, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.delivery.complaints import CHANNEL as MAIL
from orchestrator.delivery.complaints import COMPLAINTS, RELEASED, messages_of
from orchestrator.playbook.model import Playbook
from orchestrator.tick.surge import SURGE, held_surges, surge_of


@dataclass(frozen=True)
class Stops:
    """What is not to leave now, though it is queued."""

    everything: bool = False
    flows: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    surges: frozenset[tuple[str, str, int, int]] = frozenset()
    """(flow, step, first and last deciding tick in µs) that wait for ``outbox approve``."""
    messages: frozenset[str] = frozenset()
    """Those whose senders too many complain of, as far as they are marketing by mail."""

    @property
    def picks(self) -> bool:
        """Whether some rows of a flow may be stopped, and others not."""
        return bool(self.surges or self.messages)

    def holds_mail(self, message: str, channel: str, purpose: str) -> bool:
        """Return whether a message is to stay where it is for its sender."""
        return message in self.messages and (channel, purpose) == (MAIL, "marketing")

    def holds_surge(self, flow: str, step: str, decided_at: datetime) -> bool:
        """Return whether a message is one of unusually many."""
        at = to_micros(decided_at)
        return any(
            (flow, step) == (surging, its_step) and first <= at <= last
            for surging, its_step, first, last in self.surges
        )

    def hold(self, flow: str, step: str, channel: str, decided_at: datetime) -> bool:
        """Return whether a message is to stay where it is."""
        return (
            self.everything
            or flow in self.flows
            or channel in self.channels
            or (bool(self.surges) and self.holds_surge(flow, step, decided_at))
        )

    def none_of(self) -> ColumnElement[bool]:
        """Return the condition that a row of the ledger is not stopped by flow, surge or sender."""
        row = tables.message.c
        surges = [
            and_(row.flow == flow, row.step == step, row.decided_at.between(first, last))
            for flow, step, first, last in sorted(self.surges)
        ]
        mails = and_(
            row.message.in_(sorted(self.messages)),
            row.channel == MAIL,
            row.purpose == "marketing",
        )
        return not_(or_(row.flow.in_(sorted(self.flows)), *surges, mails))


def read_stops(connection: Connection, playbook: Playbook | None) -> Stops:
    """Return what is stopped: by hand, by a flow's own ``status: paused``, a surge, complaints."""
    row = tables.control.c
    query = select(row.kind, row.name).where(row.state != RELEASED, row.kind != SURGE)
    rows = [(kind, name) for kind, name in connection.execute(query)]
    flows = {name for kind, name in rows if kind == "flow"}
    senders = frozenset(name for kind, name in rows if kind == COMPLAINTS)
    if playbook is not None:
        flows |= {str(name) for name, flow in playbook.flows.items() if flow.status == "paused"}
    return Stops(
        everything=any(kind == "all" for kind, _ in rows),
        flows=frozenset(flows),
        channels=frozenset(name for kind, name in rows if kind == "channel"),
        surges=frozenset((*surge_of(name), last) for name, last in held_surges(connection)),
        messages=messages_of(playbook, senders)
        if playbook is not None and senders
        else frozenset(),
    )


def stopped_channels(stops: Stops, channels: Collection[str]) -> list[str]:
    """Return which of some channels nothing leaves on."""
    return [name for name in channels if stops.everything or name in stops.channels]
