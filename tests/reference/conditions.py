"""Whether a condition holds for one customer: semantics 13-25 and 31, row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from reference.facts import (
    attribute_type,
    attribute_value,
    counts_hold,
    events_of,
    in_window,
    least,
    parts_of,
    place,
    present_values,
    property_type,
    property_value,
    resolve,
)
from reference.values import UNITS, next_anniversary, passes, scaled
from reference.view import Passed, Past, Sent, Stay, View
from reference.world import Happening, Person, ReceiptFact, bucket

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
from orchestrator.criteria.modifiers import Counts
from orchestrator.flow.steps.split import Split
from orchestrator.language.durations import Duration
from orchestrator.playbook.model import Playbook


def holds(criterion: Criterion | None, view: View) -> bool:
    """Return whether the condition is true of the customer."""
    if criterion is None:
        return True
    if isinstance(criterion, Group):
        answers = [holds(member, view) for member in criterion.members]
        how = {"all": all(answers), "any": any(answers), "none": not any(answers)}
        return how[criterion.how]
    return ANSWERS[type(criterion)](criterion, view)


def ending(criterion: Criterion, view: View) -> Happening | None:
    """Return the earliest event with which a condition held (rule 44)."""
    if isinstance(criterion, Did) and criterion.head == "did":
        found = sorted(matching_events(criterion, view), key=place)
        return found[least(criterion) - 1] if len(found) >= least(criterion) else None
    if not isinstance(criterion, Group) or criterion.how == "none":
        return None
    ends = [end for member in criterion.members if (end := ending(member, view)) is not None]
    if not ends:
        return None
    return min(ends, key=place) if criterion.how == "any" else max(ends, key=place)


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
    found = events_of(view, condition.operand, condition, condition.where)
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
        for b in events_of(view, following.did, None, following.where)
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
    starts = events_of(view, first.did, condition, first.where)
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
    event, prop = parts_of(condition.operand)
    found = events_of(view, event, condition, condition.where)
    values = present_values(view, found, prop)
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
    found = events_of(view, condition.operand, None, condition.where)
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
