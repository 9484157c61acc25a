"""Stages and segments (semantics 24, 25)."""

from __future__ import annotations

from dataclasses import replace

from reference.conditions import holds, present_stay
from reference.state import Tick
from reference.view import Stay
from reference.world import Person

from orchestrator import timing
from orchestrator.criteria.base import Criterion, leaves
from orchestrator.criteria.kinds.attribute import AttributeIs
from orchestrator.criteria.kinds.membership import InSegment, InStage, StageMove
from orchestrator.playbook.model import Playbook, Stage


def evaluate_models(work: Tick) -> None:
    """Bring every stay up to now; edited definitions first silently at the watermark."""
    for name in _models(work.playbook):
        text = fingerprint(work.playbook, name)
        known = work.state.definitions.get(name)
        if known is not None and known != text and work.state.watermark is not None:
            _evaluate(replace(work, now=work.state.watermark), name, silent=True)
    for name in _models(work.playbook):
        text = fingerprint(work.playbook, name)
        _evaluate(work, name, silent=name not in work.state.definitions)
        work.state.definitions[name] = text


STAGES = "stages"


def _models(playbook: Playbook) -> list[str]:
    """Return ``stages`` and the segments, each after those it mentions."""
    names = [*(f"segment {name}" for name in playbook.segments)]
    if playbook.stages:
        names.append(STAGES)
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        for other in sorted(_mentioned(playbook, name) - {name}):
            visit(other)
        ordered.append(name)

    for name in sorted(names):
        visit(name)
    return ordered


def _criteria(playbook: Playbook, name: str) -> list[Criterion]:
    if name == STAGES:
        return [stage.when for stage in playbook.stages if stage.when]
    return [playbook.segments[name.removeprefix("segment ")].when]


def _mentioned(playbook: Playbook, name: str) -> set[str]:
    found = set()
    for criterion in _criteria(playbook, name):
        for leaf in leaves(criterion):
            if isinstance(leaf, InSegment):
                found.add(f"segment {leaf.operand}")
            elif isinstance(leaf, InStage | StageMove):
                found.add(STAGES)
    return found


def fingerprint(playbook: Playbook, name: str) -> str:
    """Return a text that changes when the resolved definition does."""
    attributes = playbook.catalog.attributes or {}
    named = {
        leaf.operand: repr(attributes.get(leaf.operand))
        for criterion in _criteria(playbook, name)
        for leaf in leaves(criterion)
        if isinstance(leaf, AttributeIs)
    }
    own = repr(playbook.stages) if name == STAGES else repr(_criteria(playbook, name))
    others = [fingerprint(playbook, other) for other in sorted(_mentioned(playbook, name) - {name})]
    return repr((own, sorted(named.items()), repr(playbook.catalog.events), others))


def _evaluate(work: Tick, name: str, *, silent: bool) -> None:
    for person in work.world.existing(work.now):
        if name == STAGES:
            _move_stage(work, person, silent)
        else:
            _move_segment(work, person, name.removeprefix("segment "), silent)


def _move_stage(work: Tick, person: Person, silent: bool) -> None:
    stays = work.state.past.stages.setdefault(person.external_id, [])
    present = present_stay(work.state.past, person.external_id)
    answer = _stage_of(work, person, present)
    if present is not None and present.name == answer:
        return
    if present is not None:
        stays[-1] = replace(present, ended=work.now, ended_silent=silent)
    if answer is not None:
        stays.append(_stay(work, person, answer, silent))


def _stay(work: Tick, person: Person, name: str, silent: bool) -> Stay:
    unseen = person.external_id not in work.state.known
    return Stay(name, work.now, silent=silent, first_seen=unseen and not silent)


def _stage_of(work: Tick, person: Person, present: Stay | None) -> str | None:
    model = work.playbook.stages
    kept = next((one for one in model if present and one.stage == present.name), None)
    if kept is not None and present is not None and _must_stay(work, kept, present):
        return present.name
    for stage in model:
        view = work.view(person.external_id, owner=stage.stage)
        if stage.otherwise or (stage.when is not None and holds(stage.when, view)):
            return stage.stage
    return None


def _must_stay(work: Tick, stage: Stage, present: Stay) -> bool:
    least = stage.stay_at_least
    return least is not None and present.began > timing.minus(work.now, least)


def _move_segment(work: Tick, person: Person, name: str, silent: bool) -> None:
    stays = work.state.past.segments.setdefault((name, person.external_id), [])
    inside = bool(stays) and stays[-1].ended is None
    segment = work.playbook.segments[name]
    answer = holds(segment.when, work.view(person.external_id, owner=name))
    if answer and not inside:
        stays.append(_stay(work, person, name, silent))
    elif inside and not answer:
        stays[-1] = replace(stays[-1], ended=work.now, ended_silent=silent)
