"""What can be wrong with the playbooks as they run: stale, stranding, unused, costly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from orchestrator.counting import counted
from orchestrator.criteria.base import Criterion
from orchestrator.criteria.sweep import Sweep
from orchestrator.flow.graph import graph
from orchestrator.health.finding import Finding
from orchestrator.health.status import Standing
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.vocabulary import names_of
from orchestrator.report.listing import messages_of
from orchestrator.tick.pauses import EVALUATED

SHOWN = 5


def release_findings(
    playbook: Playbook | None, refusal: str | None, standing: Standing
) -> Iterator[Finding]:
    """Yield whether the files are what decides."""
    release = standing.release
    if playbook is None:
        kept = f"; the release {release[:12]} goes on deciding" if release else ""
        yield Finding(
            "error", "playbooks", f"the files do not load: {refusal}{kept}", "clmctl check"
        )
    elif release is not None and release != playbook.fingerprint:
        yield Finding(
            "warning",
            "playbooks",
            f"the files, or the variables of --var, are not the release {release[:12]} that "
            "decided last",
            "see what they change: clmctl run --dry-run; the next tick takes them",
        )


def standing_still_findings(playbook: Playbook, standing: Standing) -> Iterator[Finding]:
    """Yield the flows that are set aside while people are inside (semantics 1)."""
    for name, inside in standing.flows.items():
        flow = playbook.flows.get(name)
        if flow is None or flow.status in EVALUATED:
            continue
        yield Finding(
            "warning",
            "runs",
            f"{counted(inside.active, 'run')} of {name} stand still, for it is {flow.status}",
            "to let them finish and nobody enter: status: live, in_flight: drain; to end them: "
            "delete the file",
        )


def run_findings(playbook: Playbook | None, standing: Standing) -> Iterator[Finding]:
    """Yield the runs that stand on a step, or in a flow, that is gone.

    After an edit the next tick moves them; if there was none, nothing will.
    """
    edited = playbook is not None and playbook.fingerprint != standing.release
    for lost in standing.stranded:
        back = f"bring back a step with that id, or say in_flight: restart in {lost.flow}"
        moved = f"the next run moves them, clmctl run --dry-run says where to; else {back}"
        yield Finding(
            "warning" if edited else "error",
            "runs",
            f"{counted(lost.runs, 'run')} of {lost.flow} at {lost.step or 'no step'}, which "
            "is not in the playbooks",
            moved if edited else back,
        )


def unused_findings(playbook: Playbook) -> Iterator[Finding]:
    """Yield the messages that no flow sends."""
    sent = {message for flow in playbook.flows.values() for message in messages_of(flow)}
    unused = sorted(set(playbook.messages) - sent)
    if unused:
        more = " …" if len(unused) > SHOWN else ""
        yield Finding(
            "warning",
            "playbooks",
            f"no flow sends: {', '.join(unused[:SHOWN])}{more}",
            "send them, or remove their folders below templates/",
        )


def cost_findings(playbook: Playbook, now: datetime) -> Iterator[Finding]:
    """Yield what makes every tick look at every customer."""
    for place, sweep in _sweeps(playbook, now):
        if not sweep.unsaid:
            continue
        listed = ", ".join(sorted(sweep.unsaid))
        yield Finding(
            "warning",
            "playbooks",
            f"{place} asks {listed}, of which the clock cannot tell whose answer it changes: "
            "every tick looks at every customer",
            "harmless below some 100,000 customers; else ask it at entry, in an audience",
        )


def _sweeps(playbook: Playbook, now: datetime) -> Iterator[tuple[str, Sweep]]:
    """Yield each thing that every tick asks, with what it says of the clock."""
    names = names_of(playbook)

    def swept(criterion: Criterion | None) -> Sweep:
        sweep = Sweep(names, now, now, (now.date(), now.date()))
        sweep.of(criterion)
        return sweep

    for stage in playbook.stages:
        yield f"stage {stage.stage}", swept(stage.when)
    for name, segment in playbook.segments.items():
        yield f"segment {name}", swept(segment.when)
    for name, flow in playbook.flows.items():
        if flow.status in EVALUATED:
            yield f"flow {name}", _sweep_of_flow(swept(flow.exits_when), flow)


def _sweep_of_flow(sweep: Sweep, flow: Flow) -> Sweep:
    name = str(flow.flow)
    for node in graph(flow.steps).nodes.values():
        for criterion in node.step.standing():
            sweep.of(criterion, name)
    for start in flow.starts_when:
        start.swept(sweep)
        if start.asks_again:
            sweep.of(flow.audience, name)
    if flow.goal is not None and flow.goal.did is not None:
        sweep.events(flow.goal.did, None, flow.goal.where)
    return sweep
