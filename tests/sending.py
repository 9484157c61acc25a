"""A dispatcher in a few lines: adapters that do as they are told, and workers over a shop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from harness import Shop, at
from sqlalchemy import func, insert, select

from orchestrator import tables
from orchestrator.channels.base import Capabilities, Channel, Surroundings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted
from orchestrator.channels.settings import ChannelSettings
from orchestrator.columns import to_micros
from orchestrator.delivery.manner import Manner, Until
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.worker import Worker
from orchestrator.language.marks import Mark
from orchestrator.signing import Keys, Secret

KEYS = Keys(Secret("a secret of these tests, 32 and more"))
NOW = at("2026-03-02T09:00:00")
Answer = Callable[[OutgoingMessage], Outcome]


class Told(Channel):
    """Carries any channel, and answers as a test says."""

    name = "told"
    spec = None
    Settings = ChannelSettings

    def __init__(self, answer: Answer, capabilities: Capabilities) -> None:
        super().__init__(
            ChannelSettings(mark=Mark("test", 1, 1), marks={}),
            Surroundings(project="shop", folder=None),  # type: ignore[arg-type]  # no file is touched
        )
        self.answer = answer
        self.capabilities = capabilities  # type: ignore[misc]  # of this one instance
        self.messages: list[OutgoingMessage] = []

    def send(self, message: OutgoingMessage) -> Outcome:
        self.messages.append(message)
        return self.answer(message)


def taken(message: OutgoingMessage) -> Outcome:
    """Accept it."""
    return accepted(f"id-{message.provider_key}")


def outlet(
    answer: Answer = taken, *, channel: str = "email", at_once: int = 20, **more: Any
) -> Outlet:
    """Return an outlet whose provider answers as told; capabilities go by their names."""
    policies = more.pop("on_in_doubt", {})
    pace = more.pop("pace", None)
    capabilities = Capabilities(**more)
    return Outlet(
        channel=channel,
        adapter=Told(answer, capabilities),
        at_once=at_once,
        on_in_doubt=policies,
        pace=pace,
    )


def carried(one: Outlet) -> list[OutgoingMessage]:
    """Return what an outlet's provider was called about, in order."""
    assert isinstance(one.adapter, Told)
    return one.adapter.messages


def worker(shop: Shop, outlets: Sequence[Outlet], now: datetime = NOW, **manner: Any) -> Worker:
    """Return a worker over a shop that ends when nothing is due."""
    said = {"until": Until.NOTHING_DUE, "seed": 7, "poll": 0.02, **manner}
    pool = said.pop("pool", None)
    playbook = shop.playbook
    return Worker(
        engine=shop.engine,
        outlets=outlets,
        current=lambda: playbook,
        keys=KEYS,
        kill_file=shop.folder / ".clm" / "STOP",
        manner=Manner(clock=lambda: now, **said),
        pool=pool,
    )


def drain(shop: Shop, *outlets: Outlet, now: datetime = NOW, **manner: Any) -> Worker:
    """Send what is due; returns the worker that did."""
    found = worker(shop, outlets, now, **manner)
    found.run()
    return found


def ledger(shop: Shop, *names: str) -> list[Any]:
    """Return columns of the ledger by row; of one column its values."""
    row = tables.message.c
    with shop.engine.connect() as connection:
        found = connection.execute(select(*(row[name] for name in names)).order_by(row.id)).all()
    return [one[0] for one in found] if len(names) == 1 else [tuple(one) for one in found]


def happened(shop: Shop) -> list[tuple[str, str | None]]:
    """Return (kind, code) of all that happened to messages, in order."""
    event = tables.message_event.c
    with shop.engine.connect() as connection:
        return [
            tuple(one)
            for one in connection.execute(select(event.kind, event.code).order_by(event.id))
        ]


HELLO = """
flow: greet
status: live
starts_when: {did: signed_up}
steps:
  - send: hello
"""


def greeted(shop: Shop, customers: int = 3, flow: str = HELLO, when: datetime = NOW) -> Shop:
    """Return a shop in which a tick has decided one message for each of some customers."""
    shop.write(greet=flow)
    shop.customers(**{f"c{number:05}": {} for number in range(customers)})
    shop.tick((when - timedelta(hours=1)).isoformat())
    for number in range(customers):
        shop.event(f"c{number:05}", "signed_up", when.isoformat())
    shop.tick(when.isoformat())
    return shop


def queued(shop: Shop, customers: int, *, purpose: str = "marketing", when: datetime = NOW) -> Shop:
    """Put one message into the queue for each of so many customers, without any tick.

    The statements are bulk inserts, so that a hundred thousand take seconds.
    """
    return queued_more(shop.write(greet=HELLO), customers, purpose=purpose, when=when)


def queued_more(
    shop: Shop, customers: int, *, purpose: str = "marketing", when: datetime = NOW
) -> Shop:
    """Put more into a queue; the files, which somebody may read just now, are left alone."""
    at_ = to_micros(when)
    message = {
        "flow": "greet", "entry": 1, "step": "hello", "occurrence": "0", "channel": "email",
        "message": "hello", "purpose": purpose, "topic": None, "release": shop.playbook.fingerprint,
        "decided_at": at_, "due_at": at_, "state": "queued", "state_at": at_,
    }  # fmt: skip
    act = {"topic": "news", "at": at_ - 1, "withdrawn": 0, "source": "test"}
    with shop.engine.begin() as connection:
        first = (connection.scalar(select(func.max(tables.customer.c.id))) or 0) + 1
        for begin in range(first, first + customers, 5_000):
            ids = range(begin, min(begin + 5_000, first + customers))
            people = [
                {"id": n, "external_id": f"q{n:07}", "base": 0, "email": f"q{n}@shop.example"}
                for n in ids
            ]
            connection.execute(insert(tables.customer), people)
            connection.execute(insert(tables.consent), [{"customer_id": n, **act} for n in ids])
            connection.execute(insert(tables.message), [{"customer_id": n, **message} for n in ids])
    return shop
