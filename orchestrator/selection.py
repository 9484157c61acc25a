"""Which flows a person asked to see: ``--select`` and ``--exclude``.

A selection restricts what is *shown*. Flows left out still compete for caps and walk on, so
that what a preview shows of a flow is what the run of all flows does with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from orchestrator.errors import UsageError
from orchestrator.flow.base import Step
from orchestrator.flow.steps.send import Send
from orchestrator.language.nearest import did_you_mean
from orchestrator.playbook.model import Flow, Playbook

LATER = ("uses", "changed", "result", "held", "state")
DEFAULT_CHANNEL = "email"


@dataclass(frozen=True)
class Selection:
    """The flows to show, by id."""

    flows: frozenset[str]
    named: frozenset[str]
    """Flows that ``--select`` matched; drafts among them may count as live in a preview."""

    def shows(self, flow: str) -> bool:
        """Return whether a flow is to be shown."""
        return flow in self.flows


def select_flows(
    playbook: Playbook, select: Iterable[str] = (), exclude: Iterable[str] = ()
) -> Selection:
    """Return what selectors choose; without any, all flows.

    A selector is a name or pattern (``win_back``, ``win*``, ``flow:win*``), ``tag:x``,
    ``channel:sms`` (some send of the flow may go there) or ``owner:x``. Several, or one with
    commas, choose whatever any of them matches.

    Raises:
        UsageError: a selector is not understood, or matches nothing.
    """
    wanted = listed_patterns(select)
    chosen = {flow for selector in wanted for flow in _matching(playbook, selector)}
    left_out = {
        flow for selector in listed_patterns(exclude) for flow in _matching(playbook, selector)
    }
    shown = (chosen if wanted else set(playbook.flows)) - left_out
    return Selection(frozenset(shown), frozenset(chosen - left_out))


def listed_patterns(selectors: Iterable[str]) -> list[str]:
    """Return what options say, each of one pattern or of several with commas between."""
    return [part.strip() for text in selectors for part in text.split(",") if part.strip()]


def _matching(playbook: Playbook, selector: str) -> set[str]:
    method, colon, value = selector.partition(":")
    if not colon:
        method, value = "flow", selector
    if method in LATER:
        raise UsageError(
            f'the selector "{method}:" is not available yet', help=f"there are {_METHODS_SAID}"
        )
    if method not in METHODS or not value:
        raise UsageError(f'"{selector}" is no selector', help=_near_method(method))
    has = {name: set(METHODS[method](flow, playbook)) for name, flow in playbook.flows.items()}
    matched = {name for name, found in has.items() if any(fnmatchcase(f, value) for f in found)}
    if not matched:
        known = sorted(set().union(*has.values()))
        listed = f"{method}s are: {', '.join(known) or 'none'}"
        raise UsageError(f'no flow matches "{selector}"', help=did_you_mean(value, known) + listed)
    return matched


def channels_of(flow: Flow, playbook: Playbook) -> set[str]:
    """Return the channels that some send of the flow may go to, ``preferred`` resolved to all."""
    defaults = playbook.project.defaults
    usual = (defaults.channel if defaults else None) or DEFAULT_CHANNEL
    channels: set[str] = set()
    for step in all_steps(flow.steps):
        if not isinstance(step, Send):
            continue
        asked = step.channels or (step.channel or usual,)
        if "preferred" in asked and (message := playbook.messages.get(step.operand)):
            channels |= message.channels()
        channels |= {str(channel) for channel in asked if channel != "preferred"}
    return channels


def all_steps(steps: Iterable[Step]) -> Iterable[Step]:
    """Yield every step of a flow, inner ones after the step they stand in."""
    for step in steps:
        yield step
        for _label, inner in step.blocks():
            yield from all_steps(inner)


METHODS: Mapping[str, Callable[[Flow, Playbook], Iterable[str]]] = {
    "flow": lambda flow, _playbook: (flow.flow,),
    "tag": lambda flow, _playbook: flow.tags or (),
    "channel": channels_of,
    "owner": lambda flow, _playbook: (flow.owner,) if flow.owner else (),
}
_METHODS_SAID = "flow:NAME, tag:TAG, channel:CHANNEL and owner:OWNER; * stands for anything"


def _near_method(method: str) -> str:
    return f"{did_you_mean(method, METHODS)}there are {_METHODS_SAID}"
