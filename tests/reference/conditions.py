"""Whether a condition holds for one customer: semantics 13-25 and 31, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, cast
from zoneinfo import ZoneInfo

from reference.values import (
    UNITS,
    Clocks,
    aware,
    next_anniversary,
    passes,
    scaled,
    typed,
)
from reference.world import ConsentAct, Happening, Person, ReceiptFact, World, bucket

from orchestrator import timing
from orchestrator.channels.spec import CHANNELS
from orchestrator.criteria.base import Criterion, Group
from orchestrator.criteria.kinds.anniversary import AnniversaryOf
from orchestrator.criteria.kinds.attribute import AttributeIs
from orchestrator.criteria.kinds.custom import Custom
from orchestrator.criteria.kinds.did import Did, Following
from orchestrator.criteria.kinds.first_last import FirstOrLast
from orchestrator.criteria.kinds.flow_runs import FlowMove, InFlow
from orchestrator.criteria.kinds.in_variant import InVariant
from orchestrator.criteria.kinds.membership import InSegment, InStage, StageMove
from orchestrator.criteria.kinds.message_fact import MessageFact
from orchestrator.criteria.kinds.property_of import PropertyTotal
from orchestrator.criteria.kinds.sample import Sample
from orchestrator.criteria.kinds.sequence import Link
from orchestrator.criteria.kinds.sequence import Sequence as Chain
from orchestrator.criteria.kinds.topics import ReachableOn, SubscribedTo
from orchestrator.criteria.measures import CountOf, Measure, PropertyOf, TimeOf
from orchestrator.criteria.modifiers import Counts, InLast, Where, Window
from orchestrator.flow.steps.split import Split
from orchestrator.language.durations import Duration
from orchestrator.language.literals import Reference
from orchestrator.language.moments import Moment
from orchestrator.playbook.model import Attribute, Playbook

COLUMNS = {
    "email": "text",
    "phone": "text",
    "push_token": "text",
    "locale": "text",
    "timezone": "text",
    "preferred_channel": "text",
    "created_at": "datetime",
}
"""Attributes that every customer has without a catalog."""


@dataclass(frozen=True)
class Stay:
    """``[began, ended)`` in one stage or segment; silent ends are no transitions."""

    name: str
    began: datetime
    ended: datetime | None = None
    silent: bool = False
    ended_silent: bool = False
    first_seen: bool = False
    """Whether it began because the customer had not been seen before (rule 25)."""


@dataclass(frozen=True)
class Sent:
    """One decision ``send``."""

    customer: str
    flow: str
    entry: int
    step: str
    message: str
    channel: str
    at: datetime
    marketing: bool = True
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Passed:
    """One run of a flow as other conditions know it."""

    customer: str
    flow: str
    entry: int
    at: datetime
    ended: datetime | None = None


@dataclass
class Past:
    """What ticks remembered: stays, sends, attributes that flows wrote."""

    stages: dict[str, list[Stay]] = field(default_factory=dict)
    """customer → stays, oldest first."""
    segments: dict[tuple[str, str], list[Stay]] = field(default_factory=dict)
    """(segment, customer) → stays, oldest first."""
    sent: list[Sent] = field(default_factory=list)
    runs: list[Passed] = field(default_factory=list)
    """As the present part of the tick knows them."""
    written: dict[tuple[str, str], str] = field(default_factory=dict)
    """(customer, attribute) → raw text a flow set."""
    consents: list[ConsentAct] = field(default_factory=list)
    """What flows wrote down."""


@dataclass(frozen=True)
class Result:
    """What a wait brought back (rule 44)."""

    at: datetime
    timed_out: bool = False
    event: Happening | None = None


@dataclass(frozen=True)
class Run:
    """What a condition may know of the run that asks."""

    flow: str
    entry: int
    at: datetime
    start: str = ""
    event: Happening | None = None
    results: Mapping[str, Result] = field(default_factory=dict)
    """Step id → what it brought back."""


@dataclass(frozen=True)
class View:
    """One customer, seen at one instant."""

    playbook: Playbook
    world: World
    past: Past
    person: Person
    now: datetime
    owner: str = ""
    """The flow, segment or stage that asks: the default seed of samples."""
    run: Run | None = None
    this_run: bool = False
    """Whether message facts without a window mean this run (rule 20)."""

    @cached_property
    def project_zone(self) -> ZoneInfo:
        return ZoneInfo(self.playbook.project.timezone)

    @cached_property
    def zone(self) -> ZoneInfo:
        return timing.zone_or(self.person.timezone, self.project_zone)[0]

    @cached_property
    def clocks(self) -> Clocks:
        return Clocks(self.now, self.project_zone, self.zone)

    @cached_property
    def events(self) -> list[Happening]:
        """The customer's events up to now, by time and id."""
        mine = [
            one
            for one in self.world.happenings
            if one.customer == self.person.external_id and one.occurred_at <= self.now
        ]
        return sorted(mine, key=lambda one: (one.occurred_at, one.source_id.encode()))


