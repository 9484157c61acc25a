"""A shop in a few lines: playbooks as YAML, customers and events as plain values.

``Shop`` writes the playbooks into a real project folder, loads them as ``clmctl`` does, and
the facts into a real database. Every message that a flow sends gets a small template for
every channel, unless the test writes one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any
from zoneinfo import ZoneInfo

import ticking
from asking import selected
from programmes import criterion
from reference.loading import load
from reference.world import ConsentAct, Happening, Person, ReceiptFact, World
from sqlalchemy import Engine, select

from orchestrator import tables
from orchestrator.playbook.load import load as load_project
from orchestrator.playbook.model import Playbook

PROJECT = """
project: shop
timezone: Europe/Vienna
guardrails: {quiet_hours: none}
"""
CATALOG = """
events:
  signed_up: {}
  buy: {amount: money, score: number, kind: text, cart: text, day: date}
  view: {cart: text, score: number}
attributes:
  plan: text
  points: number
  balance: money
  vip: boolean
  birthday: date
  renewal: datetime
  likes: list
topics:
  news: marketing
  texts: {purpose: marketing, channels: [sms]}
  bills: transactional
"""
PACKAGES = Path(__file__).parent / "packages"
"""A package with conditions of its own, as if it were installed where this is on the path."""
BUILT_IN = ("email", "phone", "push_token", "locale", "timezone", "preferred_channel")
SENT = re.compile(r"send: *([a-z_0-9]+)")


def at(written: str) -> datetime:
    """Return the instant of an ISO text; without offset it is UTC."""
    read = datetime.fromisoformat(written)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


class Shop:
    """A project and its data; ticks and questions about them."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.world = World()
        self.files: dict[str, str] = {}

    # --- setting up ---------------------------------------------------------------------

    def write(self, **files: str) -> Shop:
        """Write playbooks: ``win_back="flow: win_back …"`` is ``playbooks/win_back.yaml``."""
        self.files = {"project": PROJECT, "catalog": CATALOG} | self.files | files
        for name, text in self.files.items():
            path = self.folder / "playbooks" / f"{name}.yaml"
            path.parent.mkdir(exist_ok=True)
            content = dedent(text).lstrip()
            # A worker that looks just now sees whole files, and only those anew that differ.
            if not path.exists() or path.read_text(encoding="utf-8") != content:
                draft = path.with_suffix(".draft")
                draft.write_text(content, encoding="utf-8")
                draft.replace(path)
            for message in SENT.findall(text):
                self.template(message)
        return self

    def template(self, message: str, settings: str = "") -> Shop:
        """Write a message's templates, and its settings if any."""
        folder = self.folder / "templates" / message
        folder.mkdir(parents=True, exist_ok=True)
        mail = folder / "email.txt.j2"
        mail.write_text(f"---\nsubject: {message}\n---\nHello.\n", encoding="utf-8")
        for channel in ("sms", "push", "onsite"):
            (folder / f"{channel}.txt.j2").write_text("Hello.\n", encoding="utf-8")
        if settings:
            (folder / "message.yaml").write_text(settings + "\n", encoding="utf-8")
        return self

    def customers(self, **people: Mapping[str, Any]) -> Shop:
        """Add customers by id: built-in columns, ``created_at``, ``topics``, attributes.

        Everybody has an e-mail address and all marketing topics unless something else is said.
        """
        for id, given in people.items():
            said = {"email": f"{id}@shop.example", "topics": ("news", "texts"), **given}
            topics, created = said.pop("topics"), said.pop("created_at", None)
            columns = {name: said.pop(name) for name in BUILT_IN if name in said}
            person = Person(id, created_at=at(created) if created else None, **columns)
            person = replace(person, attributes={key: str(value) for key, value in said.items()})
            acts = tuple(ConsentAct(id, topic) for topic in topics)
            self.world = self.world.plus(World(people=(person,), consents=acts))
        return self

    def event(self, customer: str, name: str, when: str, id: str = "", **properties: Any) -> Shop:
        """Add one event."""
        number = id or f"e{len(self.world.happenings):04}"
        raw = {key: str(value) for key, value in properties.items()}
        done = Happening(number, customer, name, at(when), raw)
        self.world = self.world.plus(World(happenings=(done,)))
        return self

    def receipt(self, customer: str, kind: str, message: str, when: str, **more: str) -> Shop:
        """Add what became of a message."""
        number = f"r{len(self.world.receipts):04}"
        fact = ReceiptFact(number, customer, message, kind, at(when), **more)
        self.world = self.world.plus(World(receipts=(fact,)))
        return self

    def consent(self, customer: str, topic: str, when: str, *, withdrawn: bool = False) -> Shop:
        """Add an act of consent or withdrawal."""
        act = ConsentAct(customer, topic, at(when), withdrawn)
        self.world = self.world.plus(World(consents=(act,)))
        return self

    # --- asking -------------------------------------------------------------------------

    @property
    def playbook(self) -> Playbook:
        """The project as it stands, which must have no errors."""
        if not self.files:
            self.write()
        loaded = load_project(self.folder)
        assert loaded.playbook is not None, "\n".join(map(str, loaded.problems))
        return loaded.playbook

    def import_facts(self) -> Shop:
        """Write all facts added so far that the database does not have yet."""
        load_new(self.engine, self.world)
        return self

    def selects(self, asked: Any, when: str) -> set[str]:
        """Return for whom a condition holds."""
        self.import_facts()
        found = selected(self.engine, self.playbook, [criterion(asked)], at(when), owner="test")
        return found[0]

    def tick(self, when: str) -> list[dict[str, Any]]:
        """Run a live tick; returns its decisions, and keeps ``left_out``."""
        self.import_facts()
        return self._lines(ticking.live(self.engine, self.playbook, at(when)))

    def preview(self, when: str, as_live_since: str | None = None) -> list[dict[str, Any]]:
        """Run a dry tick; returns its decisions, and keeps ``left_out``."""
        self.import_facts()
        since = at(as_live_since) if as_live_since else None
        return self._lines(ticking.preview(self.engine, self.playbook, at(when), since))

    def _lines(self, told: ticking.Told) -> list[dict[str, Any]]:
        self.left_out = Counter({reason: n for (_, reason), n in told.left_out.items()})
        self.stage_counts = told.stages
        return [asdict(decision) for decision in told.decisions]

    def told(self, when: str) -> list[tuple[str, str, str | None]]:
        """Run a live tick; returns (customer, decision, reason or channel) of each line."""
        return [
            (one["customer"], one["decision"], one["reason"] or one["channel"])
            for one in self.tick(when)
        ]

    def stages(self) -> dict[str, str]:
        """Return customer → present stage."""
        stay, customer = tables.stage_interval.c, tables.customer.c
        query = (
            select(customer.external_id, stay.stage)
            .join_from(tables.stage_interval, tables.customer, stay.customer_id == customer.id)
            .where(stay.ended_at.is_(None))
        )
        with self.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def runs(self) -> list[tuple[str, str, int, str | None]]:
        """Return (flow, customer, entry, exit reason) of every run, sorted."""
        found = ticking.runs(self.engine)
        return sorted((one[0], one[1], one[2], one[5]) for one in found)


def load_new(engine: Engine, world: World) -> None:
    """Write what the database does not have yet, as a later import would."""
    with engine.connect() as connection:
        people = set(connection.scalars(select(tables.customer.c.external_id)))
        events = set(connection.scalars(select(tables.event.c.source_id)))
        answers = set(connection.scalars(select(tables.receipt.c.source_id)))
        own = tables.consent.c.source != "flow"
        acts = connection.execute(select(tables.consent.c.id).where(own)).all()
    fresh = replace(
        world,
        people=tuple(one for one in world.people if one.external_id not in people),
        happenings=tuple(one for one in world.happenings if one.source_id not in events),
        consents=world.consents[len(acts) :],
        receipts=tuple(one for one in world.receipts if one.source_id not in answers),
    )
    load(engine, fresh, ZoneInfo("Europe/Vienna"), whole=world)


def names(lines: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the customers of some decisions."""
    return {line["customer"] for line in lines}
