"""One tick, told step by step for each customer: semantics 24-61, as far as words exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from reference.conditions import (
    Passed,
    Past,
    Result,
    Run,
    Sent,
    Stay,
    View,
    address,
    answers_send,
    attribute_type,
    attribute_value,
    ending,
    event_passes,
    holds,
    in_share,
    message_parts,
    of_segment,
    present_stay,
    property_value,
    reachable,
    subscribed,
)
from reference.values import aware
from reference.world import ConsentAct, Happening, Person, World, bucket
from replies import FAILURE, reply

from orchestrator import openings, timing
from orchestrator.criteria.base import Criterion, leaves
from orchestrator.criteria.kinds.attribute import AttributeIs
from orchestrator.criteria.kinds.membership import InSegment, InStage, StageMove
from orchestrator.flow.base import Start, Step, weekday_numbers
from orchestrator.flow.starts.dates import DateStart
from orchestrator.flow.starts.did import DidStart
from orchestrator.flow.starts.every import EveryStart
from orchestrator.flow.starts.matches import MatchesStart
from orchestrator.flow.starts.told import ToldStart
from orchestrator.flow.starts.transitions import FlowStart, SegmentStart, StageStart
from orchestrator.flow.steps.branch import Branch
from orchestrator.flow.steps.consent import Subscription
from orchestrator.flow.steps.exit import Exit
from orchestrator.flow.steps.lists import Membership
from orchestrator.flow.steps.repeat import Repeat
from orchestrator.flow.steps.send import Send
from orchestrator.flow.steps.set import Add, Set
from orchestrator.flow.steps.split import Split
from orchestrator.flow.steps.start_flow import StartFlow
from orchestrator.flow.steps.task import Task
from orchestrator.flow.steps.until import Until
from orchestrator.flow.steps.wait import Wait
from orchestrator.flow.steps.wait_for_time import WaitForTime
from orchestrator.flow.steps.wait_until import WaitUntil
from orchestrator.flow.steps.wait_until_date import WaitUntilDate
from orchestrator.flow.steps.webhook import Webhook
from orchestrator.language.durations import DailyHours, Duration
from orchestrator.language.literals import Literal, Reference
from orchestrator.language.moments import Moment
from orchestrator.playbook.model import Flow, Guardrails, Playbook, QuietHours, Stage, VolumeLimit
from orchestrator.playbook.walk import steps_of

DEFAULT_CATCH_UP = Duration(3, "day")


def catch_up_of(start: Start) -> Duration:
    """Return how late an occurrence may be seen; of a level, which has no instant, no matter."""
    return getattr(start, "catch_up", None) or DEFAULT_CATCH_UP


DEFAULT_EXPIRY = Duration(3, "day")
DEFAULT_QUIET = openings.QuietSlot(DailyHours(21 * 60, 8 * 60))
NINE = time(9)
EVALUATED = ("live", "shadow")
PROJECT = ""
"""Stands for the project where a flow's name would stand."""


@dataclass(frozen=True)
class Decision:
    """One line of what a tick decided."""

    at: datetime
    customer: str
    flow: str
    entry: int
    step: str
    message: str
    decision: str
    reason: str | None
    due_at: datetime
    channel: str | None = None
    detail: str | None = None
    variant: str | None = None


@dataclass(eq=False)
class Frame:
    """One time that a run is inside of an ``until`` or ``repeat``."""

    step: Until | Repeat
    variant: str | None
    outer: tuple[Frame, ...]
    number: int = 0
    began: datetime | None = None


class Todo(NamedTuple):
    """A step to come; without one, the end of a round."""

    step: Step | None
    variant: str | None = None
    frames: tuple[Frame, ...] = ()


@dataclass
class Passage:
    """One customer's run of one flow, and what is left of its steps."""

    flow: str
    customer: str
    entry: int
    start: str
    at: datetime
    event: Happening | None
    todo: list[Todo]
    """What is to come, next one first."""
    frames: tuple[Frame, ...] = ()
    """The ``until`` and ``repeat`` steps around where it is, the outermost first."""
    lap: int = 0
    asks: bool = False
    """Whether a ``wait_until`` may be asked again in this tick."""
    results: dict[str, Result] = field(default_factory=dict)
    standing: Step | None = None
    variant: str | None = None
    reached_at: datetime | None = None
    due_at: datetime | None = None
    held_reason: str | None = None
    held_until: datetime | None = None
    key: Any = None
    ended_at: datetime | None = None
    exit_reason: str | None = None
    exit_detail: str | None = None

    @property
    def active(self) -> bool:
        return self.ended_at is None

    def facts(self) -> Run:
        """Return what conditions may know of it."""
        results = dict(self.results)
        return Run(self.flow, self.entry, self.at, self.start, self.event, results)


class EffectKey(NamedTuple):
    """What makes an effect happen once."""

    flow: str
    customer: str
    entry: int
    step: str
    occurrence: str


class Effect(NamedTuple):
    """What a step did beside sending, or would have done."""

    at: datetime
    kind: str
    object: str
    withheld: str | None


@dataclass
class Call:
    """The latest call of a webhook by one step occurrence (rule 49)."""

    webhook: str
    reached_at: datetime
    made_at: datetime
    variant: str | None
    generation: int = 0
    heard: bool = False
    """Whether it was looked at for what became of it."""
    failed_at: datetime | None = None
    answer: Happening | None = None


class Telling(NamedTuple):
    """One time that a flow told another about a customer (rule 48)."""

    teller: str
    flow: str
    event: Happening


@dataclass
class State:
    """All that is remembered between ticks."""

    past: Past = field(default_factory=Past)
    watermark: datetime | None = None
    live_since: dict[str, datetime] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    definitions: dict[str, str] = field(default_factory=dict)
    passages: list[Passage] = field(default_factory=list)
    used: set[tuple[str, str, str]] = field(default_factory=set)
    evaluated: dict[str, datetime] = field(default_factory=dict)
    """Flow → the latest tick that evaluated it."""
    tripped: dict[str, datetime] = field(default_factory=dict)
    resumed: set[str] = field(default_factory=set)
    """Flows resumed since the last tick."""
    effects: dict[EffectKey, Effect] = field(default_factory=dict)
    told: list[Telling] = field(default_factory=list)
    calls: dict[EffectKey, Call] = field(default_factory=dict)

    def copy(self) -> State:
        """Return a state that may be changed without changing this one."""
        return deepcopy(self)


@dataclass(frozen=True)
class Occurrence:
    """Something that may open a run."""

    start: Start
    start_id: str
    key: str
    instant: datetime
    entry_at: datetime
    event: Happening | None = None
    exempt: bool = False
    """Back-filled: never stale."""
    order: tuple[Any, ...] = ()


