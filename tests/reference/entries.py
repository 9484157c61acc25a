"""Entries (semantics 25, 31-38)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from reference.conditions import holds, of_segment
from reference.facts import attribute_type, attribute_value, event_passes, property_value
from reference.leaving import end_passage
from reference.state import NINE, Occurrence, Passage, Tick, Todo, catch_up_of
from reference.values import aware
from reference.view import Run, Stay
from reference.world import Happening, Person

from orchestrator import timing
from orchestrator.flow.base import Start, weekday_numbers
from orchestrator.flow.starts.dates import DateStart
from orchestrator.flow.starts.did import DidStart
from orchestrator.flow.starts.every import EveryStart
from orchestrator.flow.starts.matches import MatchesStart
from orchestrator.flow.starts.told import ToldStart
from orchestrator.flow.starts.transitions import FlowStart, SegmentStart, StageStart
from orchestrator.language.moments import Moment
from orchestrator.playbook.model import Flow


def enter_flow(work: Tick, flow: Flow, *, first: bool) -> None:
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
            end_passage(work, passage, "restarted")
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
