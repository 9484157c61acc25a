"""Servers that are killed after they have answered, and customers who leave while messages do."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import os
import random
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from threading import Lock, Thread

import httpx
import pytest
from faults import workers
from faults.kit import Processes, figures, processes, sized, wait_for
from harness import PROJECT, Shop
from loading import rows
from sending import KEYS, outlet, queued, taken
from serving import served
from sqlalchemy import bindparam, update

from orchestrator import tables
from orchestrator.channels.file import message_key
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome
from orchestrator.clock import utcnow
from orchestrator.delivery.links import Links
from orchestrator.delivery.manner import Manner, Until
from orchestrator.delivery.worker import Worker

SECRET = "s" * 32
CHANNELS = """
channels:
  whatsapp: {phone_number_id: '1', token: file:whatsapp.secret, app_secret: file:whatsapp.secret}
"""
RECEIPTS = int(os.environ.get("CLM_RECEIPTS", "33000"))
"""Three times that many are posted, one by one: a busy machine takes a hundred a second."""
LINKED = PROJECT + "links: {base_url: 'https://shop.example'}\n"
STATUSES = ("sent", "delivered", "read")


@lru_cache(maxsize=1)
def client() -> httpx.Client:
    """Return one for all threads: to make it costs more than a request."""
    return httpx.Client(timeout=60)


@pytest.fixture(scope="module", autouse=True)
def _close_the_client() -> Iterator[None]:
    """Close it; whoever asks later, for this module's tests may be run in parts, gets another."""
    client()
    yield
    client().close()
    client.cache_clear()


def posted(url: str, number: int, key: str, status: str) -> bool:
    """Send one signed callback about a message; return whether it was answered well."""
    told = {
        "id": f"wamid.{number}",
        "status": status,
        "timestamp": str(int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()) + number % 60),
        "biz_opaque_callback_data": key,
    }
    body = json.dumps({"entry": [{"changes": [{"value": {"statuses": [told]}}]}]}).encode()
    signature = hmac.digest(SECRET.encode(), body, hashlib.sha256).hex()
    try:
        answer = client().post(
            f"{url}/receipts/whatsapp",
            content=body,
            headers={"x-hub-signature-256": f"sha256={signature}"},
        )
    except httpx.TransportError:
        return False
    return answer.status_code == 200


def keyed(shop: Shop, messages: int) -> list[str]:
    """Let so many messages have left by WhatsApp; return their provider keys."""
    shop.write(project=LINKED, channels=CHANNELS)
    (shop.folder / "whatsapp.secret").write_text(SECRET, encoding="utf-8")
    queued(shop, messages)
    row = tables.message.c
    found = rows(shop.engine, "SELECT id FROM message ORDER BY id")
    changes = [{"row": id, "key": KEYS.provider_key(f"m{id}")} for (id,) in found]
    with shop.engine.begin() as connection:
        connection.execute(
            update(tables.message)
            .where(row.id == bindparam("row"))
            .values(channel="whatsapp", state="in_doubt", attempt=1, provider_key=bindparam("key")),
            changes,
        )
    return [str(one["key"]) for one in changes]


@dataclass
class Mortal:
    """A server that is killed and started again, always at one address."""

    shop: Shop
    children: Processes
    log: Path
    port: int = 0

    def __post_init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self.process = self._begin()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def killed(self) -> None:
        self.children.kill(self.process)
        self.process = self._begin()

    def answers(self) -> bool:
        try:
            return client().get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def _begin(self) -> ForkServerProcess:
        database = self.shop.engine.url.render_as_string(hide_password=False)
        words = ["serve", "--project", str(self.shop.folder), "--db", database]
        words += ["--port", str(self.port), "--metrics", "off"]
        return self.children.start(workers.command, words, self.log)


@contextmanager
def mortal(shop: Shop, tmp_path: Path) -> Iterator[Mortal]:
    with processes() as children:
        server = Mortal(shop, children, tmp_path / "log")
        wait_for(server.answers)
        yield server


@pytest.mark.slow
def test_a_server_killed_after_its_answers_loses_nothing_of_them(
    shop: Shop, tmp_path: Path
) -> None:
    kills, chance = sized(4, 100), random.Random(9)
    keys = keyed(shop, 50)
    answered, over, told = set[int](), False, itertools.count()
    one_at_a_time = Lock()

    with mortal(shop, tmp_path) as server:

        def tell() -> None:
            while not over:
                with one_at_a_time:
                    number = next(told)
                if posted(server.url, number, keys[number % len(keys)], STATUSES[number % 3]):
                    answered.add(number)

        with ThreadPoolExecutor(4) as pool:
            for _ in range(4):
                pool.submit(tell)
            for _ in range(kills):
                before = len(answered)
                wait_for(lambda before=before: len(answered) > before + 5, every=0.005)  # type: ignore[misc]  # bound now
                time.sleep(chance.uniform(0, 0.05))
                server.killed()
                wait_for(server.answers)
            over = True
    names = {source for (source,) in rows(shop.engine, "SELECT source_id FROM receipt")}
    kept = {int(name.split("wamid.")[1].split(":")[0]) for name in names}
    figures(
        f"kills of a server, {shop.engine.dialect.name}",
        kills=kills, answered=len(answered), kept=len(kept), lost=len(answered - kept),
    )  # fmt: skip
    assert answered - kept == set()
    assert len(names) == len(kept)