@dataclass
class Tick:
    """A tick at work. ``decisions`` and ``left_out`` are its results."""

    playbook: Playbook
    world: World
    state: State
    now: datetime
    paused: frozenset[str] = frozenset()
    """Flows paused by hand; the empty name is all of them."""
    decisions: list[Decision] = field(default_factory=list)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(flow, entry reason) → how many."""
    refused: dict[tuple[str, str, str], str | None] = field(default_factory=dict)
    """(flow, customer, occurrence) → reason, None if it opened a run."""

    def evaluates(self, flow: Flow) -> bool:
        """Return whether the flow is looked at in this tick (rule 1)."""
        return flow.status in EVALUATED and not {str(flow.flow), PROJECT} & self.paused

    def view(self, customer: str, owner: str = "", run: Run | None = None) -> View:
        """Return what conditions see of a customer now."""
        person = self.world.person(customer)
        return View(
            self.playbook, self.world, self.state.past, person, self.now, owner, run,
            this_run=run is not None,
        )  # fmt: skip


def tick(
    playbook: Playbook,
    world: World,
    state: State,
    now: datetime,
    as_live_since: datetime | None = None,
    paused: frozenset[str] = frozenset(),
) -> Tick:
    """Run one tick and write what it remembers into ``state``.

    Args:
        paused: flows paused by hand; the empty name is all of them.
        as_live_since: for a preview: when every flow never yet live is taken to have gone
            live, after stages and segments were evaluated silently at that instant.
    """
    work = Tick(playbook, world, state, now, paused)
    if state.watermark is not None and now <= state.watermark:
        return work
    _know_runs(work)
    if as_live_since is not None:
        _pretend(work, as_live_since)
    evaluate_models(work)
    live = [flow for flow in playbook.flows.values() if work.evaluates(flow)]
    live.sort(key=lambda flow: flow.flow)
    fresh = {str(flow.flow) for flow in live if flow.flow not in state.live_since}
    for name in fresh:
        state.live_since[name] = now
    if as_live_since is not None:
        fresh |= {name for name, since in state.live_since.items() if since == as_live_since}
    for passage in _active(work):
        _leave_if_due(work, passage)
    _know_runs(work)
    for flow in live:
        known = len(state.passages)
        _enter(work, flow, first=flow.flow in fresh)
        state.past.runs += map(_passed, state.passages[known:])
    for passage in _active(work):
        if passage.frames or isinstance(passage.standing, WaitUntil | Webhook):
            _look_around(work, passage)
    _call_again(work, live)
    _rounds(work)
    state.watermark = now
    state.evaluated |= {flow.flow: now for flow in live}
    state.resumed.clear()
    state.known |= {person.external_id for person in world.existing(now)}
    work.decisions.sort(
        key=lambda one: (one.at, one.customer, one.flow, one.entry, one.step, one.channel or "")
    )
    return work


def _pretend(work: Tick, since: datetime) -> None:
    earlier = replace(work, now=since)
    evaluate_models(earlier)
    work.state.known |= {person.external_id for person in work.world.existing(since)}
    for name, flow in work.playbook.flows.items():
        if flow.status in EVALUATED:
            work.state.live_since.setdefault(name, since)


def _know_runs(work: Tick) -> None:
    """Let conditions see the runs as they are; those that end while walking stay till then."""
    work.state.past.runs = [
        replace(_passed(one), ended=one.ended_at) for one in work.state.passages
    ]


def _passed(passage: Passage) -> Passed:
    return Passed(passage.customer, passage.flow, passage.entry, passage.at)


# --- stages and segments (rules 24, 25) -------------------------------------------------


def evaluate_models(work: Tick) -> None:
    """Bring every stay up to now; edited definitions first silently at the watermark."""
    for name in _models(work.playbook):
        text = fingerprint(work.playbook, name)
        known = work.state.definitions.get(name)
        if known is not None and known != text and work.state.watermark is not None:
            _evaluate(replace(work, now=work.state.watermark), name, silent=True)
    for name in _models(work.playbook):
        text = fingerprint(work.playbook, name)
        _evaluate(work, name, silent=name not in work.state.definitions)
        work.state.definitions[name] = text


STAGES = "stages"


def _models(playbook: Playbook) -> list[str]:
    """Return ``stages`` and the segments, each after those it mentions."""
    names = [*(f"segment {name}" for name in playbook.segments)]
    if playbook.stages:
        names.append(STAGES)
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        for other in sorted(_mentioned(playbook, name) - {name}):
            visit(other)
        ordered.append(name)

    for name in sorted(names):
        visit(name)
    return ordered


def _criteria(playbook: Playbook, name: str) -> list[Criterion]:
    if name == STAGES:
        return [stage.when for stage in playbook.stages if stage.when]
    return [playbook.segments[name.removeprefix("segment ")].when]


def _mentioned(playbook: Playbook, name: str) -> set[str]:
    found = set()
    for criterion in _criteria(playbook, name):
        for leaf in leaves(criterion):
            if isinstance(leaf, InSegment):
                found.add(f"segment {leaf.operand}")
            elif isinstance(leaf, InStage | StageMove):
                found.add(STAGES)
    return found


def fingerprint(playbook: Playbook, name: str) -> str:
    """Return a text that changes when the resolved definition does."""
    attributes = playbook.catalog.attributes or {}
    named = {
        leaf.operand: repr(attributes.get(leaf.operand))
        for criterion in _criteria(playbook, name)
        for leaf in leaves(criterion)
        if isinstance(leaf, AttributeIs)
    }
    own = repr(playbook.stages) if name == STAGES else repr(_criteria(playbook, name))
    others = [fingerprint(playbook, other) for other in sorted(_mentioned(playbook, name) - {name})]
    return repr((own, sorted(named.items()), repr(playbook.catalog.events), others))


def _evaluate(work: Tick, name: str, *, silent: bool) -> None:
    for person in work.world.existing(work.now):
        if name == STAGES:
            _move_stage(work, person, silent)
        else:
            _move_segment(work, person, name.removeprefix("segment "), silent)


def _move_stage(work: Tick, person: Person, silent: bool) -> None:
    stays = work.state.past.stages.setdefault(person.external_id, [])
    present = present_stay(work.state.past, person.external_id)
    answer = _stage_of(work, person, present)
    if present is not None and present.name == answer:
        return
    if present is not None:
        stays[-1] = replace(present, ended=work.now, ended_silent=silent)
    if answer is not None:
        stays.append(_stay(work, person, answer, silent))


def _stay(work: Tick, person: Person, name: str, silent: bool) -> Stay:
    unseen = person.external_id not in work.state.known
    return Stay(name, work.now, silent=silent, first_seen=unseen and not silent)


def _stage_of(work: Tick, person: Person, present: Stay | None) -> str | None:
    model = work.playbook.stages
    kept = next((one for one in model if present and one.stage == present.name), None)
    if kept is not None and present is not None and _must_stay(work, kept, present):
        return present.name
    for stage in model:
        view = work.view(person.external_id, owner=stage.stage)
        if stage.otherwise or (stage.when is not None and holds(stage.when, view)):
            return stage.stage
    return None


def _must_stay(work: Tick, stage: Stage, present: Stay) -> bool:
    least = stage.stay_at_least
    return least is not None and present.began > timing.minus(work.now, least)


def _move_segment(work: Tick, person: Person, name: str, silent: bool) -> None:
    stays = work.state.past.segments.setdefault((name, person.external_id), [])
    inside = bool(stays) and stays[-1].ended is None
    segment = work.playbook.segments[name]
    answer = holds(segment.when, work.view(person.external_id, owner=name))
    if answer and not inside:
        stays.append(_stay(work, person, name, silent))
    elif inside and not answer:
        stays[-1] = replace(stays[-1], ended=work.now, ended_silent=silent)


# --- goals and exits (rules 29, 39, 40) -------------------------------------------------


def _active(work: Tick) -> list[Passage]:
    """Return the active runs of live flows, by flow, customer and entry."""
    live = {name for name, flow in work.playbook.flows.items() if work.evaluates(flow)}
    found = [one for one in work.state.passages if one.active and one.flow in live]
    return sorted(found, key=lambda one: (one.flow, one.customer, one.entry))


def _leave_if_due(work: Tick, passage: Passage) -> bool:
    """End the run if its goal is met or ``exits_when`` holds; say whether it ended."""
    flow = work.playbook.flows[passage.flow]
    view = work.view(passage.customer, passage.flow, passage.facts())
    if _goal_met(flow, view) and flow.goal is not None and not flow.goal.keep_going:
        _end(work, passage, "goal")
    elif flow.exits_when is not None and holds(flow.exits_when, view):
        _end(work, passage, "exit")
    return not passage.active


def _goal_met(flow: Flow, view: View) -> bool:
    goal, run = flow.goal, view.run
    if goal is None or run is None:
        return False
    last = timing.plus(run.at, goal.within) if goal.within else view.now
    return any(run.at < at <= min(last, view.now) for at in _goal_times(flow, view))


def _goal_times(flow: Flow, view: View) -> Iterator[datetime]:
    goal, run = flow.goal, view.run
    assert goal is not None and run is not None
    if goal.did:
        for event in view.events:
            if event.name == goal.did and event_passes(view, event, goal.where):
                yield event.occurred_at
        return
    kind = next(one for one in ("clicked", "opened", "replied") if getattr(goal, one))
    in_flow, message = message_parts(str(getattr(goal, kind)))
    mine = [
        sent
        for sent in view.past.sent
        if (sent.customer, sent.flow, sent.entry) == (view.person.external_id, run.flow, run.entry)
    ]
    for receipt in view.world.receipts:
        if receipt.customer != view.person.external_id or receipt.kind != kind:
            continue
        if message not in (None, receipt.message) or in_flow not in (None, receipt.flow):
            continue
        if receipt.at <= view.now and any(answers_send(receipt, sent) for sent in mine):
            yield receipt.at


def _end(work: Tick, passage: Passage, reason: str, detail: str | None = None) -> None:
    if passage.held_reason is not None:
        _decide(work, passage, "suppress", "run_ended", detail=reason)
    passage.ended_at = work.now
    passage.exit_reason = reason
    passage.exit_detail = detail
    passage.standing = None
    passage.held_reason = None


# --- entries (rules 25, 31-38) ----------------------------------------------------------


def _enter(work: Tick, flow: Flow, *, first: bool) -> None:
    if first:
        _count_before_live(work, flow)
    for person in work.world.existing(work.now):
        found = list(_occurrences(work, flow, person, first))
        for occurrence in sorted(found, key=lambda one: (one.instant, *one.order)):
            use = (flow.flow, person.external_id, occurrence.key)
            if use in work.state.used:
                continue
            reason = _refusal(work, flow, person, occurrence)
            if not isinstance(occurrence.start, MatchesStart):
                work.state.used.add(use)
                work.refused[use] = reason
            if reason is None:
                _open(work, flow, person, occurrence)
            else:
                work.left_out[flow.flow, reason] += 1


def _open(work: Tick, flow: Flow, person: Person, occurrence: Occurrence) -> None:
    earlier = _passages(work, flow, person)
    key = _key(work, flow, person, occurrence)
    for passage in earlier:
        if passage.active and passage.key == key:
            _end(work, passage, "restarted")
    work.state.passages.append(
        Passage(
            flow.flow,
            person.external_id,
            len(earlier) + 1,
            occurrence.start_id,
            occurrence.entry_at,
            occurrence.event,
            [Todo(step) for step in flow.steps],
            key=key,
        )
    )


def _key(work: Tick, flow: Flow, person: Person, occurrence: Occurrence) -> Any:
    """Return the value that the flow counts runs by; None if it is missing, or there is none."""
    if flow.key is None or occurrence.event is None:
        return None
    return property_value(work.view(person.external_id), occurrence.event, flow.key)


def _passages(work: Tick, flow: Flow, person: Person) -> list[Passage]:
    return [
        one
        for one in work.state.passages
        if (one.flow, one.customer) == (flow.flow, person.external_id)
    ]


def _refusal(work: Tick, flow: Flow, person: Person, occurrence: Occurrence) -> str | None:
    """Return the first entry test that fails, in the order of rule 33."""
    zone = work.view(person.external_id).zone
    if flow.opens is not None and occurrence.instant < aware(flow.opens, zone):
        return "opens_closes"
    if flow.closes is not None and _closed(flow.closes, zone, occurrence.instant):
        return "opens_closes"
    catch_up = catch_up_of(occurrence.start)
    if not occurrence.exempt and occurrence.instant < timing.minus(work.now, catch_up):
        return "stale"
    earlier = _passages(work, flow, person)
    key = _key(work, flow, person, occurrence)
    if flow.key is not None and key is None:
        return "no_key"
    counted = [one for one in earlier if one.key == key]
    inside = any(one.active for one in counted)
    if inside and flow.if_already_in != "restart":
        return "already_in"
    if not inside and not _may_return(work, flow, counted):
        return "re_entry"
    run = Run(
        flow.flow, len(earlier) + 1, occurrence.entry_at, occurrence.start_id, occurrence.event
    )
    view = work.view(person.external_id, flow.flow, run)
    if not holds(flow.audience, replace(view, this_run=False)):
        return "audience"
    if flow.exits_when is not None and holds(flow.exits_when, view):
        return "exits_when"
    return None


def _closed(closes: Moment, zone: Any, instant: datetime) -> bool:
    if isinstance(closes, datetime):
        return instant >= aware(closes, zone)
    return timing.local_day(instant, zone) > closes


def _may_return(work: Tick, flow: Flow, earlier: list[Passage]) -> bool:
    if not earlier or flow.re_entry.how == "always":
        return True
    if flow.re_entry.how == "never" or flow.re_entry.after is None:
        return False
    latest = earlier[-1].ended_at
    return latest is not None and latest <= timing.minus(work.now, flow.re_entry.after)


def _occurrences(work: Tick, flow: Flow, person: Person, first: bool) -> Iterator[Occurrence]:
    for number, start in enumerate(flow.starts_when):
        start_id = str(start.id or start.head)
        for found in STARTS[type(start)](work, flow, start, person, first):
            yield replace(
                found,
                start_id=start_id,
                key=_occurrence_key(start, number, found.key),
                order=(*found.order, number),
            )


def _occurrence_key(start: Start, number: int, key: str) -> str:
    """Return what names an occurrence: two starts that name one transition mean the same."""
    if isinstance(start, DidStart | ToldStart):
        return key
    if isinstance(start, StageStart | SegmentStart | FlowStart):
        return f"{start.head} {start.operand}:{key}"
    return f"{number}:{key}"


def _did_occurrences(
    work: Tick, flow: Flow, start: DidStart, person: Person, first: bool
) -> Iterator[Occurrence]:
    since = work.state.live_since[flow.flow]
    for event, instant in _such_events(work, start, person):
        late = instant < since
        if late and not (first and _backfilled(start, instant, since)):
            continue
        yield Occurrence(
            start, "", f"event {event.source_id} {start.after}", instant, event.occurred_at, event,
            exempt=late, order=(event.source_id.encode(),),
        )  # fmt: skip


def _backfilled(start: DidStart, instant: datetime, since: datetime) -> bool:
    if start.backfill is None:
        return False
    return timing.minus(since, start.backfill) <= instant < since


def _such_events(
    work: Tick, start: DidStart, person: Person
) -> Iterator[tuple[Happening, datetime]]:
    view = work.view(person.external_id)
    number = 0
    for event in view.events:
        if event.name != start.operand or not event_passes(view, event, start.where):
            continue
        number += 1
        if start.number is not None and number != start.number:
            continue
        instant = event.occurred_at
        if start.after is not None:
            instant = timing.plus(instant, start.after)
        if instant <= work.now:
            yield event, instant


def _count_before_live(work: Tick, flow: Flow) -> None:
    since = work.state.live_since[flow.flow]
    for start in flow.starts_when:
        for person in work.world.existing(work.now):
            if isinstance(start, ToldStart):
                for event in _tellings(work, flow, person):
                    if event.occurred_at < since:
                        work.left_out[flow.flow, "before_live"] += 1
            elif isinstance(start, DidStart):
                for _, instant in _such_events(work, start, person):
                    if instant < since and not _backfilled(start, instant, since):
                        work.left_out[flow.flow, "before_live"] += 1
            elif isinstance(start, StageStart | SegmentStart) and not start.backfill:
                stay = _open_stay(work, start, person)
                if stay is not None and (stay.silent or stay.began < work.now):
                    work.left_out[flow.flow, "before_live"] += 1


def _open_stay(work: Tick, start: StageStart | SegmentStart, person: Person) -> Stay | None:
    """Return the customer's open stay in what an ``enters_…`` start names."""
    if start.head == "enters_stage":
        stays = work.state.past.stages.get(person.external_id, [])
    elif start.head == "enters_segment":
        stays = work.state.past.segments.get((start.operand, person.external_id), [])
    else:
        return None
    last = stays[-1] if stays else None
    return last if last and last.ended is None and last.name == start.operand else None


