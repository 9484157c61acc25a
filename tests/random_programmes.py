"""Random programmes: stages, segments and flows over the catalog of ``random_worlds``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import random_conditions
import random_worlds
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from random_worlds import Plain
from reference.world import ConsentAct, World

HOURS = ("08:00-20:00", "21:00-08:00", "09:00-11:00", "00:00-24:00", "02:00-03:00")
WAITS = ("1 min", "1 hour", "4 hours", "1 day", "3 days", "1 month")
STEPS_OF_TIME = (
    timedelta(microseconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(hours=4),
    timedelta(hours=12), timedelta(days=1), timedelta(days=3), timedelta(days=7),
)  # fmt: skip
LONG_BEFORE = (timedelta(days=1), timedelta(days=5), timedelta(days=40))


@dataclass(frozen=True)
class Story:
    """A programme, a world, and the instants at which it is looked at."""

    programme: Plain
    world: World
    ticks: tuple[datetime, ...]
    pauses: frozenset[tuple[datetime, str]] = frozenset()
    """(tick, flow) while it is paused by hand; the empty name is all flows."""

    def paused(self, now: datetime) -> frozenset[str]:
        """Return what is paused at a tick."""
        return frozenset(name for at, name in self.pauses if at == now)


@st.composite
def stories(draw: DrawFn, *, most_ticks: int = 4) -> Story:
    """A small programme over a small world, at a few instants."""
    now = draw(st.sampled_from(random_worlds.ANCHORS))
    programme = draw(programmes(now))
    world = draw(random_worlds.worlds(now, most=6, events=20, busy=True))
    world = replace(world, consents=(*world.consents, *_faithful(world)))
    ticks = [now - draw(st.sampled_from(STEPS_OF_TIME))] if draw(st.booleans()) else [now]
    if draw(st.integers(0, 3)):
        ticks.insert(0, ticks[0] - draw(st.sampled_from(LONG_BEFORE)))
    for _ in range(draw(st.integers(0, most_ticks - len(ticks)))):
        ticks.append(ticks[-1] + draw(st.sampled_from(STEPS_OF_TIME)))
    stops = st.sampled_from(("", *random_worlds.FLOWS))
    stopped = st.lists(st.tuples(st.sampled_from(ticks), stops), max_size=2)
    pauses = draw(stopped) if draw(st.integers(0, 2)) == 0 else []
    return Story(programme, world, tuple(ticks), frozenset(pauses))


def _faithful(world: World) -> list[ConsentAct]:
    """Let most customers have agreed to everything since ever, so that sends happen."""
    return [
        ConsentAct(person.external_id, topic)
        for person in world.people
        if person.external_id not in "cf"
        for topic in ("news", "texts")
    ]


@st.composite
def programmes(draw: DrawFn, now: datetime) -> Plain:
    """Project, catalog, stages, segments, flows and the messages they send."""
    simple = random_conditions.criteria(now, members=False)
    found = [draw(flows(now, name)) for name in random_worlds.FLOWS]
    if draw(st.integers(0, 2)) == 0:
        _let_tell(*found)
    return {
        "project": draw(projects()),
        "catalog": draw(random_conditions.catalogs(now)),
        "stages": [
            {"stage": "fresh", "when": draw(simple), **draw(stays())},
            {"stage": "warm", "when": draw(simple), **draw(stays())},
            {"stage": "cold", "otherwise": True},
        ],
        "segments": {
            "big": draw(simple),
            "small": draw(
                st.one_of(simple, st.just({"in_stage": "warm"}), st.just({"in_segment": "big"}))
            ),
        },
        "flows": found,
        "messages": {name: draw(settings()) for name in random_worlds.MESSAGES},
    }


def _let_tell(teller: Plain, listener: Plain) -> None:
    """Let one flow tell the other about everybody who enters it."""
    teller["steps"].insert(0, {"start_flow": listener["flow"], "id": "tell"})
    listener.pop("key", None)
    starts = listener["starts_when"]
    ways = starts.get("any") or [starts | {"id": "way_0"}]
    listener["starts_when"] = {"any": [*ways, {"told_by": [teller["flow"]], "id": "told"}]}


@st.composite
def projects(draw: DrawFn) -> Plain:
    """The project's own limits."""
    project: Plain = {"project": "shop", "timezone": "Europe/Vienna"}
    if draw(st.integers(0, 5)) == 0:
        project["defaults"] = {"send_between": draw(st.sampled_from(HOURS))}
    limits = draw(guardrails(project=True))
    return project | ({"guardrails": limits} if limits else {})


