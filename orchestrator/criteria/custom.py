"""Your own condition: what a package registers for ``custom:`` to ask.

A package brings a condition by an entry point of the group ``clmctl.conditions`` that names
a ``CustomCondition``. Nothing of it is imported before a playbook asks for it by name, and
this module imports no SQLAlchemy: a package may leave that to its function, which is called
only where SQL is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from orchestrator import timing
from orchestrator.language.durations import Duration
from orchestrator.language.moments import DurationShape, MomentShape
from orchestrator.language.names import Ref
from orchestrator.language.shapes import Number, ScalarShape, Share, Text, Truth, Whole
from orchestrator.packages import Brought, a

if TYPE_CHECKING:
    from sqlalchemy import FromClause

BROUGHT = Brought("clmctl.conditions", "condition")
REQUIRED: Final = object()
"""The default of a parameter that has none."""
TYPES: dict[str, ScalarShape[Any]] = {
    "text": Text(),
    "number": Number(),
    "whole number": Whole(),
    "boolean": Truth(),
    "share": Share(),
    "duration": DurationShape(),
    "date": MomentShape(),
    "event": Ref("event"),
    "attribute": Ref("attribute"),
}
"""Type of a parameter → how it is written under ``with``. As Python: text, event and
attribute are ``str``, number and share ``Decimal`` (10% is 0.1), whole number ``int``,
boolean ``bool``, duration ``Duration``, date ``date`` or ``datetime``."""


@dataclass(frozen=True)
class Parameter:
    """One value that a condition takes under ``with``."""

    type: str
    doc: str
    default: Any = REQUIRED
    one_of: tuple[str, ...] = ()
    """The texts that may stand there; none for any."""


@dataclass(frozen=True)
class Rows:
    """The tables to select from, with what the tick under way has changed laid over them.

    Instants are whole microseconds since 1970, UTC.
    """

    customer: FromClause
    event: FromClause
    event_value: FromClause
    attribute_value: FromClause
    consent: FromClause
    receipt: FromClause
    message: FromClause
    stage_interval: FromClause
    segment_interval: FromClause
    enrollment: FromClause


@dataclass(frozen=True)
class Asking:
    """What a condition may know when it makes its SQL."""

    now: datetime
    """Aware UTC; never ask the database for the time."""
    zone: ZoneInfo
    """The project's."""
    customer: FromClause
    """The row of the customer who is asked about, for boolean expressions."""
    rows: Rows

    @property
    def now_micros(self) -> int:
        """``now`` as the tables have it."""
        return _micros(self.now)

    def ago(self, duration: Duration) -> int:
        """Return the instant that long before now, as the tables have it."""
        return _micros(timing.minus(self.now, duration))


def _micros(instant: datetime) -> int:
    from orchestrator.columns import to_micros  # brings SQLAlchemy, which reading does without

    return to_micros(instant)


@dataclass(frozen=True)
class CustomCondition:
    """A condition of your own."""

    selects: Callable[..., Any]
    """Called with an ``Asking`` and the values of ``with`` by name. Returns a SQLAlchemy
    select of one column, the ``customer.id`` of those for whom it holds, or a boolean
    expression about ``asking.customer``."""
    doc: str
    takes: Mapping[str, Parameter] = field(default_factory=dict)


def find(name: str) -> CustomCondition:
    """Return the condition of that name, importing its package.

    Raises:
        EnvironmentFault: no package brings it, several do, or it cannot be loaded.
    """
    found = BROUGHT.load(name)
    if not isinstance(found, CustomCondition):
        raise BROUGHT.fault(name, f"is no CustomCondition, but {a(type(found))}")
    wrong = next((one for one in found.takes.values() if one.type not in TYPES), None)
    if wrong is not None:
        raise BROUGHT.fault(name, f'takes a value of the unknown type "{wrong.type}"')
    return found