def _transitions(
    work: Tick, flow: Flow, person: Person, stays: list[Stay], leaving: bool
) -> Iterator[tuple[datetime, str]]:
    since = work.state.live_since[flow.flow]
    born = work.world.born(person)
    for stay in stays:
        instant = stay.ended if leaving else stay.began
        quiet = stay.ended_silent if leaving else stay.silent
        if instant is None or quiet or instant < since:
            continue
        if stay.first_seen and not leaving and (born is None or not since < born):
            continue
        yield instant, f"{stay.name}:{instant.isoformat()}"


def _stage_occurrences(
    work: Tick, flow: Flow, start: StageStart, person: Person, first: bool
) -> Iterator[Occurrence]:
    stays = [
        stay
        for stay in work.state.past.stages.get(person.external_id, [])
        if stay.name == start.operand
    ]
    yield from _membership(work, flow, start, person, stays, first)


def _segment_occurrences(
    work: Tick, flow: Flow, start: SegmentStart, person: Person, first: bool
) -> Iterator[Occurrence]:
    stays = work.state.past.segments.get((start.operand, person.external_id), [])
    criterion = work.playbook.segments[start.operand].when
    event = of_segment(criterion, work.view(person.external_id, owner=start.operand))
    for found in _membership(work, flow, start, person, stays, first):
        yield replace(found, event=event)


