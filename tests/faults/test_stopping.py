"""What people stop, stops: withdrawals and pauses that race a worker at full speed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from faults.kit import figures, sized, wait_for
from harness import Shop
from sending import outlet, queued, worker
from sqlalchemy import func, select

from orchestrator import tables
from orchestrator.channels.file import message_key, parts_of
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted
from orchestrator.clock import utcnow
from orchestrator.delivery.line import Line
from orchestrator.delivery.links import Wish
from orchestrator.delivery.manner import Until
from orchestrator.delivery.settle import settle
from orchestrator.delivery.withdrawing import withdraw
from orchestrator.delivery.worker import Worker
from orchestrator.pausing import EVERYTHING, pause, resume_flow

TOPICS = {"news": "marketing", "texts": "marketing", "bills": "transactional"}


class Slow:
    """A provider that takes a little while, and notes when each call began."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.began: dict[str, float] = {}
        self.times: list[float] = []

    def __call__(self, message: OutgoingMessage) -> Outcome:
        at = time.monotonic()
        self.began[message.customer] = at
        self.times.append(at)
        time.sleep(self.seconds)
        return accepted(message.provider_key)


@contextmanager
def at_work(shop: Shop, provider: Slow, **manner: Any) -> Iterator[Worker]:
    """Let a worker send in a thread of its own."""
    one = worker(shop, [outlet(provider, at_once=20)], **{"now": utcnow(), **manner})
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        yield one
    finally:
        one.stop.set()
        thread.join()


def wish_of(customer: str) -> Wish:
    key = message_key(
        "shop", customer, "greet", entry=1, step="hello", occurrence="0", channel="email"
    )
    parts = parts_of(key)
    assert parts is not None
    return Wish("unsubscribe", key, parts, "news")


def left(shop: Shop) -> int:
    row = tables.message.c
    query = select(func.count()).where(row.state.in_(("queued", "claimed", "sending")))
    with shop.engine.connect() as connection:
        return connection.execute(query).scalar_one()


@pytest.mark.slow
def test_no_call_begins_once_a_withdrawal_is_done(shop: Shop) -> None:
    messages, leaving = sized(2_000, 10_000), sized(200, 1_000)
    queued(shop, messages, when=utcnow())
    names = random.Random(6).sample([f"q{number:07}" for number in range(1, messages + 1)], leaving)
    provider, told, done = Slow(0.0005), dict[str, float](), dict[str, float]()

    def leave(some: list[str]) -> None:
        line = Line(shop.engine)
        for name in some:
            decided = withdraw(line, wish_of(name), "news", TOPICS, utcnow())
            told[name] = time.monotonic()
            assert decided.customer is not None
            assert settle(shop.engine, [decided.customer])
            done[name] = time.monotonic()
        line.close()

    with at_work(shop, provider, until=Until.NOTHING_LEFT):
        wait_for(lambda: len(provider.times) > 50, every=0.005)
        threads = [threading.Thread(target=leave, args=(names[part::4],)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: left(shop) == 0)
    late = [name for name in names if provider.began.get(name, 0) > done[name]]
    between = [name for name in names if told[name] < provider.began.get(name, 0) <= done[name]]
    spared = [name for name in names if name not in provider.began]
    figures(
        f"withdrawals against sends, {shop.engine.dialect.name}", messages=messages, withdrawals=leaving,
        spared=len(spared), begun_between_commit_and_answer=len(between), begun_after_the_answer=len(late),
    )  # fmt: skip
    assert late == []
    assert spared
    assert len(provider.began) == messages - len(spared)


def wait_for_more(provider: Slow) -> None:
    """Wait until another call has begun."""
    seen = len(provider.times)
    wait_for(lambda: len(provider.times) > seen, every=0.005)


@pytest.mark.slow
def test_no_call_begins_a_second_after_a_pause(shop: Shop) -> None:
    pauses, messages = sized(6, 100), sized(20_000, 100_000)
    queued(shop, messages, when=utcnow())
    provider, chance = Slow(0.002), random.Random(7)
    late, last = 0, list[float]()
    with at_work(shop, provider, until=Until.STOPPED):
        wait_for(lambda: bool(provider.times), every=0.005)
        for _ in range(pauses):
            time.sleep(chance.uniform(0.05, 0.3))
            assert pause(shop.engine, EVERYTHING, None).changed
            paused = time.monotonic()
            time.sleep(1.3)
            after = [at - paused for at in provider.times if at > paused]
            late += sum(seconds > 1 for seconds in after)
            last.append(max(after, default=0.0))
            resume_flow(shop.engine, EVERYTHING, utcnow())
            wait_for_more(provider)
    repeated = len(provider.times) - len(provider.began)
    figures(
        f"pauses under load, {shop.engine.dialect.name}", pauses=pauses, calls=len(provider.times),
        begun_a_second_later=late, sent_again=repeated,
        last_call_p50_ms=round(sorted(last)[len(last) // 2] * 1000),
        last_call_p99_ms=round(sorted(last)[len(last) * 99 // 100] * 1000), last_call_max_ms=round(max(last) * 1000),
    )  # fmt: skip
    assert (late, repeated) == (0, 0)


@pytest.mark.slow
def test_the_kill_file_stops_what_is_marked_already(shop: Shop, tmp_path: Path) -> None:
    queued(shop, 2_000, when=utcnow())
    provider = Slow(0.01)
    stop = shop.folder / ".clm" / "STOP"
    stop.parent.mkdir(exist_ok=True)
    with at_work(shop, provider, until=Until.STOPPED):
        wait_for(lambda: len(provider.times) > 5, every=0.005)
        stop.touch()
        stopped = time.monotonic()
        time.sleep(1.0)
        after = [at - stopped for at in provider.times if at > stopped]
        assert all(seconds < 0.5 for seconds in after)
        stop.unlink()
        wait_for(lambda: len(provider.times) > 5 + len(after) + 10, every=0.01)
    assert len(provider.times) == len(provider.began)
