"""Handing queued messages to the file channel: rendered, written, then marked sent.

A message file is named by its key, so a batch that is interrupted between writing and
marking is written again with the same bytes: nothing is lost and nothing is doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, and_, bindparam, func, select, update

from orchestrator import tables
from orchestrator.channels.file import FileMessage, held, message_key, write
from orchestrator.channels.spec import WEBHOOK
from orchestrator.columns import to_micros
from orchestrator.orders import Printer, address
from orchestrator.playbook.model import Playbook
from orchestrator.records import Decided, Rendered, RenderFailure, Send
from orchestrator.render.renderer import Renderer
from orchestrator.tick.past import Past

BATCH = 500
"""Messages rendered, written and marked together."""


class Printed(NamedTuple):
    """One queued message: its row of the ledger, the order, and what was made of it."""

    row: int
    order: Decided
    send: Send
    message: Rendered | RenderFailure


_SENT = (
    update(tables.message)
    .where(tables.message.c.id == bindparam("row"), tables.message.c.state == "queued")
    .values(state=bindparam("to_state"), state_at=bindparam("to_at"), error=bindparam("to_error"))
)


def _go_on() -> bool:
    return False


def dispatch_to_files(
    engine: Engine,
    playbook: Playbook,
    outbox: Path,
    now: datetime,
    is_stopping: Callable[[], bool] = _go_on,
) -> int:
    """Write every queued message into the outbox; one that cannot be rendered is dead.

    Args:
        is_stopping: asked between batches; what was not written stays queued.
    Returns:
        How many messages were handed over.
    Raises:
        EnvironmentFault: the outbox cannot be written; what was not stays queued.
    """
    handed_over = 0
    batches = _printed(engine, playbook)
    first = next(batches, None)
    if first is None:
        return handed_over
    with held(outbox):
        for batch in chain([first], batches):
            done = [_hand_over(printed, playbook, outbox, now) for printed in batch]
            with engine.begin() as connection:
                connection.execute(_SENT, done)
            handed_over += len(done)
            if is_stopping():
                break
    return handed_over


def waiting_calls(engine: Engine) -> int:
    """Return how many calls of webhooks wait in the ledger: this version makes none."""
    rows = tables.message
    query = select(func.count()).where(rows.c.state == "queued", rows.c.channel == WEBHOOK)
    with engine.connect() as connection:
        connection.execution_options(sqlite_begin="DEFERRED")
        return connection.execute(query).scalar_one()


def _printed(engine: Engine, playbook: Playbook) -> Iterator[list[Printed]]:
    """Yield the queued messages in batches; one is asked for when the last was marked."""
    with engine.connect() as connection:
        connection.execution_options(sqlite_begin="DEFERRED")
        playbook = _with_earlier(connection, playbook)
    renderer, after = Renderer(playbook), 0
    while True:
        with engine.connect() as connection:
            connection.execution_options(sqlite_begin="DEFERRED")
            queued = _queued(connection, after)
            orders = [order for _, order in queued]
            messages = list(Printer(connection, playbook, renderer).print(orders))
        if not queued:
            return
        yield [Printed(*row, *message) for row, message in zip(queued, messages, strict=True)]
        after = queued[-1][0]


def _with_earlier(connection: Connection, playbook: Playbook) -> Playbook:
    """Add the flows as the releases had them that other queued messages were decided by."""
    rows, past = tables.message.c, Past(connection)
    query = select(rows.release, rows.flow).where(
        rows.state == "queued", rows.release != playbook.fingerprint
    )
    found = [past.flow(release, flow) for release, flow in connection.execute(query.distinct())]
    flows = tuple(flow for flow in found if flow is not None)
    return replace(playbook, earlier=flows) if flows else playbook


def _queued(connection: Connection, after: int) -> Sequence[tuple[int, Decided]]:
    rows, run, customer = tables.message, tables.enrollment, tables.customer
    same = and_(
        run.c.flow == rows.c.flow,
        run.c.customer_id == rows.c.customer_id,
        run.c.entry == rows.c.entry,
    )
    query = (
        select(
            rows.c.id, rows.c.customer_id, customer.c.external_id, customer.c.email,
            customer.c.phone, customer.c.push_token, customer.c.locale, customer.c.timezone,
            rows.c.flow, rows.c.entry, rows.c.step, rows.c.occurrence, rows.c.message,
            rows.c.channel, rows.c.variant, rows.c.decided_at, rows.c.due_at, run.c.entry_at,
            run.c.entry_event_id, run.c.start,
        )
        .select_from(rows.join(customer, customer.c.id == rows.c.customer_id).outerjoin(run, same))
        .where(rows.c.state == "queued", rows.c.channel != WEBHOOK, rows.c.id > after)
        .order_by(rows.c.id)
        .limit(BATCH)
    )  # fmt: skip
    return [(row[0], Decided(*tuple(row)[1:])) for row in connection.execute(query)]


def _hand_over(printed: Printed, playbook: Playbook, outbox: Path, now: datetime) -> dict[str, Any]:
    """Write one message; return what becomes of its row."""
    done = {"row": printed.row, "to_at": to_micros(now)}
    message, order = printed.message, printed.order
    if isinstance(message, RenderFailure):
        return {**done, "to_state": "dead", "to_error": f"{message.code}: {message.message}"}
    key = message_key(
        str(playbook.project.project),
        order.customer,
        order.flow,
        entry=order.entry,
        step=order.step,
        occurrence=order.occurrence,
        channel=printed.send.channel,
    )
    write(outbox, key, _file_message(order, printed.send, message))
    return {**done, "to_state": "sent", "to_error": None}


def _file_message(order: Decided, send: Send, message: Rendered) -> FileMessage:
    return FileMessage(
        customer=order.customer,
        flow=order.flow,
        step=order.step,
        message=order.message,
        channel=send.channel,
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
    )