def _membership(
    work: Tick,
    flow: Flow,
    start: StageStart | SegmentStart,
    person: Person,
    stays: list[Stay],
    first: bool,
) -> Iterator[Occurrence]:
    leaving = start.head.startswith("leaves")
    seen = False
    for instant, key in _transitions(work, flow, person, stays, leaving):
        seen = seen or instant == work.now
        yield Occurrence(start, "", key, instant, work.now, order=(b"",))
    there = _open_stay(work, start, person) is not None
    if first and start.backfill and there and not seen:
        yield Occurrence(start, "", "backfill", work.now, work.now, exempt=True, order=(b"",))


def _flow_occurrences(
    work: Tick, flow: Flow, start: FlowStart, person: Person, first: bool
) -> Iterator[Occurrence]:
    since = work.state.live_since[flow.flow]
    for passage in work.state.passages:
        if (passage.flow, passage.customer) != (start.operand, person.external_id):
            continue
        if passage.ended_at is not None and passage.ended_at >= since:
            key = f"run {passage.entry}"
            yield Occurrence(start, "", key, passage.ended_at, work.now, order=(b"",))


def _told_occurrences(
    work: Tick, flow: Flow, start: ToldStart, person: Person, first: bool
) -> Iterator[Occurrence]:
    for event in _tellings(work, flow, person, start.operand):
        if event.occurred_at >= work.state.live_since[flow.flow]:
            yield Occurrence(
                start, "", f"event {event.source_id} None", event.occurred_at, event.occurred_at,
                event, order=(event.source_id.encode(),),
            )  # fmt: skip


def _tellings(
    work: Tick, flow: Flow, person: Person, tellers: tuple[str, ...] | None = None
) -> list[Happening]:
    return [
        one.event
        for one in work.state.told
        if (one.flow, one.event.customer) == (flow.flow, person.external_id)
        and (tellers is None or one.teller in tellers)
    ]


def _matches_occurrences(
    work: Tick, flow: Flow, start: MatchesStart, person: Person, first: bool
) -> Iterator[Occurrence]:
    if holds(start.operand, work.view(person.external_id, owner=flow.flow)):
        key = f"entry {len(_passages(work, flow, person)) + 1}"
        yield Occurrence(start, "", key, work.now, work.now, order=(b"",))


def _zone_of(work: Tick, start: EveryStart | DateStart, person: Person) -> Any:
    view = work.view(person.external_id)
    if start.timezone in (None, "customer"):
        return view.zone
    return timing.zone_or(start.timezone, view.project_zone)[0]


def _recent_days(work: Tick, start: Start, zone: Any) -> Iterator[date]:
    """Yield the local days that may lie between ``now - catch_up`` and now."""
    oldest = timing.minus(work.now, catch_up_of(start))
    day = timing.local_day(oldest, zone) - timedelta(days=1)
    while day <= timing.local_day(work.now, zone):
        yield day
        day += timedelta(days=1)


def _in_time(work: Tick, flow: Flow, start: Start, instant: datetime) -> bool:
    oldest = timing.minus(work.now, catch_up_of(start))
    return max(oldest, work.state.live_since[flow.flow]) <= instant <= work.now


def _every_occurrences(
    work: Tick, flow: Flow, start: EveryStart, person: Person, first: bool
) -> Iterator[Occurrence]:
    zone = _zone_of(work, start, person)
    born = work.world.born(person)
    for day in _recent_days(work, start, zone):
        instant = timing.local_instant(day, start.at or NINE, zone)
        if not _on_calendar(start, day) or not _in_time(work, flow, start, instant):
            continue
        looked = work.state.evaluated.get(flow.flow)
        if looked is not None and instant <= looked:
            continue
        if born is None or born <= instant:
            yield Occurrence(start, "", day.isoformat(), instant, work.now, order=(b"",))


def _on_calendar(start: EveryStart, day: date) -> bool:
    if start.operand == "day":
        return True
    if start.operand == "month":
        assert start.on_day is not None
        last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return day.day == min(start.on_day, last.day)
    return day.weekday() in weekday_numbers((start.operand,))


def _date_occurrences(
    work: Tick, flow: Flow, start: DateStart, person: Person, first: bool
) -> Iterator[Occurrence]:
    view = work.view(person.external_id, owner=flow.flow)
    value = attribute_value(view, start.operand)
    if value is None:
        return
    zone = _zone_of(work, start, person)
    day = (
        timing.local_day(value, zone)
        if attribute_type(view, start.operand) == "datetime"
        else value
    )
    for target, key in _target_days(work, start, day):
        instant = timing.local_instant(target, start.at or NINE, zone)
        if _in_time(work, flow, start, instant):
            yield Occurrence(start, "", key, instant, work.now, order=(b"",))


