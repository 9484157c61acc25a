"""Runs that a newer start of their flow takes the place of (semantics 38)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, exists, insert, literal, select, update

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.tables.reading import aliased
from orchestrator.tick import keys, workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.runs import KEPT
from orchestrator.tick.versions import version_of

run, entry = workspace.run, workspace.entry


def end_overtaken(tick: Tick, live: LiveFlow) -> None:
    """End the active runs of whoever an occurrence lets in."""
    _bring_in(tick, live)
    overtaken = _has_passing_start(live, run)
    tick.execute(
        update(run)
        .where(run.c.flow == live.name, run.c.status == "active", overtaken)
        .values(**_ended(tick))
    )


def _bring_in(tick: Tick, live: LiveFlow) -> None:
    """Bring in the active runs that this tick would leave alone, for they wait."""
    runs, here = aliased(tables.enrollment), aliased(run)
    columns: dict[str, Any] = {name: runs.c[name] for name in KEPT}
    columns["version"] = version_of(tick, live.name, runs)
    columns |= {
        name: literal(value)
        for name, value in {
            "status": "active", "is_new": 0, "moving": 0, "tried": 0, "ended_late": 0,
        }.items()
    }  # fmt: skip
    known = exists(
        select(here.c.flow).where(
            *(here.c[name] == runs.c[name] for name in ("flow", "customer_id", "entry"))
        )
    )
    query = select(*columns.values()).where(
        runs.c.flow == live.name, runs.c.status == "active", ~known, _has_passing_start(live, runs)
    )
    tick.execute(insert(run).from_select(list(columns), query))


def _has_passing_start(live: LiveFlow, runs: Any) -> Any:
    return exists(
        select(entry.c.flow)
        .where(
            entry.c.flow == live.name,
            entry.c.customer_id == runs.c.customer_id,
            entry.c.reason.is_(None),
            keys.same_key(live, entry, runs),
        )
        .correlate(runs)
    )


def end_all_but_latest(tick: Tick, live: LiveFlow) -> None:
    """End the new runs that another one of this tick has taken the place of at once."""
    newer = aliased(run)
    taken = exists(
        select(newer.c.flow)
        .where(
            newer.c.flow == live.name,
            newer.c.customer_id == run.c.customer_id,
            newer.c.entry > run.c.entry,
            newer.c.is_new == 1,
            keys.same_key(live, newer, run),
        )
        .correlate(run)
    )
    mine = and_(run.c.flow == live.name, run.c.is_new == 1)
    tick.execute(update(run).where(mine, taken).values(**_ended(tick)))


def _ended(tick: Tick) -> Mapping[str, Any]:
    """Return the values of a run whose place is taken; a hold of it is closed in the rounds."""
    return {
        "status": "ended",
        "exit_reason": "restarted",
        "ended_at": to_micros(tick.now),
        "due_at": None,
        "moving": 0,
    }
