"""A day and a half of downtime, clocks that jump, a restored backup: through the command line."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from faults import workers
from faults.kit import figures, processes, sized, wait_for
from harness import Shop
from loading import rows
from sqlalchemy import create_engine, make_url, select, text

from orchestrator import tables
from orchestrator.cli.shell import answer
from orchestrator.clock import utcnow
from orchestrator.database import open_engine

DOWN = timedelta(hours=36)
PROJECT = """
project: shop
timezone: Europe/Vienna
guardrails: {quiet_hours: {between: 21:00-08:00}}
"""
HELLO = """
flow: hello
status: live
starts_when: {did: signed_up}
steps:
  - {send: welcome}
  - {wait: 30 hours}
  - {send: again}
"""
FLASH = """
flow: flash
status: live
starts_when: {did: signed_up}
expires_after: 12 hours
steps:
  - {send: deal}
"""


class Operator:
    """Somebody at the command line of one shop."""

    def __init__(self, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
        url = shop.engine.url.render_as_string(hide_password=False)
        self.where = ["--project", str(shop.folder), "--db", url]
        self.capsys = capsys

    def run(self, *words: str) -> int:
        self.capsys.readouterr()
        return answer([*words, *self.where])

    def start(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """Let the clock wake once; returns the exit code, and what was told, by event."""
        code = self.run("start", "--once")
        told = [json.loads(line) for line in self.capsys.readouterr().err.splitlines()]
        return code, {one["event"]: one for one in told}

    def tick(self, when: datetime) -> None:
        code = self.run("run", "--at", when.isoformat())
        assert code == 0, self.capsys.readouterr().err


@pytest.fixture
def operator(shop: Shop, capsys: pytest.CaptureFixture[str]) -> Operator:
    return Operator(shop, capsys)


def around_the_clock() -> dict[str, str]:
    """Return a customer for each hour that the clock may show: some of them sleep, always."""
    return {f"c{hour:02}": f"Etc/GMT{hour - 11:+}" for hour in range(24)}


def is_quiet(zone: str, when: datetime) -> bool:
    local = when.astimezone(ZoneInfo(zone)).time()
    return local >= time(21) or local < time(8)


def sent(shop: Shop, message: str) -> dict[str, datetime]:
    """Return customer → instant of a message."""
    row, customer = tables.message.c, tables.customer.c
    query = (
        select(customer.external_id, row.decided_at)
        .join_from(tables.message, tables.customer, row.customer_id == customer.id)
        .where(row.message == message)
    )
    with shop.engine.connect() as connection:
        found = connection.execute(query).all()
    assert len({one[0] for one in found}) == len(found)
    return {one[0]: one[1] for one in found}


def outcome(shop: Shop, step: str) -> Counter[tuple[str, str | None]]:
    """Return the latest decision about each customer's send, and its reason, counted."""
    query = (
        "SELECT customer_id, decision, reason FROM decision"
        f" WHERE step = '{step}' ORDER BY customer_id, id"
    )
    latest = {row[0]: (row[1], row[2]) for row in rows(shop.engine, query)}
    return Counter(latest.values())


def test_after_36_hours_nothing_is_sent_too_late_or_at_night(
    shop: Shop, operator: Operator
) -> None:
    zones = around_the_clock()
    shop.write(project=PROJECT, hello=HELLO, flash=FLASH)
    shop.customers(**{name: {"timezone": zone} for name, zone in zones.items()})
    before = utcnow() - DOWN
    for name in zones:
        shop.event(name, "signed_up", (before - timedelta(minutes=30)).isoformat())
    shop.import_facts()
    operator.tick(before - timedelta(hours=1))
    operator.tick(before)
    slept = {name for name, zone in zones.items() if is_quiet(zone, before)}
    assert sent(shop, "welcome").keys() == sent(shop, "deal").keys() == zones.keys() - slept
    assert 9 <= len(slept) <= 13

    code, told = operator.start()
    assert (code, told["starts_paused"]["why"]) == (4, "gap")
    assert sent(shop, "welcome").keys() == zones.keys() - slept
    assert operator.start()[0] == 4
    assert operator.run("resume", "--all") == 0
    code, after = operator.start()
    now = datetime.fromisoformat(after["tick"]["now"])

    assert code == 0
    assert told["starts_paused"]["sends"] == after["tick"]["sends"]
    assert told["starts_paused"]["expired"] == after["tick"]["expired"] == len(slept)
    assert outcome(shop, "deal") == {
        ("send", None): len(zones) - len(slept),
        ("expire", "quiet_hours"): len(slept),
    }
    assert sent(shop, "deal").keys() == zones.keys() - slept
    due = zones.keys() - {name for name, zone in zones.items() if is_quiet(zone, now)}
    assert sent(shop, "welcome").keys() == (zones.keys() - slept) | (slept & due)
    assert sent(shop, "again").keys() == (zones.keys() - slept) & due
    for message in ("welcome", "again", "deal"):
        for name, when in sent(shop, message).items():
            assert not is_quiet(zones[name], when)
    assert len(list((shop.folder / "outbox").glob("[!.]*.json"))) == sum(
        len(sent(shop, message)) for message in ("welcome", "again", "deal")
    )