@pytest.mark.slow
def test_receipts_replayed_and_shuffled_over_and_over_give_one_state(
    shop: Shop, tmp_path: Path
) -> None:
    receipts, chance = sized(150, RECEIPTS), random.Random(3)
    keys = keyed(shop, receipts // 3)
    states = []
    with served(shop, utcnow) as server:
        url, began = str(server.client.base_url).rstrip("/"), time.monotonic()
        facts = [(number, keys[number // 3], STATUSES[number % 3]) for number in range(receipts)]
        for _ in range(3):
            chance.shuffle(facts)
            with ThreadPoolExecutor(8) as pool:
                assert all(pool.map(lambda fact: posted(url, *fact), facts))
            states.append([rows(shop.engine, query) for query in STATE])
        took = time.monotonic() - began
    figures(
        f"receipts three times over, {shop.engine.dialect.name}",
        receipts=receipts, a_second=round(3 * receipts / took),
        state=hashlib.sha256(repr(states[-1]).encode()).hexdigest()[:12],
    )  # fmt: skip
    assert len(states[0][0]) == receipts
    assert {state for _, state in states[0][1]} == {"sent"}
    assert states[1:] == states[:1] * 2


STATE = (
    "SELECT source_id, customer_id, message, kind, at, flow, channel FROM receipt ORDER BY source_id",
    "SELECT id, state FROM message ORDER BY id",
    "SELECT customer_id, topic, at, withdrawn FROM consent ORDER BY customer_id, topic, at",
    "SELECT kind, address, reason, at FROM suppression ORDER BY kind, address",
)


@dataclass
class Calls:
    """When the call about each customer began."""

    begun: dict[str, float] = field(default_factory=dict)
    longest: float = 0.002

    def __call__(self, message: OutgoingMessage) -> Outcome:
        self.begun[message.customer] = time.monotonic()
        time.sleep(random.uniform(0, self.longest))
        return taken(message)


@pytest.mark.slow
def test_no_call_begins_after_a_withdrawal_was_answered(shop: Shop) -> None:
    messages, leaving, chance = sized(600, 10_000), sized(80, 1_000), random.Random(6)
    shop.write(project=LINKED)
    queued(shop, messages, when=utcnow() - timedelta(seconds=1))
    playbook, calls, answered = shop.playbook, Calls(), dict[str, float]()
    links = Links(KEYS, "shop", "")
    where = {"entry": 1, "step": "hello", "occurrence": "0", "channel": "email"}
    people = [who for (who,) in rows(shop.engine, "SELECT external_id FROM customer")]

    with served(shop, utcnow) as server:
        base = str(server.client.base_url).rstrip("/")

        def leave(customer: str) -> None:
            key = message_key("shop", customer, "greet", **where)  # type: ignore[arg-type]  # by name
            path = links.in_templates(key, "news")["unsubscribe"]
            answer = client().post(base + path, data={"List-Unsubscribe": "One-Click"})
            assert answer.status_code == 200
            answered[customer] = time.monotonic()

        sender = Worker(
            engine=shop.engine,
            outlets=[outlet(calls, at_once=20)],
            current=lambda: playbook,
            keys=KEYS,
            kill_file=shop.folder / "STOP",
            manner=Manner(clock=utcnow, until=Until.NOTHING_LEFT, poll=0.02),
        )
        thread = Thread(target=sender.run)
        thread.start()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(leave, chance.sample(people, leaving)))
        thread.join()
    late = [who for who, at in answered.items() if calls.begun.get(who, 0) > at]
    suppressed = rows(shop.engine, "SELECT count(*) FROM message WHERE state = 'suppressed'")
    figures(
        f"withdrawals beside messages, {shop.engine.dialect.name}",
        messages=messages, withdrawals=len(answered), calls=len(calls.begun),
        suppressed=suppressed[0][0], late=len(late),
    )  # fmt: skip
    assert late == []
    assert len(answered) == leaving
    assert 0 < suppressed[0][0] <= leaving
    assert len(calls.begun) == messages - suppressed[0][0]
