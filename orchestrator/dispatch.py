"""Handing queued messages to the file channel: rendered, written, then marked sent.

A message file is named by its key, so a batch that is interrupted between writing and
marking is written again with the same bytes: nothing is lost and nothing is doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, and_, bindparam, select, update

from orchestrator import tables
from orchestrator.channels.file import FileMessage, message_key, write
from orchestrator.columns import to_micros
from orchestrator.orders import Order, Printer, address
from orchestrator.playbook.model import Playbook
from orchestrator.records import Rendered, RenderFailure, Send
from orchestrator.render.renderer import Renderer

BATCH = 500
"""Messages rendered, written and marked together."""

_SENT = (
    update(tables.message)
    .where(tables.message.c.id == bindparam("row"), tables.message.c.state == "queued")
    .values(state=bindparam("to_state"), state_at=bindparam("to_at"), error=bindparam("to_error"))
)


def dispatch_to_files(
    engine: Engine,
    playbook: Playbook,
    outbox: Path,
    now: datetime,
    sent: Callable[[int], None] = lambda count: None,
) -> int:
    """Write every queued message into the outbox; returns how many could not be rendered.

    Args:
        sent: told how many messages each batch has dealt with.
    Raises:
        EnvironmentFault: the outbox cannot be written; what was not stays queued.
    """
    renderer, failed, after = Renderer(playbook), 0, 0
    while True:
        with engine.connect() as connection:
            connection.execution_options(sqlite_begin="DEFERRED")
            batch = _queued(connection, after)
            printed = Printer(connection, playbook, renderer).print([order for _, order in batch])
        if not batch:
            return failed
        done = []
        for (row, order), (send, message) in zip(batch, printed, strict=True):
            error = _hand_over(order, send, message, playbook, outbox)
            state = "dead" if error else "sent"
            done.append({"row": row, "to_state": state, "to_at": to_micros(now), "to_error": error})
        with engine.begin() as connection:
            connection.execute(_SENT, done)
        failed += sum(isinstance(message, RenderFailure) for _, message in printed)
        after = batch[-1][0]
        sent(len(batch))


def _queued(connection: Connection, after: int) -> Sequence[tuple[int, Order]]:
    rows, run, customer = tables.message, tables.enrollment, tables.customer
    same = and_(
        run.c.flow == rows.c.flow,
        run.c.customer_id == rows.c.customer_id,
        run.c.entry == rows.c.entry,
    )
    query = (
        select(
            rows.c.id, rows.c.customer_id, customer.c.external_id, rows.c.flow, rows.c.entry,
            rows.c.step, rows.c.occurrence, rows.c.message, rows.c.channel, rows.c.variant,
            rows.c.decided_at, rows.c.due_at, run.c.entry_at, run.c.entry_event_id, run.c.start,
        )
        .select_from(rows.join(customer, customer.c.id == rows.c.customer_id).outerjoin(run, same))
        .where(rows.c.state == "queued", rows.c.id > after)
        .order_by(rows.c.id)
        .limit(BATCH)
    )  # fmt: skip
    return [(row[0], Order(*tuple(row)[1:])) for row in connection.execute(query)]


def _hand_over(
    order: Order,
    send: Send,
    message: Rendered | RenderFailure,
    playbook: Playbook,
    outbox: Path,
) -> str | None:
    """Write one message; return why it could not be rendered, or None."""
    if isinstance(message, RenderFailure):
        return f"{message.code}: {message.message}"
    key = message_key(
        str(playbook.project.project),
        order.customer,
        order.flow,
        entry=order.entry,
        step=order.step,
        occurrence=order.occurrence,
        channel=order.channel,
    )
    write(
        outbox,
        key,
        FileMessage(
            customer=order.customer,
            flow=order.flow,
            step=order.step,
            message=order.message,
            channel=order.channel,
            to=address(send),
            subject=message.subject,
            preheader=message.preheader,
            text=message.text,
            html=message.html,
            locale=message.locale,
            variant=order.variant,
            entry=order.entry,
            at=order.at,
            due_at=order.due_at,
        ),
    )
    return None
