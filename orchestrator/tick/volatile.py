"""Whether goal and exits must be looked at again between two steps of one tick (semantics 29)."""

from __future__ import annotations

from typing import Any

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.criteria.base import Condition, leaves
from orchestrator.criteria.kinds.custom import Custom
from orchestrator.criteria.kinds.flow_runs import FlowMove, InFlow
from orchestrator.criteria.kinds.message_fact import MessageFact
from orchestrator.criteria.kinds.task_done import TaskDone
from orchestrator.criteria.kinds.topics import SubscribedTo
from orchestrator.flow.steps.consent import Subscription
from orchestrator.flow.steps.set import Set
from orchestrator.flow.steps.task import Task
from orchestrator.language.literals import Reference
from orchestrator.playbook.places import own_literals, sentences
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow


def is_volatile(tick: Tick, live: LiveFlow) -> bool:
    """Return whether goal or exits of a flow depend on what a tick itself changes."""
    key = (live.name, live.version)
    if key not in tick.volatile:
        tick.volatile[key] = _asks_what_changes(tick, live)
    return tick.volatile[key]


def _asks_what_changes(tick: Tick, live: LiveFlow) -> bool:
    """Return whether a condition is about what may change between two steps.

    Runs it opens, messages it decides, attributes it sets, consents it writes, tasks it gives
    and what steps bring back can change between two steps of one tick; anything else was
    answered when the run was taken up or opened.
    """
    goal = live.flow.goal
    if goal is not None and (_refers(goal) or (goal.message and _is_answered(tick))):
        return True
    steps = [node.step for other in tick.walked() for node in other.graph.nodes.values()]
    set_here = {str(name) for step in steps if isinstance(step, Set) for name in step.operand}
    changing: tuple[type[Condition], ...] = (InFlow, FlowMove, MessageFact, Custom)
    for kind, of_step in ((SubscribedTo, Subscription), (TaskDone, Task)):
        if any(isinstance(step, of_step) for step in steps):
            changing += (kind,)
    return any(
        isinstance(leaf, changing)
        or str(leaf.operand) in set_here
        or str(leaf.operand).partition(".")[0] in live.result_types
        or _refers(leaf)
        or _refers(tick.names.attributes.get(str(leaf.operand)))
        for leaf in leaves(live.flow.exits_when)
    )


def _refers(tree: Any) -> bool:
    """Return whether anything is compared with a value of the customer or of the run."""
    literals = (one for sentence in sentences(tree) for one in own_literals(sentence))
    return any(isinstance(literal.value, Reference) for literal in literals)


def _is_answered(tick: Tick) -> bool:
    """Return whether there is an answer of this very instant: to a message of this tick, maybe."""
    return tick.any(tables.receipt.c.at == to_micros(tick.now))
