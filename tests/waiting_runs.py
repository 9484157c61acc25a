"""A flow that begins with a view, and what its runs send and bring back."""

from __future__ import annotations

from typing import Any

from harness import Shop
from sqlalchemy import select

from orchestrator import tables

EARLY, NOW = "2026-03-02T08:00:00", "2026-03-02T09:00:00"


def flow(steps: str, more: str = "", name: str = "greet") -> str:
    return f"flow: {name}\nstatus: live\nstarts_when: {{did: view}}\n{more}\nsteps: {steps}\n"


def begun(shop: Shop, *ids: str, **properties: Any) -> Shop:
    """Run the tick at which the flow goes live; then the customers do what lets them in at NOW."""
    shop.tick(EARLY)
    for id in ids or ("ana",):
        shop.event(id, "view", NOW, **properties)
    return shop


def sent(shop: Shop, when: str) -> list[str]:
    """Return the messages that a live tick sends, by step id."""
    return [line["message"] for line in shop.tick(when) if line["decision"] == "send"]


def results(shop: Shop) -> list[tuple[Any, ...]]:
    row = tables.step_result.c
    with shop.engine.connect() as connection:
        query = select(row.step, row.did, row.at, row.timed_out).order_by(row.customer_id)
        return [tuple(found) for found in connection.execute(query)]
