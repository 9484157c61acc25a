"""What ``explain`` shows of one customer beside a condition: the value that it was asked of."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func

from orchestrator.criteria import flows, messages, rows
from orchestrator.criteria.buckets import share_bound
from orchestrator.criteria.events import Events

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Scope


@dataclass(frozen=True)
class Actual:
    """What ``explain`` shows for one leaf: a value of one customer."""

    value: ColumnElement[Any]
    kind: str
    """Of facts: ``times`` (a count), ``instant`` (when, in microseconds), ``since``,
    ``act`` (of consent: ``2 * at + withdrawn``), ``bucket``, ``address``. Of values:
    ``count``, ``number``, ``scaled`` and ``money`` (1/10,000), ``datetime``
    (microseconds), ``date`` (YYYYMMDD), ``text``, ``boolean``."""
    of: str = ""
    """What belongs to the kind: the bound of a bucket, the channel of an address."""


@dataclass(frozen=True)
class Shown:
    """The values that conditions are about, of the customer that a scope asks about."""

    scope: Scope

    def count_of(self, sentence: Any) -> Actual:
        """Return how often the event happened."""
        events = self.scope.events(sentence.operand, sentence, sentence.where)
        return Actual(events.scalar(func.count()), "times")

    def measure_of(self, sentence: Any) -> Actual:
        """Return the total, average or number of values."""
        events = self.scope.properties(sentence.operand, sentence, sentence.where)
        type = self.scope.property_type(sentence.operand)
        if sentence.head == "number_of_different":
            return Actual(events.scalar(events.distinct_values(type)), "count")
        if sentence.head == "average_of":
            return Actual(events.scalar(events.average_of(type)), "number")
        return Actual(events.scalar(events.sum_of(type)), "money" if type == "money" else "scaled")

    def time_of(self, sentence: Any) -> Actual:
        """Return when the first or last such event was."""
        events = self.scope.events(sentence.operand, None, sentence.where)
        return Actual(events.scalar(events.time(sentence.head)), "instant")

    def value_of(self, name: str) -> Actual:
        """Return the value of an attribute, a computed attribute or ``entry.x``."""
        values = self.scope.attribute(name)
        return Actual(values.scalar(), values.shown_as)

    def stage_of(self) -> Actual:
        """Return the customer's stage."""
        return Actual(rows.present_stage(self.scope), "text")

    def move_of(self, head: str, stage: str) -> Actual:
        """Return the latest entry into (or exit from) a stage."""
        return Actual(rows.latest_move(self.scope, head, stage), "instant")

    def flow_since(self, flow: str) -> Actual:
        """Return since when the customer is in a flow."""
        return Actual(flows.since(self.scope, flow), "since")

    def flow_move_of(self, head: str, flow: str) -> Actual:
        """Return the latest entry into (or exit from) a flow."""
        return Actual(flows.latest_move(self.scope, head, flow), "instant")

    def latest_fact(self, kind: str, sentence: Any) -> Actual:
        """Return when the message was last received, opened and so on."""
        return Actual(messages.latest_fact(self.scope, kind, sentence), "instant")

    def bucket_of(self, seed: str, share: Decimal) -> Actual:
        """Return the customer's bucket of a seed, to be seen beside the bound of a share."""
        return Actual(self.scope.bucket(seed), "bucket", str(share_bound(share)))

    def variant_bucket(self, operand: str) -> Actual:
        """Return the customer's bucket of a split, to be seen beside those of a share."""
        variant = self.scope.names.variant(operand, self.scope.owner)
        return Actual(
            self.scope.bucket(variant.seed), "bucket", f"{variant.low} to {variant.high - 1}"
        )

    def segment_since(self, segment: str) -> Actual:
        """Return since when the customer is in a segment."""
        return Actual(rows.stay_since(self.scope, self.scope.facts.segments, segment), "since")

    def stage_since(self, stage: str) -> Actual:
        """Return since when the customer is in a stage."""
        return Actual(rows.stay_since(self.scope, self.scope.facts.stages, stage), "since")

    def nth_time(self, events: Events, turn: int, *, late: bool) -> Actual:
        """Return the time of the n-th of some events, from 0, counted from the latest or not."""
        return Actual(events.nth_time(turn, late=late), "instant")

    def nth_fact(self, kind: str, sentence: Any, turn: int) -> Actual:
        """Return when the message was received, opened …, the n-th latest time, from 0."""
        return Actual(messages.nth_fact(self.scope, kind, sentence, turn), "instant")

    def latest_act(self, topic: str) -> Actual:
        """Return the customer's latest act about a topic."""
        return Actual(rows.latest_act(self.scope, topic), "act")

    def latest_task(self, step: str) -> Actual:
        """Return when the run's task was last done."""
        return Actual(messages.latest_task(self.scope, step), "instant")

    def address_of(self, channel: str) -> Actual:
        """Return the customer's address for a channel."""
        return Actual(rows.address(self.scope, channel), "address", channel)
