"""Letting conditions see what a tick has changed so far, station by station."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import FromClause, Table

from orchestrator import tables
from orchestrator.tick import overlay, workspace
from orchestrator.tick.context import Tick


def show_stays(tick: Tick) -> None:
    """Let conditions see the stages and segments as changed so far."""
    stages = (workspace.stage_opened, workspace.stage_closed)
    segments = (workspace.segment_opened, workspace.segment_closed)
    tick.facts = replace(
        tick.facts,
        stages=_stays(tick, tables.stage_interval, *stages),
        segments=_stays(tick, tables.segment_interval, *segments),
    )


def show_messages(tick: Tick) -> None:
    """Let conditions see the messages this tick has decided."""
    tick.facts = replace(tick.facts, messages=overlay.messages_with_changes())


def show_runs(tick: Tick) -> None:
    """Let conditions see the runs this tick has ended and opened so far."""
    tick.facts = replace(tick.facts, runs=overlay.runs_with_changes())


@contextmanager
def runs_before_entries(tick: Tick, flow: str) -> Iterator[None]:
    """Let conditions see, inside, the runs as they were while a flow's entries were decided."""
    seen = tick.facts
    tick.facts = replace(seen, runs=overlay.runs_with_changes(undecided=flow))
    try:
        yield
    finally:
        tick.facts = seen


def show_attributes(tick: Tick) -> None:
    """Let conditions see the attributes this tick has set."""
    tick.facts = replace(tick.facts, attributes=overlay.attributes_with_changes())


def show_consents(tick: Tick) -> None:
    """Let conditions and the gate see the consents this tick has written."""
    tick.facts = replace(
        tick.facts, consents=overlay.with_changes(tables.consent, workspace.consent)
    )


def show_tasks(tick: Tick) -> None:
    """Let conditions see the tasks this tick has given."""
    tick.facts = replace(tick.facts, tasks=overlay.with_changes(tables.task, workspace.task))


def show_results(tick: Tick) -> None:
    """Let conditions see what steps of this tick have brought back."""
    tick.facts = replace(tick.facts, results=overlay.results_with_changes())


def _stays(tick: Tick, base: Table, opened: Table, closed: Table) -> FromClause:
    filled = frozenset(tick.filled & {opened.name, closed.name})
    return overlay.stays_with_changes(base, opened, closed, filled)
