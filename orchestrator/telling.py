"""A tick's decisions as lines to be told, rendered as they pass."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from orchestrator.channels.spec import WEBHOOK
from orchestrator.orders import Printer, address
from orchestrator.records.sends import Decided, Rendered, RenderFailure, Send
from orchestrator.records.ticks import DecisionLine
from orchestrator.render.mask import Masking
from orchestrator.render.renderer import Renderer
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.results import decisions


def decision_lines(
    tick: Tick,
    masking: Masking | None,
    flows: Collection[str] | None = None,
    *,
    whole: int | None = None,
    renderer: Renderer | None = None,
) -> Iterator[DecisionLine]:
    """Yield a line per decision, sorted as semantics 60 says; each may be read once.

    Args:
        masking: hides personal values from what is told; None tells them.
        flows: only decisions of these flows; None is all.
        whole: how many masked messages of each kind are told with their text; None is all.
        renderer: one of the same playbook, to be used for many ticks; None makes one.
    """
    printer = printer_for(tick, masking, whole=whole, renderer=renderer)
    for batch in decisions(tick, flows):
        yield from told(batch, printer)


def printer_for(
    tick: Tick,
    masking: Masking | None,
    *,
    whole: int | None = None,
    renderer: Renderer | None = None,
) -> Printer:
    """Return what renders the sends of a tick, with the attributes it has set."""
    changed = workspace.attribute
    unwritten = changed if changed.name in tick.filled else None
    playbook = tick.rendered_by()
    return Printer(
        tick.connection,
        playbook,
        renderer or Renderer(playbook),
        masking,
        whole,
        unwritten,
        tick.facts.results,
    )


def told(rows: Sequence[Decided], printer: Printer) -> Iterator[DecisionLine]:
    """Yield a line per decision of a batch, rendered as it passes."""
    printed = printer.print([row for row in rows if _is_message(row)])
    for row in rows:
        yield _sent(row, *next(printed)) if _is_message(row) else _unsent(row)


def _is_message(row: Decided) -> bool:
    """Return whether a decision is a send of something that is rendered: no call of a webhook."""
    return row.decision == "send" and row.channel != WEBHOOK


def _sent(row: Decided, send: Send, message: Rendered | RenderFailure) -> DecisionLine:
    if isinstance(message, RenderFailure):
        subject, text, html, error = None, None, None, message
    else:
        subject, text, html, error = message.subject, message.text, message.html, None
    return DecisionLine(
        customer=row.customer,
        flow=row.flow,
        step=row.step,
        message=row.message,
        channel=row.channel,
        to=address(send),
        decision=row.decision,
        reason=row.reason,
        at=row.at,
        due_at=row.due_at,
        subject=subject,
        variant=row.variant,
        entry=row.entry,
        detail=row.detail,
        error=error,
        text=text,
        html=html,
    )


def _unsent(row: Decided) -> DecisionLine:
    return DecisionLine(
        customer=row.customer,
        flow=row.flow,
        step=row.step,
        message=row.message,
        channel=row.channel if row.channel == WEBHOOK else None,
        to=None,
        decision=row.decision,
        reason=row.reason,
        at=row.at,
        due_at=row.due_at,
        subject=None,
        variant=row.variant,
        entry=row.entry,
        detail=row.detail,
    )