def _target_days(work: Tick, start: DateStart, day: date) -> Iterator[tuple[date, str]]:
    def shifted(target: date) -> date:
        if start.before is not None:
            return timing.shift_days(target, start.before, -1)
        if start.after is not None:
            return timing.shift_days(target, start.after, +1)
        return target

    if start.head == "date":
        yield shifted(day), day.isoformat()
        return
    for year in range(work.now.year - 2, work.now.year + 3):
        if year > day.year:
            try:
                target = day.replace(year=year)
            except ValueError:
                target = date(year, 2, 28)
            yield shifted(target), f"{day.isoformat()} {year}"


STARTS: dict[type, Callable[..., Iterator[Occurrence]]] = {
    DidStart: _did_occurrences,
    ToldStart: _told_occurrences,
    StageStart: _stage_occurrences,
    SegmentStart: _segment_occurrences,
    FlowStart: _flow_occurrences,
    MatchesStart: _matches_occurrences,
    EveryStart: _every_occurrences,
    DateStart: _date_occurrences,
}


# --- steps (rules 27-29, 41-47) ---------------------------------------------------------


def _rounds(work: Tick) -> None:
    tried: set[tuple[str, str, int, int, int]] = set()
    while True:
        for passage in _active(work):
            _walk(work, passage)
        waiting = [one for one in _active(work) if isinstance(one.standing, Send)]
        untried = [one for one in waiting if _try_key(one) not in tried]
        if not untried:
            return
        tried |= {_try_key(one) for one in untried}
        Gate(work, untried).decide()


def _try_key(passage: Passage) -> tuple[str, str, int, int, int]:
    return passage.flow, passage.customer, passage.entry, id(passage.standing), passage.lap


def _walk(work: Tick, passage: Passage) -> None:
    """Move a run through its steps until it waits, ends or stands at a send."""
    while passage.active:
        if isinstance(passage.standing, Send):
            return
        if isinstance(passage.standing, WaitUntil | Webhook):
            if not passage.asks:
                return
            _ask_again(work, passage, passage.standing)
            continue
        if passage.standing is not None:
            assert passage.due_at is not None
            if passage.due_at > work.now:
                return
            pause, passage.standing = passage.standing, None
            if isinstance(pause, Repeat):
                if not _leave_if_due(work, passage):
                    _pause(work, passage, passage.frames[-1], work.now)
                continue
        if not passage.todo:
            _end(work, passage, "completed")
            return
        if _leave_if_due(work, passage):
            return
        _do(work, passage, passage.todo.pop(0))


def _do(work: Tick, passage: Passage, todo: Todo) -> None:
    """Do the next step, or end a round, unless a condition around it stops it."""
    step, variant, passage.frames = todo
    around = passage.frames if step else passage.frames[:-1]
    if _stopped(work, passage, around):
        return
    if step is None:
        _end_round(work, passage, passage.frames[-1])
        return
    view = work.view(passage.customer, passage.flow, passage.facts())
    if holds(step.only_if, view):
        STEPS[type(step)](work, passage, step, variant, view)


# --- until and repeat (rule 46) ---------------------------------------------------------


def _look_around(work: Tick, passage: Passage) -> None:
    """Look, once per tick, at the conditions around a run, and let a wait be asked again."""
    passage.asks = True
    _stopped(work, passage, passage.frames if passage.standing is not None else ())


def _stopped(work: Tick, passage: Passage, around: tuple[Frame, ...]) -> bool:
    """Take the run out of the outermost frame whose condition holds; say whether there is one."""
    for frame in around:
        if _is_met(work, passage, frame):
            _drop(work, passage, frame)
            return True
    return False


def _is_met(work: Tick, passage: Passage, frame: Frame) -> bool:
    step = frame.step
    until = step.operand if isinstance(step, Until) else step.operand.until
    view = work.view(passage.customer, passage.flow, passage.facts())
    return until is not None and holds(until, view)


def _drop(work: Tick, passage: Passage, frame: Frame) -> None:
    if passage.held_reason is not None:
        _decide(work, passage, "suppress", "only_if", detail=str(frame.step.id))
        passage.held_reason = None
    passage.standing = None
    step = frame.step
    if_met = (step.if_met if isinstance(step, Until) else step.operand.if_met) or ()
    rest = [todo for todo in passage.todo if frame not in todo.frames]
    passage.todo = [*(Todo(inner, frame.variant, frame.outer) for inner in if_met), *rest]


def _at_until(work: Tick, passage: Passage, step: Until, variant: str | None, view: View) -> None:
    frames = (*passage.frames, Frame(step, variant, passage.frames))
    passage.todo[:0] = [Todo(inner, variant, frames) for inner in step.do]


def _at_repeat(work: Tick, passage: Passage, step: Repeat, variant: str | None, view: View) -> None:
    _pause(work, passage, Frame(step, variant, passage.frames), work.now)


def _end_round(work: Tick, passage: Passage, frame: Frame) -> None:
    assert isinstance(frame.step, Repeat) and frame.began is not None
    rounds = frame.step.operand
    if frame.number >= rounds.at_most:
        return
    view = work.view(passage.customer, passage.flow, passage.facts())
    every = rounds.every[min(frame.number, len(rounds.every)) - 1]
    due = timing.wait_until(frame.began, every, view.zone)
    _pause(work, passage, frame, max(due, work.now))


def _pause(work: Tick, passage: Passage, frame: Frame, due: datetime) -> None:
    """Begin the next round, or wait for it, unless the rounds are over."""
    assert isinstance(frame.step, Repeat)
    passage.frames = (*frame.outer, frame)
    if _is_met(work, passage, frame):
        _drop(work, passage, frame)
    elif due > work.now:
        passage.standing, passage.due_at = frame.step, due
    else:
        frame.number, frame.began = frame.number + 1, work.now
        passage.lap += 1
        inner = [Todo(one, frame.variant, passage.frames) for one in frame.step.operand.do]
        passage.todo[:0] = [*inner, Todo(None, frame.variant, passage.frames)]


# --- waits for events and dates (rules 44, 45) ------------------------------------------


def _at_wait_until(
    work: Tick, passage: Passage, step: WaitUntil, variant: str | None, view: View
) -> None:
    passage.standing, passage.asks, passage.variant = step, False, variant
    passage.due_at = timing.plus(work.now, step.at_most)
    _ask(work, passage, step, view)


def _ask_again(work: Tick, passage: Passage, step: WaitUntil | Webhook) -> None:
    passage.asks = False
    if _leave_if_due(work, passage):
        return
    if isinstance(step, Webhook):
        _await(work, passage, step)
        return
    view = work.view(passage.customer, passage.flow, passage.facts())
    if holds(step.only_if, view):
        _ask(work, passage, step, view)
    else:
        passage.standing = None


def _ask(work: Tick, passage: Passage, step: WaitUntil, view: View) -> None:
    assert passage.due_at is not None
    if holds(step.operand, view):
        event = ending(step.operand, view)
        result = Result(event.occurred_at if event else work.now, event=event)
        way = step.if_met
    elif passage.due_at <= work.now:
        result, way = Result(work.now, timed_out=True), step.if_timed_out
    else:
        return
    passage.results[str(step.id)] = result
    passage.standing = None
    passage.todo[:0] = [Todo(inner, passage.variant, passage.frames) for inner in way or ()]


def _at_date(
    work: Tick, passage: Passage, step: WaitUntilDate, variant: str | None, view: View
) -> None:
    value = attribute_value(view, step.operand)
    due = None if value is None else _date_due(step, value, view)
    if due is not None and due >= work.now:
        passage.standing, passage.due_at = step, due
    elif step.if_past == "exit":
        _end(work, passage, "step", "if_past")
    elif step.if_past == "skip_next":
        passage.todo.pop(0)


