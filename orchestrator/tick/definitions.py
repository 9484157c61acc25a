"""What stages, segments and flows mean, as texts to be compared: whether an edit changed it.

A changed meaning of one condition makes a tick a full one; a changed stage model or segment is
first evaluated silently at the last tick's instant as well (semantics 25).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from graphlib import TopologicalSorter

from sqlalchemy import Connection, select

from orchestrator import tables
from orchestrator.criteria.base import Criterion, leaves
from orchestrator.criteria.resolved import fingerprint, plain_text, resolved_text
from orchestrator.flow.graph import in_document_order
from orchestrator.flow.meaning import meaning_of
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.vocabulary import names_of

Key = tuple[str, str]
STAGES: Key = ("stages", "stages")
"""The key of the stage model; a segment's is ``segment, <name>``, a flow's ``flow, <id>``."""
CLOCK: Key = ("clock", "")
"""The key of what all conditions share; a database without it was last read in another way."""

GATE: Key = ("gate", "")
"""The key of everything that the gate goes by, and of who is asked before it."""


@dataclass(frozen=True)
class Unit:
    """The stage model or one segment: what is evaluated as one."""

    key: Key
    mentions: frozenset[Key]
    fingerprint: str


def known(connection: Connection) -> dict[Key, str]:
    """Return the fingerprints of everything as the latest live tick evaluated it."""
    table = tables.definition
    rows = connection.execute(select(table.c.kind, table.c.name, table.c.fingerprint))
    return {(kind, name): digest for kind, name, digest in rows}


def edited(connection: Connection, playbook: Playbook) -> set[Key]:
    """Return what means something else than to the latest live tick; new flows do not count."""
    before = known(connection)
    return {
        key
        for key, digest in meanings(playbook).items()
        if before.get(key) != digest and (key in before or key[0] != "flow")
    }


@lru_cache(maxsize=8)
def units(playbook: Playbook) -> Sequence[Unit]:
    """Return the stage model and the segments, each after those it mentions."""
    found = {unit.key: unit for unit in _units(playbook)}
    order = TopologicalSorter({key: found[key].mentions & found.keys() for key in sorted(found)})
    return [found[key] for key in order.static_order()]


@lru_cache(maxsize=8)
def meanings(playbook: Playbook) -> Mapping[Key, str]:
    """Return key → fingerprint of everything that ticks evaluate."""
    found = {unit.key: unit.fingerprint for unit in units(playbook)}
    found[CLOCK] = fingerprint(f"1 {playbook.project.timezone}")
    found[GATE] = fingerprint(_gate_text(playbook))
    for name, flow in playbook.flows.items():
        found["flow", name] = fingerprint(_flow_text(playbook, flow))
    return found


def _gate_text(playbook: Playbook) -> str:
    """Return what may decide about a send, and more than that: what it costs is one new try."""
    messages = [
        (name, message.settings, sorted(message.channels()))
        for name, message in sorted(playbook.messages.items())
    ]
    flows = [playbook.flows[name] for name in sorted(playbook.flows)]
    return meaning_of((playbook.project, playbook.catalog, messages, flows))


def _units(playbook: Playbook) -> Iterator[Unit]:
    names = names_of(playbook)
    segments = _segments(playbook)
    if playbook.stages:
        texts = [
            f"{stage.stage}: {resolved_text(stage.when, names, segments)}"
            f" stay {stage.stay_at_least}"
            for stage in playbook.stages
        ]
        mentioned = [_mentions(stage.when) for stage in playbook.stages]
        yield Unit(STAGES, frozenset().union(*mentioned) - {STAGES}, fingerprint("\n".join(texts)))
    for name, when in segments.items():
        text = resolved_text(when, names, segments)
        yield Unit(("segment", name), _mentions(when), fingerprint(text))


def _segments(playbook: Playbook) -> dict[str, Criterion]:
    return {name: segment.when for name, segment in playbook.segments.items()}


def _mentions(criterion: Criterion | None) -> frozenset[Key]:
    found: set[Key] = set()
    for leaf in leaves(criterion):
        if leaf.head in ("in_segment", "not_in_segment"):
            found.add(("segment", str(leaf.operand)))
        if "_stage" in leaf.head:
            found.add(STAGES)
    return frozenset(found)


def _flow_text(playbook: Playbook, flow: Flow) -> str:
    """Return what a flow asks people without being asked itself."""
    names, segments = names_of(playbook), _segments(playbook)
    criteria = [flow.audience, flow.exits_when]
    for step in in_document_order(flow.steps):
        criteria += step.standing()
    asked = [resolved_text(one, names, segments) for one in criteria]
    others = (flow.goal, flow.re_entry, flow.starts_when)
    return "\n".join([*asked, *map(plain_text, others)])
