"""When messages leave that quiet hours or a slot have held: spread over the time after these open.

Only where a worker goes on sending. A message's place in that time is its customer's; whoever
comes here later, for no tick was run meanwhile, finds it past and leaves at once.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, null

from orchestrator import openings, smear, timing
from orchestrator.columns import MICROSECOND
from orchestrator.tick import workspace
from orchestrator.tick.zones import due_by_zone

if TYPE_CHECKING:
    from orchestrator.tick.tries import Standing

SLOTS = ("quiet_hours", "send_between")
"""Hold reasons that end by the clock alone."""
run = workspace.run


def leaves_at(standing: Standing) -> ColumnElement[Any]:
    """Return the instant before which a send that hours have held is not to leave, in µs.

    NULL for all others. It means nothing for those that are held still.
    """
    tick, was_held = standing.tick, run.c.held_reason.in_(SLOTS)
    if not tick.smears or not tick.any(and_(standing.here, was_held)):
        return null()
    opened = due_by_zone(tick, lambda zone: _opened(standing, zone))
    over = due_by_zone(tick, lambda zone: _ends(standing, zone)) - opened
    kept = timing.shortest(standing.policy.expires_after) // MICROSECOND
    least = func.min if tick.connection.dialect.name == "sqlite" else func.least
    over = least(over, (run.c.reached_at + kept - opened) // 2)
    place = run.c.customer_id * smear.STEP % smear.PLACES
    return case((was_held, opened + over * place // smear.PLACES), else_=null())


def _opened(standing: Standing, zone: ZoneInfo) -> datetime | None:
    """Return when a send's slots opened, or the instant before which it makes no difference."""
    return openings.next_allowed(standing.tick.now - smear.OVER, zone, *standing.slots)


def _ends(standing: Standing, zone: ZoneInfo) -> datetime | None:
    """Return when the last customer of a zone has had a turn, if none expires before."""
    opened = _opened(standing, zone)
    if opened is None:
        return None
    return opened + smear.span(opened, openings.next_refused(opened, zone, *standing.slots))
