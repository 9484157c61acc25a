"""Patterns of ``--time-format`` that say a whole time in one way only."""

from __future__ import annotations

import re

_DIRECTIVE = re.compile(r"%(.)", re.DOTALL)
_MONTHS = frozenset("mbB")
_WEEKDAYS = frozenset("aAuw")
_WHOLE_DATES = frozenset("cx")


def refusal(form: str) -> str | None:
    """Return what is contradictory or left open in a strptime pattern; None if nothing is."""
    signs = frozenset(_DIRECTIVE.findall(form)) - {"%"}
    return _of_zone(signs) or _of_day(signs) or _of_clock(signs)


def _of_zone(signs: frozenset[str]) -> str | None:
    if "Z" in signs:
        return "%Z: names of zones are ambiguous; use %z for offsets such as +0200"
    return None


def _of_day(signs: frozenset[str]) -> str | None:
    """Return what keeps the pattern from being one calendar day."""
    if signs & _WHOLE_DATES:
        return None
    if {"G", "V"} <= signs:
        return None if signs & _WEEKDAYS else "it has a week, but no day of it: %u"
    if "Y" in signs and "y" in signs:
        return "%Y and %y are both the year"
    if not signs & {"Y", "y"}:
        return "it has no year: %Y"
    if "j" in signs:
        return "%j is the day of the year already" if signs & (_MONTHS | {"d"}) else None
    if signs & {"U", "W"} and signs & _WEEKDAYS:
        return None
    if len(signs & _MONTHS) > 1:
        return "it has the month twice"
    if not signs & _MONTHS:
        return "it has no month: %m"
    return None if "d" in signs else "it has no day: %d"


def _of_clock(signs: frozenset[str]) -> str | None:
    """Return what keeps the pattern from being one time of day."""
    if signs & {"c", "X"}:
        return None
    if "p" in signs and "I" not in signs:
        return "%p (AM or PM) goes with %I, the hour of 12"
    if "I" in signs and "H" in signs:
        return "%H and %I are both the hour"
    if "I" in signs and "p" not in signs:
        return "%I is the hour of 12, without %p (AM or PM); the hour of 24 is %H"
    clock = [bool(signs & {"H", "I"}), "M" in signs, "S" in signs, "f" in signs]
    if clock != sorted(clock, reverse=True):
        return "it has minutes, seconds or fractions without what stands before them: %H:%M:%S.%f"
    return None
