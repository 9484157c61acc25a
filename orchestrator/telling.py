"""A tick's decisions as lines to be told, rendered as they pass."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import cast

from orchestrator.orders import Order, Printer, address
from orchestrator.records import DecisionKind, DecisionLine, Rendered, RenderFailure, Send
from orchestrator.render.mask import Masking
from orchestrator.render.renderer import Renderer
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.results import DecisionRow, decisions


def decision_lines(
    tick: Tick,
    masking: Masking | None,
    flows: Collection[str] | None = None,
    *,
    whole: int | None = None,
) -> Iterator[DecisionLine]:
    """Yield a line per decision, sorted as semantics 60 says; each may be read once.

    Args:
        masking: hides personal values from what is told; None tells them.
        flows: only decisions of these flows; None is all.
        whole: how many masked messages of each kind are told with their text; None is all.
    """
    changed = workspace.attribute
    unwritten = None if workspace.is_empty(tick.connection, changed) else changed
    renderer = Renderer(tick.playbook)
    printer = Printer(tick.connection, tick.playbook, renderer, masking, whole, unwritten)
    for batch in decisions(tick, flows):
        orders = [_order(row) for row in batch if row.decision == "send"]
        printed = iter(printer.print(orders))
        for row in batch:
            yield _sent(row, *next(printed)) if row.decision == "send" else _unsent(row)


def _order(row: DecisionRow) -> Order:
    return Order(
        customer_id=row.customer_id,
        customer=row.customer,
        flow=row.flow,
        entry=row.entry,
        step=row.step,
        occurrence="0",
        message=row.message,
        channel=row.channel or "",
        variant=row.variant,
        at=row.at,
        due_at=row.due_at,
        entry_at=row.entry_at,
        entry_event_id=row.entry_event_id,
        start=row.start,
    )


def _sent(row: DecisionRow, send: Send, message: Rendered | RenderFailure) -> DecisionLine:
    line = replace(_unsent(row), channel=row.channel, to=address(send))
    if isinstance(message, RenderFailure):
        return replace(line, error=message)
    return replace(line, subject=message.subject, text=message.text, html=message.html)


def _unsent(row: DecisionRow) -> DecisionLine:
    return DecisionLine(
        customer=row.customer,
        flow=row.flow,
        step=row.step,
        message=row.message,
        channel=None,
        to=None,
        decision=cast("DecisionKind", row.decision),
        reason=row.reason,
        at=row.at,
        due_at=row.due_at,
        subject=None,
        variant=row.variant,
        entry=row.entry,
        detail=row.detail,
    )
