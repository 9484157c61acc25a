"""The JSON that scripts rely on: key names and their order. Keys are added, never renamed.

``schemas/cli/*.schema.json`` says the same; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator.records.explained import Explained, ExplainedLeaf, RunMessage
from orchestrator.records.ticks import DecisionLine, FlowReport, TickReport
from orchestrator.report.attached import attachment_object, nothing_attached

if TYPE_CHECKING:
    from orchestrator.playbook.model import AttachedFile

RUN_FORMAT = "clmctl.run/1"
EXPLAIN_FORMAT = "clmctl.explain/1"
DECISION_KEYS = (
    "customer", "flow", "step", "message", "channel", "to", "decision", "reason", "at", "due_at",
    "subject", "variant", "entry", "detail", "error",
)  # fmt: skip
RENDERED_KEYS = ("text", "html", "attachments")

Json = dict[str, Any]


def as_it_is(_channel: str, address: str) -> str:
    """Return an address unmasked, for ``--reveal``."""
    return address


@dataclass(frozen=True)
class Telling:
    """How much of a decision is told."""

    mask: Callable[[str, str], str]
    """(channel, address) → what to show of it."""
    rendered: bool = False
    """Whether text, html and what is attached are told too."""
    raw: bool = False
    """Whether CSV cells stay as they are, formulas too."""
    attached: Callable[[str, str], Sequence[AttachedFile]] = nothing_attached
    """(message, channel) → the files that go with it."""

    def columns(self) -> tuple[str, ...]:
        """Return the keys of a decision, in order."""
        return DECISION_KEYS + RENDERED_KEYS if self.rendered else DECISION_KEYS


def instant_text(instant: datetime) -> str:
    """Return ``2026-03-02T09:00:00Z``; microseconds only if there are any."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def decision_object(line: DecisionLine, telling: Telling) -> Json:
    """Return one decision as ``run -o jsonl`` tells it."""
    is_send = line.decision == "send"
    told: Json = {
        "customer": line.customer,
        "flow": line.flow,
        "step": line.step,
        "message": line.message,
        "channel": line.channel if is_send else None,
        "to": _shown_address(line, telling) if is_send else None,
        "decision": line.decision,
        "reason": line.reason,
        "at": instant_text(line.at),
        "due_at": instant_text(line.due_at),
        "subject": line.subject if is_send else None,
        "variant": line.variant,
        "entry": line.entry,
        "detail": line.detail,
        "error": {"code": line.error.code, "message": line.error.message} if line.error else None,
    }
    if telling.rendered:
        told["text"] = line.text if is_send else None
        told["html"] = line.html if is_send else None
        told["attachments"] = _attachments(line, telling) if is_send else None
    return told


def _attachments(line: DecisionLine, telling: Telling) -> list[Json]:
    return [attachment_object(one) for one in telling.attached(line.message, line.channel or "")]


def _shown_address(line: DecisionLine, telling: Telling) -> str | None:
    if line.to is None:
        return None
    return telling.mask(line.channel or "", line.to)


def flow_object(flow: FlowReport) -> Json:
    """Return what a tick did in one flow; reasons with a count of 0 are left out."""
    return {
        "entered": flow.entered,
        "exited": nonzero(flow.exited),
        "sends": flow.sends,
        "held": nonzero(flow.held),
        "suppressed": nonzero(flow.suppressed),
        "left_out": nonzero(flow.left_out),
        "sends_by_channel": nonzero(flow.sends_by_channel),
        "expired": flow.expired,
        "tripped": flow.tripped,
        "effects": nonzero(flow.effects),
        "withheld": nonzero(flow.withheld),
        "shadow": flow.shadow,
    }


def run_document(report: TickReport) -> Json:
    """Return the document of ``run -o json``."""
    return {
        "format": RUN_FORMAT,
        "now": instant_text(report.now),
        "release": report.release,
        "dry_run": report.dry_run,
        "customers": report.customers,
        "flows": {name: flow_object(flow) for name, flow in report.flows.items()},
        "stages": dict(report.stages),
        "sends": report.sends,
        "notes": list(report.notes),
        "paused": dict(report.paused),
    }


def nonzero(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts by name, without those of nothing."""
    return {name: count for name, count in sorted(counts.items()) if count}


def explain_document(explained: Explained) -> Json:
    """Return the document of ``explain CUSTOMER --flow F -o json``."""
    return {
        "format": EXPLAIN_FORMAT,
        "customer": explained.customer,
        "flow": explained.flow,
        "enters": explained.enters,
        "key": explained.key,
        "conditions": [_leaf(one) for one in explained.conditions],
        "state": _state(explained.state),
        "messages": [_run_message(one) for one in explained.messages],
        "waits_for": [_leaf(one) for one in explained.waits_for],
        "next": explained.next,
        "keys": explained.keys,
        "other_keys": [
            {"key": one.key, "state": _state(one.state), "next": one.next}
            for one in explained.others
        ],
    }


def _run_message(one: RunMessage) -> Json:
    return {
        "id": one.id,
        "step": one.step,
        "channel": one.channel,
        "state": one.state,
        "at": instant_text(one.at),
        "why": one.why,
        "not_before": instant_text(one.not_before) if one.not_before else None,
    }


def _leaf(leaf: ExplainedLeaf) -> Json:
    return {
        "path": leaf.path,
        "says": leaf.says,
        "holds": leaf.holds,
        "actual": leaf.actual,
        "at": leaf.at,
        "nearest": leaf.nearest,
        "reason": leaf.reason,
    }


def _state(state: Mapping[str, Any]) -> Json:
    return {key: _plain(value) for key, value in state.items()}


def _plain(value: Any) -> Any:
    return instant_text(value) if isinstance(value, datetime) else value
