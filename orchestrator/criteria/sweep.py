"""Sweep: where the clock can have flipped an answer between two ticks.

A condition that depends on time has boundaries that travel along the time line: ``now - 30
days`` for ``in_last: 30 days``, ``now`` itself for facts dated ahead. Only customers with a
fact that a boundary has passed since the last tick can answer otherwise than then (changed
facts aside). Conditions name their boundaries here; nothing of it is SQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from orchestrator import timing
from orchestrator.criteria.base import Criterion, leaves
from orchestrator.criteria.measures import Measure, PropertyOf, TimeOf, split_property
from orchestrator.language.literals import Literal, Reference

if TYPE_CHECKING:
    from orchestrator.criteria.modifiers import ValueTests, Where
    from orchestrator.criteria.names import Names
    from orchestrator.language.durations import Duration

RELATIVE = ("in_last", "in_next", "older_than")
FIRST_YEAR = 1900
DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Passed:
    """A range of facts that a boundary has passed since the last tick."""

    rows: str
    """``event``, ``instant``, ``date``, ``created``, ``began``, ``ended``, ``message``,
    ``receipt``, ``consent``, ``suppression``, ``task``, ``entry``, ``exit`` or ``run``."""
    name: str
    """The event, attribute, stage, receipt kind, topic or flow; empty if there is no choice."""
    low: Any
    high: Any
    """``(low, high]`` for instants, ``[low, high]`` for dates."""


@dataclass
class Sweep:
    """Collects what was passed between the last tick and this one."""

    names: Names
    last: datetime
    """Aware UTC: the watermark."""
    now: datetime
    """Aware UTC, not before ``last``."""
    days: tuple[date, date] | None
    """The earliest local day of any zone at ``last`` and the latest at ``now``; None if no
    zone has begun another day since."""
    flow: str = ""
    """The flow whose conditions are asked, if it is one's."""
    passed: set[Passed] = field(default_factory=set)
    unsaid: set[str] = field(default_factory=set)
    """Heads that cannot say what was passed: everybody is evaluated."""

    def of(self, criterion: Criterion | None, flow: str = "") -> None:
        """Add what was passed for every condition of a tree."""
        self.flow = flow
        for leaf in leaves(criterion):
            leaf.swept(self)

    def cannot_say(self, head: str) -> None:
        """Note a condition whose boundaries are not known."""
        self.unsaid.add(head)

    # --- boundaries -------------------------------------------------------------------

    def behind(self, *spans: Duration | None) -> list[tuple[datetime, datetime]]:
        """Return what the present, and the boundaries so long before it, have passed."""
        passed = [
            (timing.minus(self.last, span), timing.minus(self.now, span))
            for span in spans
            if span is not None
        ]
        return [(self.last, self.now), *passed]

    def add(self, rows: str, name: str, ranges: Iterable[tuple[Any, Any]]) -> None:
        """Add ranges of facts of one kind and name."""
        self.passed |= {Passed(rows, name, low, high) for low, high in ranges}

    # --- words for kinds of condition -------------------------------------------------

    def events(self, name: str, window: Any = None, where: Where | None = None) -> None:
        """Add the events that came to be, or that the bounds of a window have passed."""
        spans = (getattr(window, "in_last", None), getattr(window, "older_than", None))
        self.add("event", name, self.behind(*spans))
        for tests in (where or {}).values():
            if _is_relative(tests):
                self.cannot_say("where")
            self._bounds_of(tests)

    def events_waited_for(self, name: str, within: Duration) -> None:
        """Add the events whose time to be followed has run out."""
        self.add("event", name, self.behind(within)[1:])

    def property(self, operand: str, window: Any, where: Where | None) -> None:
        """Add the events of a property such as ``purchase.amount``."""
        self.events(split_property(operand)[0], window, where)

    def value(self, name: str, tests: ValueTests) -> None:
        """Add what was passed for tests of an attribute, computed or not, or of ``entry.x``."""
        self._bounds_of(tests)
        attribute = self.names.attributes.get(name)
        if isinstance(attribute, Measure):
            self._measure(attribute, tests)
        elif not _is_relative(tests):
            return
        elif name == "entry.at":
            self.add("entry", self.flow, self._of_instants(tests))
        elif name == "created_at" and attribute is None:
            self.add("created", "", self._of_instants(tests))
        elif attribute is None:
            self.add("run", self.flow, [(self.last, self.now)])
        elif attribute.type == "datetime":
            self.add("instant", name, self._of_instants(tests))
        elif self.days is not None:
            self.add("date", name, _of_days(self.days, tests))

    def anniversary(self, name: str, in_next: Duration | None) -> None:
        """Add the dates of all years whose month and day the local days have passed."""
        attribute = self.names.attributes.get(name)
        if isinstance(attribute, Measure):
            self.cannot_say("anniversary_of")
        elif self.days is not None:
            last, now = self.days
            end = timing.shift_days(now, in_next, +1) if in_next else now
            days = list(_in_every_year(last, end))
            if attribute is None:
                self.add("created", "", [_in_any_zone(*pair) for pair in days])
            elif attribute.type == "datetime":
                self.add("instant", name, [_in_any_zone(*pair) for pair in days])
            else:
                self.add("date", name, days)

    def stays(self, stage: str, lasting: Duration) -> None:
        """Add the stays in a stage that have now lasted so long."""
        self.add("began", stage, self.behind(lasting)[1:])

    def moves(self, head: str, stage: str, window: Any) -> None:
        """Add the entries into (or exits from) a stage that a window's bounds have passed."""
        rows = "began" if head.startswith("entered") else "ended"
        self.add(rows, stage, self.behind(window.in_last, window.older_than))

    def flow_moves(self, head: str, flow: str, window: Any) -> None:
        """Add the entries into (or exits from) a flow that a window's bounds have passed."""
        rows = "entry" if head.startswith("entered") else "exit"
        self.add(rows, flow, self.behind(window.in_last, window.older_than))

    def message_facts(self, kind: str, window: Any) -> None:
        """Add the messages received, opened … that the bounds of a window have passed."""
        if kind == "received":
            self.add("message", "", self.behind(window.in_last))
        else:
            self.add("receipt", kind, self.behind(window.in_last))

    def consents(self) -> None:
        """Add the acts about topics that were dated ahead."""
        self.add("consent", "", self.behind())

    def tasks(self, step: str) -> None:
        """Add the tasks of a step that were marked done ahead of time."""
        self.add("task", step, self.behind())

    def suppressions(self) -> None:
        """Add the addresses whose suppression was dated ahead."""
        self.add("suppression", "", self.behind())

    def runs_ended(self, flow: str, ago: Duration) -> None:
        """Add the runs of a flow that ended so long ago by now."""
        self.add("exit", flow, self.behind(ago)[1:])

    # --- what they are made of --------------------------------------------------------

    def _bounds_of(self, tests: ValueTests) -> None:
        """Add what was passed for the computed attributes that tests compare with."""
        for bound in vars(tests).values():
            for one in bound if isinstance(bound, tuple) else (bound,):
                value = one.value if isinstance(one, Literal) else None
                if isinstance(value, Reference) and value.root == "customer":
                    attribute = self.names.attributes.get(value.name)
                    if isinstance(attribute, Measure):
                        self._measured(attribute)

    def _measured(self, measure: Measure) -> None:
        operand = str(measure.operand)
        name = split_property(operand)[0] if isinstance(measure, PropertyOf) else operand
        self.events(name, measure, measure.where)

    def _measure(self, measure: Measure, tests: ValueTests) -> None:
        self._measured(measure)
        if not isinstance(measure, TimeOf):
            return
        later = timedelta(microseconds=measure.plus.micros if measure.plus else 0)
        ranges = [(low - later, high - later) for low, high in self._of_instants(tests)]
        self.add("event", measure.operand, ranges)

    def _of_instants(self, tests: ValueTests) -> list[tuple[datetime, datetime]]:
        found = self.behind(tests.in_last, tests.older_than)
        if span := tests.in_next:
            found.append((timing.plus(self.last, span), timing.plus(self.now, span)))
        return found


def _is_relative(tests: ValueTests) -> bool:
    return any(getattr(tests, word) is not None for word in RELATIVE)


def _of_days(days: tuple[date, date], tests: ValueTests) -> list[tuple[date, date]]:
    """Return the days that today, or a boundary some days from it, has passed."""
    found = [(days[0] - DAY, days[1])]
    for span, sign in ((tests.in_last, -1), (tests.older_than, -1), (tests.in_next, +1)):
        if span is not None:
            low, high = (timing.shift_days(day, span, sign) for day in days)
            found.append((low - DAY, high))
    return found


def _in_every_year(first: date, last: date) -> Iterable[tuple[date, date]]:
    """Yield where the days from one to another lay in every year, some days too many."""
    length = (last - first) + 5 * DAY
    for year in range(FIRST_YEAR, last.year + 1):
        low = date(year, first.month, min(first.day, 28)) - DAY
        yield low, low + length


def _in_any_zone(low: date, high: date) -> tuple[datetime, datetime]:
    """Return the instants that days hold in any zone."""
    start, end = (datetime.combine(day, time(), UTC) for day in (low, high))
    return start - DAY, end + 2 * DAY
