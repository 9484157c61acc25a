"""What an import did, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """Counts of one import. Every row of the file is in exactly one of the first four."""

    loaded: int = 0
    updated: int = 0
    unchanged: int = 0
    """Rows that say what the database knows, or what a later row of the file replaces."""
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Why rows were rejected."""
    customers_created: int = 0
    """By events of unknown customers."""
    missing: Counter[str] = field(default_factory=Counter)
    """Declared attribute or ``event.property`` → empty cells."""
    unparsable: Counter[str] = field(default_factory=Counter)
    """Declared attribute or ``event.property`` → values that are none of its type: missing."""
    found: set[str] = field(default_factory=set)
    """Declared attributes and properties of which at least one row has a value."""
    unknown_messages: Counter[str] = field(default_factory=Counter)
    """Messages that receipts name and the project does not have."""
    blocked: int = 0
    """Topics listed for a customer who has withdrawn from them: they stay withdrawn."""
    undeclared_events: set[str] = field(default_factory=set)
    undeclared_columns: set[str] = field(default_factory=set)
    """Attributes, ``event.property`` or topics that the catalog does not declare."""
    computed_columns: set[str] = field(default_factory=set)
    """Columns called as what the catalog computes from events."""
    suppressed: int = 0
    """Addresses that receipts put out of use."""
    withdrawn: int = 0
    """Topics that receipts withdrew customers from."""

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return self.loaded + self.updated + self.unchanged + self.rejected
