"""Scope: everything a condition needs to become SQL.

A predicate is a boolean over the row ``scope.customer`` (and, inside a flow, the run
beside it). Its leaves are uncorrelated sets (``customer IN (SELECT …)``) when many
customers are asked, and probes of the same selects when few are: one meaning, two plans.
No SQL ever asks the database for the time; ``now`` is bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
)

from orchestrator import tables
from orchestrator.columns import to_day_number, to_micros
from orchestrator.criteria import anniversaries, custom_sql, flows, messages, rows
from orchestrator.criteria.base import Criterion, fold
from orchestrator.criteria.buckets import bucket_factors, share_bound
from orchestrator.criteria.events import Events
from orchestrator.criteria.facts import Facts, SpanRow
from orchestrator.criteria.measures import split_property
from orchestrator.criteria.modifiers import Where
from orchestrator.criteria.numbers import number_tests
from orchestrator.criteria.reckoning import Reckoning
from orchestrator.criteria.shown import Shown
from orchestrator.criteria.sources import measured, source
from orchestrator.criteria.stored_sources import Source
from orchestrator.language.durations import Duration
from orchestrator.language.literals import Reference
from orchestrator.tables.reading import aliased

if TYPE_CHECKING:
    from orchestrator.criteria.names import Names

Predicate = ColumnElement[bool]


@dataclass(frozen=True)
class Scope(Reckoning):
    """What conditions are compiled against."""

    names: Names
    facts: Facts
    customer: FromClause
    """The customer row asked about; stands in the FROM of the statement."""
    owner: str
    """Flow, segment or stage that asks: the default seed of ``sample``."""
    each: bool = False
    """Probe per customer instead of building sets; right when few are asked."""
    run: FromClause | None = None
    """The run (or entry candidate) beside the customer: ``flow``, ``entry``, ``entry_at``,
    ``entry_event_id``, ``start``."""
    entry_types: Mapping[str, str] = field(default_factory=dict)
    """Type of each property that ``entry`` may have here."""
    result_types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Step id → type of each property that the step's result may have."""
    this_run: bool = False
    """Whether messages without a window mean those of this run (semantics 20)."""

    @property
    def subject(self) -> ColumnElement[int]:
        """The id of the customer asked about."""
        return self.customer.c.id

    @property
    def shown(self) -> Shown:
        """What ``explain`` shows of the customer."""
        return Shown(self)

    # --- putting predicates together --------------------------------------------------

    def predicate(self, criterion: Criterion | None) -> Predicate:
        """Compile a tree of conditions; none at all holds for everybody."""
        if criterion is None:
            return true()
        joins: dict[str, Callable[[list[Predicate]], Predicate]] = {
            "all": lambda members: and_(*members),
            "any": lambda members: or_(*members),
            "none": lambda members: not_(or_(*members)),
        }
        compiled: Predicate = fold(
            criterion,
            lambda leaf: leaf.predicate(self),
            lambda how, members: joins[how](members).self_group(),
        )
        return compiled

    def among(self, query: Select[Any], customer_id: ColumnElement[int]) -> Predicate:
        """Return whether the customer is among the ids that ``query`` selects.

        Args:
            query: selects the one column ``customer_id``, never NULL.
            customer_id: that column, for the probe.
        """
        if self.each:
            return exists(self.correlate(query.where(customer_id == self.subject)))
        return self.subject.in_(self.correlate(query))

    def correlate(self, query: Select[Any]) -> Select[Any]:
        """Let the query see the customer and the run of the enclosing statement."""
        return query.correlate(*self.outer)

    @property
    def outer(self) -> list[FromClause]:
        """What stands in the FROM around every leaf."""
        return [self.customer] if self.run is None else [self.customer, self.run]

    def probing(self) -> Scope:
        """Return this scope with every leaf probed per customer."""
        return replace(self, each=True)

    # --- what leaves are made of ------------------------------------------------------

    def events(self, name: str, window: Any = None, where: Where | None = None) -> Events:
        """Return the events of a name, inside a window and passing tests."""
        return Events.named(self, name, window, where)

    def properties(self, operand: str, window: Any = None, where: Where | None = None) -> Events:
        """Return the events that have a property such as ``purchase.amount``."""
        return Events.having(self, operand, window, where)

    def property_type(self, operand: str) -> str:
        """Return the type of ``purchase.amount``."""
        return self.names.property_type(*split_property(operand)) or "text"

    def attribute(self, name: str) -> Source:
        """Return where the values of an attribute, or of ``entry.x``, are found."""
        return source(self, name)

    def reference(
        self, reference: Reference, type: str, customer_id: ColumnElement[int]
    ) -> ColumnElement[Any]:
        """Return the value that ``$customer.x``, ``$entry.x`` … has for one customer."""
        named = f"{reference.root}.{reference.name}"
        name = reference.name if reference.root == "customer" else named
        return source(self.probing(), name).scalar(type)

    def all(self, tests: Sequence[Predicate]) -> Predicate:
        """Return the conjunction of tests."""
        return and_(true(), *tests)

    def count(self, sentence: Any) -> Predicate:
        """Return whether an event happened as often as the count words say."""
        tests = number_tests(sentence)
        events = self.events(sentence.operand, sentence, sentence.where)
        return events.counted(tests) if tests else events.any()

    def measured(self, sentence: Any) -> Predicate:
        """Return whether a total, an average or a number of values passes its count words."""
        type = self.property_type(sentence.operand)
        return measured(self, sentence, type, number_tests(sentence))

    def in_segment(self, segment: str) -> Predicate:
        """See ``rows.in_segment``."""
        return rows.in_segment(self, segment)

    def in_stage(self, stage: str, for_at_least: Duration | None) -> Predicate:
        """See ``rows.in_stage``."""
        return rows.in_stage(self, stage, for_at_least)

    def moved(self, head: str, stage: str, window: Any) -> Predicate:
        """See ``rows.moved``."""
        return rows.moved(self, head, stage, window)

    def in_flow(self, flow: str) -> Predicate:
        """See ``flows.in_flow``."""
        return flows.in_flow(self, flow)

    def moved_flow(self, head: str, flow: str, window: Any) -> Predicate:
        """See ``flows.moved``."""
        return flows.moved(self, head, flow, window)

    def custom(self, name: str, values: Mapping[str, Any]) -> Predicate:
        """See ``custom_sql.predicate``."""
        return custom_sql.predicate(self, name, values)

    def message_facts(self, kind: str, sentence: Any) -> Predicate:
        """See ``messages.message_facts``."""
        return messages.message_facts(self, kind, sentence)

    def subscribed(self, topic: str) -> Predicate:
        """See ``rows.subscribed``."""
        return rows.subscribed(self, topic)

    def task_done(self, step: str) -> Predicate:
        """See ``messages.task_done``."""
        return messages.task_done(self, step)

    def reachable(self, channel: str) -> Predicate:
        """See ``rows.reachable``."""
        return rows.reachable(self, channel)

    def anniversary(self, name: str, in_next: Duration | None) -> Predicate:
        """See ``anniversaries.anniversary``."""
        return anniversaries.anniversary(self, name, in_next)

    # --- time -------------------------------------------------------------------------

    def in_window(self, at: ColumnElement[Any], window: Any) -> list[Predicate]:
        """Return the tests of a fact's time: it exists by now, and lies in the window.

        ``in_last`` is ``(now - d, now]``, ``older_than`` ``<= now - d``, ``before`` and
        ``after`` are strict, ``since: entry`` is after the entry (semantics 13, 14).
        """
        latest, tests = self.now_micros, []
        if older_than := getattr(window, "older_than", None):
            latest = min(latest, self.ago(older_than))
        if before := getattr(window, "before", None):
            latest = min(latest, self.moment_bounds(before)[0] - 1)
        tests.append(at <= latest)
        earliest = self._after(window)
        if earliest is not None:
            tests.append(at > earliest)
        if getattr(window, "since", None):
            tests.append(at > self.entered())
        return tests

    def entered(self) -> ColumnElement[Any]:
        """Return the entry instant of the run that asks."""
        if self.run is None:
            raise ValueError("a run is asked about where there is none")
        return self.run.c.entry_at

    def on_local_day(
        self, customer_id: ColumnElement[int], test: Callable[[date], ColumnElement[bool]]
    ) -> Predicate:
        """Return ``test`` of the local day of a customer, whoever's row is being tested."""
        zones, owner = aliased(self.facts.zones), aliased(tables.customer)
        days = [
            and_(zones.c.local_day == to_day_number(day), test(day))
            for day in self.facts.local_days
        ]
        return exists(
            select(zones.c.name)
            .where(owner.c.id == customer_id)
            .where(zones.c.name == func.coalesce(owner.c.timezone, ""), or_(*days, false()))
            .correlate_except(zones, owner)
        )

    def in_span(
        self,
        customer_id: ColumnElement[int],
        instant: ColumnElement[Any],
        ranges: Callable[[str], Sequence[SpanRow]],
    ) -> Predicate:
        """Return whether an instant lies in a range that ``ranges`` gives its owner's zone."""
        spans, owner = aliased(self.facts.spans), aliased(tables.customer)
        key = self.facts.add_spans(ranges)
        return exists(
            select(spans.c.key)
            .where(owner.c.id == customer_id, spans.c.key == key)
            .where(spans.c.zone == func.coalesce(owner.c.timezone, ""))
            .where(spans.c.low <= instant, instant < spans.c.high)
            .correlate_except(spans, owner)
        )

    # --- buckets ----------------------------------------------------------------------

    def bucket(self, seed: str) -> ColumnElement[int]:
        """Return the customer's bucket of a seed, 0 to 9999 (semantics 22)."""
        factor, offset, prime = bucket_factors(seed)
        return ((factor * self.customer.c.base + offset) % prime) % 10_000

    def in_variant(self, operand: str) -> Predicate:
        """Return whether a split gives the customer this share."""
        variant = self.names.variant(operand, self.owner)
        bucket = self.bucket(variant.seed)
        return and_(bucket >= variant.low, bucket < variant.high)

    def in_share(self, seed: str, share: Decimal) -> Predicate:
        """Return whether the customer falls into the first ``share`` of the buckets."""
        return self.bucket(seed) < share_bound(share)


def population(customer: FromClause, now: datetime) -> Predicate:
    """Return whether a customer exists at now.

    ``created_at`` decides; without it the first event does; with neither, always.
    """
    since = func.coalesce(customer.c.created_at, customer.c.first_event_at)
    return or_(since.is_(None), since <= to_micros(now))
