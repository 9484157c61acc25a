"""A flow that is edited while anna is inside, and what becomes of her run."""

from __future__ import annotations

from harness import Shop
from sqlalchemy import select

from orchestrator import tables

HEAD = "flow: care\nstatus: live\nstarts_when: {did: signed_up}\n"
START = "2026-03-02T09:00"
NEXT = "2026-03-02T10:00"
LATER = "2026-03-20T09:00"
STEPS = """
steps:
  - {send: one}
  - {id: pause, wait: 7 days}
  - {send: two}
  - {id: rest, wait: 7 days}
  - {send: three}
"""
KEEPS = ("follow", "drain")


def flow(in_flight: str, steps: str = STEPS, more: str = "") -> str:
    return f"{HEAD}in_flight: {in_flight}\n{more}{steps}"


def begun(shop: Shop, in_flight: str, steps: str = STEPS, more: str = "") -> Shop:
    """Let anna enter the flow and come as far as she gets at once."""
    first = "follow" if in_flight == "drain" else in_flight
    shop.write(care=flow(first, steps, more)).customers(anna={})
    shop.event("anna", "signed_up", START).tick(START)
    return shop


def place(shop: Shop) -> tuple[str | None, str | None, str | None]:
    """Return (step if active, exit reason, exit detail) of anna's run."""
    row = tables.enrollment.c
    with shop.engine.connect() as connection:
        found = connection.execute(
            select(row.status, row.step, row.exit_reason, row.exit_detail)
        ).one()
    status, step, reason, detail = found
    return (step if status == "active" else None), reason, detail


def sent(shop: Shop) -> list[str]:
    """Return the steps that sent, in order."""
    row = tables.message.c
    with shop.engine.connect() as connection:
        return list(connection.scalars(select(row.step).order_by(row.id)))


def told(shop: Shop, when: str) -> list[tuple[str, str, str | None, str | None]]:
    return [(one["step"], one["decision"], one["reason"], one["detail"]) for one in shop.tick(when)]


def without(steps: str, *gone: str) -> str:
    lines = [line for line in steps.splitlines() if not any(one in line for one in gone)]
    return "\n".join(lines) + "\n"
