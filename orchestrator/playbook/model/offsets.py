"""How a test writes times: so long after its clock, or at a time of day or an instant."""

from __future__ import annotations

import re
from datetime import time

from orchestrator.language.durations import Duration, meant_duration, parse_duration, parse_time
from orchestrator.language.moments import (
    DurationShape,
    Moment,
    MomentShape,
    TimeOfDay,
    parse_moment,
)
from orchestrator.language.nodes import Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.shapes import JsonSchema, ScalarShape

Offset = tuple[Duration, ...]
"""Durations added up, as they are written; none at all is the clock itself."""

_PART = re.compile(r"[0-9]+ ?[a-z]+")
_ZERO = re.compile(r"0 ?(min|mins|minute|minutes|h|hour|hours|d|day|days)")


def parse_offset(written: str) -> Offset | None:
    """Return what ``2 days`` or ``1 day 2 hours 30 min`` adds up; None if it is neither."""
    if _ZERO.fullmatch(written):
        return ()
    parts = _PART.findall(written)
    if not parts or " ".join(parts).replace(" ", "") != written.replace(" ", ""):
        return None
    found = [parse_duration(part) for part in parts]
    return tuple(one for one in found if one is not None) if None not in found else None


class OffsetShape(ScalarShape[Offset]):
    """``0 min``, ``2 days``, ``1 day 2 hours 30 min``."""

    says = "a length of time such as 0 min, 3 days or 1 day 2 hours"

    def parse(self, node: ScalarNode) -> Offset | None:
        return parse_offset(node.value) if isinstance(node.value, str) else None

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there, with the duration that was probably meant."""
        meant = None
        if isinstance(node, ScalarNode) and node.value is not None:
            meant = meant_duration(node.text, DurationShape().units)
        return super().refuse(node, reader, help=help or meant)

    def plain_schema(self) -> JsonSchema:
        one = DurationShape().plain_schema()["pattern"].removeprefix("^").removesuffix("$")
        return {"type": "string", "pattern": f"^(?:{_ZERO.pattern}|{one}(?: {one})*)$"}


class AtShape(ScalarShape[time | Moment]):
    """A time of day on that day, or an instant by itself."""

    says = "a time of day such as 09:30, or a date and time such as 2026-03-02 09:30"
    hint = 'a time of day stands beside "after" or "before" in days; a date and time stands alone'

    def parse(self, node: ScalarNode) -> time | Moment | None:
        return parse_time(node.text) or parse_moment(node.text)

    def plain_schema(self) -> JsonSchema:
        forms = (TimeOfDay().plain_schema(), MomentShape().plain_schema())
        bodies = [form["pattern"].removeprefix("^").removesuffix("$") for form in forms]
        return {"type": "string", "pattern": f"^(?:{'|'.join(bodies)})$"}
