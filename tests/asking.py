"""Asking the product's SQL about conditions, outside any tick."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import count
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, and_, insert, select

from orchestrator import tables, timing
from orchestrator.columns import to_day_number
from orchestrator.criteria.base import Criterion
from orchestrator.criteria.facts import Facts, SpanRow
from orchestrator.criteria.scope import Scope, population
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.vocabulary import names_of
from orchestrator.tick import temp_tables, workspace


def facts(connection: Connection, now: datetime, zone: ZoneInfo) -> Facts:
    """Return the tables as they are, with the zones of all customers resolved at ``now``."""
    raw = connection.scalars(select(tables.customer.c.timezone).distinct())
    names = sorted({name or "" for name in raw})
    days = {name: timing.local_day(now, timing.zone_or(name, zone)[0]) for name in names}
    if days:
        connection.execute(
            insert(workspace.zone),
            [{"name": name, "local_day": to_day_number(day)} for name, day in days.items()],
        )
    keys = count(1)

    def add_spans(ranges: Callable[[str], Sequence[SpanRow]]) -> int:
        key = next(keys)
        rows = [{"key": key, **dataclasses.asdict(row)} for name in names for row in ranges(name)]
        if rows:
            connection.execute(insert(workspace.span), rows)
        return key

    return Facts(workspace.zone, tuple(sorted(set(days.values()))), workspace.span, add_spans)


def selected(
    engine: Engine,
    playbook: Playbook,
    asked: Iterable[Criterion],
    now: datetime,
    *,
    owner: str,
    each: bool = False,
    run: tuple[str, int] | None = None,
) -> list[set[str]]:
    """Return, for each condition, the external ids of the customers for whom it holds.

    Args:
        each: probe per customer instead of building sets.
        run: the flow and entry number of the enrollment that asks, which every customer has.
    """
    zone = ZoneInfo(playbook.project.timezone)
    customer = tables.customer.alias("subject")
    runs = tables.enrollment.alias("run")
    answers = []
    with engine.connect() as connection:
        temp_tables.lay_out(connection, workspace.work)
        scope = Scope(
            now=now,
            zone=zone,
            names=names_of(playbook),
            facts=facts(connection, now, zone),
            customer=customer,
            owner=owner,
            each=each,
            run=runs if run else None,
            this_run=run is not None,
        )
        for criterion in asked:
            query = select(customer.c.external_id).where(
                population(customer, now), scope.predicate(criterion)
            )
            if run is not None:
                mine = and_(runs.c.customer_id == customer.c.id, runs.c.flow == run[0])
                query = query.join_from(customer, runs, and_(mine, runs.c.entry == run[1]))
            answers.append(set(connection.scalars(query)))
        connection.rollback()
    return answers
