"""The facts of a test, written by the importer's own writers as their time comes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, insert, select, update

from orchestrator import tables
from orchestrator.answers import OPEN, Answer, record_on
from orchestrator.channels.spec import WEBHOOK
from orchestrator.columns import to_micros
from orchestrator.importing.columns import ColumnMap
from orchestrator.importing.customer_rows import write_customers
from orchestrator.importing.customers import CustomerReader
from orchestrator.importing.event_rows import write_events
from orchestrator.importing.events import EventReader
from orchestrator.importing.instants import instant_reader
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.people import People
from orchestrator.importing.receipt_rows import write_receipts
from orchestrator.importing.receipts import ReceiptReader
from orchestrator.importing.sources import Batch
from orchestrator.importing.staging import mark_dirty
from orchestrator.language.marks import Problem
from orchestrator.language.names import Name
from orchestrator.playbook.model import Happening, Playbook
from orchestrator.playbook.model.given import Given, Values
from orchestrator.playbook.model.happening import RECEIPTS
from orchestrator.testing.times import instant_of
from orchestrator.values import value_reader

ADDRESSES = ("email", "phone", "push_token")


@dataclass(frozen=True)
class Fact:
    """Something that happens at an instant."""

    at: datetime
    item: Happening


@dataclass
class World:
    """One test's database, and what is still to be written to it."""

    engine: Engine
    playbook: Playbook
    zone: ZoneInfo
    facts: Sequence[Fact]
    """By time."""
    refused: list[Problem] = field(default_factory=list)
    _written: int = 0

    def settle(self, customers: Mapping[Name, Values]) -> None:
        """Write the customers; a row that an import would reject is a problem."""
        names = list(customers)
        rows = [
            {"id": str(name), **_standing(name, self.playbook), **_raw(customers[name])}
            for name in names
        ]
        self._write_customers(rows, names)

    def _write_customers(self, rows: Sequence[Mapping[str, str]], names: Sequence[Name]) -> None:
        columns = tuple(sorted({key for row in rows for key in row}))
        batch = Batch(columns, [[row.get(key, "") for key in columns] for row in rows],
                      range(len(rows)))  # fmt: skip
        outcome = Outcome()
        reader = CustomerReader(
            ColumnMap(), value_reader(self.zone), instant_reader(None, self.zone), None, None,
            outcome,
        )  # fmt: skip

        def reject(number: int, reason: str, _row: str) -> None:
            mark = names[number].mark
            message = f'the customer "{names[number]}": {reason}'
            self.refused.append(Problem(mark, "CLM303", message))

        accepted = list(reader.accept(batch, reject))
        with self.engine.begin() as connection:
            write_customers(
                connection, reader.shape(columns), reader.read(columns, accepted), People(), outcome
            )

    def supply(self, now: datetime) -> None:
        """Write everything that happens by now."""
        due: list[Fact] = []
        while self._written < len(self.facts) and self.facts[self._written].at <= now:
            due.append(self.facts[self._written])
            self._written += 1
        if not due:
            return
        with self.engine.begin() as connection:
            for fact in due:
                self._write(connection, fact)

    def _write(self, connection: Connection, fact: Fact) -> None:
        item = fact.item
        if item.did is not None:
            self._events(connection, fact)
        elif item.set is not None:
            self._attributes(connection, fact)
        elif item.subscribes or item.unsubscribes:
            self._consents(connection, fact)
        elif item.task_done is not None:
            self._tasks(connection, fact)
        elif item.answers is not None:
            self._answers(connection, fact)
        else:
            self._receipts(connection, fact)

    def _events(self, connection: Connection, fact: Fact) -> None:
        given = {**fact.item.properties, **(fact.item.with_ or {})}
        values = {str(name): one.raw for name, one in given.items() if isinstance(one, Given)}
        columns = ("customer_id", "event", "at", "id", *values)
        rows = [
            [str(who), str(fact.item.did), _written(fact.at), self._key(fact, who),
             *values.values()]
            for who in fact.item.customer
        ]  # fmt: skip
        outcome = Outcome()
        reader = EventReader(
            ColumnMap(), value_reader(self.zone), instant_reader(None, self.zone), None,
            outcome,
        )  # fmt: skip
        events = reader.read(Batch(columns, rows, range(len(rows))), _never)
        write_events(connection, events, People(), outcome)

    def _key(self, fact: Fact, who: str) -> str:
        """Return what tells this event from others alike: where it stands in the test."""
        mark = fact.item.mark
        return f"{mark.line}:{mark.column}:{who}"

    def _receipts(self, connection: Connection, fact: Fact) -> None:
        item = fact.item
        kind = next(key for key in RECEIPTS if getattr(item, key) is not None)
        columns = ("customer_id", "message", "kind", "at", "channel")
        rows = [
            [str(who), str(getattr(item, kind)), kind, _written(fact.at), str(item.channel or "")]
            for who in item.customer
        ]
        outcome = Outcome()
        reader = ReceiptReader(ColumnMap(), instant_reader(None, self.zone), outcome)
        read = reader.read(Batch(columns, rows, range(len(rows))), _never)
        declared = self.playbook.catalog.topics or {}
        topics = {str(name): topic.purpose for name, topic in declared.items()}
        write_receipts(connection, read, People(), topics=topics, outcome=outcome, reject=_never)

    def _attributes(self, connection: Connection, fact: Fact) -> None:
        values = _raw(fact.item.set or {})
        columns = ("id", *values)
        rows = [[str(who), *values.values()] for who in fact.item.customer]
        outcome = Outcome()
        reader = CustomerReader(
            ColumnMap(), value_reader(self.zone), instant_reader(None, self.zone), None, None,
            outcome,
        )  # fmt: skip
        accepted = list(reader.accept(Batch(columns, rows, range(len(rows))), _never))
        people = reader.read(columns, accepted)
        write_customers(connection, reader.shape(columns), people, People(), outcome)

    def _consents(self, connection: Connection, fact: Fact) -> None:
        item = fact.item
        topics = item.subscribes or item.unsubscribes or ()
        ids = self._ids(connection, item.customer)
        rows = [
            {
                "customer_id": ids[str(who)], "topic": str(topic), "at": fact.at,
                "withdrawn": int(item.unsubscribes is not None), "source": "customer",
            }
            for who in item.customer
            for topic in topics
        ]  # fmt: skip
        connection.execute(insert(tables.consent), rows)
        mark_dirty(connection, set(ids.values()))

    def _tasks(self, connection: Connection, fact: Fact) -> None:
        ids = self._ids(connection, fact.item.customer)
        task = tables.task
        connection.execute(
            update(task)
            .where(
                task.c.customer_id.in_(sorted(ids.values())),
                task.c.step == str(fact.item.task_done),
                task.c.done_at.is_(None),
            )
            .values(done_at=to_micros(fact.at))
        )
        mark_dirty(connection, set(ids.values()))

    def _answers(self, connection: Connection, fact: Fact) -> None:
        """Answer each customer's oldest call of the webhook that has no answer yet."""
        item, call = fact.item, tables.message
        fields = _raw(item.fields or {})
        for row_id in self._ids(connection, item.customer).values():
            query = (
                select(call.c.id)
                .where(
                    call.c.customer_id == row_id,
                    call.c.channel == WEBHOOK,
                    call.c.message == str(item.answers),
                    call.c.state.in_(OPEN),
                )
                .order_by(call.c.id)
            )
            found = connection.scalars(query).first()
            if found is not None:
                record_on(connection, Answer(found, fact.at, fields), self.zone)

    def _ids(self, connection: Connection, names: Sequence[str]) -> dict[str, int]:
        customer = tables.customer.c
        query = select(customer.external_id, customer.id).where(customer.external_id.in_(names))
        return {external: row_id for external, row_id in connection.execute(query)}


