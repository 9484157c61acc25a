"""One tick, a span of them, one customer's case: what verbs ask of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from orchestrator.app.delivery import Remarks, drain
from orchestrator.app.opening import OpenProject
from orchestrator.playbook.model import Flow

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.records.explained import Explained
    from orchestrator.records.ticks import DecisionLine, Sizes, TickReport
    from orchestrator.simulation.span import Simulation, SpanRequest

ALREADY_DONE = "a tick of this instant or a later one was run already; nothing was done"


@dataclass(frozen=True)
class TickRequest:
    """What one tick is asked to do."""

    now: datetime
    dry_run: bool
    as_live_since: datetime | None = None
    """Preview: flows never yet live count as live since then (semantics 1)."""
    drafts: frozenset[str] = frozenset()
    """Drafts that count as live in such a preview."""
    flows: frozenset[str] | None = None
    """Tell only the decisions of these flows; None is all. The others still compete."""
    reveal: bool = False
    """Whether personal attributes are rendered unmasked."""
    whole: int | None = None
    """How many masked messages of each kind are told with their text; None is all."""
    slack: timedelta = timedelta()
    """How far ``now`` may lie behind the latest tick (``TickPlan.slack``)."""


Passed = Callable[[str], None]
"""Called with the name of each station of the tick as it begins."""


@contextmanager
def one_tick(
    opened: OpenProject, engine: Engine, request: TickRequest, passed: Passed
) -> Iterator[tuple[TickReport, Iterator[DecisionLine]]]:
    """Run one tick; inside the context its decisions can be read, once, rendered as they pass.

    The decisions come in the order they are told: (at, customer, flow, entry, step, channel).

    Raises:
        UsageError: ``now`` is before the last tick, in a dry run.
        EnvironmentFault: the database or the disk refused, or the tick is to be kept and the secret
            that is here is not the one that the database signs links with.
    """
    from orchestrator.database_faults import database_faults
    from orchestrator.delivery.claims import waiting_calls
    from orchestrator.delivery.signers import refuse_another
    from orchestrator.render.mask import Masking
    from orchestrator.telling import decision_lines
    from orchestrator.tick.run import TickPlan, dry_run, live_run

    if not request.dry_run:
        refuse_another(engine, opened.folder)
    plan = TickPlan(
        opened.playbook,
        request.now,
        request.as_live_since,
        request.drafts,
        at_station=passed,
        slack=request.slack,
    )
    masking = None if request.reveal else Masking(opened.playbook)
    run, waiting = dry_run if request.dry_run else live_run, 0
    notes = [] if request.dry_run else _restored(opened, engine)
    with database_faults(), run(engine, plan) as ticked:
        if not request.dry_run:
            if not notes:
                _keep_note(opened, engine, request.now)
            passed("outbox")
            said = Remarks()
            drain(opened, engine, request.now, said)
            notes += said.sentences
            with engine.connect() as connection:
                connection.execution_options(sqlite_begin="DEFERRED")
                waiting = waiting_calls(connection)
        report = ticked.report
        report = replace(report, notes=(*report.notes, *notes)) if notes else report
        if waiting:
            report = replace(report, notes=(*report.notes, _calls_wait(waiting)))
        if ticked.did_nothing:
            report = replace(report, notes=(*report.notes, ALREADY_DONE))
        yield report, decision_lines(ticked.tick, masking, request.flows, whole=request.whole)


def _restored(opened: OpenProject, engine: Engine) -> list[str]:
    """Return the remark about a database that is older than the last tick run from here."""
    from orchestrator.database_faults import database_faults
    from orchestrator.scheduler.doubts import of_another_past
    from orchestrator.scheduler.note import memory_of, note_path, read_note

    note = read_note(note_path(opened.folder, engine))
    if note is None:
        return []
    with database_faults(), engine.connect() as connection:
        connection.execution_options(sqlite_begin="DEFERRED")
        found = of_another_past(memory_of(connection), note)
    return [found[1]] if found else []


def _keep_note(opened: OpenProject, engine: Engine, now: datetime) -> None:
    from orchestrator.scheduler.note import keep_note, note_path

    keep_note(engine, note_path(opened.folder, engine), now)


def _calls_wait(count: int) -> str:
    from orchestrator.counting import counted

    calls = counted(count, "call of a webhook", "calls of webhooks")
    return f"{calls} in the ledger, queued: clmctl import answers tells what came of them"


@contextmanager
def simulated(
    opened: OpenProject, engine: Engine, request: SpanRequest, passed: Passed
) -> Iterator[Simulation]:
    """Lay out a simulated span of time over a copy of the database; at the end it is removed.

    Raises:
        EnvironmentFault: the database or the disk refused.
    """
    from orchestrator.database_faults import database_faults
    from orchestrator.simulation.span import simulation

    with database_faults(), simulation(engine, opened.playbook, request, passed) as found:
        yield found


def sizes(opened: OpenProject, engine: Engine, at: str | None, passed: Passed) -> Sizes:
    """Return how many customers are in each stage and segment, as a tick finds them.

    Raises:
        UsageError: ``at`` is no time, or before the last tick.
        EnvironmentFault: the database refused.
    """
    from orchestrator.database_faults import database_faults
    from orchestrator.tick import results
    from orchestrator.tick.run import TickPlan, states_of

    plan = TickPlan(opened.playbook, opened.now(at), at_station=passed, slack=opened.slack(at))
    with database_faults(), states_of(engine, plan) as tick:
        return results.sizes(tick)


@dataclass(frozen=True)
class ExplainRequest:
    """What one explanation is asked about."""

    customer: str
    """External id."""
    flow: Flow
    now: datetime
    as_live_since: datetime | None = None
    """As in a preview: flows never yet live count as live since then, a draft too."""
    reveal: bool = False
    """Whether addresses and personal attributes are shown unmasked."""
    key: str | None = None
    """The value of the flow's ``key`` to explain; None is the latest."""
    slack: timedelta = timedelta()
    """How far ``now`` may lie behind the latest tick (``TickPlan.slack``)."""


def explain_customer(opened: OpenProject, engine: Engine, request: ExplainRequest) -> Explained:
    """Return why one customer does or does not enter a flow.

    Raises:
        NotFoundError: there is no such customer.
        UsageError: ``now`` is before the last tick, or the flow cannot have such a key.
        EnvironmentFault: the database refused.
    """
    from orchestrator.database_faults import database_faults
    from orchestrator.explain.entry import explaining
    from orchestrator.tick.run import TickPlan

    name = str(request.flow.flow)
    drafts = {name} if request.as_live_since and request.flow.status == "draft" else frozenset()
    plan = TickPlan(
        opened.playbook, request.now, request.as_live_since, drafts, slack=request.slack
    )
    with (
        database_faults(),
        explaining(engine, plan, request.flow, reveal=request.reveal) as explainer,
    ):
        return _with_stops(opened, engine, explainer.explain(request.customer, request.key))


def _with_stops(opened: OpenProject, engine: Engine, explained: Explained) -> Explained:
    """Return it with what keeps the run's queued messages from leaving."""
    from orchestrator.delivery.keeping import kept_back

    rows = [one.id for one in explained.messages if one.id is not None]
    if not rows:
        return explained
    with engine.connect() as connection:
        connection.execution_options(sqlite_begin="DEFERRED")
        why = kept_back(connection, opened.playbook, opened.folder, rows)
    messages = [replace(one, why=why.get(one.id or 0, one.why)) for one in explained.messages]
    return replace(explained, messages=messages)
