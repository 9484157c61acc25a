"""What came of one wake of the scheduler."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What came of one wake."""

    TICKED = "ticked"
    UP_TO_DATE = "up_to_date"
    """The clock is not after the last tick."""
    STANDS_BY = "stands_by"
    """Another scheduler holds office."""
    ASKS = "asks"
    """The scheduler has paused everything and waits for a person's word."""
    CLOCK_IS_OFF = "clock_is_off"
    FAILED = "failed"
    """The database or the disk did."""
