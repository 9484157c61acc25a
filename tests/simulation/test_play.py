"""The loop under a virtual clock decides what live ticks of the same instants decide."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

from harness import Shop, at
from sqlalchemy import Engine
from ticking import Told, lines, live, told_of

from orchestrator.database import memory_engine, open_engine
from orchestrator.simulation.play import play
from orchestrator.simulation.scratch import copied

BEGIN = at("2026-03-02T09:00")
WELCOME = """
flow: welcome
status: live
starts_when: {did: signed_up}
goal: {did: buy, within: 30 days}
steps:
  - send: hello
  - wait: 2 days
  - send: again
    only_if: {not_clicked: hello}
"""
QUIET = """
flow: quiet
status: live
starts_when: {enters_segment: gone}
re_entry: always
steps:
  - send: miss_you
"""
SEGMENTS = """
segments:
  gone:
    - {did: view}
    - {did_not: view, in_last: 3 days}
"""


def hours(count: int, step: int = 6) -> list[datetime]:
    return [BEGIN + timedelta(hours=step * number) for number in range(count)]


def filled(shop: Shop) -> Shop:
    """A week in which facts go on happening."""
    shop.write(welcome=WELCOME, quiet=QUIET, segments=SEGMENTS)
    for number in range(9):
        day = 2 + number
        shop.customers(**{f"c{number}": {}})
        shop.event(f"c{number}", "signed_up", f"2026-03-{day:02}T08:30")
        shop.event(f"c{number}", "view", f"2026-03-{3 + number % 4:02}T10:10")
        if number % 3 == 0:
            shop.event(f"c{number}", "buy", f"2026-03-{day + 1:02}T11:00", amount=10)
        if number % 2 == 0:
            shop.receipt(f"c{number}", "clicked", "hello", f"2026-03-{day + 1:02}T07:00")
    return shop.import_facts()


def played(engine: Engine, shop: Shop, instants: list[datetime]) -> list[str]:
    found: list[str] = []
    for ticked in play(engine, shop.playbook, instants):
        found += lines(told_of(ticked).decisions)
    return found


def one_by_one(engine: Engine, shop: Shop, instants: list[datetime]) -> list[str]:
    told: list[Told] = [live(engine, shop.playbook, now) for now in instants]
    return [line for one in told for line in lines(one.decisions)]


def digest(url: str) -> str:
    return hashlib.sha256(Path(url.removeprefix("sqlite:///")).read_bytes()).hexdigest()


def test_a_copy_decides_what_live_ticks_decide(shop: Shop) -> None:
    filled(shop)
    with copied(shop.engine, BEGIN) as (copy, goes_on_from):
        simulated = played(copy, shop, hours(40))
    assert goes_on_from is None
    assert len(simulated) >= 20
    assert simulated == one_by_one(shop.engine, shop, hours(40))


def test_it_goes_on_from_the_latest_tick(shop: Shop) -> None:
    filled(shop)
    one_by_one(shop.engine, shop, hours(10))
    with copied(shop.engine, hours(11)[-1]) as (copy, goes_on_from):
        simulated = played(copy, shop, hours(40)[10:])
    assert goes_on_from == hours(10)[-1]
    assert simulated
    assert simulated == one_by_one(shop.engine, shop, hours(40)[10:])


def test_in_the_past_it_starts_afresh(shop: Shop) -> None:
    filled(shop)
    first = one_by_one(shop.engine, shop, hours(20))
    with copied(shop.engine, BEGIN) as (copy, goes_on_from):
        assert goes_on_from is None
        assert played(copy, shop, hours(20)) == first


def test_nothing_is_kept(sqlite_url: str, tmp_path: Path) -> None:
    engine = open_engine(sqlite_url)
    folder = tmp_path / "project"
    folder.mkdir()
    shop = filled(Shop(engine, folder))
    live(engine, shop.playbook, BEGIN)
    engine.dispose()
    before = digest(sqlite_url)
    reading = open_engine(sqlite_url, read_only=True)
    with copied(reading, hours(2)[-1]) as (copy, _):
        assert played(copy, shop, hours(20)[1:])
    reading.dispose()
    assert digest(sqlite_url) == before


def test_facts_may_arrive_between_ticks(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    shop = Shop(memory_engine(), folder).write(welcome=WELCOME).customers(anna={}).import_facts()
    received: list[str] = []

    def supply(now: datetime) -> None:
        received.append(f"{now:%d}")
        if now == hours(2, 24)[-1]:
            shop.event("anna", "signed_up", "2026-03-03T08:00").import_facts()

    for ticked in play(shop.engine, shop.playbook, hours(4, 24), supply):
        received += [f"{one.customer} {one.message}" for one in told_of(ticked).decisions]
    assert received == ["02", "03", "anna hello", "04", "05", "anna again"]
