"""Whether goal and exits must be looked at again between two steps of one tick (semantics 29)."""

from __future__ import annotations

from orchestrator.criteria.base import leaves
from orchestrator.flow.steps.consent import Subscription
from orchestrator.flow.steps.set import Set
from orchestrator.tick.context import LiveFlow, Tick


def is_volatile(tick: Tick, live: LiveFlow) -> bool:
    """Return whether goal or exits of a flow depend on what a tick itself changes."""
    key = (live.name, live.version)
    if key not in tick.volatile:
        tick.volatile[key] = _asks_what_changes(tick, live)
    return tick.volatile[key]


def _asks_what_changes(tick: Tick, live: LiveFlow) -> bool:
    """Return whether a condition is about what may change between two steps.

    Only messages it decides, attributes it sets, consents it writes and what steps bring back
    can change between two steps of one tick; anything else was answered when the run was taken
    up or opened.
    """
    steps = [node.step for other in tick.walked() for node in other.graph.nodes.values()]
    set_here = {str(name) for step in steps if isinstance(step, Set) for name in step.operand}
    heads = {"received", "not_received"}
    if any(isinstance(step, Subscription) for step in steps):
        heads |= {"subscribed_to", "not_subscribed_to"}
    return any(
        leaf.head in heads
        or str(leaf.operand) in set_here
        or str(leaf.operand).partition(".")[0] in live.result_types
        for leaf in leaves(live.flow.exits_when)
    )
