"""Flows as earlier releases had them, for the runs that are pinned to those (docs/edits.md).

A version is what a flow said in one or more releases. Runs that entered under one of them walk
its steps; status, guardrails and everything outside the flow are today's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import lru_cache

from sqlalchemy import ColumnElement, FromClause, and_, case, func, literal, select

from orchestrator import tables
from orchestrator.columns import exact_text
from orchestrator.flow.brought import result_types
from orchestrator.flow.entry import entry_types
from orchestrator.flow.graph import graph
from orchestrator.flow.meaning import meaning_of
from orchestrator.playbook.draft import Draft
from orchestrator.playbook.files import files_of
from orchestrator.playbook.load import layers
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.read import draft_of
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow

_FLEETING = ("title", "owner", "status", "guardrails", "in_flight", "tags", "note", "meta")
"""Words of a flow that are today's for everybody."""


def find(tick: Tick) -> None:
    """Note the versions that active runs are pinned to, and let their steps be walked."""
    if not tick.is_edited:
        return
    pinned = [live for live in tick.flows.values() if live.flow.in_flight == "pin"]
    tick.pinned = tuple(version for live in pinned for version in _versions(tick, live))
    if tick.pinned and tick.past.latest() != tick.playbook.fingerprint:
        tick.is_full = True  # what these ask was not asked of those who are pinned since today


def _versions(tick: Tick, live: LiveFlow) -> Iterator[LiveFlow]:
    """Yield the versions of a flow that differ from today's and can still be walked."""
    found: dict[str, tuple[Flow, list[str]]] = {}
    for release in _releases(tick, live.name):
        flow = tick.past.flow(release, live.name)
        if flow is None:
            _say_unwalkable(tick, live, release)
        elif (said := _said(flow)) != _said(live.flow):
            found.setdefault(said, (flow, []))[1].append(release)
    for flow, releases in found.values():
        today = dataclasses.replace(
            flow, **{name: getattr(live.flow, name) for name in ("status", "guardrails")}
        )
        if _fits(tick.playbook, today):
            yield _version(tick, live, today, releases)
        else:
            _say_unwalkable(tick, live, releases[0])


def _version(tick: Tick, live: LiveFlow, flow: Flow, releases: list[str]) -> LiveFlow:
    segments = {name: segment.when for name, segment in tick.playbook.segments.items()}
    return dataclasses.replace(
        live,
        flow=flow,
        graph=graph(flow.steps),
        entry_types=entry_types(flow.starts_when, segments, tick.names, flow=live.name),
        result_types=result_types(flow.steps, tick.names),
        version=releases[0],
        releases=tuple(releases),
    )


def _releases(tick: Tick, name: str) -> list[str]:
    """Return the other releases that runs inside a flow entered it under: a look-up for each."""
    rows, found, last = tables.enrollment.c, [], ""
    inside = select(func.min(rows.release)).where(rows.flow == name, rows.status == tables.ACTIVE)
    while (release := tick.connection.scalar(inside.where(rows.release > last))) is not None:
        found.append(last := release)
    return [one for one in found if one != tick.playbook.fingerprint]


def _said(flow: Flow) -> str:
    plain = {
        field.name: getattr(flow, field.name)
        for field in dataclasses.fields(flow)
        if field.compare and field.name not in _FLEETING
    }
    return meaning_of(plain)


def _fits(playbook: Playbook, flow: Flow) -> bool:
    """Return whether everything that an earlier flow names is still there and of its type."""
    flows = {**playbook.flows, str(flow.flow): flow}
    problems = layers(_draft(playbook), dataclasses.replace(playbook, flows=flows))
    return not any(problem.severity == "error" for problem in problems)


def _draft(playbook: Playbook) -> Draft:
    return _draft_of(tuple(playbook.files.items()), tuple(playbook.variables.items()))


@lru_cache(maxsize=2)
def _draft_of(files: tuple[tuple[str, str], ...], given: tuple[tuple[str, str], ...]) -> Draft:
    return draft_of(files_of(dict(files)), dict(given))


def _say_unwalkable(tick: Tick, live: LiveFlow, release: str) -> None:
    tick.notes.append(
        f"the runs of {live.name} that are pinned to the release {release[:12]} follow the flow "
        "of today: what they were pinned to names what is no longer there, or cannot be read"
    )


def version_of(tick: Tick, name: str, rows: FromClause) -> ColumnElement[str]:
    """Return the version of a flow that a run walks, '' for today's.

    A run that stands on a step that its own release had not walks today's.

    Args:
        rows: with the columns of ``enrollment``.
    """
    whens = [
        (
            and_(rows.c.release.in_(live.releases), rows.c.step.in_(list(live.graph.nodes))),
            literal(live.version, exact_text()),
        )
        for live in tick.pinned
        if live.name == name
    ]
    today = literal("", exact_text())
    return case(*whens, else_=today) if whens else today
