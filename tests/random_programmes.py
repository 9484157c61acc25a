"""Random programmes: stages, segments and flows over the catalog of ``random_worlds``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import random_conditions
import random_worlds
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from random_steps import HOURS, Steps
from random_worlds import Plain
from reference.world import ConsentAct, World

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
