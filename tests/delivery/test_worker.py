"""A worker sends what is due, each message once, and ends as it was asked to."""

from __future__ import annotations

from harness import Shop
from sending import carried, drain, greeted, ledger, outlet
from sqlalchemy import func, select

from orchestrator import tables


def test_each_due_message_is_sent_once_and_its_payload_is_gone(shop: Shop) -> None:
    greeted(shop, customers=30)
    mail = outlet(at_once=7)
    drain(shop, mail)
    drain(shop, mail)
    assert sorted(one.customer for one in carried(mail)) == [f"c{n:05}" for n in range(30)]
    assert ledger(shop, "state", "attempt") == [("sent", 1)] * 30
    assert ledger(shop, "provider_id") == [f"id-{key}" for key in ledger(shop, "provider_key")]
    with shop.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(tables.payload)).scalar() == 0