def stays() -> st.SearchStrategy[Plain]:
    """Sometimes ``stay_at_least``."""
    span = st.sampled_from(("1 hour", "1 day", "3 days"))
    return st.just({}) | span.map(lambda one: {"stay_at_least": one})


@st.composite
def guardrails(draw: DrawFn, *, project: bool = False) -> Plain:
    """Some limits; a flow has more words than the project."""
    found: Plain = {}
    if draw(st.integers(0, 2)) == 0:
        rules = st.fixed_dictionaries(
            {"at_most": st.sampled_from((1, 2)), "per": st.sampled_from(("1 hour", "1 day"))},
            optional={"channel": st.sampled_from(("email", "sms")), "tag": st.just("loud")},
        )
        found["frequency"] = draw(st.lists(rules, min_size=1, max_size=2))
    quiet = st.fixed_dictionaries(
        {"between": st.sampled_from(HOURS[:3])},
        optional={
            "timezone": st.sampled_from(("customer", "Asia/Kathmandu")),
            "on_days": st.sampled_from(("weekdays", "weekend", "sunday")),
            "dates": st.just(["2026-03-29"]),
        },
    )
    if draw(st.integers(0, 3)) or not project:
        found["quiet_hours"] = draw(st.just("none") | quiet) if draw(st.booleans()) else "none"
    if draw(st.integers(0, 3)) == 0:
        found["holdout"] = {"share": draw(st.sampled_from(("10%", "50%")))}
    if not project:
        if draw(st.integers(0, 3)) == 0:
            customers = draw(st.sampled_from((1, 2)))
            found["stop_if_more_than"] = {"customers": customers, "per": "1 day"}
        if draw(st.integers(0, 2)) == 0:
            found["priority"] = draw(st.sampled_from((10, 90)))
        if draw(st.integers(0, 4)) == 0:
            names = st.sampled_from(("frequency", "quiet_hours", "holdout"))
            found["ignore"] = draw(st.lists(names, min_size=1, max_size=2, unique=True))
    return found


def settings() -> st.SearchStrategy[Plain]:
    """What a message's folder says."""
    return st.fixed_dictionaries(
        {},
        optional={
            "purpose": st.sampled_from(("marketing", "transactional", "transactional")),
            "topic": st.sampled_from(("news", "texts")),
            "expires_after": st.sampled_from(("4 hours", "1 day")),
            "send_between": st.sampled_from((*HOURS, *["00:00-24:00"] * 5)),
        },
    )


@st.composite
def starts(draw: DrawFn, now: datetime, own: str) -> Plain:
    """One way into a flow."""
    catch_up = draw(st.just({}) | st.sampled_from(("1 hour", "7 days")).map(_catch_up))
    kind = draw(
        st.sampled_from(
            ("did", "did", "stage", "segment", "every", "date", "matches", "flow", "told")
        )
    )
    plain: Plain
    if kind == "did":
        plain = {"did": draw(st.sampled_from(random_worlds.EVENTS))}
        plain |= draw(random_conditions.wheres(now)) if draw(st.integers(0, 3)) == 0 else {}
        nothing: st.SearchStrategy[Plain] = st.just({})
        plain |= draw(
            nothing
            | st.fixed_dictionaries(
                {},
                optional={
                    "number": st.sampled_from((1, 2)),
                    "after": st.sampled_from(("1 hour", "1 day")),
                    "backfill": st.sampled_from(("1 day", "30 days")),
                },
            )
        )
    elif kind == "stage":
        plain = _moves(draw, "stage", random_worlds.STAGES)
    elif kind == "segment":
        plain = _moves(draw, "segment", random_worlds.SEGMENTS)
    elif kind == "flow":
        plain = {"leaves_flow": draw(st.sampled_from(random_worlds.FLOWS))}
    elif kind == "matches":
        return {"matches": draw(random_conditions.criteria(now))}
    elif kind == "every":
        plain = {"every": draw(st.sampled_from(("day", "sunday", "monday", "month")))}
        if plain["every"] == "month":
            plain["on_day"] = draw(st.sampled_from((1, 29, 31)))
        plain |= draw(_times())
    else:
        head = draw(st.sampled_from(("date", "anniversary_of")))
        plain = {head: draw(st.sampled_from(("birthday", "renewal", "ends", "created_at")))}
        if draw(st.booleans()):
            word = draw(st.sampled_from(("before", "after")))
            plain[word] = draw(st.sampled_from(("1 day", "3 days")))
        plain |= draw(_times())
    return plain | catch_up


