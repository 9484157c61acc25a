"""``--from-customer``: a test with the facts of a real customer, masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Row, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.errors import NotFoundError
from orchestrator.language.names import Name
from orchestrator.playbook.model import Attribute, Flow, Playbook
from orchestrator.playbook.model.happening import RECEIPTS
from orchestrator.playbook.names import event_of
from orchestrator.playbook.places import own_names, parts_of_flow, sentences
from orchestrator.playbook.walk import sends_of
from orchestrator.testing.consents import Consents
from orchestrator.testing.disguise import WHO, disguise
from orchestrator.testing.extract import extract
from orchestrator.testing.words import local_text, quoted

_SAME = "The name was chosen to fall into the same samples, splits and control groups."
_OTHER = "No name falls into all the same shares: samples, splits, control groups may differ."
MASKED = {"text": "Masked", "date": "2000-01-01", "datetime": "2000-01-01 00:00", "list": "Masked"}
SAFE = ("number", "money", "boolean", "date", "datetime")
"""Types of properties that are taken over though no condition asks about them."""
MOST = 200
"""Events at most, the latest."""


@dataclass(frozen=True)
class Source:
    """Where the facts of a test come from."""

    engine: Engine
    playbook: Playbook
    flow: Flow
    now: datetime

    @property
    def zone(self) -> ZoneInfo:
        """The project's zone."""
        return ZoneInfo(self.playbook.project.timezone)


def draft(source: Source, customer: str) -> str:
    """Return the text of a test whose ``expect`` is still empty.

    It begins with the customer's latest run of the flow, else now.

    Raises:
        NotFoundError: there is no such customer.
    """
    with source.engine.connect() as connection:
        known = tables.customer
        row = connection.execute(select(known).where(known.c.external_id == customer)).first()
        if row is None:
            raise NotFoundError(f'there is no customer "{customer}"')
        begin = _begin(connection, source, row.id)
        alike = disguise(row.base, extract(source.playbook, [source.flow.flow]))
        who = alike or WHO
        lines = [
            "# From a customer's facts, masked: names and addresses are not theirs.",
            f"# {_SAME if alike else _OTHER}",
            f"test: {source.flow.flow} as a customer went through it",
            f"flow: {source.flow.flow}",
            f"clock: {local_text(begin, source.zone)}",
            "customers:",
            f"  {who}: {{{', '.join(_known(connection, source, row, begin))}}}",
            "timeline:",
            *_timeline(connection, source, row.id, begin, who),
            "run_for: 30 days",
            "expect:",
            f"  {who}: nothing",
        ]
        connection.rollback()
    if "timeline:" in lines and lines[lines.index("timeline:") + 1] == "run_for: 30 days":
        lines.remove("timeline:")
    return "\n".join(lines) + "\n"


def _begin(connection: Connection, source: Source, customer: int) -> datetime:
    run = tables.enrollment.c
    query = (
        select(run.entry_at, run.entry_event_id)
        .where(run.flow == str(source.flow.flow), run.customer_id == customer)
        .order_by(run.entry.desc())
    )
    found = connection.execute(query).first()
    begin: datetime = source.now if found is None else found.entry_at
    event = tables.event.c
    happened = select(event.occurred_at).where(event.id == (found and found.entry_event_id))
    if found is not None and connection.scalar(happened) != begin:
        begin = _tick_before(connection, begin)  # it sees what it was a transition from
    return begin.replace(second=0, microsecond=0)


def _tick_before(connection: Connection, at: datetime) -> datetime:
    tick = tables.tick.c.at
    query = select(tick).where(tick < to_micros(at)).order_by(tick.desc()).limit(1)
    return connection.scalars(query).first() or at - timedelta(days=1)


def _known(connection: Connection, source: Source, row: Row[Any], begin: datetime) -> Iterator[str]:
    declared = source.playbook.catalog.attributes or {}
    values = tables.attribute_value.c
    query = (
        select(values.name, values.text).where(values.customer_id == row.id).order_by(values.name)
    )
    for name, text in connection.execute(query):
        attribute = declared.get(name)
        if isinstance(attribute, Attribute) and text:
            masked = MASKED.get(attribute.type, "0")
            yield f"{name}: {_value(masked if attribute.personal else text, attribute.type)}"
    for name in ("locale", "timezone", "preferred_channel"):
        if getattr(row, name):
            yield f"{name}: {quoted(getattr(row, name))}"
    for name in ("email", "phone", "push_token"):
        if not getattr(row, name):
            yield f'{name}: ""'
    held = _consents(connection, source, row.id).held_at(begin)
    yield f"subscribed_to: [{', '.join(held)}]"


