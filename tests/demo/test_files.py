"""The sample shop is the same everywhere, and as odd as real data."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.demo import shop
from orchestrator.demo.files import write_shop
from orchestrator.language.zones import zone_names

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def customers(files: tuple[Path, Path]) -> Rows:
    return [json.loads(line) for line in files[0].read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def events(files: tuple[Path, Path]) -> Rows:
    return [json.loads(line) for line in files[1].read_text(encoding="utf-8").splitlines()]


def test_files_are_the_same_byte_for_byte_on_every_python(files: tuple[Path, Path]) -> None:
    digests = [hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files]

    assert digests == ["465816c5e86632b4", "d3fe53072f663712"]


def test_shop_has_the_size_of_a_real_small_one(customers: Rows, events: Rows) -> None:
    assert len(customers) == shop.CUSTOMERS
    assert 29_000 < len(events) < 32_000


def test_every_event_of_the_catalog_happens(events: Rows) -> None:
    assert set(Counter(event["event"] for event in events)) == {
        "signed_up", "viewed_product", "cart_updated", "purchase",
        "referral_sent", "referral_converted", "nps_answered",
    }  # fmt: skip


def test_some_lines_are_repeated_and_carry_the_same_id(events: Rows) -> None:
    repeated = [
        number for number in Counter(event["id"] for event in events).values() if number > 1
    ]

    assert 3 <= len(repeated) <= 10


def test_some_events_are_later_than_the_preview(events: Rows) -> None:
    now = shop.TODAY.astimezone(UTC)

    assert 100 < sum(datetime.fromisoformat(event["at"]) > now for event in events) < 2000


def test_some_customers_have_a_broken_zone_and_some_none(customers: Rows) -> None:
    zones = Counter(
        "none" if "timezone" not in row else row["timezone"] in zone_names() for row in customers
    )

    assert zones[False] >= 5
    assert zones["none"] >= 20
    assert zones[True] > 1800


def test_addresses_reach_nobody(customers: Rows) -> None:
    assert all(row.get("email", ".example").endswith(".example") for row in customers)
    assert sum("email" not in row for row in customers) > 50
    assert sum("phone" not in row for row in customers) > 300


def test_no_customer_acts_before_joining(customers: Rows, events: Rows) -> None:
    joined = {row["id"]: row["created_at"] for row in customers}

    assert all(event["at"] >= joined.get(event["customer_id"], "") for event in events)
