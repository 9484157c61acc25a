"""What a tick writes of itself: its release, what was evaluated, its flows and its instant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, delete, func, insert, select

from orchestrator import tables
from orchestrator.channels.spec import WEBHOOK
from orchestrator.columns import to_micros
from orchestrator.database import insert_into
from orchestrator.tick import workspace
from orchestrator.tick.attachments import keep
from orchestrator.tick.context import Tick
from orchestrator.tick.definitions import known, meanings


def write_release(tick: Tick) -> None:
    """Keep the texts that decided and what they attach, if this is their first tick."""
    row = {
        "fingerprint": tick.playbook.fingerprint,
        "recorded_at": to_micros(tick.now),
        "files": _texts_as_json(tick.playbook.files),
        "variables": _texts_as_json(tick.playbook.variables),
    }
    tick.execute(inserted(tick, tables.release).values(**row).on_conflict_do_nothing())
    keep(tick.connection, tick.playbook.contents)


def _texts_as_json(texts: Mapping[str, str]) -> str:
    return json.dumps(dict(texts), sort_keys=True, ensure_ascii=False)


def write_definitions(tick: Tick) -> None:
    """Keep what was evaluated; what flows that are set aside meant is kept as it was."""
    table, before = tables.definition, known(tick.connection)
    now = {
        key: digest
        for key, digest in meanings(tick.playbook).items()
        if key[0] != "flow" or key[1] in tick.flows
    }
    aside = {
        key: digest
        for key, digest in before.items()
        if key[0] == "flow" and key[1] in tick.playbook.flows
    }
    wanted = aside | now
    if wanted == before:
        return
    tick.execute(delete(table))
    rows = [
        {"kind": kind, "name": name, "fingerprint": digest}
        for (kind, name), digest in sorted(wanted.items())
    ]
    tick.connection.execute(insert(table), rows)


def write_flow_states(tick: Tick) -> None:
    """Keep since when each flow is live, when it was seen, and which breakers tripped."""
    statement, before = inserted(tick, tables.flow_state), tables.flow_state.c
    new, now = statement.excluded, to_micros(tick.now)
    seen = [
        {"flow": live.name, "live_since": to_micros(live.live_since), "seen_at": now}
        for live in tick.flows.values()
    ]
    kept = {"live_since": func.coalesce(before.live_since, new.live_since), "seen_at": now}
    _upsert(tick, statement, seen, kept)
    tripped = [{"flow": name, "tripped_at": now} for name in sorted(tick.tripped)]
    _upsert(tick, statement, tripped, {"tripped_at": now})


def _upsert(
    tick: Tick, statement: Any, rows: list[dict[str, Any]], changed: Mapping[str, Any]
) -> None:
    if rows:
        wanted = statement.on_conflict_do_update(index_elements=["flow"], set_=changed)
        tick.connection.execute(wanted, rows)


def write_tick(tick: Tick) -> None:
    """Keep the tick itself: the next watermark."""
    connection = tick.connection
    messages = select(func.count()).where(workspace.message.c.channel != WEBHOOK)
    sends = connection.execute(messages).scalar_one()
    row = {
        "at": to_micros(tick.now),
        "release": tick.playbook.fingerprint,
        "last_customer_id": tick.newest_customer_id,
        "sends": sends,
        "term": tick.term,
        "recorded_at": to_micros(tick.clock()) if tick.clock else None,
    }
    tick.execute(insert(tables.tick).values(**row))


def inserted(tick: Tick, table: Table) -> Any:
    """Return an ``INSERT`` that can say ON CONFLICT."""
    return insert_into(tick.connection.dialect.name, table)
