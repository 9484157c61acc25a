"""What becomes of the calls of webhooks in random stories: as many ways as there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from reference.world import first_digits

LATER = (timedelta(0), timedelta(minutes=1), timedelta(hours=4))
FAILURE = "nobody there"


@dataclass(frozen=True)
class Reply:
    """An answer to one call, or that it failed."""

    at: datetime
    failed: bool


def reply(call: tuple[object, ...], made_at: datetime) -> Reply | None:
    """Return what becomes of a call; None if nothing is ever heard of it.

    Args:
        call: what tells it apart from all others.
    """
    dice = first_digits("/".join(map(str, call)))
    if dice % 5 == 0:
        return None
    return Reply(made_at + LATER[dice // 5 % len(LATER)], failed=dice % 5 > 2)
