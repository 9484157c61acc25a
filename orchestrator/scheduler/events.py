"""What the scheduler says of itself: one line per event, ids and numbers only.

No event holds an address, an attribute or a text of a customer, so the lines may go to any log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Happened:
    """One event of the scheduler's life."""

    event: str
    """A word for machines: ``tick``, ``stands_by``, ``paused``."""
    says: str
    """The sentence for people."""
    level: Level = "info"
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Ids, counts and instants."""


Tell = Callable[[Happened], None]


@dataclass
class Voice:
    """Tells what happened, and a standing fact only when it begins."""

    tell: Tell
    _standing: dict[str, Any] = field(default_factory=dict)
    _remarks: set[tuple[str, str]] = field(default_factory=set)

    def say(
        self, event: str, says: str, level: Level = "info", facts: Mapping[str, Any] | None = None
    ) -> None:
        """Tell one event."""
        self.tell(Happened(event, says, level, facts or {}))

    def once(
        self,
        event: str,
        says: str,
        level: Level = "info",
        facts: Mapping[str, Any] | None = None,
        *,
        key: Any = None,
    ) -> None:
        """Tell of a state unless it stands already.

        Args:
            key: what makes it another state of that name; the facts, if nothing is given.
        """
        state = key if key is not None else dict(facts or {})
        if self._standing.get(event) != state:
            self.say(event, says, level, facts)
            self._standing[event] = state

    def remark(self, remarks: Iterable[Happened]) -> None:
        """Tell those of a tick's remarks that the tick before did not make."""
        before, self._remarks = self._remarks, set()
        for one in remarks:
            self._remarks.add((one.event, one.says))
            if (one.event, one.says) not in before:
                self.tell(one)

    def ended(self, *events: str) -> None:
        """Forget states, so that they are told when they come back."""
        for event in events:
            self._standing.pop(event, None)


def json_line(happened: Happened, at: datetime) -> str:
    """Return the event as one JSON object in one line."""
    document = {
        "at": _instant(at),
        "level": happened.level,
        "event": happened.event,
        **{name: _plain(value) for name, value in happened.facts.items()},
        "says": happened.says,
    }
    return json.dumps(document, ensure_ascii=False, separators=(", ", ": "))


def readable_line(happened: Happened, at: datetime) -> str:
    """Return the event as a line for a person: the time in UTC, and the sentence."""
    mark = "" if happened.level == "info" else f"{happened.level}: "
    return f"{at:%Y-%m-%d %H:%M:%SZ}  {mark}{happened.says}"


def _plain(value: Any) -> Any:
    return _instant(value) if isinstance(value, datetime) else value


def _instant(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
