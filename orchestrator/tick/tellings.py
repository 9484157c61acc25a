"""``start_flow``: an event about the customer that is told, for the flow that listens (48)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, cast, func, literal, select

from orchestrator import tables
from orchestrator.columns import exact_text, from_micros, to_micros
from orchestrator.counting import counted
from orchestrator.criteria.scope import Scope
from orchestrator.criteria.sources import source
from orchestrator.criteria.stored_sources import OnCustomer
from orchestrator.flow.told import told_event, told_source
from orchestrator.language.literals import Literal, Reference
from orchestrator.language.names import Name
from orchestrator.tables.reading import aliased
from orchestrator.tick import workspace
from orchestrator.values import SCALE, parse_value

if TYPE_CHECKING:
    from orchestrator.tick.effects import Effects

run = workspace.run


def tell_flow(
    walk: Effects, flow: str, whom: Literal | None, values: Mapping[Name, Literal]
) -> None:
    """Tell a flow about the customer of every run here, or about whom the run names."""
    scope = walk.scope()
    target = run.c.customer_id if whom is None else _named(scope, whom)
    refused = {} if whom is None else {"nobody": target.is_(None)}
    done = walk.log("start_flow", literal(flow), refused)
    _note_strangers(walk, flow)
    written = {str(name): Passed.of(scope, value) for name, value in values.items()}
    customer = walk.customer
    query = (
        select(target, _source_id(walk), *(one.column for one in written.values()))
        .select_from(run.join(customer, customer.c.id == run.c.customer_id))
        .where(done)
    )
    event, now = told_event(flow), to_micros(walk.tick.now)
    events, typed = [], []
    for customer_id, source_id, *raw in walk.tick.connection.execute(query).all():
        texts = {
            name: text
            for (name, one), found in sorted(zip(written.items(), raw, strict=True))
            if (text := one.text(found))
        }
        events.append(
            {
                "customer_id": customer_id, "name": event, "occurred_at": now,
                "received_at": now, "source_id": source_id,
                "properties": json.dumps(texts, ensure_ascii=False),
            }
        )  # fmt: skip
        typed += [
            {"source_id": source_id, "name": f"{event}.{name}"}
            | parse_value(text, walk.tick.zone)._asdict()
            for name, text in texts.items()
        ]
    walk.tick.insert(workspace.told, events)
    walk.tick.insert(workspace.told_value, typed)


def _named(scope: Scope, whom: Literal) -> ColumnElement[Any]:
    """Return the row id of the customer whose external id, or alias, a value is; else NULL."""
    assert isinstance(whom.value, Reference)
    text = scope.reference(whom.value, "text", scope.subject)
    known, alias = aliased(tables.customer), aliased(tables.alias)
    own = select(known.c.id).where(known.c.external_id == text)
    other = select(alias.c.customer_id).where(alias.c.external_id == text)
    return func.coalesce(
        scope.correlate(own).scalar_subquery(), scope.correlate(other).scalar_subquery()
    )


def _source_id(walk: Effects) -> ColumnElement[str]:
    """Return what makes the event one, whatever runs twice: the run, step and occurrence."""
    of_run: ColumnElement[str] = literal(told_source(walk.live.name), exact_text())
    for part in (run.c.customer_id, run.c.entry):
        of_run = of_run + cast(part, exact_text()) + literal("/")
    return of_run + literal(f"{walk.node.id}/") + walk.occurrence


def _note_strangers(walk: Effects, flow: str) -> None:
    effect = workspace.effect
    strangers = select(func.count()).where(
        effect.c.turn == walk.tick.effects, effect.c.withheld == "nobody"
    )
    count = walk.tick.connection.execute(strangers).scalar_one()
    if count:
        runs = counted(count, "run")
        walk.tick.notes.append(
            f"{runs} of {walk.live.name} named a customer whom nobody knows: "
            f"{flow} was not started for them"
        )


class Passed:
    """A value that is passed on: a column to select, and how its values are written."""

    def __init__(self, column: ColumnElement[Any], kind: str) -> None:
        self.column = column
        self.kind = kind

    @classmethod
    def of(cls, scope: Scope, value: Literal) -> Passed:
        """Return a literal, or the value that it refers to."""
        if not isinstance(value.value, Reference):
            return cls(literal(value.text), "text")
        root, name = value.value.root, value.value.name
        found = source(scope.probing(), name if root == "customer" else f"{root}.{name}")
        if not isinstance(found, OnCustomer):
            return cls(found.scalar("text"), "text")
        column = found.scalar()
        kind = found.shown_as
        return cls(cast(column, BigInteger) if kind == "datetime" else column, kind)

    def text(self, raw: Any) -> str | None:
        """Return a value as an import would bring it; None if it is missing."""
        if raw is None or self.kind == "text":
            return raw  # type: ignore[no-any-return]  # a text column
        if self.kind == "datetime":
            return from_micros(raw).isoformat()
        if self.kind in ("money", "scaled"):
            raw = Decimal(int(raw)) / SCALE
        return f"{Decimal(str(raw)):f}"
