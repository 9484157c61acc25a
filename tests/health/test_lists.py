"""Lists of a day: complete when the day is over and nothing can be added any more."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from harness import Shop, at
from sqlalchemy import update
from waking import Clockwork

from orchestrator import tables
from orchestrator.health import status as health
from orchestrator.health.lists import DayListStanding, day_list_standings
from orchestrator.health.telling import status_page
from orchestrator.report.layout import Page
from orchestrator.scheduler.outcome import Outcome
from orchestrator.tick.beginning import watermark

FLOW = """
flow: call
status: live
starts_when: {did: view}
steps: [{send: ring, channel: call_task}]
"""
CATALOG = """
events: {view: {}}
topics: {calls: {purpose: marketing, channels: [call_task]}}
"""
CHANNELS = "channels: {call_task: {region: AT}, email: {adapter: file}}"


@pytest.fixture
def calling(shop: Shop) -> Clockwork:
    """A shop that has put Ana on the list of 2 March."""
    shop.write(call=FLOW, catalog=CATALOG, channels=CHANNELS)
    text = shop.folder / "templates" / "ring" / "call_task.txt.j2"
    text.write_text("Ask how she is.\n", encoding="utf-8")
    (text.parent / "message.yaml").write_text("topic: calls\n", encoding="utf-8")
    shop.customers(ana={"topics": ("calls",), "phone": "+43 664 1234567"})
    clockwork = Clockwork(shop, "2026-03-02T08:00", max_gap=timedelta(days=9))
    clockwork.wake()
    shop.event("ana", "view", "2026-03-02T08:30")
    assert clockwork.wake("2026-03-02T09:00") is Outcome.TICKED
    return clockwork


def standing(clockwork: Clockwork) -> DayListStanding:
    with clockwork.shop.engine.connect() as connection:
        last, _ = watermark(connection)
        [found] = day_list_standings(connection, clockwork.shop.playbook, last)
    return found


def state(clockwork: Clockwork, value: str) -> None:
    with clockwork.shop.engine.begin() as connection:
        connection.execute(update(tables.message).values(state=value))


def test_before_the_first_tick_no_day_is_complete(shop: Shop) -> None:
    shop.write(catalog=CATALOG, channels=CHANNELS)
    with shop.engine.connect() as connection:
        found = list(day_list_standings(connection, shop.playbook, None))

    assert found == [DayListStanding("call_task", None, 0)]


def test_a_day_is_complete_once_a_tick_of_the_next_one_was_run(calling: Clockwork) -> None:
    assert (calling.shop.folder / "outbox" / "call_task" / "2026-03-02.csv").is_file()
    assert standing(calling) == DayListStanding("call_task", date(2026, 3, 1), 0)
    calling.wake("2026-03-02T23:59:59")
    assert standing(calling).complete_to == date(2026, 3, 1)

    calling.wake("2026-03-03T00:00")
    assert standing(calling).complete_to == date(2026, 3, 2)


@pytest.mark.parametrize("open", ["queued", "claimed", "sending", "in_doubt"])
def test_a_message_on_its_way_keeps_its_day_open(calling: Clockwork, open: str) -> None:
    calling.wake("2026-03-05T09:00")
    state(calling, open)

    assert standing(calling) == DayListStanding("call_task", date(2026, 3, 1), 1)
    state(calling, "dead")
    assert standing(calling) == DayListStanding("call_task", date(2026, 3, 4), 0)


def test_status_says_so(calling: Clockwork) -> None:
    with calling.shop.engine.connect() as connection:
        found = health.standing(
            connection, calling.shop.playbook, calling.shop.folder, at("2026-03-02T10:00")
        )
    lines = "\n".join(status_page(found, Page(width=80), ZoneInfo("Europe/Vienna")))
    assert "call_task: complete to 2026-03-01" in lines
