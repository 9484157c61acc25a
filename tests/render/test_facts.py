"""What is loaded of customers and of what started their runs, on both databases."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rendering_shop import AT, mail, shop
from sqlalchemy import Engine, insert

from orchestrator import tables
from orchestrator.errors import NotFoundError, UsageError
from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import Rendered
from orchestrator.render.facts import customer_facts, entry_facts
from orchestrator.render.mask import Masking
from orchestrator.render.preview import Wanted, preview_send
from orchestrator.render.renderer import Renderer
from orchestrator.values import parse_value

ZONE = ZoneInfo("Europe/Vienna")
ATTRIBUTES = {
    "first_name": "Ayu",
    "points": "1234.50",
    "credit": "0.1",
    "birthday": "1990-02-28",
    "renews_at": "2026-04-01T10:00:00+02:00",
    "interests": "tea;milk",
    "unknown": "x",
}
ALL = [*ATTRIBUTES, "orders", "city"]


def fill(engine: Engine) -> None:
    with engine.begin() as connection:
        people = [
            {
                "id": number,
                "external_id": f"c_{number}",
                "base": 0,
                "email": "ayu@mail.example",
                "locale": "id-ID",
                "timezone": "Asia/Jakarta",
            }
            for number in range(1, 1_002)
        ]
        connection.execute(insert(tables.customer), people)
        rows = [
            {
                "name": name,
                "customer_id": 1,
                **dict(zip(parse_value(raw, ZONE)._fields, parse_value(raw, ZONE), strict=True)),
            }
            for name, raw in ATTRIBUTES.items()
        ]
        connection.execute(insert(tables.attribute_value), rows)
        for number, amount in enumerate((40, 60), start=1):
            properties: dict[str, Any] = {
                "amount": amount,
                "status": "paid",
                "undeclared": 1,
                "items": [{"name": "tea", "price": 4.1}],
            }
            connection.execute(
                insert(tables.event).values(
                    id=number,
                    customer_id=1,
                    name="purchase",
                    occurred_at=AT - timedelta(days=3 - number),
                    received_at=AT,
                    source_id=str(number),
                    properties=json.dumps(properties),
                )
            )


@pytest.fixture
def playbook(tmp_path: Path) -> Playbook:
    body = (
        "{{ customer.first_name }} {{ customer.orders }} {{ entry.amount | money }} "
        "{{ entry.items[0].price }} {{ customer.email }}"
    )
    return shop(tmp_path / "shop", {"templates/hello/email.txt.j2": mail(body)})


def test_customers_come_with_typed_attributes_and_computed_ones(
    engine: Engine, playbook: Playbook
) -> None:
    fill(engine)

    with engine.connect() as connection:
        found = customer_facts(connection, playbook, list(range(1, 1_002)), ALL, AT)

    assert len(found) == 1_001
    assert found[1].attributes == {
        "first_name": "Ayu",
        "points": Decimal("1234.50"),
        "credit": Decimal("0.1"),
        "birthday": date(1990, 2, 28),
        "renews_at": datetime(2026, 4, 1, 8, tzinfo=UTC),
        "interests": ("tea", "milk"),
        "orders": 2,
    }
    assert found[1_001].attributes == {"orders": 0}
    assert (found[7].external_id, found[7].locale) == ("c_7", "id-ID")


def test_only_named_attributes_are_loaded(engine: Engine, playbook: Playbook) -> None:
    fill(engine)

    with engine.connect() as connection:
        found = customer_facts(connection, playbook, [1], ["points"])

    assert found[1].attributes == {"points": Decimal("1234.50")}


def test_entry_holds_declared_properties_typed(engine: Engine, playbook: Playbook) -> None:
    fill(engine)

    with engine.connect() as connection:
        found = entry_facts(connection, playbook, [1, 2, 99])

    assert found[1] == {
        "amount": Decimal("40.0000"),
        "status": "paid",
        "items": [{"name": "tea", "price": Decimal("4.1")}],
    }
    assert set(found) == {1, 2}


def preview(engine: Engine, playbook: Playbook, **given: Any) -> Any:
    wanted = Wanted(**{"message": "hello", "customer": "c_1", "now": AT, **given})
    renderer = Renderer(playbook)
    with engine.connect() as connection:
        return preview_send(connection, playbook, renderer, wanted)


def test_preview_takes_the_latest_event_that_could_start_the_flow(
    engine: Engine, playbook: Playbook
) -> None:
    fill(engine)

    result = Renderer(playbook).render(preview(engine, playbook))

    assert isinstance(result, Rendered)
    assert result.text == "Ayu 2 €60,00 4.1 ayu@mail.example"


def test_preview_masks_addresses_and_personal_attributes(
    engine: Engine, playbook: Playbook
) -> None:
    fill(engine)

    masked = Masking(playbook).send(preview(engine, playbook))
    result = Renderer(playbook).render(masked)

    assert isinstance(result, Rendered)
    assert result.to == "a***@m***.example"
    assert result.text.startswith("A*** 2 ")
    assert result.text.endswith(" a***@m***.example")


def test_preview_of_nobody_and_of_no_such_template_is_refused(
    engine: Engine, playbook: Playbook
) -> None:
    fill(engine)

    with pytest.raises(NotFoundError, match="nobody"):
        preview(engine, playbook, customer="nobody")
    with pytest.raises(UsageError, match="no sms template"):
        preview(engine, playbook, channel="sms")
    with pytest.raises(UsageError, match="does not send"):
        preview(engine, playbook, flow="other")
