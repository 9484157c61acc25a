"""Names: what the catalog knows, looked up by the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Names:
    """Types of everything a condition can name."""

    events: Mapping[Any, Mapping[Any, str]]
    """Event → property → type."""
    attributes: Mapping[Any, Any]
    """Attribute → something with a ``type``, or a ``Measure``."""
    topics: Mapping[Any, object]

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

    def measure_type(self, measure: Measure) -> str | None:
        """Return the type that a computed attribute's values have."""
        if measure.head in ("first", "last"):
            return "datetime"
        if measure.head in ("total_of", "average_of"):
            return self.property_type(*split_property(measure.operand))
        return "number"
