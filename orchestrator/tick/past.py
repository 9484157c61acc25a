"""Flows as earlier releases had them: where runs stand that an edit has passed by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.errors import EnvironmentFault
from orchestrator.flow.graph import Graph, graph
from orchestrator.playbook.model import Flow
from orchestrator.tick.releases import latest_release, recorded_playbook


@dataclass
class Past:
    """Reads flows out of recorded releases, each when it is first asked for."""

    connection: Connection
    unreadable: set[str] = field(default_factory=set)
    """Fingerprints of releases that this version of the product cannot read."""
    _released: dict[datetime, str | None] = field(default_factory=dict)

    def flow(self, release: str, name: str) -> Flow | None:
        """Return a flow as a release had it; None if it had none, or cannot be read."""
        try:
            playbook = recorded_playbook(self.connection, release)
        except EnvironmentFault:
            self.unreadable.add(release)
            return None
        return playbook.flows.get(name) if playbook else None

    def newest_with(self, name: str, step: str) -> Flow | None:
        """Return a flow as the newest release had it that had a step of this id."""
        found = (self.flow(release, name) for release in self.releases())
        return next((flow for flow in found if flow and step in graph(flow.steps).nodes), None)

    def has_other(self, release: str) -> bool:
        """Return whether there is a release beside this one."""
        query = select(tables.release.c.fingerprint).where(tables.release.c.fingerprint != release)
        return self.connection.execute(query.limit(1)).first() is not None

    def releases(self) -> Iterator[str]:
        """Yield the recorded releases: the latest that decided, then those recorded last."""
        latest = self.latest()
        if latest is not None:
            yield latest
        kept = tables.release.c
        query = select(kept.fingerprint).order_by(kept.recorded_at.desc(), kept.fingerprint)
        yield from (one for one in self.connection.scalars(query).all() if one != latest)

    def latest(self) -> str | None:
        """Return the release by which the latest live tick decided."""
        return latest_release(self.connection)

    def release_at(self, when: datetime) -> str | None:
        """Return the release by which the tick of an instant decided."""
        if when not in self._released:
            row = tables.tick.c
            query = select(row.release).where(row.at == to_micros(when))
            self._released[when] = self.connection.scalar(query)
        return self._released[when]


def place_after(then: Graph, step: str, now: Graph) -> str | None:
    """Return where a run goes on whose step is gone: the next step that followed and is left.

    None if none of them is left: the run is complete.
    """
    seen = {step}
    following = then.nodes[step].next
    while following is not None and following not in now.nodes and following not in seen:
        seen.add(following)
        following = _after(then, step, following)
    return following if following in now.nodes else None


def _after(then: Graph, step: str, passed: str) -> str | None:
    """Return what follows a step that is gone; where everybody goes inside, that is inside."""
    node = then.nodes[passed]
    everybody = node.step.comes_back or node.step.stops_when() is not None
    if everybody and passed not in then.nodes[step].around:
        return node.way("do")
    return node.next