def holds(criterion: Criterion | None, view: View) -> bool:
    """Return whether the condition is true of the customer."""
    if criterion is None:
        return True
    if isinstance(criterion, Group):
        answers = [holds(member, view) for member in criterion.members]
        how = {"all": all(answers), "any": any(answers), "none": not any(answers)}
        return how[criterion.how]
    return ANSWERS[type(criterion)](criterion, view)


# --- values -----------------------------------------------------------------------------


def attribute_type(view: View, name: str) -> str:
    """Return the type of an attribute, a computed one, or a property of the entry."""
    if name.startswith("entry."):
        return _entry_type(view, name.removeprefix("entry."))
    step, _, fact = name.partition(".")
    if fact:
        result = view.run.results.get(step) if view.run else None
        event = result.event.name if result and result.event else ""
        return RESULT_TYPES.get(fact) or property_type(view, event, fact)
    declared = _declared(view, name)
    if isinstance(declared, Attribute):
        return declared.type
    if isinstance(declared, Measure):
        return measure_type(view, declared)
    return COLUMNS[name]


def _entry_type(view: View, name: str) -> str:
    if name == "at":
        return "datetime"
    if name == "start":
        return "text"
    event = view.run.event if view.run else None
    if event is None:
        return "text"
    return property_type(view, event.name, name)


def property_type(view: View, event: str, name: str) -> str:
    """Return the catalog's type of an event's property."""
    events = cast("Mapping[str, Mapping[str, str]]", view.playbook.catalog.events or {})
    return events.get(event, {}).get(name, "text")


def _declared(view: View, name: str) -> Attribute | Measure | None:
    declared = cast("Mapping[str, Attribute | Measure]", view.playbook.catalog.attributes or {})
    return declared.get(name)


def measure_type(view: View, measure: Measure) -> str:
    """Return the type of a computed attribute; ``exact`` is a number that is never rounded."""
    if isinstance(measure, TimeOf):
        return "datetime"
    if isinstance(measure, PropertyOf) and measure.head in ("total_of", "average_of"):
        kind = property_type(view, *_parts(measure.operand))
        return "money" if kind == "money" else "exact"
    return "exact"


def attribute_value(view: View, name: str) -> Any:
    """Return the typed value of an attribute now; None if missing."""
    if name.startswith("entry."):
        return entry_value(view, name.removeprefix("entry."))
    if "." in name:
        return result_value(view, *name.split("."))
    declared = _declared(view, name)
    if isinstance(declared, Measure):
        return measured(view, declared)
    if declared is None:
        return getattr(view.person, name)
    key = (view.person.external_id, name)
    raw = view.past.written.get(key, view.person.attributes.get(name))
    return typed(raw, declared.type, view.project_zone)


def entry_value(view: View, name: str) -> Any:
    """Return a value of what started the run (rule 31)."""
    assert view.run is not None
    if name == "at":
        return view.run.at
    if name == "start":
        return view.run.start
    if view.run.event is None:
        return None
    return property_value(view, view.run.event, name)


def property_value(view: View, event: Happening, name: str) -> Any:
    """Return the typed value of an event's property; None if missing."""
    kind = property_type(view, event.name, name)
    return typed(event.properties.get(name), kind, view.project_zone)


RESULT_TYPES = {"did": "text", "at": "datetime", "timed_out": "boolean"}


def result_value(view: View, step: str, name: str) -> Any:
    """Return a value of what a step brought back; None if it is missing."""
    result = view.run.results.get(step) if view.run else None
    if result is None:
        return None
    event = result.event
    if name == "did":
        return event.name if event else None
    if name in ("at", "timed_out"):
        return getattr(result, name)
    if event is None:
        return None
    return typed(
        event.properties.get(name), property_type(view, event.name, name), view.project_zone
    )


