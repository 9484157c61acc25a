"""Two clocks that should agree: this machine's and the database's."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.counting import counted
from orchestrator.database_clock import SKEW_STOPS, SKEW_WARNED
from orchestrator.scheduler.events import Voice


def is_too_far_off(skew: timedelta, voice: Voice) -> bool:
    """Return whether the clocks are so far apart that nothing may be planned; tells if they are.

    Args:
        skew: how far, whichever is ahead.
    """
    if skew <= SKEW_WARNED:
        voice.ended("clock_is_off")
        return False
    seconds, stops = round(skew.total_seconds()), skew > SKEW_STOPS
    apart = f"this machine's clock and the database's are {counted(seconds, 'second')} apart"
    voice.once(
        "clock_is_off",
        f"plans nothing: {apart}; set them right (NTP)" if stops else apart,
        "error" if stops else "warning",
        {"seconds": seconds},
        key=stops,
    )
    return stops