def _date_due(step: WaitUntilDate, value: Any, view: View) -> datetime:
    at, day = step.at or NINE, value
    if isinstance(value, datetime):
        if step.before is None and step.after is None and step.at is None:
            return value
        local = value.astimezone(view.zone)
        at, day = step.at or local.time(), local.date()
    if step.before is not None:
        day = timing.shift_days(day, step.before, -1)
    if step.after is not None:
        day = timing.shift_days(day, step.after, +1)
    return timing.local_instant(day, at, view.zone)


def _at_send(work: Tick, passage: Passage, step: Send, variant: str | None, view: View) -> None:
    passage.standing = step
    passage.variant = variant
    passage.reached_at = work.now
    passage.held_reason = None
    passage.held_until = None


def _at_wait(work: Tick, passage: Passage, step: Wait, variant: str | None, view: View) -> None:
    due = timing.wait_until(work.now, step.operand, view.zone)
    if step.then_between is not None or step.on_days is not None:
        slot = openings.Slot(step.then_between, weekday_numbers(step.on_days))
        due = slot.opens_next(due, view.zone) or timing.LATEST
    passage.standing = step
    passage.due_at = due


def _at_wait_for_time(
    work: Tick, passage: Passage, step: WaitForTime, variant: str | None, view: View
) -> None:
    zone = view.zone
    if step.timezone not in (None, "customer"):
        zone = timing.zone_or(step.timezone, view.project_zone)[0]
    slot = openings.Slot(step.operand, weekday_numbers(step.on_days))
    passage.standing = step
    passage.due_at = slot.opens_next(work.now, zone) or timing.LATEST


def _at_branch(work: Tick, passage: Passage, step: Branch, variant: str | None, view: View) -> None:
    way = next((way.do for way in step.operand if holds(way.if_, view)), step.otherwise or ())
    passage.todo[:0] = [Todo(inner, variant, passage.frames) for inner in way]


def _at_split(work: Tick, passage: Passage, step: Split, variant: str | None, view: View) -> None:
    seed = step.seed or f"split:{passage.flow}/{step.id}"
    place = bucket(view.person.base, seed)
    upper = Decimal(0)
    for name, share in step.operand.items():
        upper += share.share * 10_000
        if place < upper:
            inside = f"{step.id}/{name}"
            inner = [Todo(one, inside, passage.frames) for one in share.do or ()]
            passage.todo[:0] = inner
            return


def _at_set(work: Tick, passage: Passage, step: Set, variant: str | None, view: View) -> None:
    if work.playbook.flows[passage.flow].status == "shadow":
        _log(work, passage, step, ", ".join(map(str, step.operand)))
        return
    for name, value in step.operand.items():
        key = (passage.customer, str(name))
        work.state.past.written[key] = _new_value(view, str(name), value)  # type: ignore[assignment]  # typed by its attribute


def _new_value(view: View, name: str, value: Literal | Add) -> str | None:
    if isinstance(value, Add):
        present = attribute_value(view, name)
        whole = Decimal(0) if present is None else Decimal(str(present))
        if present is not None and attribute_type(view, name) == "money":
            whole = Decimal(present) / 10_000
        return format(whole + value.add, "f")
    if isinstance(value.value, Reference):
        return _raw(view, value.value)
    return value.text


def _raw(view: View, reference: Reference) -> str | None:
    if reference.root == "customer":
        key = (view.person.external_id, reference.name)
        return view.past.written.get(key, view.person.attributes.get(reference.name))
    event = view.run.event if view.run else None
    if reference.root != "entry":
        result = view.run.results.get(reference.root) if view.run else None
        event = result.event if result else None
    return event.properties.get(reference.name) if event else None


def _at_exit(work: Tick, passage: Passage, step: Exit, variant: str | None, view: View) -> None:
    _end(work, passage, "step", step.operand)


# --- effects (rules 47, 48, 59) ---------------------------------------------------------

HELD_OUT = ("add_to", "task", "start_flow", "webhook")


def _log(work: Tick, passage: Passage, step: Step, about: str, refused: str | None = None) -> bool:
    """Note an effect, once per occurrence of its step; say whether it is to be done."""
    flow = work.playbook.flows[passage.flow]
    key = _effect_key(passage, step)
    if key in work.state.effects:
        return False
    person = work.world.person(passage.customer)
    withheld = refused
    if step.head in HELD_OUT and held_out(work, flow, person):
        withheld = "holdout"
    if flow.status == "shadow":
        withheld = "shadow"
    work.state.effects[key] = Effect(work.now, step.head, about, withheld)
    return withheld is None


def _effect_key(passage: Passage, step: Step) -> EffectKey:
    rounds = any(isinstance(frame.step, Repeat) for frame in passage.frames)
    return EffectKey(
        passage.flow, passage.customer, passage.entry, str(step.id),
        str(passage.lap) if rounds else "0",
    )  # fmt: skip


def _at_list(
    work: Tick, passage: Passage, step: Membership, variant: str | None, view: View
) -> None:
    _log(work, passage, step, step.operand)


def _at_task(work: Tick, passage: Passage, step: Task, variant: str | None, view: View) -> None:
    _log(work, passage, step, step.operand)


def _at_subscription(
    work: Tick, passage: Passage, step: Subscription, variant: str | None, view: View
) -> None:
    topics = work.playbook.catalog.topics or {}
    meant = [str(step.operand)]
    if step.operand == "any":
        meant = [str(name) for name, topic in topics.items() if topic.purpose == "marketing"]
    withdrawn = step.head == "unsubscribe_from"
    acted = withdrawn or _has_acted(work, passage, view, meant)
    if _log(work, passage, step, step.operand, None if acted else "no_act"):
        work.state.past.consents += [
            ConsentAct(passage.customer, topic, work.now, withdrawn) for topic in meant
        ]


def _has_acted(work: Tick, passage: Passage, view: View, topics: list[str]) -> bool:
    """Return whether the customer did something in this run, and no flow withdrew since."""
    starts = work.playbook.flows[passage.flow].starts_when
    started = passage.event if any(isinstance(one, DidStart) for one in starts) else None
    acts = [
        one.occurred_at
        for one in view.events
        if one.occurred_at > passage.at or (one == started and one.occurred_at == passage.at)
    ]
    mine = [
        sent
        for sent in view.past.sent
        if (sent.customer, sent.flow, sent.entry) == (passage.customer, passage.flow, passage.entry)
    ]
    acts += [
        receipt.at
        for receipt in view.world.receipts
        if receipt.customer == passage.customer
        and receipt.kind in ("clicked", "replied")
        and passage.at < receipt.at <= work.now
        and any(answers_send(receipt, sent) for sent in mine)
    ]
    withdrawals = [
        act.at
        for act in work.state.past.consents
        if act.customer == passage.customer and act.topic in topics and act.withdrawn and act.at
    ]
    return any(all(act > undone for undone in withdrawals) for act in acts)


def _at_start_flow(
    work: Tick, passage: Passage, step: StartFlow, variant: str | None, view: View
) -> None:
    whom: str | None = passage.customer
    if step.for_ is not None:
        assert isinstance(step.for_.value, Reference)
        named = _raw(view, step.for_.value)
        known = {person.external_id for person in work.world.people}
        whom = named if named in known else None
    if _log(work, passage, step, step.operand, None if whom else "nobody"):
        assert whom is not None
        number = f"told:{passage.flow}/{len(work.state.told)}"
        event = Happening(number, whom, f"told:{step.operand}", work.now)
        work.state.told.append(Telling(passage.flow, step.operand, event))


