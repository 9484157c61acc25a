"""How much memory a worker takes over a long queue: ``python -m tests.bench.memory [MESSAGES]``.

A worker in a process of its own sends all of a queue to a null sink, on each database. Its own
memory and that of the processes that render for it is read while it works. Linux only.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import dispatching
from databases import migrated
from harness import Shop
from sqlalchemy import func, select

from orchestrator import tables

LOOKS = 20
"""How often is looked, about."""
SECONDS_EACH = 1 / 4_000
"""A message takes about so long."""


class Look(NamedTuple):
    """What a worker takes at one time."""

    sent: int
    """Messages sent so far."""
    worker: int
    """Resident memory of the worker, in MB."""
    renderers: int
    """The same of all processes below it, what they share with each other counted once for each."""


def resident(process: int) -> int:
    """Return the resident memory of a process in MB; 0 if it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(found[0].split()[1]) // 1024 if found else 0


def below(process: int) -> list[int]:
    """Return the processes that a process has started, and theirs."""
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
        text = " ".join((one / "children").read_text() for one in threads)
    except OSError:
        return []
    own = {int(one) for one in text.split()}
    return [*own, *(deeper for one in own for deeper in below(one))]


def looked(shop: Shop, url: str, messages: int) -> list[Look]:
    """Send all there is by one worker process; return what it took meanwhile."""
    command = [sys.executable, dispatching.__file__, "--worker", url, str(shop.folder)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    looks = []
    sent = select(func.count()).where(tables.message.c.state == "sent")
    while running.poll() is None:
        time.sleep(max(1.0, messages * SECONDS_EACH / LOOKS))
        with shop.engine.connect() as connection:
            count = connection.scalar(sent) or 0
        own, others = resident(running.pid), sum(map(resident, below(running.pid)))
        if own and count:
            looks.append(Look(count, own, others))
    assert running.communicate()[0].strip() == str(messages)
    return looks


@contextmanager
def sqlite() -> Iterator[str]:
    """Yield the URL of an empty SQLite database."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        migrated(url).dispose()
        yield url


def main() -> None:
    """Print what a worker takes at first, in the middle, at last and at most."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for kind, database in (("SQLite", sqlite), ("PostgreSQL", dispatching.durable_postgres)):
        with database() as url, tempfile.TemporaryDirectory() as folder:
            shop = dispatching.filled(url, Path(folder) / "shop", messages)
            looks = looked(shop, url, messages)
            shop.engine.dispose()
        print(f"memory of a worker, {messages:,} messages, {kind}:")
        for one in (looks[0], looks[len(looks) // 2], looks[-1]):
            print(f"  {one.sent:>9,} sent: {one.worker} MB, what renders for it {one.renderers} MB")
        most = max(one.worker for one in looks), max(one.renderers for one in looks)
        print(f"  at most {most[0]} MB and {most[1]} MB", flush=True)


if __name__ == "__main__":
    main()
