"""What the gate asks of one send step: its settings, from step, message, flow and project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from orchestrator import openings
from orchestrator.channels.spec import CHANNELS
from orchestrator.flow.base import weekday_numbers
from orchestrator.flow.graph import Node
from orchestrator.flow.steps.send import Send
from orchestrator.language.durations import DailyHours, Duration
from orchestrator.playbook.model import (
    Catalog,
    Flow,
    FrequencyRule,
    Guardrails,
    Holdout,
    Playbook,
    QuietHours,
    VolumeLimit,
)

EXPIRES_AFTER = Duration(3, "day")
QUIET = DailyHours(21 * 60, 8 * 60)
PRIORITY = 50


@dataclass(frozen=True)
class SendPolicy:
    """One send step as the gate sees it (semantics 51-58)."""

    node: Node
    step: Send
    message: str
    purpose: str
    topic: str | None
    channels: tuple[str, ...]
    """In order of preference; may hold ``preferred``."""
    priority: int
    expires_after: Duration
    send_between: DailyHours | None
    quiet_hours: QuietHours | None
    """None when it is never quiet for this send."""
    holdouts: tuple[tuple[str, Holdout], ...]
    """(default seed, holdout) of the flow and of the project, as far as they apply."""

    @property
    def is_marketing(self) -> bool:
        return self.purpose == "marketing"


def send_policy(playbook: Playbook, flow: Flow, node: Node, step: Send) -> SendPolicy:
    """Return what the gate asks of a send: the step's word, else the message's, the flow's."""
    defaults = playbook.project.defaults
    settings = (
        playbook.messages[step.operand].settings if step.operand in playbook.messages else None
    )
    purpose = step.purpose or (settings and settings.purpose) or "marketing"
    marketing = purpose == "marketing"
    own = flow.guardrails
    channel = step.channel or (defaults and defaults.channel) or "email"
    priority = step.priority if step.priority is not None else own.priority if own else None
    return SendPolicy(
        node=node,
        step=step,
        message=str(step.operand),
        purpose=purpose,
        topic=step.topic or (settings.topic if settings else None),
        channels=tuple(step.channels or (channel,)),
        priority=PRIORITY if priority is None else priority,
        expires_after=step.expires_after
        or (settings and settings.expires_after)
        or flow.expires_after
        or (defaults and defaults.expires_after)
        or EXPIRES_AFTER,
        send_between=step.send_between
        or (settings and settings.send_between)
        or (defaults.send_between if defaults else None),
        quiet_hours=_quiet(playbook, own) if marketing else None,
        holdouts=holdouts(playbook, flow) if marketing else (),
    )


def covers(catalog: Catalog, topic: str, channel: str) -> bool:
    """Return whether a topic covers a channel (semantics 52)."""
    declared = (catalog.topics or {}).get(topic)  # type: ignore[call-overload]  # a Name is its text
    if declared is None:
        return False
    if declared.channels is not None:
        return channel in declared.channels
    return CHANNELS[channel].covered


def consenting_topics(catalog: Catalog, policy: SendPolicy, channel: str) -> list[str] | None:
    """Return the topics of which one must be subscribed to; None if no consent is needed."""
    if not policy.is_marketing:
        return None
    topics = catalog.topics or {}
    asked = (
        [policy.topic]
        if policy.topic
        else [str(name) for name, topic in topics.items() if topic.purpose == "marketing"]
    )
    return [topic for topic in asked if covers(catalog, topic, channel)]


def quiet_slot(quiet: QuietHours) -> openings.QuietSlot:
    """Return quiet hours as a slot that is closed while they last."""
    own = None if quiet.timezone in (None, "customer") else ZoneInfo(str(quiet.timezone))
    dates = frozenset(_day(moment) for moment in quiet.dates or ())
    return openings.QuietSlot(quiet.between, weekday_numbers(quiet.on_days), dates, own)


def _day(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def frequency_rules(
    playbook: Playbook, flow: Flow
) -> Sequence[tuple[FrequencyRule, tuple[str, ...] | None]]:
    """Return the frequency rules a flow's sends are under, each with the flows it counts.

    None counts all flows. The project's rules are left out if the flow ignores them.
    """
    own = flow.guardrails
    found: list[tuple[FrequencyRule, tuple[str, ...] | None]] = []
    if not _ignores(own, "frequency"):
        shared = playbook.project.guardrails
        found += [
            (rule, _tagged(playbook, rule.tag))
            for rule in (shared.frequency if shared else None) or ()
            if rule.tag is None or rule.tag in (flow.tags or ())
        ]
    found += [(rule, (str(flow.flow),)) for rule in (own.frequency if own else None) or ()]
    return found


def volume_limits(playbook: Playbook, flow: Flow) -> tuple[VolumeLimit | None, VolumeLimit | None]:
    """Return the volume breakers of a flow and of the project."""
    shared, own = playbook.project.guardrails, flow.guardrails
    return (own.stop_if_more_than if own else None, shared.stop_if_more_than if shared else None)


def _ignores(own: Guardrails | None, rule: str) -> bool:
    """Return whether a flow leaves out the project's rule of that name; its own stay."""
    return own is not None and rule in (own.ignore or ())


def _quiet(playbook: Playbook, own: Guardrails | None) -> QuietHours | None:
    for guardrails in (own, playbook.project.guardrails):
        if guardrails is not None and guardrails.quiet_hours is not None:
            said = guardrails.quiet_hours
            return None if isinstance(said, str) else said
        if _ignores(own, "quiet_hours"):
            return None
    mark = playbook.project.mark
    return QuietHours(mark=mark, marks={}, between=QUIET)


def holdouts(playbook: Playbook, flow: Flow) -> tuple[tuple[str, Holdout], ...]:
    """Return the control groups that a flow's customers may be in, each with its default seed."""
    shared, own = playbook.project.guardrails, flow.guardrails
    found = []
    if own and own.holdout:
        found.append((f"holdout:{flow.flow}", own.holdout))
    if shared and shared.holdout and not _ignores(own, "holdout"):
        found.append((f"holdout:{playbook.project.project}", shared.holdout))
    return tuple(found)


def _tagged(playbook: Playbook, tag: str | None) -> tuple[str, ...] | None:
    if tag is None:
        return None
    return tuple(name for name, flow in playbook.flows.items() if tag in (flow.tags or ()))
