"""How far lists have come: those for advertisers, and those of a day for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from orchestrator import tables
from orchestrator.channels.registry import find_adapter
from orchestrator.delivery.audiences import Export, audience_of, exports
from orchestrator.health.finding import Finding
from orchestrator.playbook.model import Playbook
from orchestrator.scheduler.doubts import spoken
from orchestrator.scheduler.exporting import CHECKED_EVERY

LATE = timedelta(minutes=15)
"""A list that is due for so long is not being written."""
_OPEN = ("queued", "claimed", "sending", "in_doubt")


@dataclass(frozen=True)
class AudienceStanding:
    """One list for advertisers."""

    list: str
    platform: str
    last: Export | None
    """None: it was never written."""
    due_at: datetime
    """The latest instant at which it was to be written."""
    next_at: datetime
    now: datetime
    first_tick: datetime | None
    """Before it nobody can be on a list; None: there was none yet."""

    @property
    def lag(self) -> timedelta:
        """For how long it has been due and not written."""
        is_written = self.last is not None and self.last.due_at >= self.due_at
        if is_written or self.first_tick is None or self.due_at < self.first_tick:
            return timedelta(0)
        return max(timedelta(0), self.now - self.due_at)

    @property
    def unchecked(self) -> timedelta:
        """For how long nobody has looked who may not stand there any more."""
        return max(timedelta(0), self.now - self.last.checked_at) if self.last else timedelta(0)


@dataclass(frozen=True)
class DayListStanding:
    """The lists of one channel that writes one each UTC day."""

    channel: str
    complete_to: date | None
    """Nothing is added to the lists of this day and earlier ones; None: before the first tick."""
    open: int
    """Messages on their way into a list, of whatever day."""


def audience_standings(
    connection: Connection, playbook: Playbook, now: datetime
) -> Iterator[AudienceStanding]:
    """Yield how far each list for advertisers has come."""
    settings = audience_of(playbook)
    if settings is None:
        return
    known, zone = exports(connection), ZoneInfo(playbook.project.timezone)
    due, following = settings.due_by(now, zone), settings.due_after(now, zone)
    first = connection.scalar(select(func.min(tables.tick.c.at)))
    for one in settings.lists:
        name = str(one.list)
        last = known.get((name, one.platform))
        yield AudienceStanding(name, one.platform, last, due, following, now, first)


def day_list_standings(
    connection: Connection, playbook: Playbook, last_tick: datetime | None
) -> Iterator[DayListStanding]:
    """Yield how far the lists of a day are complete.

    A day is complete once a tick of a later day was run, for no tick decides for an earlier
    instant than the last, and once none of its messages can still be added.
    """
    row = tables.message.c
    for name, settings in playbook.channels.items():
        if not find_adapter(settings.adapter or name).capabilities.is_daily:
            continue
        query = select(func.min(row.decided_at), func.count()).where(
            row.channel == name, row.state.in_(_OPEN), row.set_aside == 0
        )
        first, count = connection.execute(query).one()
        reached = [at.astimezone(UTC).date() for at in (last_tick, first) if at is not None]
        complete = min(reached) - timedelta(days=1) if last_tick is not None else None
        yield DayListStanding(name, complete, count)


def audience_findings(standings: Sequence[AudienceStanding]) -> Iterator[Finding]:
    """Yield lists for advertisers that are not written, or from which nobody is taken out."""
    for one in standings:
        name = f"the list {one.list} for {one.platform}"
        if one.lag > LATE:
            yield Finding(
                "error",
                "channels",
                f"{name} was due {spoken(one.lag)} ago and is not written",
                "clmctl start writes it, unless the channel audience or everything is stopped",
            )
        elif one.unchecked > CHECKED_EVERY + LATE:
            yield Finding(
                "error",
                "channels",
                f"nobody was taken out of {name} for {spoken(one.unchecked)}, whoever withdrew",
                f"clmctl start does so every {spoken(CHECKED_EVERY)}",
            )
