"""What keeps queued messages back, as people are told it: a switch, a stop, a shut channel."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from orchestrator import tables
from orchestrator.counting import number
from orchestrator.delivery.carrying import channels_fault
from orchestrator.delivery.outlet import shut
from orchestrator.delivery.stops import Stops, read_stops
from orchestrator.delivery.switch import KILL_FILE, Switch
from orchestrator.errors import EnvironmentFault
from orchestrator.given import among
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.routes import open_channels
from orchestrator.tick.surge import DAYS, LEAST, TIMES

KILLED = "nothing is sent: {}"
COMPLAINED_OF = "held: many complain of its sender (clmctl status)"
SURGES = (
    f"held: unusually many at once: more than {number(LEAST)} within 24 hours and more than "
    f"{TIMES} times the busiest of the {DAYS} days before (clmctl outbox approve {{}})"
)
PAUSED = "paused (clmctl status)"
NOT_SET = "its channel is not set in channels.yaml"
SHUT = "its channel cannot be opened: {}"


_ROW = tables.message.c


class _Queued(NamedTuple):
    """A queued message, as far as it matters here."""

    id: int
    flow: str
    step: str
    channel: str
    decided_at: datetime
    message: str
    purpose: str


@dataclass(frozen=True)
class _Kept:
    """What there is that keeps messages back."""

    killed: str | None
    """What of the kill switch is set."""
    stops: Stops
    shut: Mapping[str, str]
    """Channel → why nothing can leave on it."""


def kept_back(
    connection: Connection, playbook: Playbook | None, folder: Path, rows: Collection[int]
) -> dict[int, str]:
    """Return why queued messages do not leave, of those that something keeps back, by their rows.

    No provider is asked. The variable of the kill switch is seen as this process has it.

    Args:
        playbook: in force; None knows no channels.
        folder: the project's.
        rows: of messages in whatever states.
    """
    columns = (_ROW[name] for name in _Queued._fields)
    query = select(*columns).where(among(_ROW.id, "rows"), _ROW.state == "queued")
    queued = [_Queued(*one) for one in connection.execute(query, {"rows": sorted(rows)})]
    if not queued:
        return {}
    waiting = {one.channel for one in queued}
    kept = _Kept(
        killed=Switch(folder / KILL_FILE).why_off(),
        stops=read_stops(connection, playbook),
        shut=_shut(connection, playbook, folder, waiting) if playbook else {},
    )
    whys = {one.id: _why(one, kept) for one in queued}
    return {row: why for row, why in whys.items() if why is not None}


def _shut(
    connection: Connection, playbook: Playbook, folder: Path, channels: Iterable[str]
) -> Mapping[str, str]:
    unknown = channels_fault(connection, playbook, folder)
    if unknown is not None:
        return dict.fromkeys(channels, str(unknown))
    return shut_channels(playbook, folder, channels)


def shut_channels(playbook: Playbook, folder: Path, channels: Iterable[str]) -> dict[str, str]:
    """Return which channels nothing can leave on, and why; opens no connection.

    Args:
        folder: the project's.
    """
    routes, found = open_channels(playbook, folder), {}
    for name in channels:
        if name not in routes:
            found[name] = NOT_SET
            continue
        try:
            shut(routes[name].open())
        except EnvironmentFault as fault:
            found[name] = SHUT.format(fault)
    return found


def _why(one: _Queued, kept: _Kept) -> str | None:
    stops, channel = kept.stops, one.channel
    if kept.killed is not None:
        return KILLED.format(kept.killed)
    if stops.holds_mail(one.message, channel, one.purpose):
        return COMPLAINED_OF
    if stops.holds_surge(one.flow, one.step, one.decided_at):
        return SURGES.format(one.flow)
    if stops.hold(one.flow, one.step, channel, one.decided_at):
        return PAUSED
    return kept.shut.get(channel)
