"""Lists for advertisers by the clock: one for each period, opt-outs soon after, lag told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from harness import Shop, at
from sqlalchemy import delete
from waking import Clockwork

from orchestrator import tables
from orchestrator.app.exporting import export_once
from orchestrator.channels.audience import AudienceSettings
from orchestrator.channels.whole_files import alone_in
from orchestrator.cli.shell import answer
from orchestrator.delivery.audiences import exports
from orchestrator.delivery.switch import Switch
from orchestrator.health.lists import audience_findings, audience_standings
from orchestrator.language.marks import Mark
from orchestrator.pausing import EVERYTHING, pause
from orchestrator.scheduler.events import Happened, Voice
from orchestrator.scheduler.exporting import Exporter
from orchestrator.timing import EARLIEST, LATEST

FLOW = """
flow: lapse
status: live
starts_when: {did: view}
re_entry: always
steps: [{add_to: lapsed}]
"""
CATALOG = """
events: {view: {}, buy: {}}
topics: {ads: marketing, news: marketing}
lists: [lapsed]
"""
CHANNELS = """
channels:
  audience:
    lists: [{list: lapsed, platform: meta, topic: ads}]
    at: 03:00
"""
VIENNA = ZoneInfo("Europe/Vienna")


class Exporting:
    """A scheduler's exporter, and what it said."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.told: list[Happened] = []
        switch = Switch(shop.folder / ".clm" / "STOP", elapsed=iter(range(10_000)).__next__)
        self.exporter = Exporter(shop.engine, shop.folder, Voice(self.told.append), switch)

    def look(self, when: str) -> list[str]:
        """Look once; returns the events that were told."""
        self.shop.import_facts()
        self.exporter.look(self.shop.playbook, at(when))
        names = [one.event for one in self.told]
        self.told.clear()
        return names

    def rows(self) -> int:
        path = self.shop.folder / "outbox" / "audience" / "lapsed.meta.csv"
        return len(path.read_text(encoding="ascii").splitlines()) - 1

    def removals(self) -> list[str]:
        folder = self.shop.folder / "outbox" / "audience" / "removed"
        return sorted(path.name for path in folder.glob("*"))


@pytest.fixture
def lapsed(shop: Shop) -> Shop:
    """A shop with two people on the list."""
    shop.write(lapse=FLOW, catalog=CATALOG, channels=CHANNELS)
    shop.customers(ana={"topics": ("ads",)}, ben={"topics": ("ads",)}).tick("2026-03-01T09:00")
    for name in ("ana", "ben"):
        shop.event(name, "view", "2026-03-01T10:00")
    shop.tick("2026-03-01T11:00")
    return shop


def settings(**words: Any) -> AudienceSettings:
    return AudienceSettings(mark=Mark("channels.yaml", 1, 1), marks={}, lists=(), **words)


def test_a_list_is_written_at_once_and_then_once_each_day(lapsed: Shop) -> None:
    one = Exporting(lapsed)

    assert one.look("2026-03-01T12:00") == ["list_written"]
    assert one.look("2026-03-01T12:05") == []
    assert one.look("2026-03-02T01:59") == [], "03:00 in Vienna is 02:00 UTC"
    assert one.look("2026-03-02T02:00") == ["list_written"]
    assert one.look("2026-03-02T02:01") == []
    assert one.rows() == 2