# --- calls (rule 49) --------------------------------------------------------------------


def _at_webhook(
    work: Tick, passage: Passage, step: Webhook, variant: str | None, view: View
) -> None:
    key = _effect_key(passage, step)
    if key not in work.state.effects:
        done = _log(work, passage, step, step.operand)
        if done:
            work.state.calls[key] = Call(step.operand, work.now, work.now, variant)
        _tell_call(work, key, step.operand, work.now, variant)
    if step.at_most is not None:
        passage.standing, passage.asks = step, False
        passage.due_at = timing.plus(work.now, step.at_most)
        _await(work, passage, step)


def _tell_call(
    work: Tick, key: EffectKey, webhook: str, reached: datetime, variant: str | None,
    detail: str | None = None,
) -> None:  # fmt: skip
    withheld = work.state.effects[key].withheld
    work.decisions.append(
        Decision(
            work.now, key.customer, key.flow, key.entry, key.step, webhook,
            "suppress" if withheld else "send", withheld, reached,
            None if withheld else "webhook", detail, variant,
        )
    )  # fmt: skip


def _await(work: Tick, passage: Passage, step: Webhook) -> None:
    """Go on with an answer, or without one that will not come; else stay."""
    key = _effect_key(passage, step)
    call = work.state.calls.get(key)
    failed = call is not None and call.failed_at is not None and call.failed_at <= work.now
    result, why = Result(work.now), None
    assert passage.due_at is not None
    if call is not None and call.answer is not None and call.answer.occurred_at <= work.now:
        result = Result(call.answer.occurred_at, event=call.answer)
    elif call is None:
        pass  # it was withheld
    elif failed and step.if_it_fails != "retry":
        why = f"{step.operand} failed"
    elif passage.due_at <= work.now:
        result, why = Result(work.now, timed_out=True), f"{step.operand} did not answer"
    else:
        return
    if why is not None and step.if_it_fails == "exit":
        _end(work, passage, "step", why)
        return
    passage.results[str(step.id)] = result
    passage.standing = None


def _call_again(work: Tick, live: list[Flow]) -> None:
    """Make the failed calls of steps that say ``retry`` again, while they are young."""
    steps = {(str(flow.flow), str(step.id)): step for flow in live for step in steps_of(flow)}
    for key, call in work.state.calls.items():
        step = steps.get((key.flow, key.step))
        if not isinstance(step, Webhook) or step.if_it_fails != "retry":
            continue
        since = timing.minus(work.now, step.at_most or DEFAULT_EXPIRY)
        failed = call.failed_at is not None and call.failed_at <= work.now
        if failed and min(call.made_at, call.reached_at) > since:
            call.generation, call.made_at = call.generation + 1, work.now
            call.heard, call.failed_at = False, None
            _tell_call(work, key, call.webhook, call.reached_at, call.variant, FAILURE)


def hear(state: State) -> None:
    """Let what becomes of the calls made so far be known."""
    for key, call in state.calls.items():
        found = None if call.heard else reply((*key, call.generation), call.made_at)
        call.heard = True
        if found is not None and found.failed:
            call.failed_at = found.at
        elif found is not None and call.answer is None:
            call.answer = Happening("", key.customer, f"answer:{call.webhook}", found.at)


STEPS: dict[type, Callable[..., None]] = {
    Webhook: _at_webhook,
    Membership: _at_list,
    Task: _at_task,
    Subscription: _at_subscription,
    StartFlow: _at_start_flow,
    WaitUntil: _at_wait_until,
    WaitUntilDate: _at_date,
    Until: _at_until,
    Repeat: _at_repeat,
    Send: _at_send,
    Wait: _at_wait,
    WaitForTime: _at_wait_for_time,
    Branch: _at_branch,
    Split: _at_split,
    Set: _at_set,
    Exit: _at_exit,
}


# --- the gate (rules 51-60) -------------------------------------------------------------


def _decide(
    work: Tick,
    passage: Passage,
    decision: str,
    reason: str | None,
    *,
    channel: str | None = None,
    detail: str | None = None,
) -> None:
    step = passage.standing
    assert isinstance(step, Send) and passage.reached_at is not None
    work.decisions.append(
        Decision(
            work.now, passage.customer, passage.flow, passage.entry, step.id or step.operand,
            step.operand, decision, reason, passage.reached_at, channel, detail, passage.variant,
        )
    )  # fmt: skip


@dataclass
class Try:
    """One try of one send."""

    passage: Passage
    step: Send
    flow: Flow
    view: View
    purpose: str
    channel: str | None = None

    @property
    def marketing(self) -> bool:
        return self.purpose == "marketing"


