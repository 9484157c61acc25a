"""Names: what the catalog knows, looked up by the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.criteria.measures import Measure, split_property

CUSTOMER_COLUMNS = {
    "id": "text",
    "email": "text",
    "phone": "text",
    "push_token": "text",
    "locale": "text",
    "timezone": "text",
    "preferred_channel": "text",
    "preferred_time": "text",
    "created_at": "datetime",
}
"""What every customer has without declaring it, and its type."""

RESULT_FACTS = {"did": "text", "at": "datetime", "timed_out": "boolean"}
"""What every result of a step has, whatever ended it, and its type."""


@dataclass(frozen=True)
class Variant:
    """The buckets ``[low, high)`` of a seed that one share of a split takes."""

    seed: str
    low: int
    high: int


@dataclass(frozen=True)
class Names:
    """Types of everything a condition can name."""

    events: Mapping[Any, Mapping[Any, str]]
    """Event → property → type."""
    attributes: Mapping[Any, Any]
    """Attribute → something with a ``type``, or a ``Measure``."""
    topics: Mapping[Any, object]
    variants: Mapping[str, Variant] = field(default_factory=dict)
    """``flow/split/share`` → its buckets."""

    def property_type(self, event: str, prop: str) -> str | None:
        """Return the type of an event's property; None if the catalog does not know it."""
        return self.events.get(event, {}).get(prop)

    def attribute_type(self, name: str) -> str | None:
        """Return the type of an attribute, stored, computed or built in; None if unknown."""
        attribute = self.attributes.get(name)
        if attribute is None:
            return CUSTOMER_COLUMNS.get(name)
        if isinstance(attribute, Measure):
            return self.measure_type(attribute)
        return str(attribute.type)

    def variant(self, operand: str, owner: str) -> Variant:
        """Return the share that ``flow/split/share``, or ``split/share``, stands for.

        Args:
            owner: who asks; a flow's own split comes first.
        Raises:
            LookupError: there is none.
        """
        named = [operand, f"{owner}/{operand}"]
        if operand.count("/") == 1:
            named += [name for name in self.variants if name.partition("/")[2] == operand]
        found = next((name for name in named if name in self.variants), None)
        if found is None:
            raise LookupError(f"no flow has the share {operand!r}")
        return self.variants[found]

    def measure_type(self, measure: Measure) -> str | None:
        """Return the type that a computed attribute's values have."""
        if measure.head in ("first", "last"):
            return "datetime"
        if measure.head in ("total_of", "average_of"):
            return self.property_type(*split_property(measure.operand))
        return "number"
