"""Random worlds, made to meet conditions at their boundaries.

Everything hangs on an anchor instant: events happen exactly a duration before it, or a
microsecond beside that, and conditions ask about the same few durations.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from reference.world import ConsentAct, Happening, Person, ReceiptFact, World

from orchestrator import timing
from orchestrator.language.durations import parse_duration

Plain = dict[str, Any]

ANCHORS = (
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),  # half an hour after clocks went forward
    datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 30, tzinfo=UTC),  # already 1 March in the east
    datetime(2025, 12, 31, 12, 0, tzinfo=UTC),
    datetime(2025, 10, 26, 0, 30, tzinfo=UTC),  # the hour that comes twice in Vienna
)
SPANS = ("1 hour", "4 hours", "1 day", "3 days", "7 days", "30 days", "1 month", "1 year")
FIXED = ("1 min", "1 hour", "4 hours", "1 day", "3 days")
DAY_SPANS = ("1 day", "3 days", "7 days", "1 month", "1 year")
SPLIT: Plain = {"one": {"share": "33.33%"}, "two": {"share": "66.67%"}}
ZONES = ("Europe/Vienna", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu")
STRANGE_ZONES = ("Mars/Olympus", "europe/vienna", "")
NUDGES = (timedelta(0), timedelta(microseconds=-1), timedelta(microseconds=1))
TEXTS = ("a", "A", "ab", "ba", "é", "e\u0301", "Z", "50%", "a_b", "1", "true")
NUMBERS = ("0", "1", "2", "-1", "0.5", "2.5", "10", "007")
AMOUNTS = ("0", "1", "10", "10.5", "0.0001", "-3", "99.99", "50")
UNPARSABLE = ("", "n/a", "1e3", "12abc", "1.00001", "True", "2026-02-30", " 1")
DATES = ("2024-02-29", "2026-03-29", "2026-03-28", "2026-03-01", "2025-12-31", "1990-03-02")
LISTS = ("a;b", '["a", "b c"]', "ab", "b;a;a", "[]", "[a", "a; ")
EVENTS = ("buy", "view", "call")
PROPERTIES = {
    "amount": "money", "score": "number", "kind": "text", "cart": "text",
    "paid": "boolean", "day": "date", "time": "datetime",
}  # fmt: skip
ATTRIBUTES = {
    "plan": "text", "points": "number", "balance": "money", "vip": "boolean",
    "birthday": "date", "renewal": "datetime", "likes": "list",
}  # fmt: skip
MESSAGES = ("hello", "offer")
FLOWS = ("alpha", "beta")
LISTED = ("ads", "vips")
VARIANTS = ("alpha/pick_alpha/one", "beta/pick_beta/two", "pick_alpha/two", "pick_beta/one")
"""Of the split that every flow ends with."""
TOPICS = {
    "news": "marketing",
    "texts": {"purpose": "marketing", "channels": ["sms", "email"]},
    "bills": "transactional",
}
STAGES = ("fresh", "warm", "cold")
SEGMENTS = ("big", "small")
IDS = tuple("abcdefghijkl")


def back(now: datetime, span: str, sign: int = -1) -> datetime:
    """Return the instant a span before (or after) another."""
    duration = parse_duration(span)
    assert duration is not None
    return timing.minus(now, duration) if sign < 0 else timing.plus(now, duration)


@st.composite
def instants(draw: DrawFn, now: datetime) -> datetime:
    """Instants on, beside and between the boundaries that conditions ask about."""
    edges = [now, *(back(now, span) for span in SPANS), back(now, "1 day", +1)]
    edges += [timing.day_bounds(now.date(), ZoneInfo(zone))[0] for zone in ZONES]
    at: datetime = draw(st.sampled_from(edges)) + draw(st.sampled_from(NUDGES))
    if draw(st.integers(0, 3)) == 0:
        at -= draw(st.sampled_from((timedelta(minutes=1), timedelta(hours=4), timedelta(days=1))))
    return at


def raw_values(kind: str, now: datetime) -> st.SearchStrategy[str]:
    """Raw texts of a type, some of which are none."""
    good: dict[str, st.SearchStrategy[str]] = {
        "text": st.sampled_from(TEXTS),
        "number": st.sampled_from(NUMBERS),
        "money": st.sampled_from(AMOUNTS),
        "boolean": st.sampled_from(("true", "false")),
        "date": st.sampled_from(DATES) | local_days(now).map(date.isoformat),
        "datetime": instants(now).map(datetime.isoformat) | st.just("2026-03-29T02:30:00"),
        "list": st.sampled_from(LISTS),
    }
    rare = st.sampled_from(UNPARSABLE)
    return st.integers(0, 7).flatmap(lambda dice: rare if dice == 0 else good[kind])


@st.composite
def local_days(draw: DrawFn, now: datetime) -> date:
    span = parse_duration(draw(st.sampled_from(DAY_SPANS)))
    assert span is not None
    today = now.date() + timedelta(days=draw(st.integers(-1, 1)))
    return timing.shift_days(today, span, draw(st.sampled_from((-1, +1))))


@st.composite
def people(draw: DrawFn, now: datetime, external_id: str) -> Person:
    """One customer with some attributes."""
    chosen = draw(st.lists(st.sampled_from(tuple(ATTRIBUTES)), unique=True))
    zone = draw(st.none() | st.sampled_from(ZONES) | st.sampled_from(STRANGE_ZONES))
    channels = st.sampled_from(("email", "sms", "push", "pigeon"))
    return Person(
        external_id,
        email=f"{external_id}@shop.example" if draw(st.integers(0, 4)) else None,
        phone=draw(st.none() | st.sampled_from(("+4310000001", "+4310000002"))),
        push_token=draw(st.none() | st.just(f"token-{external_id}")),
        timezone=zone or None,
        preferred_channel=draw(st.none() | channels),
        created_at=draw(st.none() | st.none() | instants(now)),
        attributes={name: draw(raw_values(ATTRIBUTES[name], now)) for name in chosen},
    )


@st.composite
def happenings(draw: DrawFn, now: datetime, customers: tuple[str, ...], number: int) -> Happening:
    """One event of one of these customers."""
    chosen = draw(st.lists(st.sampled_from(tuple(PROPERTIES)), unique=True, max_size=4))
    return Happening(
        f"e{number:03}",
        draw(st.sampled_from(customers)),
        draw(st.sampled_from(EVENTS)),
        draw(instants(now)),
        {name: draw(raw_values(PROPERTIES[name], now)) for name in chosen},
    )


@st.composite
def consents(draw: DrawFn, now: datetime, customers: tuple[str, ...]) -> ConsentAct:
    """One act of consent or withdrawal."""
    return ConsentAct(
        draw(st.sampled_from(customers)),
        draw(st.sampled_from(tuple(TOPICS))),
        draw(st.none() | instants(now)),
        draw(st.sampled_from((False, False, True))),
    )


@st.composite
def receipts(draw: DrawFn, now: datetime, customers: tuple[str, ...], number: int) -> ReceiptFact:
    """What became of one message."""
    return ReceiptFact(
        f"r{number:03}",
        draw(st.sampled_from(customers)),
        draw(st.sampled_from(MESSAGES)),
        draw(st.sampled_from(("opened", "clicked", "replied"))),
        draw(instants(now)),
        draw(st.none() | st.sampled_from(FLOWS)),
        draw(st.none() | st.sampled_from(("email", "sms"))),
    )


@st.composite
def worlds(
    draw: DrawFn, now: datetime, *, most: int = 8, events: int = 30, busy: bool = False
) -> World:
    """A few customers and what they did; of a busy world not too few."""
    ids = IDS[: draw(st.integers(min(3, most) if busy else 1, most))]
    persons = tuple(draw(people(now, one)) for one in ids)
    count = draw(st.integers(events // 2 if busy else 0, events))
    done = tuple(draw(happenings(now, ids, number)) for number in range(count))
    acts = tuple(draw(st.lists(consents(now, ids), max_size=8)))
    answers = tuple(draw(receipts(now, ids, number)) for number in range(draw(st.integers(0, 6))))
    addresses = [("email", one.email) for one in persons if one.email]
    addresses += [("phone", one.phone) for one in persons if one.phone]
    suppressed = draw(st.sets(st.sampled_from(addresses), max_size=2)) if addresses else set()
    return World(persons, done, acts, answers, frozenset(suppressed))