def other_flow(name: str) -> str:
    """Return the flow that a flow tells, and is told by."""
    return next(one for one in random_worlds.FLOWS if one != name)


def _catch_up(span: str) -> Plain:
    return {"catch_up": span}


def _times() -> st.SearchStrategy[Plain]:
    return st.fixed_dictionaries(
        {},
        optional={
            "at": st.sampled_from(("02:30", "00:00", "23:59")),
            "timezone": st.sampled_from(("customer", "Asia/Kathmandu")),
        },
    )


def _moves(draw: DrawFn, noun: str, names: tuple[str, ...]) -> Plain:
    head = draw(st.sampled_from((f"enters_{noun}", f"leaves_{noun}")))
    plain: Plain = {head: draw(st.sampled_from(names))}
    if head.startswith("enters") and draw(st.booleans()):
        plain["backfill"] = True
    return plain


@st.composite
def flows(draw: DrawFn, now: datetime, name: str) -> Plain:
    """One live flow with random steps."""
    ways = draw(st.lists(starts(now, name), min_size=1, max_size=2))
    matches = any("matches" in way for way in ways)
    several = {"any": [way | {"id": f"way_{number}"} for number, way in enumerate(ways)]}
    only_events = all("did" in way for way in ways)
    flow: Plain = {
        "flow": name,
        "status": draw(st.sampled_from(("live", "live", "live", "shadow"))),
        "starts_when": ways[0] if len(ways) == 1 else several,
        "re_entry": draw(
            st.sampled_from(("never", "after 1 hour") + (() if matches else ("always", "always")))
        ),
    }
    if draw(st.integers(0, 4)) == 0:
        flow["audience"] = draw(random_conditions.criteria(now, run=only_events))
        flow["recheck"] = draw(st.booleans())
    if only_events and draw(st.integers(0, 2)) == 0:
        flow["key"] = draw(st.sampled_from(("cart", "score", "amount", "day", "time", "paid")))
    if draw(st.integers(0, 2)) == 0:
        flow["if_already_in"] = "restart"
    if draw(st.integers(0, 4)) == 0:
        flow["exits_when"] = draw(random_conditions.leaves(now, run=only_events))
    if draw(st.integers(0, 4)) == 0:
        flow["goal"] = draw(goals(now))
    limits = draw(guardrails())
    if limits:
        flow["guardrails"] = limits
    if draw(st.integers(0, 3)) == 0:
        flow["tags"] = ["loud"]
    if draw(st.integers(0, 4)) == 0:
        flow["expires_after"] = draw(st.sampled_from(("4 hours", "1 day")))
    if draw(st.integers(0, 5)) == 0:
        flow[draw(st.sampled_from(("opens", "closes")))] = draw(
            st.sampled_from((now.date().isoformat(), f"{now.date().isoformat()} 03:00"))
        )
    last = {"split": random_worlds.SPLIT, "id": f"pick_{name}"}
    flow["steps"] = [*Steps(now, name, only_events).some(draw, depth=2), last]
    return flow


@st.composite
def goals(draw: DrawFn, now: datetime) -> Plain:
    """What ends a run well."""
    plain: Plain
    if draw(st.booleans()):
        plain = {"did": draw(st.sampled_from(random_worlds.EVENTS))} | draw(
            random_conditions.wheres(now)
        )
    else:
        plain = {
            draw(st.sampled_from(("clicked", "opened", "replied"))): draw(
                st.sampled_from(random_worlds.MESSAGES)
            )
        }
    if draw(st.integers(0, 3)) == 0:
        plain["keep_going"] = True
    if draw(st.booleans()):
        plain["within"] = draw(st.sampled_from(random_worlds.FIXED))
    return plain