def facts_of(timeline: Sequence[Happening], clock: datetime, zone: ZoneInfo) -> list[Fact]:
    """Return what happens in a test, by time; of one instant in written order."""
    facts = [
        Fact(instant_of(clock, zone, item.after, item.before, item.at), item) for item in timeline
    ]
    return sorted(facts, key=lambda fact: fact.at)


def _standing(name: str, playbook: Playbook) -> dict[str, str]:
    """Return what a customer has of whom nothing is said: every address and marketing topic."""
    number = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 10**8
    topics = playbook.catalog.topics or {}
    marketing = [str(topic) for topic, of in topics.items() if of.purpose == "marketing"]
    return {
        "email": f"test-{number:08d}@example.com",
        "phone": f"+4366{number:08d}",
        "push_token": f"test-{number:08d}",
        "subscribed_to": ";".join(marketing),
    }


def _raw(values: Values) -> dict[str, str]:
    found = {}
    for name, given in values.items():
        if name == "subscribed_to":
            items = given.items if given.items is not None else ((given,) if given.raw else ())
            found[str(name)] = ";".join(item.raw for item in items)
        else:
            found[str(name)] = given.raw
    return found


def _written(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat() + "Z"


def _never(_number: int, reason: str, _row: str) -> None:
    """Stand in for a rejects file: what a test says was checked before."""
    raise ValueError(reason)