def test_a_list_that_was_written_by_hand_counts(
    lapsed: Shop, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--project", str(lapsed.folder), "--db", database_url]
    lapsed.import_facts()
    assert answer(["channels", "export", "--at", "2026-03-01T12:00Z", *words]) == 0
    one = Exporting(lapsed)

    assert one.look("2026-03-01T12:05") == []
    assert one.look("2026-03-02T02:00") == ["list_written"]
    assert answer(["channels", "export", *words]) == 0
    capsys.readouterr()
    assert answer(["status", *words, "-o", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["audiences"]
    assert (told["people"], told["lag_seconds"]) == (2, 0)
    assert answer(["doctor", *words, "-o", "json"]) in (0, 1)
    assert "the list lapsed" not in capsys.readouterr().out


def test_a_list_of_a_day_to_come_does_not_count(lapsed: Shop, database_url: str) -> None:
    words = ["--project", str(lapsed.folder), "--db", database_url]
    lapsed.import_facts()
    assert answer(["channels", "export", "--at", "9000-01-01T00:00Z", *words]) == 0

    assert Exporting(lapsed).look("2026-03-01T12:00") == ["list_written"]


def test_nothing_was_due_before_the_first_tick(shop: Shop) -> None:
    shop.write(lapse=FLOW, catalog=CATALOG, channels=CHANNELS).customers(ana={})

    def found(when: str) -> list[str]:
        with shop.engine.connect() as connection:
            standings = audience_standings(connection, shop.playbook, at(when))
            return [one.says for one in audience_findings(list(standings))]

    assert found("2026-03-01T09:00") == [], "nobody can be on a list"
    shop.tick("2026-03-01T09:00")
    assert found("2026-03-01T09:30") == []
    assert found("2026-03-02T02:14") == []
    assert found("2026-03-02T03:00") == [
        "the list lapsed for meta was due 60 minutes ago and is not written"
    ]


def test_after_a_time_without_a_clock_one_list_does_for_all(lapsed: Shop) -> None:
    one = Exporting(lapsed)
    one.look("2026-03-01T12:00")

    assert one.look("2026-03-09T12:00") == ["list_written"]
    assert one.look("2026-03-09T12:01") == []


def test_of_several_schedulers_one_writes(lapsed: Shop) -> None:
    lapsed.import_facts()
    several = [Exporting(lapsed) for _ in range(4)]
    playbook = lapsed.playbook
    threads = [
        Thread(target=one.exporter.look, args=(playbook, at("2026-03-01T12:00"))) for one in several
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [one.event for each in several for one in each.told] == ["list_written"]


def test_while_another_process_writes_nothing_is_done_and_nothing_said(lapsed: Shop) -> None:
    one = Exporting(lapsed)
    with alone_in(lapsed.folder / "outbox" / "audience") as alone:
        assert alone
        assert one.look("2026-03-01T12:00") == []
    assert one.look("2026-03-01T12:00") == ["list_written"]


def test_an_opt_out_waits_ten_minutes_and_not_for_the_next_list(lapsed: Shop) -> None:
    one = Exporting(lapsed)
    one.look("2026-03-01T12:00")
    lapsed.customers(cai={"topics": ("ads",)}).event("cai", "view", "2026-03-01T12:01")
    lapsed.consent("ben", "ads", "2026-03-01T12:02", withdrawn=True).tick("2026-03-01T12:03")

    assert one.look("2026-03-01T12:09") == []
    assert one.look("2026-03-01T12:10") == ["removals_written"]
    assert one.rows() == 1, "who came since waits for the next whole list"
    assert one.removals() == ["lapsed.meta.20260301T121000.csv"]
    assert one.look("2026-03-01T12:25") == [], "told once"
    assert one.look("2026-03-02T03:00") == ["list_written"]
    assert one.rows() == 2
    assert len(one.removals()) == 1


@pytest.mark.parametrize("stop", ["pause", "switch"])
def test_what_is_stopped_gives_no_list_but_opt_outs_are_taken_out(lapsed: Shop, stop: str) -> None:
    one = Exporting(lapsed)
    one.look("2026-03-01T12:00")
    if stop == "pause":
        pause(lapsed.engine, EVERYTHING, None)
    else:
        (lapsed.folder / ".clm").mkdir(exist_ok=True)
        (lapsed.folder / ".clm" / "STOP").touch()
    lapsed.consent("ben", "ads", "2026-03-01T13:02", withdrawn=True)

    assert one.look("2026-03-02T12:00") == ["removals_written"]
    assert one.rows() == 1


def test_a_folder_that_cannot_be_written_is_told_once(lapsed: Shop) -> None:
    (lapsed.folder / "outbox").write_text("in the way", encoding="utf-8")
    one = Exporting(lapsed)

    assert one.look("2026-03-01T12:00") == ["lists_failed"]
    assert one.look("2026-03-01T12:01") == []
    (lapsed.folder / "outbox").unlink()
    assert one.look("2026-03-01T12:02") == ["list_written"]


def test_a_crash_before_the_row_writes_the_same_list_once_more(lapsed: Shop) -> None:
    one = Exporting(lapsed)
    one.look("2026-03-01T12:00")
    with lapsed.engine.begin() as connection:
        connection.execute(delete(tables.audience_export))

    assert one.look("2026-03-01T12:01") == ["list_written"]
    assert one.removals() == []


def test_a_single_wake_writes_what_is_due(lapsed: Shop) -> None:
    clockwork = Clockwork(lapsed, "2026-03-01T12:00")
    clockwork.wake()
    export_once(clockwork.planner)

    with lapsed.engine.connect() as connection:
        found = exports(connection)
    assert found["lapsed", "meta"].due_at == at("2026-03-01T02:00")
    assert found["lapsed", "meta"].people == 2


def test_only_who_plans_is_in_charge(lapsed: Shop) -> None:
    one, other = Clockwork(lapsed, "2026-03-01T12:00"), Clockwork(lapsed, "2026-03-01T12:00")
    assert not one.planner.is_in_charge
    one.wake()
    other.wake()

    assert (one.planner.is_in_charge, other.planner.is_in_charge) == (True, False)
    one.planner.leave()
    assert not one.planner.is_in_charge


@pytest.mark.parametrize(
    ("words", "now", "by", "after"),
    [
        ({}, "2026-03-02T01:00", "2026-03-01T02:00", "2026-03-02T02:00"),
        ({}, "2026-03-02T02:00", "2026-03-02T02:00", "2026-03-03T02:00"),
        ({"every": "monday"}, "2026-03-01T12:00", "2026-02-23T02:00", "2026-03-02T02:00"),
        ({"every": "monday"}, "2026-03-02T01:00", "2026-02-23T02:00", "2026-03-02T02:00"),
        ({"timezone": "UTC"}, "2026-03-02T02:30", "2026-03-01T03:00", "2026-03-02T03:00"),
        # the clocks of Vienna skip the hour from 2 to 3 on 29 March, 01:00 UTC
        ({}, "2026-03-29T01:00", "2026-03-29T01:00", "2026-03-30T01:00"),
    ],
)
def test_the_rhythm_is_of_the_calendar(words: Any, now: str, by: str, after: str) -> None:
    rhythm = settings(**words)

    assert rhythm.due_by(at(now), VIENNA) == at(by)
    assert rhythm.due_after(at(now), VIENNA) == at(after)


@pytest.mark.parametrize("now", [EARLIEST, LATEST])
def test_the_rhythm_ends_with_the_calendar(now: datetime) -> None:
    assert settings(every="monday").due_by(now, VIENNA) <= now
    assert settings(every="monday").due_after(now, VIENNA) >= now


Asked = Callable[[str, str], Any]


@pytest.fixture
def asked(lapsed: Shop, capsys: pytest.CaptureFixture[str], database_url: str) -> Asked:
    """Ask a verb how things stand at an instant, for the JSON of its answer."""

    def ask(verb: str, when: str) -> Any:
        words = ["--project", str(lapsed.folder), "--db", database_url, "-o", "json"]
        capsys.readouterr()
        answer([verb, *words, *(["--at", when] if verb == "status" else [])])
        return json.loads(capsys.readouterr().out)

    return ask


def test_status_and_doctor_tell_the_lag(lapsed: Shop, asked: Asked) -> None:
    one = Exporting(lapsed)
    one.look("2026-03-01T12:00")

    fresh = asked("status", "2026-03-01T13:00Z")["audiences"]
    late = asked("status", "2026-03-02T04:00Z")["audiences"]
    assert [(each["people"], each["lag_seconds"]) for each in fresh] == [(2, 0)]
    assert [(each["people"], each["lag_seconds"]) for each in late] == [(2, 7_200)]
    says = [each["says"] for each in asked("doctor", "")["findings"] if each["area"] == "channels"]
    assert any("lapsed for meta was due" in one for one in says)
