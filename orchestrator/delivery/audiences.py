"""Who is on the lists that advertisers are given: members who consent and can be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from errno import EWOULDBLOCK
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, or_, select

from orchestrator import tables
from orchestrator.channels.audience import AudienceList, AudienceSettings
from orchestrator.channels.audience_files import Member, Written, write_list
from orchestrator.channels.spec import AUDIENCE
from orchestrator.channels.whole_files import alone_in
from orchestrator.columns import to_micros
from orchestrator.database import insert_into
from orchestrator.playbook.model import Playbook

_BATCH = 5_000


def export_audiences(
    connection: Connection,
    playbook: Playbook,
    folder: Path,
    now: datetime,
    note: Callable[[AudienceList, Export], None],
) -> list[tuple[AudienceList, Written]]:
    """Write every list that ``channels.yaml`` names; a failure leaves the last files.

    Args:
        folder: the project's.
        now: what was done or withdrawn later does not count.
        note: is told of each list, once it is written.
    Raises:
        OSError: the folder cannot be written, or another process writes there now.
    """
    settings = audience_of(playbook)
    if settings is None:
        return []
    into = folder / settings.folder
    with alone_in(into) as alone:
        if not alone:
            raise BlockingIOError(EWOULDBLOCK, "another process writes them now")
        due, done = settings.due_by(now, ZoneInfo(playbook.project.timezone)), []
        for one in settings.lists:
            found = members(connection, one, now)
            done.append((one, write_list(into, one, found, settings.region, now)))
            note(one, Export(due, now, now, done[-1][1].people))
        return done


def audience_of(playbook: Playbook) -> AudienceSettings | None:
    """Return what a project says of lists for advertisers; None if it has none."""
    settings = playbook.channels.get(AUDIENCE)
    return settings if isinstance(settings, AudienceSettings) else None


class Export(NamedTuple):
    """The last time that a list was written whole."""

    due_at: datetime
    """The instant of the rhythm that it was written for."""
    at: datetime
    checked_at: datetime
    """When those who may not stand there any more were last taken out."""
    people: int


def exports(connection: Connection) -> dict[tuple[str, str], Export]:
    """Return what was written: (list, platform) → the last time."""
    row = tables.audience_export.c
    query = select(row.list, row.platform, row.due_at, row.at, row.checked_at, row.people)
    return {(name, platform): Export(*rest) for name, platform, *rest in connection.execute(query)}


def note_export(connection: Connection, wanted: AudienceList, export: Export) -> None:
    """Remember that a list was written, in the place of the last time."""
    times = {name: to_micros(getattr(export, name)) for name in ("due_at", "at", "checked_at")} | {
        "people": export.people
    }
    key = {"list": str(wanted.list), "platform": wanted.platform}
    wish = insert_into(connection.dialect.name, tables.audience_export).values(**key, **times)
    connection.execute(wish.on_conflict_do_update(index_elements=[*key], set_=times))


def members(connection: Connection, wanted: AudienceList, now: datetime) -> Iterator[Member]:
    """Yield who is on a list now and is subscribed to its topic, without suppressed addresses."""
    query = _query(str(wanted.list), str(wanted.topic), to_micros(now))
    for row in connection.execute(query, execution_options={"yield_per": _BATCH}):
        yield Member(row.email, row.phone)


def _query(name: str, topic: str, now: int) -> Select[Any]:
    effect, act, customer = tables.effect.c, tables.consent.c, tables.customer.c
    turn = func.row_number().over(
        partition_by=effect.customer_id, order_by=(effect.at.desc(), effect.id.desc())
    )
    changes = (
        select(effect.customer_id, effect.kind, turn.label("turn"))
        .where(
            effect.kind.in_(("add_to", "remove_from")),
            effect.object == name,
            effect.withheld.is_(None),
            effect.at <= now,
        )
        .subquery()
    )
    latest = func.max(act.at * 2 + act.withdrawn)
    consents = (
        select(act.customer_id)
        .where(act.topic == topic, act.at <= now)
        .group_by(act.customer_id)
        .having(latest % 2 == 0)
    )
    email, phone = (_unless_suppressed(kind, now) for kind in ("email", "phone"))
    return (
        select(email.label("email"), phone.label("phone"))
        .join_from(changes, tables.customer, customer.id == changes.c.customer_id)
        .where(
            changes.c.turn == 1,
            changes.c.kind == "add_to",
            customer.id.in_(consents),
            or_(email.is_not(None), phone.is_not(None)),
        )
        .order_by(customer.id)
    )


def _unless_suppressed(kind: str, now: int) -> ColumnElement[Any]:
    held, address = tables.suppression.c, tables.customer.c[kind]
    suppressed = exists(
        select(held.address)
        .where(and_(held.kind == kind, held.address == address, held.at <= now))
        .correlate(tables.customer)
    )
    return case((~suppressed, address), else_=None)
