"""One message for one customer, outside of any tick: what ``clmctl render`` shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from orchestrator import tables
from orchestrator.channels.spec import CHANNELS
from orchestrator.customers import customer_row
from orchestrator.errors import UsageError
from orchestrator.flow.brought import steps_that_bring
from orchestrator.flow.steps.send import Send as SendStep
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.walk import sends_of
from orchestrator.records.sends import Send
from orchestrator.render.context import start_event
from orchestrator.render.facts import customer_facts, entry_facts, result_facts
from orchestrator.render.renderer import Renderer


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be shown; ``now`` is aware UTC."""

    message: str
    customer: str
    """External id."""
    now: datetime
    channel: str | None = None
    flow: str | None = None


def preview_send(
    connection: Connection, playbook: Playbook, renderer: Renderer, wanted: Wanted
) -> Send:
    """Return the send that would give the message: by its flow, for the customer's latest start.

    Without a flow the first (by id) that sends the message is taken. ``entry`` is what
    started the customer's latest run of it, else the latest event that could start one.

    Raises:
        NotFoundError: there is no such customer.
        UsageError: the flow does not send the message, or it has no template for the channel.
    """
    flow, step = _sender(playbook, wanted)
    channel = _channel(playbook, wanted, step)
    row_id = int(customer_row(connection, wanted.customer)["id"])
    names = renderer.attributes_used(wanted.message)
    facts = customer_facts(connection, playbook, [row_id], names, wanted.now)[row_id]
    run = _latest_run(connection, row_id, flow)
    entry = run["entry"] if run else 1
    return Send(
        customer=facts,
        flow=str(flow.flow) if flow else "",
        entry=entry,
        step=step.own_id if step else wanted.message,
        occurrence="0",
        message=wanted.message,
        channel=channel,
        variant=None,
        at=wanted.now,
        due_at=wanted.now,
        entry_facts=_entry(connection, playbook, flow, run, row_id, now=wanted.now),
        results=_results(connection, playbook, flow, run, row_id, now=wanted.now),
    )


def _sender(playbook: Playbook, wanted: Wanted) -> tuple[Flow | None, SendStep | None]:
    senders = [
        (flow, step)
        for flow in playbook.flows.values()
        for step in sends_of(flow)
        if str(step.operand) == wanted.message and wanted.flow in (None, str(flow.flow))
    ]
    if senders:
        return senders[0]
    if wanted.flow is not None:
        raise UsageError(f'flow "{wanted.flow}" does not send "{wanted.message}"')
    return None, None


def _channel(playbook: Playbook, wanted: Wanted, step: SendStep | None) -> str:
    has = playbook.messages[wanted.message].channels()
    asked = wanted.channel
    if asked is not None and asked not in CHANNELS:
        raise UsageError(f'there is no channel "{asked}"', help=f"one of: {', '.join(CHANNELS)}")
    if asked is not None and asked not in has:
        listed = ", ".join(sorted(has)) or "none"
        raise UsageError(f'"{wanted.message}" has no {asked} template', help=f"it has: {listed}")
    said = [step.channel, *(step.channels or ())] if step else []
    defaults = playbook.project.defaults
    preferred = [asked, *said, defaults.channel if defaults else None, "email", *sorted(has)]
    return next((str(one) for one in preferred if one in has), "email")


def _latest_run(
    connection: Connection, customer_id: int, flow: Flow | None
) -> Mapping[str, Any] | None:
    if flow is None:
        return None
    run = tables.enrollment.c
    query = (
        select(run.entry, run.entry_at, run.entry_event_id, run.start)
        .where(run.flow == str(flow.flow), run.customer_id == customer_id)
        .order_by(run.entry.desc())
        .limit(1)
    )
    found = connection.execute(query).mappings().first()
    return None if found is None else dict(found)


def _entry(
    connection: Connection,
    playbook: Playbook,
    flow: Flow | None,
    run: Mapping[str, Any] | None,
    customer_id: int,
    *,
    now: datetime,
) -> dict[str, Any]:
    if flow is None:
        return {}
    event_id, at, start = (run["entry_event_id"], run["entry_at"], run["start"]) if run else (
        None, now, str(flow.starts_when[0].id or flow.starts_when[0].head)
    )  # fmt: skip
    if event_id is None and run is None:
        event_id = _latest_event(connection, playbook, flow, customer_id, now)
    facts = entry_facts(connection, playbook, [event_id]).get(event_id, {}) if event_id else {}
    return {**facts, "at": at, "start": start}


def _results(
    connection: Connection,
    playbook: Playbook,
    flow: Flow | None,
    run: Mapping[str, Any] | None,
    customer_id: int,
    *,
    now: datetime,
) -> dict[str, dict[str, Any]]:
    """Return what the run's steps brought back; of the others, the latest such event."""
    found: dict[str, dict[str, Any]] = {}
    if flow is None:
        return found
    for name, step in steps_that_bring(flow.steps).items():
        event_id = _latest_of(connection, step.brings() or (), customer_id, now)
        if event_id is not None:
            facts = entry_facts(connection, playbook, [event_id]).get(event_id, {})
            found[name] = {**facts, "at": now, "timed_out": False}
    if run is not None:
        key = (str(flow.flow), customer_id, run["entry"])
        found |= result_facts(connection, playbook, [key]).get(key, {})
    return found


def _latest_event(
    connection: Connection, playbook: Playbook, flow: Flow, customer_id: int, now: datetime
) -> int | None:
    names = [name for start in flow.starts_when if (name := start_event(playbook, start))]
    return _latest_of(connection, names, customer_id, now)


def _latest_of(
    connection: Connection, names: Collection[str], customer_id: int, now: datetime
) -> int | None:
    event = tables.event.c
    query = (
        select(event.id)
        .where(event.name.in_(names), event.customer_id == customer_id, event.occurred_at <= now)
        .order_by(event.occurred_at.desc(), event.id.desc())
        .limit(1)
    )
    found = connection.execute(query).scalar() if names else None
    return None if found is None else int(found)