class Steps:
    """Random steps with ids that no two share."""

    def __init__(self, now: datetime, flow: str, run: bool) -> None:
        self.now, self.flow, self.run = now, flow, run
        self.made = 0
        self.waits: list[str] = []
        """The steps so far that bring something back."""

    def some(self, draw: DrawFn, depth: int) -> list[Plain]:
        """Return one to four steps."""
        return [self.one(draw, depth) for _ in range(draw(st.integers(1, 4 if depth == 2 else 2)))]

    def one(self, draw: DrawFn, depth: int) -> Plain:
        """Return one step of any kind."""
        kinds = ["send"] * 5 + ["wait", "wait", "wait_for_time", "set"]
        kinds += ["wait_until", "wait_until_date", "webhook"]
        kinds += ["list", "consent", "task", "start_flow"]
        kinds += ["branch", "split", "until", "repeat"] if depth else ["exit"]
        kind = draw(st.sampled_from(kinds))
        self.made += 1
        id = f"s{self.made}"
        step: Plain = getattr(self, f"_{kind}")(draw, depth) | {"id": id}
        if draw(st.integers(0, 4)) == 0:
            step["only_if"] = draw(self.criteria())
        if kind == "wait_until" or ("webhook" in step and "at_most" in step):
            self.waits.append(id)
        return step

    def criteria(self) -> st.SearchStrategy[Any]:
        """Conditions that a step may ask, of what steps before it brought back too."""
        asked = random_conditions.criteria(self.now, run=self.run)
        if not self.waits:
            return asked
        of_results = st.sampled_from(self.waits).flatmap(
            lambda step: st.sampled_from(
                (
                    {"attribute": f"{step}.timed_out", "is": True},
                    {"attribute": f"{step}.did", "is_set": False},
                    {"attribute": f"{step}.at", "in_last": "4 hours"},
                )
            )
        )
        return st.one_of(asked, asked, of_results)

    def _send(self, draw: DrawFn, depth: int) -> Plain:
        step: Plain = {"send": draw(st.sampled_from(random_worlds.MESSAGES))}
        named = st.sampled_from(("email", "sms", "push", "onsite"))
        lists = st.lists(
            st.sampled_from(("email", "sms", "preferred")), min_size=1, max_size=3, unique=True
        )
        step |= draw(
            st.just({})
            | named.map(lambda one: {"channel": one})
            | lists.map(lambda one: {"channels": one})
        )
        return step | draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "send_between": st.sampled_from((*HOURS, *["00:00-24:00"] * 5)),
                    "expires_after": st.sampled_from(("1 hour", "1 day")),
                    "topic": st.sampled_from(("news", "texts")),
                    "purpose": st.sampled_from(("marketing", "transactional")),
                    "priority": st.sampled_from((10, 90)),
                },
            )
        )

    def _wait(self, draw: DrawFn, depth: int) -> Plain:
        more = {
            "then_between": st.sampled_from(HOURS),
            "on_days": st.sampled_from(("weekdays", "weekend", ["sunday", "tuesday"])),
        }
        span = draw(st.sampled_from(WAITS))
        return {"wait": span} | draw(st.fixed_dictionaries({}, optional=more))

    def _wait_for_time(self, draw: DrawFn, depth: int) -> Plain:
        more = {
            "timezone": st.sampled_from(("customer", "Asia/Kathmandu")),
            "on_days": st.sampled_from(("weekdays", "weekend")),
        }
        hours = draw(st.sampled_from(HOURS))
        return {"wait_for_time": hours} | draw(st.fixed_dictionaries({}, optional=more))

    def _stopping(self, draw: DrawFn) -> Any:
        """Return what ends a wait or some steps early: mostly an event of this run."""
        did = {"did": draw(st.sampled_from(random_worlds.EVENTS))}
        since = {"since": "entry"} if self.run else {}
        several = {"any": [did | since, {"did": "view", "at_least": 2}]}
        return draw(st.sampled_from((did, did | since, several)) | self.criteria())

    def _wait_until(self, draw: DrawFn, depth: int) -> Plain:
        step: Plain = {"wait_until": self._stopping(draw)}
        step["at_most"] = draw(st.sampled_from(WAITS))
        for way in ("if_met", "if_timed_out") if depth else ():
            if draw(st.integers(0, 2)) == 0:
                step[way] = self.some(draw, depth - 1)
        return step

    def _wait_until_date(self, draw: DrawFn, depth: int) -> Plain:
        named = ("birthday", "renewal", "created_at")
        step: Plain = {"wait_until_date": draw(st.sampled_from(named))}
        step["if_past"] = draw(st.sampled_from(("go_on", "exit")))
        if draw(st.booleans()):
            step[draw(st.sampled_from(("before", "after")))] = draw(
                st.sampled_from(("1 day", "3 days", "1 month"))
            )
        if draw(st.booleans()):
            step["at"] = draw(st.sampled_from(("02:30", "00:00", "23:59")))
        return step

    def _until(self, draw: DrawFn, depth: int) -> Plain:
        step = {"until": self._stopping(draw), "do": self.some(draw, depth - 1)}
        return step | ({"if_met": self.some(draw, depth - 1)} if draw(st.booleans()) else {})

    def _repeat(self, draw: DrawFn, depth: int) -> Plain:
        every = draw(st.sampled_from((*WAITS[1:5], ["1 min", "1 day"])))
        rounds: Plain = {"every": every, "at_most": draw(st.sampled_from(("2 times", "3 times")))}
        if draw(st.booleans()):
            rounds["until"] = self._stopping(draw)
            if draw(st.booleans()):
                rounds["if_met"] = self.some(draw, depth - 1)
        return {"repeat": rounds | {"do": self.some(draw, depth - 1)}}

    def _set(self, draw: DrawFn, depth: int) -> Plain:
        values = {
            "plan": st.sampled_from(random_worlds.TEXTS),
            "points": st.sampled_from((1, 2, 10)) | st.just({"add": 1}),
            "birthday": st.sampled_from(random_worlds.DATES),
        }
        name = draw(st.sampled_from(tuple(values)))
        return {"set": {name: draw(values[name])}}

    def _list(self, draw: DrawFn, depth: int) -> Plain:
        head = draw(st.sampled_from(("add_to", "remove_from")))
        return {head: draw(st.sampled_from(random_worlds.LISTED))}

    def _consent(self, draw: DrawFn, depth: int) -> Plain:
        head = draw(st.sampled_from(("subscribe_to", "subscribe_to", "unsubscribe_from")))
        return {head: draw(st.sampled_from(("news", "texts", "any")))}

    def _webhook(self, draw: DrawFn, depth: int) -> Plain:
        step: Plain = {"webhook": "stats"}
        ways = ["skip", "retry"]
        if draw(st.integers(0, 3)):
            step["at_most"] = draw(st.sampled_from(WAITS))
            ways.append("exit")
        return step | {"if_it_fails": draw(st.sampled_from(ways))}

    def _task(self, draw: DrawFn, depth: int) -> Plain:
        return {"task": "Call them"}

    def _start_flow(self, draw: DrawFn, depth: int) -> Plain:
        step: Plain = {"start_flow": other_flow(self.flow)}
        named = ["$customer.plan", "$customer.email", *(["$entry.cart"] if self.run else [])]
        if draw(st.integers(0, 2)) == 0:
            step["for"] = draw(st.sampled_from(named))
        return step

    def _exit(self, draw: DrawFn, depth: int) -> Plain:
        return {"exit": "enough"}

    def _branch(self, draw: DrawFn, depth: int) -> Plain:
        ways = [
            {"if": draw(self.criteria()), "do": self.some(draw, depth - 1)}
            for _ in range(draw(st.integers(1, 2)))
        ]
        otherwise = {"otherwise": self.some(draw, depth - 1)} if draw(st.booleans()) else {}
        return {"branch": ways} | otherwise

    def _split(self, draw: DrawFn, depth: int) -> Plain:
        return {
            "split": {
                "one": {"share": "33.33%", "do": self.some(draw, depth - 1)},
                "two": {"share": "66.67%"},
            }
        }
