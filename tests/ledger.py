"""A shop whose messages have left: rows of the ledger with keys, for what comes back from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness import Shop
from sending import KEYS
from sqlalchemy import Engine, select, text, update

from orchestrator import tables
from orchestrator.channels.file import message_key
from orchestrator.delivery.links import Links, Wish, links_of
from orchestrator.playbook.model import Playbook

LINKED = """
project: shop
timezone: Europe/Vienna
guardrails: {quiet_hours: none}
links: {base_url: 'https://shop.example'}
"""
HELLO = """
flow: hello
status: live
starts_when: {did: signed_up}
steps: [{send: welcome, topic: news}]
"""
TOPICS = {"news": "marketing", "texts": "marketing", "bills": "transactional"}
SENT_AT = "2026-03-02T10:00"


def greeted(shop: Shop, *people: str, flow: str = HELLO, **columns: Any) -> Shop:
    """Return the shop after it decided to greet some customers, on the second of March."""
    shop.write(project=LINKED, hello=flow)
    shop.customers(**dict.fromkeys(people, columns)).import_facts()
    shop.tick("2026-03-01T10:00")
    for who in people:
        shop.event(who, "signed_up", "2026-03-02T09:00")
    shop.tick(SENT_AT)
    with shop.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM dirty")
    return shop


def key_of(customer: str, channel: str = "email") -> str:
    """Return the business key of the greeting."""
    where = {"entry": 1, "step": "welcome", "occurrence": "0", "channel": channel}
    return message_key("shop", customer, "hello", **where)  # type: ignore[arg-type]  # by name


def handed_over(
    engine: Engine,
    *people: str,
    state: str = "sent",
    channel: str = "email",
    provider: str = "smtp",
) -> None:
    """Let the greetings have left, each under its provider key and as ``id-<customer>``."""
    row, who = tables.message.c, tables.customer.c
    for customer in people:
        number = select(who.id).where(who.external_id == customer).scalar_subquery()
        values = {
            "state": state,
            "attempt": 1,
            "provider": provider,
            "provider_id": f"id-{customer}",
            "provider_key": KEYS.provider_key(key_of(customer, channel)),
        }
        with engine.begin() as connection:
            connection.execute(
                update(tables.message).where(row.customer_id == number).values(values)
            )


def links(playbook: Playbook) -> Links:
    """Return what makes the links of a playbook's messages."""
    return links_of(playbook, KEYS)


def wish_of(playbook: Playbook, customer: str, topic: str | None = "news") -> Wish:
    """Return the wish behind the link of a greeting."""
    offered = links(playbook).unsubscribe(key_of(customer), topic)
    assert offered is not None
    wish = links(playbook).read("unsubscribe", offered.url.rpartition("/")[2])
    assert wish is not None
    return wish


def rows(engine: Engine, query: str) -> Sequence[tuple[Any, ...]]:
    """Return what a query finds."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]