def ending(criterion: Criterion, view: View) -> Happening | None:
    """Return the earliest event with which a condition held (rule 44)."""
    if isinstance(criterion, Did) and criterion.head == "did":
        found = sorted(matching_events(criterion, view), key=_place)
        return found[_least(criterion) - 1] if len(found) >= _least(criterion) else None
    if not isinstance(criterion, Group) or criterion.how == "none":
        return None
    ends = [end for member in criterion.members if (end := ending(member, view)) is not None]
    if not ends:
        return None
    return min(ends, key=_place) if criterion.how == "any" else max(ends, key=_place)


def _place(event: Happening) -> tuple[datetime, str]:
    return event.occurred_at, event.source_id


def _least(did: Did) -> int:
    low = [did.at_least, did.exactly, did.between[0] if did.between else None]
    low.append(None if did.more_than is None else did.more_than + 1)
    return max([1, *(int(one) for one in low if one is not None)])


def resolve(view: View) -> Callable[[Reference], Any]:
    """Return what ``$customer.x`` and ``$entry.x`` stand for."""

    def value(reference: Reference) -> Any:
        if reference.root == "entry":
            return entry_value(view, reference.name)
        if reference.root != "customer":
            return result_value(view, reference.root, reference.name)
        return attribute_value(view, reference.name)

    return value


def measured(view: View, measure: Measure) -> Any:
    """Return the value of a computed attribute (rule 23)."""
    name = _parts(measure.operand)[0] if isinstance(measure, PropertyOf) else measure.operand
    found = _events(view, name, measure, measure.where)
    if isinstance(measure, CountOf):
        return Fraction(len(found))
    if isinstance(measure, TimeOf):
        return _first_or_last(view, measure, found)
    prop = _parts(measure.operand)[1]
    values = _present(view, found, prop)
    if measure.head == "number_of_different":
        return Fraction(len(set(values)))
    kind = property_type(view, name, prop)
    total = sum(value if kind == "money" else scaled(value) for value in values)
    if measure.head == "average_of":
        if not values:
            return None
        exact = Fraction(total, len(values))
        return exact if kind == "money" else exact / UNITS
    return total if kind == "money" else Fraction(total, UNITS)


def _first_or_last(view: View, measure: TimeOf, found: Sequence[Happening]) -> datetime | None:
    if not found:
        return None
    at = found[0].occurred_at if measure.head == "first" else found[-1].occurred_at
    return at if measure.plus is None else timing.plus(at, measure.plus)


def _parts(name: str) -> tuple[str, str]:
    event, _, prop = name.rpartition(".")
    return event, prop


def _present(view: View, events: Iterable[Happening], prop: str) -> list[Any]:
    values = [property_value(view, event, prop) for event in events]
    return [value for value in values if value is not None]


# --- windows ----------------------------------------------------------------------------


def in_window(view: View, window: InLast, at: datetime) -> bool:
    """Return whether an instant passes every bound of a window (rules 13, 14)."""
    if window.in_last and not timing.minus(view.now, window.in_last) < at <= view.now:
        return False
    if window.older_than and not at <= timing.minus(view.now, window.older_than):
        return False
    if isinstance(window, Window):
        if window.before is not None and not _order(view, at, window.before) < 0:
            return False
        if window.after is not None and not _order(view, at, window.after) > 0:
            return False
    if getattr(window, "since", None) is not None:
        assert view.run is not None
        return at > view.run.at
    return True


def _order(view: View, at: datetime, moment: Moment) -> int:
    left: Any = at
    right: Any = moment
    if isinstance(moment, datetime):
        right = aware(moment, view.project_zone)
    else:
        left = timing.local_day(at, view.project_zone)
    return int(left > right) - int(left < right)


def event_passes(view: View, event: Happening, where: Where | None) -> bool:
    """Return whether an event's properties pass all tests of ``where``."""
    for name, tests in (where or {}).items():
        kind = property_type(view, event.name, name)
        value = property_value(view, event, name)
        if not passes(tests, value, kind, view.clocks, resolve(view)):
            return False
    return True


def _events(view: View, name: str, window: InLast | None, where: Where | None) -> list[Happening]:
    return [
        event
        for event in view.events
        if event.name == name
        and (window is None or in_window(view, window, event.occurred_at))
        and event_passes(view, event, where)
    ]


