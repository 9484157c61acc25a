"""What can be wrong with the playbooks as they run: stale, stranding, unused, costly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from orchestrator.criteria.base import Criterion
from orchestrator.criteria.sweep import Sweep
from orchestrator.health.finding import Finding
from orchestrator.health.status import Standing
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.vocabulary import names_of
from orchestrator.report.layout import counted
from orchestrator.report.listing import messages_of
from orchestrator.tick.watched import standing_conditions

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
            f"the files are not the release {release[:12]} that decided last",
            "see what they change: clmctl run --dry-run; the next tick takes them",
        )


def run_findings(standing: Standing) -> Iterator[Finding]:
    """Yield the runs that stand on a step, or in a flow, that is gone."""
    for lost in standing.stranded:
        yield Finding(
            "error",
            "runs",
            f"{counted(lost.runs, 'run')} of {lost.flow} at {lost.step or 'no step'}, which "
            "is not in the playbooks",
            f"bring back a step with that id, or say in_flight: restart in {lost.flow}",
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
    whole: dict[str, set[str]] = {}
    for place, criterion in _standing(playbook):
        sweep = Sweep(names_of(playbook), now, now, (now.date(), now.date()))
        sweep.of(criterion)
        if sweep.unsaid:
            whole.setdefault(place, set()).update(sweep.unsaid)
    for place, heads in whole.items():
        listed = ", ".join(sorted(heads))
        yield Finding(
            "warning",
            "playbooks",
            f"{place} asks {listed}, of which the clock cannot tell whose answer it changes: "
            "every tick looks at every customer",
            "harmless below some 100,000 customers; else ask it at entry, in an audience",
        )


def _standing(playbook: Playbook) -> Iterator[tuple[str, Criterion]]:
    for stage in playbook.stages:
        if stage.when is not None:
            yield f"stage {stage.stage}", stage.when
    for name, segment in playbook.segments.items():
        yield f"segment {name}", segment.when
    for name, flow in playbook.flows.items():
        if flow.status in ("live", "shadow"):
            for criterion in standing_conditions(flow):
                yield f"flow {name}", criterion
