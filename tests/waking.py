"""A scheduler under a virtual clock: a shop, a planner, and a hand that turns the hands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from harness import Shop, at
from sqlalchemy import select, update

from orchestrator import tables
from orchestrator.app import OpenProject, drain
from orchestrator.clock import utcnow
from orchestrator.delivery import outbox
from orchestrator.pausing import EVERYTHING, resume_flow
from orchestrator.scheduler.events import Happened, Voice
from orchestrator.scheduler.files import PlaybookFiles
from orchestrator.scheduler.lease import Candidate
from orchestrator.scheduler.note import note_path
from orchestrator.scheduler.outcome import Outcome
from orchestrator.scheduler.planner import Planner


class Clockwork:
    """One scheduler process, as far as it can be seen without real time."""

    def __init__(self, shop: Shop, when: str | datetime, **given: Any) -> None:
        self.shop = shop
        self.now = at(when) if isinstance(when, str) else when
        self.told: list[Happened] = []
        if not shop.files:
            shop.write()
        self.planner = Planner(
            engine=shop.engine,
            files=PlaybookFiles(shop.folder),
            note=note_path(shop.folder, shop.engine),
            voice=Voice(self.told.append),
            clock=lambda: self.now,
            candidate=Candidate(shop.engine),
            database_clock=lambda connection: self.now,
            **given,
        )

    def wake(self, when: str | datetime | None = None) -> Outcome:
        """Wake at an instant, else now; what is due is sent right after."""
        if when is not None:
            self.now = at(when) if isinstance(when, str) else when
        self.shop.import_facts()
        outcome = self.planner.wake()
        if outcome is Outcome.TICKED and self.planner.files.playbook is not None:
            opened = OpenProject(self.shop.folder, self.planner.files.playbook)
            drain(opened, self.planner.engine, self.now, self.planner.voice.say)
        return outcome

    def after(self, **span: float) -> Outcome:
        """Wake after some time."""
        return self.wake(self.now + timedelta(**span))

    def events(self) -> list[str]:
        """Return the names of what was told, and forget it."""
        names = [one.event for one in self.told]
        self.told.clear()
        return names

    def last(self, event: str) -> Happened:
        """Return the latest event of a name."""
        return next(one for one in reversed(self.told) if one.event == event)


def sent(shop: Shop) -> list[tuple[str, str, datetime]]:
    """Return (customer, step, deciding tick) of the ledger, in order."""
    row, customer = tables.message.c, tables.customer.c
    query = (
        select(customer.external_id, row.step, row.decided_at)
        .join_from(tables.message, tables.customer, row.customer_id == customer.id)
        .order_by(row.decided_at, customer.external_id, row.step)
    )
    with shop.engine.connect() as connection:
        return [tuple(found) for found in connection.execute(query)]


def ticks(shop: Shop) -> list[datetime]:
    """Return the instants of all ticks."""
    with shop.engine.connect() as connection:
        return list(connection.scalars(select(tables.tick.c.at).order_by(tables.tick.c.at)))


def resume_all(shop: Shop) -> None:
    """Do what ``clmctl resume --all`` does."""
    resume_flow(shop.engine, EVERYTHING, utcnow())


def approve_all(shop: Shop) -> None:
    """Do what ``clmctl outbox approve --all`` does: imports that pile up look like a surge."""
    with shop.engine.begin() as connection:
        outbox.approve(connection, None, utcnow())


def let_the_lease_run_out(shop: Shop) -> None:
    """Let the holder be gone for longer than its lease, and for longer than those of messages."""
    message = tables.message
    with shop.engine.begin() as connection:
        connection.execute(update(tables.lease).values(expires_at=0))
        held = message.c.lease_until.is_not(None)
        connection.execute(update(message).where(held).values(lease_until=0))
