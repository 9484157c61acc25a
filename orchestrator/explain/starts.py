"""What starts a flow, told about one customer: whether it happens at this tick, else when."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, cast, select

from orchestrator import tables, timing
from orchestrator.criteria.flips import next_anniversary
from orchestrator.criteria.nearest import Change
from orchestrator.criteria.phrases import title, where_phrase
from orchestrator.explain import said
from orchestrator.explain.events import latest_event, used_up
from orchestrator.explain.questions import Inquiry, Tree, Verdict, joined
from orchestrator.flow.base import Start
from orchestrator.flow.starts.dates import DateStart
from orchestrator.flow.starts.did import DidStart
from orchestrator.flow.starts.every import EveryStart
from orchestrator.flow.starts.matches import MatchesStart
from orchestrator.flow.starts.told import ToldStart
from orchestrator.flow.starts.transitions import FlowStart, SegmentStart, StageStart
from orchestrator.records.explained import ExplainedLeaf
from orchestrator.tick.calendar_starts import NINE, falls_on
from orchestrator.tick.candidates import Candidates
from orchestrator.tick.live_flow import LiveFlow

ONLY_THEN = "enters only when it happens"
LONGEST = 800
"""Days ahead in which the next instant of a calendar start is looked for."""


@dataclass(frozen=True)
class Story:
    """What is known of a start that does not happen at this tick."""

    actual: str | None = None
    change: Change | None = None
    reason: str | None = None


@dataclass
class Beginnings:
    """The starts of one flow, told about one customer."""

    inquiry: Inquiry
    live: LiveFlow
    customer_id: int
    happening: Collection[str]
    """Labels of the starts that happen to the customer at this tick."""
    key: str | None = None
    """Of a flow with ``key``: the value that its events must have; None is any."""

    def __post_init__(self) -> None:
        self.below: dict[int, Tree] = {}
        for number, start in enumerate(self.live.flow.starts_when):
            tree = self._prepare(start, self._path(number))
            if tree is not None:
                self.below[number] = tree

    def _path(self, number: int) -> str:
        several = len(self.live.flow.starts_when) > 1
        return f"starts_when.any.{number}" if several else "starts_when"

    def _prepare(self, start: Start, path: str) -> Tree | None:
        """Return the conditions that decide about the start, as questions to be asked."""
        inquiry = self.inquiry
        wanted = not start.head.startswith("leaves_")
        match start:
            case MatchesStart():
                scope = inquiry.tick.scope(inquiry.customer, self.live.name, each=True)
                return inquiry.tree(start.operand, f"{path}.matches", scope)
            case SegmentStart():
                return inquiry.segment(start.operand, path, wanted=wanted)
            case StageStart():
                stages = {stage.stage: stage for stage in inquiry.tick.playbook.stages}
                when = stages[start.operand].when
                if when is not None:
                    return inquiry.named(start.operand, when, path, wanted=wanted)
        return None

    # --- answering --------------------------------------------------------------------

    def verdict(self) -> Verdict:
        """Return whether any start happens, and when the clock brings one about."""
        return joined("any", [self._verdict(*one) for one in enumerate(self.live.flow.starts_when)])

    def _verdict(self, number: int, start: Start) -> Verdict:
        if self._happens(start):
            return Verdict(helps=True)
        if isinstance(start, MatchesStart):
            return Verdict(helps=False, at=self.inquiry.verdict(self.below[number]).at)
        change = self._story(number, start).change
        return Verdict(helps=False, at=change.at if change else None)

    def lines(self) -> Iterator[ExplainedLeaf]:
        """Yield the starts, each followed by the conditions that keep it from happening."""
        for number, start in enumerate(self.live.flow.starts_when):
            below = self.below.get(number)
            if isinstance(start, MatchesStart) and below is not None:
                yield from self.inquiry.lines(below)
                continue
            happens = self._happens(start)
            story = Story("at this tick") if happens else self._story(number, start)
            yield ExplainedLeaf(
                path=self._path(number),
                says=says(start),
                holds=happens,
                actual=story.actual,
                nearest=self.inquiry.speech.nearest(story.change),
                at=str(start.mark),
                reason=story.reason,
            )
            if below is not None and not happens and not self.inquiry.verdict(below).helps:
                yield from self.inquiry.lines(below)

    def _happens(self, start: Start) -> bool:
        return str(start.id or start.head) in self.happening

    def _story(self, number: int, start: Start) -> Story:
        match start:
            case DidStart():
                return self._of_event(start)
            case StageStart() | SegmentStart():
                return self._of_stay(number, start)
            case EveryStart():
                return self._of_calendar(start)
            case DateStart():
                return self._of_date(start)
            case FlowStart():
                return self._of_flow(start)
            case ToldStart():
                return Story(None, _ONLY_THEN)
        return Story()

    # --- events -----------------------------------------------------------------------

    def _of_event(self, start: DidStart) -> Story:
        found = latest_event(self.inquiry.tick, self.live, start, self.customer_id, key=self.key)
        if found is None:
            return Story("never" if start.number is None else "not so often yet", _ONLY_THEN)
        _, source_id, occurred = found
        told = f"on {self.inquiry.speech.instant(occurred)}"
        if start.after is not None:
            occurred += timedelta(microseconds=start.after.micros)
            if occurred > self.inquiry.tick.now:
                return Story(told, Change(at=occurred))
        seen = used_up(self.inquiry.tick, self.live, start, self.customer_id, source_id)
        if seen is not None:
            at, reason = seen
            then = self.inquiry.speech.instant(at)
            how = f"refused then ({reason})" if reason else "entered by it"
            return Story(f"{told}, seen on {then}, {how}", _ONLY_THEN)
        if occurred < self.live.live_since:
            since = self.inquiry.speech.instant(self.live.live_since)
            return Story(f"{told}, before the flow went live on {since}", _ONLY_THEN, "before_live")
        return Story(told, _ONLY_THEN)

    # --- stays ------------------------------------------------------------------------

    def _of_stay(self, number: int, start: StageStart | SegmentStart) -> Story:
        facts = self.inquiry.tick.facts
        stays = (facts.stages if isinstance(start, StageStart) else facts.segments).alias()
        named = stays.c.stage if isinstance(start, StageStart) else stays.c.segment
        query = (
            select(*(cast(stays.c[one], BigInteger) for one in ("began_at", "ended_at", "silent")))
            .where(named == start.operand, stays.c.customer_id == self.customer_id)
            .order_by(stays.c.began_at.desc())
        )
        row = self.inquiry.tick.connection.execute(query.limit(1)).first()
        speech = self.inquiry.speech
        if row is None:
            return Story("never was in it", self._when_below(number, start))
        began, ended, silent = said.found("instant", row[0]), row[1], row[2]
        if ended is not None:
            left = speech.instant(said.found("instant", ended))
            return Story(f"left it on {left}", self._when_below(number, start))
        how = ", found there by a first evaluation" if silent else ""
        told = f"in it since {speech.instant(began)}{how}"
        if start.head.startswith("leaves_"):
            return Story(told, self._when_below(number, start))
        missed = self.live.is_first and not start.backfill
        return Story(told, _ONLY_THEN, "before_live" if missed else None)

    def _when_below(self, number: int, start: StageStart | SegmentStart) -> Change:
        """Return when the segment's own conditions will make it happen, if time alone does."""
        below = self.below.get(number)
        if below is None or isinstance(start, StageStart):
            return _ONLY_THEN  # which stage it is depends on the other stages too
        at = self.inquiry.verdict(below).at
        return Change(at=at) if at else _ONLY_THEN

    def _of_flow(self, start: FlowStart) -> Story:
        runs = tables.enrollment
        query = (
            select(runs.c.status, runs.c.ended_at)
            .where(runs.c.flow == start.operand, runs.c.customer_id == self.customer_id)
            .order_by(runs.c.entry.desc())
        )
        row = self.inquiry.tick.connection.execute(query.limit(1)).first()
        if row is None:
            return Story("never was in it", _ONLY_THEN)
        if row.status == "active":
            return Story("is in it", _ONLY_THEN)
        return Story(f"left it on {self.inquiry.speech.instant(row.ended_at)}", _ONLY_THEN)

    # --- the calendar -----------------------------------------------------------------

    def _of_calendar(self, start: EveryStart) -> Story:
        return Story(None, Change(at=self._next_instant(start, lambda day: _is_on(start, day))))

    def _of_date(self, start: DateStart) -> Story:
        actual = self.inquiry.tick.scope(
            self.inquiry.customer, self.live.name, each=True
        ).shown.value_of(start.operand)
        value = said.found(actual.kind, self.inquiry.row([said.column(actual)])[0])
        personal = start.operand in self.inquiry.personal
        told = self.inquiry.speech.actual(actual, value, personal=personal)
        if value is None or (personal and not self.inquiry.speech.reveal):
            return Story(told)
        day = timing.local_day(value, self.inquiry.zone) if isinstance(value, datetime) else value
        shift = timedelta(days=start.shift_days())

        def falls(on: date) -> bool:
            meant = on - shift
            return meant == day if start.head == "date" else next_anniversary(day, meant) == meant

        at = self._next_instant(start, falls)
        return self._missed(start, told, day + shift) if at is None else Story(told, Change(at=at))

    def _missed(self, start: DateStart, told: str, day: date) -> Story:
        """Return why a date that is past starts nothing."""
        zone = self._zone(start.timezone)
        at = timing.local_instant(day, start.at or NINE, zone)
        if at < self.live.live_since:
            return Story(told, None, "before_live")
        stale = Candidates(self.inquiry.tick, self.live, start).stale_before()
        return Story(told, None, "stale" if at < stale else None)

    def _next_instant(self, start: EveryStart | DateStart, falls: Any) -> datetime | None:
        """Return the first instant to come that a calendar start names."""
        now, zone = self.inquiry.tick.now, self._zone(start.timezone)
        today = timing.local_day(now, zone)
        for ahead in range(-1, LONGEST):
            day = today + timedelta(days=ahead)
            at = timing.local_instant(day, start.at or NINE, zone)
            if at > now and falls(day):
                return at
        return None

    def _zone(self, timezone: str | None) -> ZoneInfo:
        return self.inquiry.zone if timezone in (None, "customer") else ZoneInfo(str(timezone))


_ONLY_THEN = Change(ONLY_THEN)


def _is_on(start: EveryStart, day: date) -> bool:
    return falls_on(day, start.operand, start.on_day)


def says(start: Start) -> str:
    """Return a start in words: ``did purchase, number 2``, ``enters segment vip``."""
    if isinstance(start, ToldStart):
        return f"told by {' or '.join(start.operand)}"
    said_ = f"{title(start.head)} {start.operand}"
    if isinstance(start, DidStart):
        said_ += where_phrase(start.where)
        said_ += f", number {start.number}" if start.number else ""
        said_ += f", {start.after} ago" if start.after else ""
    if isinstance(start, EveryStart | DateStart):
        said_ += f", {start.before} before" if isinstance(start, DateStart) and start.before else ""
        said_ += f", {start.after} after" if isinstance(start, DateStart) and start.after else ""
        said_ += f" on day {start.on_day}" if isinstance(start, EveryStart) and start.on_day else ""
        said_ += f" at {start.at or NINE:%H:%M}"
    return said_
