"""Where a customer stands in a flow, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select

from orchestrator import tables
from orchestrator.explain.said import Speech
from orchestrator.records.explained import ExplainedLeaf
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow

FINAL = {
    "status": "nothing enters this flow",
    "re_entry": "does not enter again, for re_entry is never",
}
"""Entry tests that neither time nor the customer changes."""


@dataclass(frozen=True)
class Standing:
    """The latest run of a customer, and what this tick does with it."""

    latest: Mapping[str, Any] | None
    """The row of the run as the last live tick left it; of the flow's ``key``, if it has one."""
    ending: str | None
    """The reason for which this tick ends it."""
    enters: bool
    """Whether this tick opens a new run."""
    first_step: str

    def state(self) -> Mapping[str, Any]:
        """Return the run as the contract tells it; empty if there never was one."""
        run = self.latest
        if run is None:
            return {}
        told = {"status": run["status"], "entry": run["entry"], "entered_at": run["entered_at"]}
        if run["status"] == "active":
            more = {
                "step": "step",
                "since": "reached_at",
                "due_at": "due_at",
                "held": "held_reason",
            }
        else:
            more = {"ended_at": "ended_at", "exit": "exit_reason", "detail": "exit_detail"}
        return told | {key: run[column] for key, column in more.items()}

    @property
    def is_active(self) -> bool:
        """Whether the latest run is on its way."""
        return self.latest is not None and self.latest["status"] == "active"

    def decided(self) -> str | None:
        """Return what this tick decides of the customer, None if it leaves a run where it is."""
        if self.enters:
            return f"enters at the next run and begins with {self.first_step}"
        if self.ending is not None:
            return f"leaves the flow at the next run, reason {self.ending}"
        return None

    def way_in(
        self, blocking: Sequence[ExplainedLeaf], may_enter: datetime | None, speech: Speech
    ) -> str:
        """Return what would let the customer enter.

        Args:
            blocking: the leaves of the entry tests that keep the customer out.
            may_enter: when the clock alone lets the customer in, if it does.
        """
        failing = [line for line in blocking if not line.holds]
        final = next((one for one in failing if one.path in FINAL and not one.nearest), None)
        if final is not None:
            return f"{FINAL[final.path]}: {final.actual}"
        if may_enter is not None:
            return f"enters on {speech.instant(may_enter)} if nothing else changes"
        return "enters " + " and ".join(_once(failing))


def _once(failing: Sequence[ExplainedLeaf]) -> Iterator[str]:
    """Yield what has to happen first: the starts by their words, the rest by its name."""
    starts = [line.says for line in failing if line.path.startswith("starts_when")]
    if starts:
        yield f"when this happens: {starts[0]}"
    parts = dict.fromkeys(line.path.partition(".")[0] for line in failing)
    others = [part for part in parts if part != "starts_when"]
    if others:
        let = "lets" if len(others) == 1 else "let"
        yield f"once {' and '.join(others)} {let} the customer in"


def latest_runs(tick: Tick, live: LiveFlow, customer_id: int) -> list[Mapping[str, Any]]:
    """Return a customer's latest run of a flow, under each value of its key; the newest first."""
    runs = tables.enrollment
    turn = func.row_number().over(partition_by=runs.c.key_value, order_by=runs.c.entry.desc())
    mine = select(runs, (turn if live.flow.key else literal(1)).label("turn")).where(
        runs.c.flow == live.name, runs.c.customer_id == customer_id
    )
    found = mine.subquery()
    query = select(found).where(found.c.turn == 1).order_by(found.c.entry.desc())
    rows = tick.connection.execute(query if live.flow.key else query.limit(1)).mappings()
    return [dict(row) for row in rows]


def standing_of(
    tick: Tick, live: LiveFlow, customer_id: int, latest: Mapping[str, Any] | None, key: str | None
) -> Standing:
    """Return where a customer stands in a flow at this tick.

    Args:
        latest: the latest run, under the key if the flow has one.
        key: the value of the flow's key.
    """
    changed = workspace.run
    query = select(changed.c.is_new, changed.c.status, changed.c.exit_reason).where(
        changed.c.flow == live.name, changed.c.customer_id == customer_id
    )
    if live.flow.key is not None:
        query = query.where(changed.c.key_value == key)
    seen = tick.connection.execute(query).all()
    ending = next(
        (one.exit_reason for one in seen if not one.is_new and one.status == "ended"), None
    )
    return Standing(latest, ending, any(one.is_new for one in seen), live.graph.first)