def counts_hold(counts: Counts, value: Decimal | None, unit: int = 1) -> bool:
    """Return whether a count or total passes; a missing one passes nothing."""
    if value is None:
        return False
    tests = [
        counts.at_least is None or value >= counts.at_least * unit,
        counts.at_most is None or value <= counts.at_most * unit,
        counts.exactly is None or value == counts.exactly * unit,
        counts.more_than is None or value > counts.more_than * unit,
        counts.less_than is None or value < counts.less_than * unit,
        counts.between is None or counts.between[0] * unit <= value <= counts.between[1] * unit,
    ]
    return all(tests)


# --- each kind --------------------------------------------------------------------------


def _attribute(condition: AttributeIs, view: View) -> bool:
    value = attribute_value(view, condition.operand)
    kind = attribute_type(view, condition.operand)
    return passes(condition, value, kind, view.clocks, resolve(view))


def _did(condition: Did, view: View) -> bool:
    matching = matching_events(condition, view)
    if condition.then or condition.then_not:
        answer = bool(matching)
    elif _says_no_count(condition):
        answer = len(matching) >= 1
    else:
        answer = counts_hold(condition, Decimal(len(matching)))
    return answer if condition.head == "did" else not answer


def matching_events(condition: Did, view: View) -> list[Happening]:
    """Return the events A that a ``did`` is about: in the window, followed as it says."""
    found = _events(view, condition.operand, condition, condition.where)
    if condition.then:
        then, within = condition.then, condition.within
        assert within is not None
        return [a for a in found if _followers(view, a, then, within, condition.same)]
    if condition.then_not:
        absent, within = condition.then_not, condition.within
        assert within is not None
        return [a for a in found if _never_followed(view, a, absent, within, condition.same)]
    return found


def _says_no_count(counts: Counts) -> bool:
    said = (counts.at_least, counts.at_most, counts.exactly)
    also = (counts.more_than, counts.less_than, counts.between)
    return all(one is None for one in (*said, *also))


def _followers(
    view: View, a: Happening, following: Following, within: Duration, same: str | None = None
) -> list[Happening]:
    return [
        b
        for b in _events(view, following.did, None, following.where)
        if a.occurred_at < b.occurred_at <= timing.plus(a.occurred_at, within)
        and (same is None or _same(view, a, b, same))
    ]


def _same(view: View, a: Happening, b: Happening, prop: str) -> bool:
    one, two = property_value(view, a, prop), property_value(view, b, prop)
    return one is not None and two is not None and bool(one == two)


def _never_followed(
    view: View, a: Happening, following: Following, within: Duration, same: str | None = None
) -> bool:
    closed = view.now >= timing.plus(a.occurred_at, within)
    return closed and not _followers(view, a, following, within, same)


def _sequence(condition: Chain, view: View) -> bool:
    first, *rest = condition.operand
    assert first.did is not None
    starts = _events(view, first.did, condition, first.where)
    return any(_goes_on(view, start, rest) for start in starts)


def _goes_on(view: View, matched: Happening, rest: Sequence[Link]) -> bool:
    if not rest:
        return True
    link, *later = rest
    assert link.within is not None
    if link.then_not:
        absent = _never_followed(view, matched, link.then_not, link.within)
        return absent and _goes_on(view, matched, later)
    assert link.then is not None
    nexts = _followers(view, matched, link.then, link.within)
    return any(_goes_on(view, following, later) for following in nexts)


def _total(condition: PropertyTotal, view: View) -> bool:
    event, prop = _parts(condition.operand)
    found = _events(view, event, condition, condition.where)
    values = _present(view, found, prop)
    if condition.head == "number_of_different":
        return counts_hold(condition, Decimal(len(set(values))))
    money = property_type(view, event, prop) == "money"
    total = sum(value if money else scaled(value) for value in values)
    if condition.head == "total_of":
        return counts_hold(condition, Decimal(total), UNITS)
    if not values:
        return False
    return counts_hold(condition, Decimal(total), UNITS * len(values))


def _first_last(condition: FirstOrLast, view: View) -> bool:
    found = _events(view, condition.operand, None, condition.where)
    if not found:
        return False
    at = found[0].occurred_at if condition.head == "first" else found[-1].occurred_at
    return in_window(view, condition, at)


def _in_segment(condition: InSegment, view: View) -> bool:
    stays = view.past.segments.get((condition.operand, view.person.external_id), [])
    inside = bool(stays) and stays[-1].ended is None
    return inside == (condition.head == "in_segment")


