"""What people, or a breaker, have stopped: read when messages are claimed and marked."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, false, not_, or_, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.playbook.model import Playbook
from orchestrator.tick.surge import SURGE, surge_of


@dataclass(frozen=True)
class Stops:
    """What is not to leave now, though it is queued."""

    everything: bool = False
    flows: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    surges: frozenset[tuple[str, str, int]] = frozenset()
    """(flow, step, instant of the deciding tick in µs) that wait for ``outbox approve``."""

    def hold(self, flow: str, step: str, channel: str, decided_at: datetime) -> bool:
        """Return whether a message is to stay where it is."""
        return (
            self.everything
            or flow in self.flows
            or channel in self.channels
            or (bool(self.surges) and (flow, step, to_micros(decided_at)) in self.surges)
        )

    def none_of(self) -> ColumnElement[bool]:
        """Return the condition that a row of the ledger is not stopped by flow or surge."""
        row = tables.message.c
        surges = [
            and_(row.flow == flow, row.step == step, row.decided_at == at)
            for flow, step, at in sorted(self.surges)
        ]
        return not_(or_(row.flow.in_(sorted(self.flows)), *surges, false()))


def read_stops(connection: Connection, playbook: Playbook | None) -> Stops:
    """Return what is stopped: by hand, by a flow's own ``status: paused``, by a surge."""
    row = tables.control.c
    rows = [(kind, name) for kind, name in connection.execute(select(row.kind, row.name))]
    flows = {name for kind, name in rows if kind == "flow"}
    if playbook is not None:
        flows |= {str(name) for name, flow in playbook.flows.items() if flow.status == "paused"}
    return Stops(
        everything=any(kind == "all" for kind, _ in rows),
        flows=frozenset(flows),
        channels=frozenset(name for kind, name in rows if kind == "channel"),
        surges=_surges(name for kind, name in rows if kind == SURGE),
    )


def _surges(names: Iterable[str]) -> frozenset[tuple[str, str, int]]:
    return frozenset(surge_of(name) for name in names)


def stopped_channels(stops: Stops, channels: Collection[str]) -> list[str]:
    """Return which of some channels nothing leaves on."""
    return [name for name in channels if stops.everything or name in stops.channels]
