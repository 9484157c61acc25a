"""Computed attributes of the customers in hand, as of the deciding tick."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, select

from orchestrator import tables
from orchestrator.columns import from_micros
from orchestrator.criteria.facts import Facts
from orchestrator.criteria.measures import Measure
from orchestrator.criteria.names import Names
from orchestrator.criteria.scope import Scope
from orchestrator.playbook.model import Playbook
from orchestrator.values import SCALE

_NO_STATE = Facts(
    zones=tables.customer, local_days=(), spans=tables.customer, add_spans=lambda _: 0
)
"""Computed attributes ask for events and nothing else."""
_PLACES = Decimal("0.0001")


def computed_facts(
    connection: Connection,
    playbook: Playbook,
    ids: Sequence[int],
    names: Collection[str],
    now: datetime,
) -> dict[int, dict[str, Any]]:
    """Return customer row id → computed attribute → its value at ``now``, where it has one.

    The values come from the very expressions that conditions compare.

    Args:
        ids: at most some hundreds; they are parameters of one statement.
        now: aware UTC.
    """
    measures = _measures(playbook, names)
    if not measures or not ids:
        return {}
    scope = _scope(playbook, now)
    found = {name: scope.shown.value_of(name) for name in measures}
    query = select(tables.customer.c.id, *(one.value for one in found.values())).where(
        tables.customer.c.id.in_(bindparam("ids", expanding=True))
    )
    reads = [(name, _READ[one.kind]) for name, one in found.items()]
    return {
        row[0]: {
            name: read(value)
            for (name, read), value in zip(reads, row[1:], strict=True)
            if value is not None
        }
        for row in connection.execute(query, {"ids": list(ids)})
    }


def _measures(playbook: Playbook, names: Collection[str]) -> list[str]:
    attributes = playbook.catalog.attributes or {}
    return [
        str(name) for name, one in attributes.items() if name in names and isinstance(one, Measure)
    ]


def _scope(playbook: Playbook, now: datetime) -> Scope:
    catalog = playbook.catalog
    events: Mapping[str, Mapping[str, str]] = {
        str(event): {str(name): type for name, type in properties.items()}
        for event, properties in (catalog.events or {}).items()
    }
    attributes = {str(name): one for name, one in (catalog.attributes or {}).items()}
    return Scope(
        now=now,
        zone=ZoneInfo(playbook.project.timezone),
        names=Names(
            events, attributes, {str(name): one for name, one in (catalog.topics or {}).items()}
        ),
        facts=_NO_STATE,
        customer=tables.customer,
        owner="render",
        each=True,
    )


def _number(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(_PLACES).normalize()


def _instant(value: Any) -> datetime:
    """Return an instant whose column type has made it one already, or may not have."""
    return value if isinstance(value, datetime) else from_micros(int(value))


_READ: Mapping[str, Callable[[Any], Any]] = {
    "count": int,
    "money": lambda units: Decimal(int(units)) / SCALE,
    "scaled": lambda units: Decimal(int(units)) / SCALE,
    "number": _number,
    "datetime": _instant,
}