def present_stay(past: Past, customer: str) -> Stay | None:
    """Return the customer's open stay in a stage."""
    stays = past.stages.get(customer, [])
    return stays[-1] if stays and stays[-1].ended is None else None


def _in_stage(condition: InStage, view: View) -> bool:
    stay = present_stay(view.past, view.person.external_id)
    inside = stay is not None and stay.name == condition.operand
    if inside and stay is not None and condition.for_at_least:
        inside = stay.began <= timing.minus(view.now, condition.for_at_least)
    return inside == (condition.head == "in_stage")


def _stage_move(condition: StageMove, view: View) -> bool:
    stays = [
        stay
        for stay in view.past.stages.get(view.person.external_id, [])
        if stay.name == condition.operand
    ]
    if condition.head == "entered_stage":
        times = [stay.began for stay in stays if not stay.silent]
    else:
        times = [stay.ended for stay in stays if stay.ended and not stay.ended_silent]
    return bool(times) and in_window(view, condition, max(times))


def _passed(view: View, flow: str) -> list[Passed]:
    mine = view.person.external_id
    return [run for run in view.past.runs if (run.customer, run.flow) == (mine, flow)]


def _in_flow(condition: InFlow, view: View) -> bool:
    inside = any(run.ended is None for run in _passed(view, condition.operand))
    return inside == (condition.head == "in_flow")


def _flow_move(condition: FlowMove, view: View) -> bool:
    runs = _passed(view, condition.operand)
    if condition.head == "entered_flow":
        times = [run.at for run in runs]
    else:
        times = [run.ended for run in runs if run.ended]
    return bool(times) and in_window(view, condition, max(times))


def _custom(condition: Custom, view: View) -> bool:
    """Answer as ``likely_to_churn`` of ``tests/packages`` does, with its default model."""
    assert condition.operand == "likely_to_churn"
    assert condition.with_ is not None
    points, (above,) = attribute_value(view, "points"), condition.with_.values()
    return points is not None and points > Decimal(above.text)


def _in_variant(condition: InVariant, view: View) -> bool:
    *flows, split, share = condition.operand.split("/")
    of = [*flows, view.owner, *view.playbook.flows]
    found = [(one, _split(view.playbook, one, split)) for one in of]
    flow, step = next((one, step) for one, step in found if step is not None)
    reached, names = Decimal(0), {}
    for name, part in step.operand.items():
        names[str(name)] = (reached * 10_000, (reached + part.share) * 10_000)
        reached += part.share
    low, high = names[share]
    return low <= bucket(view.person.base, step.seed or f"split:{flow}/{split}") < high


def _split(playbook: Playbook, flow: str, id: str) -> Split | None:
    waiting = [*(playbook.flows[flow].steps if flow in playbook.flows else ())]
    while waiting:
        step = waiting.pop(0)
        if isinstance(step, Split) and step.id == id:
            return step
        waiting += [inner for _, block in step.blocks() for inner in block]
    return None


def message_parts(operand: str) -> tuple[str | None, str | None]:
    """Return (flow, message) that an operand names; None is any."""
    flow, slash, message = operand.rpartition("/")
    return (flow if slash else None), (None if message == "any" else message)


def _message_fact(condition: MessageFact, view: View) -> bool:
    wanted = not condition.head.startswith("not_")
    kind = condition.head.removeprefix("not_")
    flow, message = message_parts(condition.operand)
    if kind == "received":
        times = _received(condition, view, flow, message)
    else:
        times = _receipts(condition, view, kind, flow, message)
    if condition.in_last:
        times = [at for at in times if timing.minus(view.now, condition.in_last) < at]
    if condition.since:
        assert view.run is not None
        times = [at for at in times if at > view.run.at]
    return (len(times) >= (condition.at_least or 1)) == wanted


def _windowless(condition: MessageFact) -> bool:
    return condition.in_last is None and condition.since is None


def _received(
    condition: MessageFact, view: View, flow: str | None, message: str | None
) -> list[datetime]:
    return [sent.at for sent in _sends(condition, view, flow, message)]


def _sends(condition: MessageFact, view: View, flow: str | None, message: str | None) -> list[Sent]:
    only_run = view.run if view.this_run and _windowless(condition) else None
    return [
        sent
        for sent in view.past.sent
        if sent.customer == view.person.external_id
        and flow in (None, sent.flow)
        and message in (None, sent.message)
        and condition.channel in (None, sent.channel)
        and (only_run is None or (sent.flow, sent.entry) == (only_run.flow, only_run.entry))
    ]