@pytest.mark.slow
def test_what_piled_up_in_36_hours_leaves_no_faster_than_its_channel_may(
    shop: Shop, operator: Operator, tmp_path: Path
) -> None:
    rate, customers = 20, sized(120, 1_200)
    channels = f"channels: {{email: {{adapter: file, rate: {rate} per second, burst: {rate}}}}}"
    shop.write(hello=HELLO, channels=channels)
    shop.customers(**{f"c{number}": {} for number in range(customers)})
    before = utcnow() - DOWN
    for number in range(customers):
        shop.event(f"c{number}", "signed_up", (before + timedelta(minutes=30)).isoformat())
    shop.import_facts()
    operator.tick(before)
    assert operator.start()[0] == 4
    assert operator.run("resume", "--all") == 0
    began = utcnow().timestamp()
    with processes() as children:
        words = ["start", "--every", "1s", *operator.where]
        started = children.start(workers.command, words, tmp_path / "log")
        sent = "SELECT count(*) FROM message WHERE state = 'sent'"
        wait_for(lambda: rows(shop.engine, sent) == [(customers,)], every=0.2)
        assert children.end(started) == 0
    written = sorted(
        one.stat().st_mtime - began for one in (shop.folder / "outbox").glob("[!.]*.json")
    )
    figures(
        f"after 36 hours, {rate} a second, {shop.engine.dialect.name}",
        messages=len(written),
        in_the_first_second=sum(one <= written[0] + 1 for one in written),
        seconds=round(written[-1] - written[0], 1),
    )

    assert len(written) == customers
    allowed = [rate + rate * after for after in written]
    assert [number for number, most in enumerate(allowed, 1) if number > most + 1] == []


def signed_up(shop: Shop, *names: str) -> None:
    shop.customers(**{name: {} for name in names})
    for name in names:
        shop.event(name, "signed_up", (utcnow() - timedelta(milliseconds=1)).isoformat())
    shop.import_facts()


def test_a_clock_set_back_by_a_day_idles(shop: Shop, operator: Operator) -> None:
    shop.write(hello=HELLO)
    operator.tick(utcnow() + timedelta(days=1))
    signed_up(shop, "anna")
    code, told = operator.start()

    assert (code, sent(shop, "welcome")) == (0, {})
    assert told["clock_is_behind"]["level"] == "warning"
    assert "tick" not in told


def test_a_clock_set_forward_by_a_day_asks(shop: Shop, operator: Operator) -> None:
    shop.write(hello=HELLO)
    operator.tick(utcnow() - timedelta(days=1))
    signed_up(shop, "anna")
    code, told = operator.start()

    assert (code, sent(shop, "welcome")) == (4, {})
    assert told["starts_paused"]["sends"] == 1
    assert operator.run("resume", "--all") == 0
    assert operator.start()[0] == 0
    assert sent(shop, "welcome").keys() == {"anna"}


@contextmanager
def backup_of(url: str, folder: Path) -> Iterator[Callable[[], object]]:
    """Back a database up as it is now; yields what restores it."""
    if url.startswith("sqlite"):
        file, copy = Path(url.removeprefix("sqlite:///")), folder / "backup.sqlite"
        shutil.copyfile(file, copy)
        yield partial(shutil.copyfile, copy, file)
        return
    mine = make_url(url)
    name, copied = mine.database, f"backup_of_{mine.database}"
    server = create_engine(mine.set(database="postgres"), isolation_level="AUTOCOMMIT")

    def replace_by(template: str | None, database: str | None) -> None:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)"))
            if template is not None:
                connection.execute(text(f"CREATE DATABASE {database} TEMPLATE {template}"))

    replace_by(name, copied)
    try:
        yield lambda: replace_by(copied, name)
    finally:
        replace_by(None, copied)
        server.dispose()


def test_a_restored_backup_starts_paused(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    shop = Shop(open_engine(database_url), folder).write(hello=HELLO)
    operator = Operator(shop, capsys)
    assert operator.start()[0] == 0
    signed_up(shop, "anna")
    with backup_of(database_url, tmp_path) as restore:
        assert operator.start()[0] == 0
        assert sent(shop, "welcome").keys() == {"anna"}
        restore()
        code, told = operator.start()

        paused = told["starts_paused"]
        assert (code, paused["why"], paused["sends"]) == (4, "restored", 1)
        assert operator.start()[0] == 4
        assert (sent(shop, "welcome"), operator.run("resume", "--all")) == ({}, 0)
        assert operator.start()[0] == 0
    assert len(list((shop.folder / "outbox").glob("[!.]*.json"))) == 1
