"""What an edit will do to the people inside, as far as its author has to choose (CLM442)."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from orchestrator import tables
from orchestrator.counting import counted
from orchestrator.flow.graph import graph
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.tick.past import Past, place_after

CODE = "CLM442"


def open_questions(connection: Connection, playbook: Playbook) -> Iterator[Problem]:
    """Yield a warning per step, or flow, that runs stand on and that the files no longer have.

    A flow that says ``in_flight`` has chosen.
    """
    past = Past(connection)
    if past.latest() in (None, playbook.fingerprint):
        return
    gone: dict[str, int] = {}
    for name, step, runs in _places(connection):
        flow = playbook.flows.get(name)
        if flow is None:
            gone[name] = gone.get(name, 0) + runs
        elif "in_flight" not in flow.marks and step not in graph(flow.steps).nodes:
            yield _step_gone(past, flow, step, runs)
    for name, runs in gone.items():
        yield Problem(
            playbook.project.mark,
            CODE,
            f"{_runs(runs)} in {name}, which no file defines any more, and will end",
            help=f'bring the file back to let them finish, with "in_flight: drain"; the flow '
            f"must still be called {name}",
            severity="warning",
        )


def _places(connection: Connection) -> Iterator[tuple[str, str, int]]:
    run = tables.enrollment.c
    query = select(run.flow, run.step, func.count()).where(run.status == tables.ACTIVE)
    for row in connection.execute(query.group_by(run.flow, run.step).order_by(run.flow, run.step)):
        yield row[0], row[1], row[2]


def _step_gone(past: Past, flow: Flow, step: str, runs: int) -> Problem:
    name, now = str(flow.flow), graph(flow.steps)
    before = past.newest_with(name, step)
    to, added = None, ""
    if before is not None:
        then = graph(before.steps)
        to = place_after(then, step, now)
        kind = type(then.nodes[step].step)
        new = (one for one, node in now.nodes.items() if one not in then.nodes and node.step.id)
        added = next((one for one in new if type(now.nodes[one].step) is kind), "")
    outcome = f"go on at {to}" if to else "be complete"
    renamed = f'; if {added} took its place, call it "id: {step}"' if added else ""
    return Problem(
        flow.mark_at("steps"),
        CODE,
        f'{_runs(runs)} on "{step}", which {name} no longer has, and will {outcome}',
        help='say so with "in_flight: follow", or choose pin, restart or drain' + renamed,
        severity="warning",
    )


def _runs(count: int) -> str:
    return counted(count, "run stands", "runs stand")
