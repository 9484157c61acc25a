"""Conditions on what became of messages."""

from __future__ import annotations

import pytest
from harness import Shop

NOW = "2026-03-31T09:00:00"


@pytest.mark.parametrize(
    ("asked", "who"),
    [
        ({"bounced": "hello"}, {"ana"}),
        ({"not_bounced": "hello"}, {"ben", "cleo"}),
        ({"complained": "hello"}, {"ben"}),
        ({"not_complained": "hello"}, {"ana", "cleo"}),
        ({"not_complained": "any", "in_last": "1 day"}, {"ana", "ben", "cleo"}),
    ],
)
def test_receipts_and_their_negations(shop: Shop, asked: dict[str, str], who: set[str]) -> None:
    shop.customers(ana={}, ben={}, cleo={}).template("hello")
    shop.receipt("ana", "bounced", "hello", "2026-03-01")
    shop.receipt("ben", "complained", "hello", "2026-03-01")

    assert shop.selects(asked, NOW) == who