class Gate:
    """All sends of one round, decided together."""

    def __init__(self, work: Tick, passages: list[Passage]) -> None:
        self.work = work
        self.passages = passages

    def decide(self) -> None:
        """Decide every send: first each alone, then volume over all, then frequency."""
        standing = [found for one in self.passages if (found := self._alone(one))]
        standing = self._past_volume(standing)
        for found in sorted(standing, key=_precedence):
            if self._capped(found):
                self._hold(found.passage, "frequency")
            elif found.flow.status == "shadow":
                self._settle(found.passage, "suppress", "shadow")
            else:
                self._send(found)

    # each send by itself

    def _alone(self, passage: Passage) -> Try | None:
        """Return the try if it passes all up to the slots; else decide it."""
        work, held = self.work, passage.held_reason is not None
        if held and passage.held_until is not None and work.now < passage.held_until:
            return None
        if held and _leave_if_due(work, passage):
            return None
        found = self._try(passage)
        if self._expired(found):
            self._settle(passage, "expire", passage.held_reason)
            return None
        if held and not holds(found.step.only_if, found.view):
            self._settle(passage, "suppress", "only_if")
            return None
        if found.flow.recheck and not self._in_audience(found):
            if not held:
                _decide(work, passage, "suppress", "audience")
            _end(work, passage, "audience")
            return None
        reason = self._choose_channel(found)
        if reason is None and found.marketing and held_out(work, found.flow, found.view.person):
            reason = "holdout"
        if reason is not None:
            self._settle(passage, "suppress", reason)
            return None
        closed, opens = self._slots(found)
        if closed is not None:
            self._hold(passage, closed)
            passage.held_until = opens
            return None
        return found

    def _try(self, passage: Passage) -> Try:
        step = passage.standing
        assert isinstance(step, Send)
        flow = self.work.playbook.flows[passage.flow]
        settings = self.work.playbook.messages[step.operand].settings
        purpose = step.purpose or settings.purpose or "marketing"
        view = self.work.view(passage.customer, passage.flow, passage.facts())
        return Try(passage, step, flow, view, purpose)

    def _in_audience(self, found: Try) -> bool:
        return holds(found.flow.audience, replace(found.view, this_run=False))

    def _expired(self, found: Try) -> bool:
        playbook = self.work.playbook
        defaults = playbook.project.defaults
        span = (
            found.step.expires_after
            or playbook.messages[found.step.operand].settings.expires_after
            or found.flow.expires_after
            or (defaults.expires_after if defaults else None)
            or DEFAULT_EXPIRY
        )
        assert found.passage.reached_at is not None
        return timing.minus(self.work.now, span) >= found.passage.reached_at

    def _choose_channel(self, found: Try) -> str | None:
        """Take the first channel with consent, address, no suppression; else the reason."""
        channels = self._channels(found)
        consented = [one for one in channels if self._consents(found, one)]
        if not consented:
            return "consent" if channels else "unreachable"
        for channel in consented:
            if reachable(found.view, channel):
                found.channel = channel
                return None
        needed = [address(found.view.person, channel) for channel in consented]
        return "suppressed" if any(one and one[1] is not None for one in needed) else "unreachable"

    def _channels(self, found: Try) -> list[str]:
        defaults = self.work.playbook.project.defaults
        if found.step.channels is None:
            default = (defaults.channel if defaults else None) or "email"
            return [str(found.step.channel or default)]
        own = found.view.person.preferred_channel
        named = [own if one == "preferred" else str(one) for one in found.step.channels]
        offered = self.work.playbook.messages[found.step.operand].channels()
        return [one for one in dict.fromkeys(named) if one is not None and one in offered]

    def _consents(self, found: Try, channel: str) -> bool:
        if not found.marketing:
            return True
        settings = self.work.playbook.messages[found.step.operand].settings
        wanted = found.step.topic or settings.topic
        topics = self.work.playbook.catalog.topics or {}
        names = [wanted] if wanted else [n for n, t in topics.items() if t.purpose == "marketing"]
        return any(
            subscribed(found.view, name)
            and channel in (topics[name].channels or ("email", "push", "onsite"))
            for name in names
        )

    def _slots(self, found: Try) -> tuple[str | None, datetime | None]:
        """Return the reason of a closed slot and when both slots are open next."""
        quiet = self._quiet(found)
        slot = self._send_between(found)
        now, zone = self.work.now, found.view.zone
        if quiet is not None and not quiet.is_open(now, zone):
            reason = "quiet_hours"
        elif slot is not None and not slot.is_open(now, zone):
            reason = "send_between"
        else:
            return None, None
        return reason, openings.next_allowed(now, zone, quiet, slot) or timing.LATEST

    def _quiet(self, found: Try) -> openings.QuietSlot | None:
        if not found.marketing:
            return None
        own = found.flow.guardrails.quiet_hours if found.flow.guardrails else None
        if own is not None:
            return _quiet_slot(own)
        if "quiet_hours" in _ignored(found.flow):
            return None
        guardrails = self.work.playbook.project.guardrails
        of_project = guardrails.quiet_hours if guardrails else None
        return DEFAULT_QUIET if of_project is None else _quiet_slot(of_project)

    def _send_between(self, found: Try) -> openings.Slot | None:
        playbook = self.work.playbook
        defaults = playbook.project.defaults
        hours = (
            found.step.send_between
            or playbook.messages[found.step.operand].settings.send_between
            or (defaults.send_between if defaults else None)
        )
        return openings.Slot(hours) if hours else None

    # over all customers

    def _past_volume(self, standing: list[Try]) -> list[Try]:
        for name in sorted({found.flow.flow for found in standing}):
            flow = self.work.playbook.flows[name]
            theirs = [found for found in standing if found.flow.flow == name]
            limit = flow.guardrails.stop_if_more_than if flow.guardrails else None
            if limit and self._trips(theirs, limit, name):
                standing = [found for found in standing if found.flow.flow != name]
        guardrails = self.work.playbook.project.guardrails
        limit = guardrails.stop_if_more_than if guardrails else None
        real = [found for found in standing if found.flow.status != "shadow"]
        if limit and real and self._trips(real, limit, PROJECT):
            return [found for found in standing if found.flow.status == "shadow"]
        return standing

    def _trips(self, standing: list[Try], limit: VolumeLimit, name: str) -> bool:
        state = self.work.state
        resumed = name in state.resumed
        counted = [
            found for found in standing if not (resumed and found.passage.held_reason == "volume")
        ]
        since = timing.minus(self.work.now, limit.per)
        sent = {
            one.customer
            for one in state.past.sent
            if since < one.at <= self.work.now and name in (PROJECT, one.flow)
        }
        customers = sent | {found.passage.customer for found in counted}
        tripped = name in state.tripped and not resumed
        if tripped or (counted and len(customers) > limit.customers):
            state.tripped.setdefault(name, self.work.now)
            for found in standing if tripped or not resumed else counted:
                self._hold(found.passage, "volume")
            return True
        return False

    # each customer's in order

    def _capped(self, found: Try) -> bool:
        if not found.marketing:
            return False
        project = self.work.playbook.project.guardrails
        own = found.flow.guardrails
        if "frequency" not in _ignored(found.flow) and self._over(found, project, None):
            return True
        return self._over(found, own, found.flow.flow)

    def _over(self, found: Try, guardrails: Guardrails | None, only: str | None) -> bool:
        now = self.work.now
        for rule in (guardrails.frequency if guardrails else None) or ():
            if rule.channel not in (None, found.channel):
                continue
            if rule.tag is not None and rule.tag not in (found.flow.tags or ()):
                continue
            counted = [
                sent
                for sent in self.work.state.past.sent
                if sent.customer == found.passage.customer
                and sent.marketing
                and timing.minus(now, rule.per) < sent.at <= now
                and only in (None, sent.flow)
                and rule.channel in (None, sent.channel)
                and (rule.tag is None or rule.tag in sent.tags)
            ]
            if len(counted) >= rule.at_most:
                return True
        return False

    # outcomes

    def _hold(self, passage: Passage, reason: str) -> None:
        passage.held_until = None
        if passage.held_reason != reason:
            _decide(self.work, passage, "hold", reason)
            passage.held_reason = reason

    def _settle(self, passage: Passage, decision: str, reason: str | None) -> None:
        _decide(self.work, passage, decision, reason)
        passage.held_reason = None
        passage.standing = None

    def _send(self, found: Try) -> None:
        passage, step = found.passage, found.step
        assert found.channel is not None
        _decide(self.work, passage, "send", None, channel=found.channel)
        self.work.state.past.sent.append(
            Sent(
                passage.customer, passage.flow, passage.entry, str(step.id or step.operand),
                step.operand, found.channel, self.work.now, found.marketing,
                tuple(found.flow.tags or ()),
            )
        )  # fmt: skip
        passage.held_reason = None
        passage.standing = None


def held_out(work: Tick, flow: Flow, person: Person) -> bool:
    """Return whether the customer is in a control group of the flow or the project."""
    project = work.playbook.project
    rules = [(flow.guardrails, flow.flow)]
    if "holdout" not in _ignored(flow):
        rules.append((project.guardrails, project.project))
    for guardrails, name in rules:
        holdout = guardrails.holdout if guardrails else None
        if holdout is not None:
            seed = holdout.seed or f"holdout:{name}"
            if in_share(person, seed, holdout.share):
                return True
    return False


def _precedence(found: Try) -> tuple[Any, ...]:
    own = found.flow.guardrails.priority if found.flow.guardrails else None
    priority = next(one for one in (found.step.priority, own, 50) if one is not None)
    step = found.step.id or found.step.operand
    passage = found.passage
    return (-priority, passage.reached_at, passage.flow, passage.entry, step)


def _ignored(flow: Flow) -> tuple[str, ...]:
    return (flow.guardrails.ignore if flow.guardrails else None) or ()


def _quiet_slot(quiet: QuietHours | str) -> openings.QuietSlot | None:
    if isinstance(quiet, str):
        return None
    own = quiet.timezone not in (None, "customer")
    zone = timing.zone_named(quiet.timezone) if own and quiet.timezone else None
    days = frozenset(_day(moment) for moment in quiet.dates or ())
    return openings.QuietSlot(quiet.between, weekday_numbers(quiet.on_days), days, zone)


def _day(moment: Moment) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
