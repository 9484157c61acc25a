"""How messages leave, as the database tells it: on their way, in doubt, dead, held, shut out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, func, select

from orchestrator import tables
from orchestrator.counting import counted
from orchestrator.delivery.alarms import doubts_and_latest, is_much
from orchestrator.delivery.complaints import HOLDS, Reputation, reputations
from orchestrator.delivery.outbox import RETRIED, Surge, surges
from orchestrator.delivery.switch import KILL_FILE, SEND_VARIABLE, Switch
from orchestrator.delivery.watch import named
from orchestrator.health.finding import Finding, Severity
from orchestrator.playbook.model import Playbook

ON_THE_WAY = ("claimed", "sending")
GIVEN_UP = "clmctl outbox list --state dead --state failed"
"""What lists them: a call of a webhook that is given up has failed."""


@dataclass(frozen=True)
class ShutOut:
    """A provider, or a domain of receivers at it, that is left alone for a while."""

    provider: str
    domain: str
    """Empty: the provider as a whole."""
    state: str
    until: datetime | None
    """On the database's clock."""
    reason: str | None


@dataclass(frozen=True)
class Leaving:
    """What becomes of decided messages."""

    on_the_way: int = 0
    in_doubt: Mapping[str, int] | None = None
    """Channel → messages that may or may not have been taken."""
    dead: Mapping[str, int] | None = None
    """Channel → messages, and calls that failed, that were given up and not sent anew."""
    shut_out: Sequence[ShutOut] = ()
    surges: Sequence[Surge] = ()
    killed: str | None = None
    """What of the kill switch is set, as far as it is seen from here; None lets messages leave."""
    complaints: Sequence[Reputation] = ()
    """Senders of whom many complain."""
    are_many_in_doubt: bool = False
    """Whether more are in doubt than now and then happens."""


def leaving(
    connection: Connection, playbook: Playbook | None, folder: Path, now: datetime
) -> Leaving:
    """Return how messages leave; reads only.

    Args:
        playbook: knows the senders; without it nobody is complained of.
        folder: the project's; its kill file is looked for.
    """
    row = tables.message.c
    query = (
        select(row.state, row.channel, func.count())
        .where(row.state.in_((*ON_THE_WAY, "in_doubt", *RETRIED)), row.set_aside == 0)
        .group_by(row.state, row.channel)
        .order_by(row.state, row.channel)
    )
    found: dict[str, dict[str, int]] = {}
    for state, channel, count in connection.execute(query):
        known = found.setdefault("dead" if state in RETRIED else state, {})
        known[channel] = known.get(channel, 0) + count
    return Leaving(
        on_the_way=sum(sum(found.get(state, {}).values()) for state in ON_THE_WAY),
        in_doubt=found.get("in_doubt", {}),
        dead=found.get("dead", {}),
        shut_out=_shut_out(connection),
        surges=surges(connection),
        killed=Switch(folder / KILL_FILE).why_off(),
        complaints=reputations(connection, playbook, now) if playbook else (),
        are_many_in_doubt=is_much(*doubts_and_latest(connection, now)),
    )


def _shut_out(connection: Connection) -> list[ShutOut]:
    row = tables.breaker.c
    query = select(row.provider, row.domain, row.state, row.open_until, row.reason)
    open_ones = query.where(row.state != "closed").order_by(row.provider, row.domain)
    return [ShutOut(*tuple(found)) for found in connection.execute(open_ones)]


def leaving_findings(found: Leaving, folder: Path) -> Iterator[Finding]:
    """Yield what keeps messages from leaving, or waits for a person's word.

    Args:
        folder: the project's; its kill file is named.
    """
    if found.killed is not None:
        says = f"messages may not leave: the kill switch is set ({found.killed})"
        fix = f"when they may: remove {folder / KILL_FILE}, and unset {SEND_VARIABLE}"
        yield Finding("warning", "delivery", says, fix)
    for one in found.shut_out:
        why = f": {one.reason}" if one.reason else ""
        fix = "clmctl channels check says whether it lets us in; it is tried again by itself"
        yield Finding(
            "warning",
            "delivery",
            f"{named(one.provider, one.domain)} is left alone for a while{why}",
            fix,
        )
    for held in found.surges:
        says = f"{counted(held.messages, 'message')} of {held.flow} are held: {held.why}"
        flow = held.flow
        fix = f"clmctl outbox list --flow {flow} shows them, clmctl outbox approve {flow} lets go"
        yield Finding("warning", "delivery", says, fix)
    yield from _complained_of(found)
    yield from _stuck(found)


def _complained_of(found: Leaving) -> Iterator[Finding]:
    for one in found.complaints:
        if one.is_held:
            says = f"the marketing of {one.sender} is held: {one.says}"
            fix = f"find out whom it annoys, then clmctl outbox approve {one.sender} lets it go on"
            yield Finding("error", "delivery", says, fix)
        else:
            says = f"{one.sender}: {one.says}; from {HOLDS:.1%} on its marketing is held"
            fix = "send less of it, or to those only who asked for it"
            yield Finding("warning", "delivery", says, fix)


def _stuck(found: Leaving) -> Iterator[Finding]:
    doubtful, dead = sum((found.in_doubt or {}).values()), sum((found.dead or {}).values())
    if doubtful:
        says = f"{counted(doubtful, 'message')} may or may not have been taken"
        fix = "clmctl outbox in-doubt list, then mark-sent, resend or discard"
        level: Severity = "error" if found.are_many_in_doubt else "warning"
        yield Finding(level, "delivery", says, fix)
    if dead:
        says = f"{counted(dead, 'message')} could not be delivered"
        fix = f"{GIVEN_UP} says why; clmctl outbox retry sends anew"
        yield Finding("warning", "delivery", says, fix)
