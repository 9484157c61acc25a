"""Whoever withdraws hears that it is done only when no call that has not seen it can begin."""

from __future__ import annotations

from datetime import timedelta

import pytest
from harness import Shop
from sending import queued
from sqlalchemy import select, update

from orchestrator import tables
from orchestrator.delivery.settle import settle

AT_ONCE = timedelta(milliseconds=50)
ROW = tables.message


@pytest.mark.parametrize(
    ("state", "is_settled"),
    [("queued", True), ("claimed", True), ("sending", False), ("sent", True), ("in_doubt", True)],
)
def test_only_what_is_marked_is_waited_for(shop: Shop, state: str, is_settled: bool) -> None:
    queued(shop, 1)
    with shop.engine.begin() as connection:
        connection.execute(update(ROW).values(state=state))
    assert settle(shop.engine, [1], AT_ONCE) is is_settled


def test_what_is_just_being_marked_is_waited_for_too(shop: Shop) -> None:
    queued(shop, 1)
    if shop.engine.dialect.name == "sqlite":
        return  # nothing commits between a look and the marks that follow it
    with shop.engine.begin() as connection:
        connection.execute(update(ROW).values(state="claimed"))
    with shop.engine.begin() as marking:
        marking.execute(select(ROW.c.id).with_for_update())
        assert not settle(shop.engine, [1], AT_ONCE)
    assert settle(shop.engine, [1], AT_ONCE)
