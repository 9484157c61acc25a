"""A trial: messages in a queue, a provider that notes what it takes, workers that do not live long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from faults import workers
from faults.kit import Processes, processes, wait_for
from faults.provider import acceptances
from harness import Shop
from sending import queued, queued_more
from sqlalchemy import select, text

from orchestrator import tables
from orchestrator.clock import utcnow
from orchestrator.delivery.policy import Doubt

LEASE = timedelta(seconds=1)

POLICIES: tuple[tuple[Doubt, int], ...] = (("park", 5), ("resend", 1), ("retry", 5))
"""Policy, and how many are at the wire together."""


@dataclass
class Trial:
    """A shop whose messages are sent to a provider by workers that do not live long."""

    shop: Shop
    children: Processes
    sending: workers.Sending
    note: Path
    messages: int
    cut_off: dict[tuple[int, int], datetime] = field(default_factory=dict)
    """(row, attempt) that was at the wire when a worker was killed → when that was."""
    kills: int = 0

    def begin(self) -> ForkServerProcess:
        """Start a worker."""
        return self.children.start(workers.send, self.sending)

    def accepted(self) -> int:
        """Return how many messages the provider has taken, twice or not."""
        return self.note.read_bytes().count(b"\n")

    def wait_for_more(self) -> None:
        """Wait until a worker that was just started has sent something, or nothing is left."""
        before = self.accepted()
        wait_for(lambda: self.accepted() > before or self.is_over(), every=0.005)

    def left(self) -> int:
        """Return how many messages are still to be sent."""
        left = "SELECT count(*) FROM message WHERE state IN ('queued', 'claimed', 'sending')"
        with self.shop.engine.connect() as connection:
            connection.execution_options(sqlite_begin="DEFERRED")  # stands in no worker's way
            return int(connection.execute(text(left)).scalar_one())

    def is_over(self) -> bool:
        """Return whether nothing is left to send."""
        return self.left() == 0

    def refill(self, least: int) -> None:
        """Let there always be work left, however fast the machine is."""
        if self.left() < least:
            queued_more(self.shop, least, when=utcnow())
            self.messages += least

    def end(self) -> dict[str, int]:
        """Let one worker see everything through; return what became of the messages."""
        self.sending = replace(self.sending, drains=True)
        assert self.children.join(self.begin()) == 0
        taken = acceptances(self.note)
        row = tables.message.c
        with self.shop.engine.connect() as connection:
            found = connection.execute(select(row.state, row.provider_key)).all()
        in_doubt = [key for state, key in found if state == "in_doubt"]
        return {
            "accepted": len(taken),
            "duplicates": sum(count - 1 for count in taken.values()),
            "most_copies": max(taken.values(), default=0),
            "in_doubt": len(in_doubt),
            "of_them_accepted": sum(key in taken for key in in_doubt),
            "lost_outside_doubt": sum(
                key not in taken for state, key in found if state != "in_doubt"
            ),
            "stuck": sum(state not in ("sent", "in_doubt") for state, _ in found),
        }

    def kill(self, victim: ForkServerProcess) -> None:
        """Kill a worker, and note what was at the wire just then."""
        when = utcnow()
        self.kills += 1
        self.children.kill(victim)
        row = tables.message.c
        with self.shop.engine.connect() as connection:
            connection.execution_options(sqlite_begin="DEFERRED")
            sending = select(row.id, row.attempt).where(row.state == "sending")
            for id, attempt in connection.execute(sending):
                self.cut_off.setdefault((id, attempt), when)

    def recovery(self) -> tuple[float, float]:
        """Return p50 and p99 of the seconds from a kill until what was at the wire was rescued."""
        event = tables.message_event.c
        with self.shop.engine.connect() as connection:
            query = select(event.message_id, event.attempt, event.at).where(event.kind == "crashed")
            rescued = connection.execute(query.order_by(event.id.desc()))
            found = {(id, attempt): at for id, attempt, at in rescued}  # the first time each
        took = sorted(
            (at - self.cut_off[which]).total_seconds()
            for which, at in found.items()
            if which in self.cut_off
        )
        if not took:
            return 0.0, 0.0
        last = min(len(took) - 1, len(took) * 99 // 100)
        return round(took[len(took) // 2], 3), round(took[last], 3)


@contextmanager
def trial(
    shop: Shop, folder: Path, policy: Doubt, *, messages: int, at_once: int
) -> Iterator[Trial]:
    """Yield a trial whose provider is up and whose queue is full."""
    queued(shop, messages, when=utcnow())
    folder.mkdir()
    note, port = folder / "accepted", folder / "port"
    note.touch()
    url = shop.engine.url.render_as_string(hide_password=False)
    asked = workers.Sending(shop.folder, url, port, policy, at_once, LEASE)
    with processes() as children:
        children.start(workers.provide, note, port, policy == "retry")
        wait_for(port.exists)
        yield Trial(shop, children, asked, note, messages)


def most_in_doubt(policy: Doubt, slots: int) -> int:
    """Return how many may stay in doubt: resent messages only if a second worker was lost too."""
    return {"park": slots, "resend": slots // 2, "retry": 0}[policy]