def _receipts(
    condition: MessageFact, view: View, kind: str, flow: str | None, message: str | None
) -> list[datetime]:
    found = [
        receipt
        for receipt in view.world.receipts
        if receipt.customer == view.person.external_id
        and receipt.kind == kind
        and receipt.at <= view.now
        and flow in (None, receipt.flow)
        and message in (None, receipt.message)
        and condition.channel in (None, receipt.channel)
    ]
    if view.this_run and view.run is not None and _windowless(condition):
        run = view.run
        sends = [
            sent
            for sent in view.past.sent
            if (sent.customer, sent.flow, sent.entry)
            == (view.person.external_id, run.flow, run.entry)
        ]
        found = [receipt for receipt in found if any(answers_send(receipt, sent) for sent in sends)]
    return [receipt.at for receipt in found]


def answers_send(receipt: ReceiptFact, sent: Sent) -> bool:
    return (
        sent.message == receipt.message
        and sent.at <= receipt.at
        and receipt.flow in (None, sent.flow)
        and receipt.channel in (None, sent.channel)
    )


def _anniversary(condition: AnniversaryOf, view: View) -> bool:
    value = attribute_value(view, condition.operand)
    if value is None:
        return False
    day: date = timing.local_day(value, view.zone) if isinstance(value, datetime) else value
    today = view.clocks.today
    last = timing.shift_days(today, condition.in_next, +1) if condition.in_next else today
    return next_anniversary(day, today) <= last


def subscribed(view: View, topic: str) -> bool:
    """Return whether the latest act about a topic is consent; a withdrawal wins a tie."""
    acts = [
        (act.at is not None, act.at or view.now, act.withdrawn)
        for act in (*view.world.consents, *view.past.consents)
        if act.customer == view.person.external_id
        and act.topic == topic
        and (act.at is None or act.at <= view.now)
    ]
    return bool(acts) and not max(acts)[2]


def _subscribed(condition: SubscribedTo, view: View) -> bool:
    return subscribed(view, condition.operand) == (condition.head == "subscribed_to")


def address(person: Person, channel: str) -> tuple[str, str | None] | None:
    """Return (kind, address) that a channel needs; None if it needs none."""
    kind = CHANNELS[channel].address
    return None if kind is None else (kind, getattr(person, kind))


def reachable(view: View, channel: str) -> bool:
    """Return whether there is an address for the channel, and it is not suppressed."""
    needed = address(view.person, channel)
    if needed is None:
        return True
    return needed[1] is not None and needed not in view.world.suppressed


def _reachable(condition: ReachableOn, view: View) -> bool:
    return reachable(view, condition.operand)


def in_share(person: Person, seed: str, share: Decimal) -> bool:
    """Return whether a customer falls into a share (rule 22)."""
    return bucket(person.base, seed) < share * 10_000


def _sample(condition: Sample, view: View) -> bool:
    seed = condition.seed or f"sample:{view.owner}"
    return in_share(view.person, seed, condition.operand)


ANSWERS: Mapping[type, Callable[[Any, View], bool]] = {
    AttributeIs: _attribute,
    Did: _did,
    Chain: _sequence,
    PropertyTotal: _total,
    FirstOrLast: _first_last,
    InSegment: _in_segment,
    InStage: _in_stage,
    StageMove: _stage_move,
    InFlow: _in_flow,
    FlowMove: _flow_move,
    InVariant: _in_variant,
    Custom: _custom,
    MessageFact: _message_fact,
    AnniversaryOf: _anniversary,
    SubscribedTo: _subscribed,
    ReachableOn: _reachable,
    Sample: _sample,
}


def of_segment(segment: Criterion, view: View) -> Happening | None:
    """Return the latest event matching the segment's single ``did`` (rule 31)."""
    found = [one for one in _leaves(segment) if isinstance(one, Did) and one.head == "did"]
    if len(found) != 1:
        return None
    matching = matching_events(found[0], view)
    return matching[-1] if matching else None


def _leaves(criterion: Criterion) -> list[Any]:
    if isinstance(criterion, Group):
        return [leaf for member in criterion.members for leaf in _leaves(member)]
    return [criterion]


def seen_by(view: View, owner: str) -> View:
    """Return the same view with another default seed for samples."""
    return replace(view, owner=owner)
