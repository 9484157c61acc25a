"""Who is on the lists that advertisers are given: members who consent and can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, or_, select

from orchestrator import tables
from orchestrator.channels.audience import (
    AudienceList,
    AudienceSettings,
    Member,
    Written,
    write_list,
)
from orchestrator.channels.spec import AUDIENCE
from orchestrator.columns import to_micros
from orchestrator.playbook.model import Playbook

_BATCH = 5_000


def export_audiences(
    connection: Connection, playbook: Playbook, folder: Path, now: datetime
) -> list[tuple[AudienceList, Written]]:
    """Write every list that ``channels.yaml`` names; a failure leaves the last files.

    Args:
        folder: the project's.
        now: what was done or withdrawn later does not count.
    Raises:
        OSError: the folder cannot be written.
    """
    settings = playbook.channels.get(AUDIENCE)
    if not isinstance(settings, AudienceSettings):
        return []
    into = folder / settings.folder
    return [
        (wanted, write_list(into, wanted, members(connection, wanted, now), settings.region, now))
        for wanted in settings.lists
    ]


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