def _consents(connection: Connection, source: Source, customer: int) -> Consents:
    topics = frozenset(map(str, source.playbook.catalog.topics or {}))
    return Consents(connection, customer, topics)


# --- what happened ---------------------------------------------------------------------


def _timeline(
    connection: Connection, source: Source, customer: int, begin: datetime, who: str
) -> list[str]:
    flow = str(source.flow.flow)
    found = [
        *_consents(connection, source, customer).later(begin, source.now, flow),
        *_events(connection, source, customer),
        *_receipts(connection, source, customer),
    ]
    return [
        f"  - {{at: {local_text(at, source.zone)}, customer: {who}, {what}}}"
        for at, what in sorted(found, key=lambda one: one[0])
    ]


def _events(
    connection: Connection, source: Source, customer: int
) -> Iterator[tuple[datetime, str]]:
    names = asked_events(source.playbook, str(source.flow.flow))
    alike = compared(source.playbook, str(source.flow.flow))
    events = {str(key): of for key, of in (source.playbook.catalog.events or {}).items()}
    masks: dict[str, str] = {}  # what only has to stay equal is told by another name
    event, value = tables.event.c, tables.event_value.c
    query = (
        select(event.id, event.name, event.occurred_at)
        .where(
            event.customer_id == customer,
            event.name.in_(sorted(names)),
            event.occurred_at <= to_micros(source.now),
        )
        .order_by(event.occurred_at.desc())
        .limit(MOST)
    )
    for id, name, at in connection.execute(query).all():
        types = {str(key): of for key, of in events[name].items()}
        rows = connection.execute(
            select(value.name, value.text).where(value.event_id == id).order_by(value.name)
        )
        given = {full.removeprefix(f"{name}."): text for full, text in rows}
        kept = [
            f"{key}: {_value(text, types[key])}"
            for key, text in given.items()
            if key in types and (types[key] in SAFE or key in names[name])
        ]
        kept += [
            f"{key}: {masks.setdefault(given[key], f'{key}_{len(masks) + 1}')}"
            for key in sorted(alike & given.keys() & types.keys())
            if types[key] not in SAFE and key not in names[name]
        ]
        yield at, ", ".join([f"did: {name}", *kept])


def _receipts(
    connection: Connection, source: Source, customer: int
) -> Iterator[tuple[datetime, str]]:
    row = tables.receipt.c
    messages = {str(send.operand) for send in sends_of(source.flow)}
    query = (
        select(row.message, row.kind, row.at, row.channel)
        .where(
            row.customer_id == customer, row.message.in_(sorted(messages)),
            row.kind.in_(RECEIPTS), row.at <= to_micros(source.now),
        )
        .order_by(row.at)
    )  # fmt: skip
    for message, kind, at, channel in connection.execute(query):
        yield at, f"{kind}: {message}" + (f", channel: {channel}" if channel else "")


def asked_events(playbook: Playbook, flow: str) -> Mapping[str, set[str]]:
    """Return the events that a flow asks about, also through segments, stages and attributes.

    Returns:
        event → the properties of it that conditions test.
    """
    part = extract(playbook, [flow])
    declared = {str(name) for name in playbook.catalog.events or {}}
    trees: list[Any] = [tree for one in part.flows.values() for tree, _ in parts_of_flow(one)]
    trees += [segment.when for segment in part.segments.values()]
    trees += list(part.stages) + list((playbook.catalog.attributes or {}).values())
    found: dict[str, set[str]] = {}
    for sentence in (one for tree in trees for one in sentences(tree)):
        for _, name in own_names(sentence):
            event, _dot, prop = str(name).partition(".")
            if name.kind in ("event", "property") and event in declared:
                found.setdefault(event, set()).update({prop} - {""})
        event_name = event_of(sentence)
        where = getattr(sentence, "where", None) or {}
        if event_name in found:
            found[str(event_name)].update(str(name) for name in where)
    return found


def compared(playbook: Playbook, flow: str) -> set[str]:
    """Return the properties that conditions of a flow compare with each other (``same``)."""
    part = extract(playbook, [flow])
    trees: list[Any] = [tree for one in part.flows.values() for tree, _ in parts_of_flow(one)]
    trees += [segment.when for segment in part.segments.values()]
    found = (getattr(one, "same", None) for tree in trees for one in sentences(tree))
    return {str(name) for name in found if isinstance(name, Name)}


def _value(text: str, type: str) -> str:
    return text if type in SAFE else quoted(text)
