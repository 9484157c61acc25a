"""How the parts of a playbook must stand to each other: no circles, one order, unique ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

from orchestrator.criteria.kinds.attribute import AttributeIs
from orchestrator.criteria.kinds.membership import InSegment, InStage, StageMove
from orchestrator.criteria.measures import Measure
from orchestrator.flow.graph import step_ids
from orchestrator.flow.starts.matches import MatchesStart
from orchestrator.flow.steps.send import Send
from orchestrator.flow.steps.wait_until_date import WaitUntilDate
from orchestrator.language.literals import Reference
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.moments import Moment
from orchestrator.playbook.model import Flow, Playbook, Stage
from orchestrator.playbook.places import own_literals, sentences
from orchestrator.playbook.result_names import taken_names
from orchestrator.playbook.walk import lists_of_steps

Edges = Mapping[str, list[tuple[str, Mark]]]
"""What is defined → what it mentions, and where."""
_STAGES = "the stages"


def structure_problems(playbook: Playbook) -> Iterator[Problem]:
    """Yield circles, stages out of order, equal step ids and flows that contradict themselves."""
    yield from _circles(_mentions(playbook))
    yield from _stage_order(playbook.stages)
    for flow in playbook.flows.values():
        yield from _equal_ids(flow)
        yield from taken_names(flow)
        yield from _nothing_to_skip(flow)
        yield from _starts(flow)
        yield from _opening(flow)


# --- circles ---------------------------------------------------------------------------


def _mentions(playbook: Playbook) -> Edges:
    """Return segments, the stage model and computed attributes with what they mention."""
    edges: dict[str, list[tuple[str, Mark]]] = {}
    if playbook.stages:
        edges[_STAGES] = list(_mentioned(playbook.stages))
    for segment in playbook.segments.values():
        edges[f"segment {segment.name}"] = list(_mentioned(segment.when))
    for name, attribute in (playbook.catalog.attributes or {}).items():
        if isinstance(attribute, Measure):
            edges[f"attribute {name}"] = list(_mentioned(attribute))
    return edges


def _mentioned(tree: Any) -> Iterator[tuple[str, Mark]]:
    for sentence in sentences(tree):
        if isinstance(sentence, InSegment):
            yield f"segment {sentence.operand}", sentence.operand.mark
        elif isinstance(sentence, InStage | StageMove):
            yield _STAGES, sentence.operand.mark
        elif isinstance(sentence, AttributeIs):
            yield f"attribute {sentence.operand}", sentence.operand.mark
        for literal in own_literals(sentence):
            if isinstance(literal.value, Reference) and literal.value.root == "customer":
                yield f"attribute {literal.value.name}", literal.mark


def _circles(edges: Edges) -> Iterator[Problem]:
    """Yield one problem per circle, at the mention that closes it. Depth first, no recursion."""
    done: set[str] = set()
    for begin in edges:
        if begin in done:
            continue
        path, pending = [begin], [iter(edges[begin])]
        while path:
            mention = next(pending[-1], None)
            if mention is None:
                done.add(path.pop())
                pending.pop()
                continue
            name, mark = mention
            if name in path:
                yield _circle([*path[path.index(name) :], name], mark)
            elif name in edges and name not in done:
                path.append(name)
                pending.append(iter(edges[name]))


def _circle(names: list[str], mark: Mark) -> Problem:
    shown = names if len(names) <= 6 else [*names[:3], "…", *names[-2:]]
    message = f"this closes a circle: {' → '.join(shown)}"
    help = "each is worked out after those it mentions; break the circle at one of them"
    return Problem(mark, "CLM214", message, help)


# --- stages ----------------------------------------------------------------------------


def _stage_order(stages: tuple[Stage, ...]) -> Iterator[Problem]:
    for stage in stages[:-1]:
        if stage.otherwise:
            message = f'"otherwise" takes everybody: no stage below "{stage.stage}" is reached'
            help = "put it last; stages are asked from top to bottom"
            yield Problem(stage.mark_at("otherwise"), "CLM221", message, help)
    for stage in stages:
        if stage.otherwise is False:
            message = '"otherwise" is "true" or is left out'
            yield Problem(stage.mark_at("otherwise"), "CLM221", message, 'say "when" instead')


# --- flows -----------------------------------------------------------------------------


def _equal_ids(flow: Flow) -> Iterator[Problem]:
    first: dict[str, Mark] = {}
    incomplete = flow.unread is not None and "steps" in flow.unread
    for step, name in step_ids(flow.steps):
        if incomplete and step.id is None and not isinstance(step, Send):
            continue  # its name depends on steps that could not be read
        mark = step.mark_at("id") if step.id else step.mark
        if name in first:
            message = f'two steps of this flow are called "{name}", the first is on line {{}}'
            help = f"give this {step.head} a name of its own, for example id: {name}_2"
            yield Problem(mark, "CLM215", message.format(first[name].line), help)
        first.setdefault(name, mark)


def _nothing_to_skip(flow: Flow) -> Iterator[Problem]:
    for steps in lists_of_steps(flow.steps):
        last = steps[-1] if steps else None
        if isinstance(last, WaitUntilDate) and last.if_past == "skip_next":
            message = "nothing follows here that could be skipped"
            help = "say if_past: go_on or exit, or put the step to skip below in this list"
            yield Problem(last.mark_at("if_past"), "CLM319", message, help)


def _starts(flow: Flow) -> Iterator[Problem]:
    seen: dict[str, Mark] = {}
    for start in flow.starts_when:
        if isinstance(start, MatchesStart) and flow.re_entry.how == "always":
            message = '"matches" with "re_entry: always" would start anew at every tick'
            help = 'say "re_entry: never" or "after" a duration, for example: after 30 days'
            yield Problem(flow.mark_at("re_entry"), "CLM310", message, help)
        if start.id is not None and start.id in seen:
            message = f'two starts are called "{start.id}", the first is on line {{}}'
            line = seen[start.id].line
            yield Problem(start.id.mark, "CLM215", message.format(line), "rename one of them")
        if start.id is not None:
            seen.setdefault(start.id, start.id.mark)


def _opening(flow: Flow) -> Iterator[Problem]:
    if flow.opens is None or flow.closes is None:
        return
    if _instant(flow.opens, time.min) > _instant(flow.closes, time.max):
        message = "the flow closes before it opens"
        help = f'"opens" is {flow.opens}, "closes" is {flow.closes}'
        yield Problem(flow.mark_at("closes"), "CLM311", message, help)


def _instant(moment: Moment, at: time) -> datetime:
    """Return a moment on one clock; an offset counts as none, which is near enough here."""
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=None)
    return datetime.combine(moment, at) if isinstance(moment, date) else moment
