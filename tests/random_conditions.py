"""Random conditions over the catalog of ``random_worlds``, and catalogs of computed attributes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from random_worlds import (
    ATTRIBUTES,
    DATES,
    DAY_SPANS,
    EVENTS,
    FIXED,
    FLOWS,
    LISTED,
    MESSAGES,
    PROPERTIES,
    SEGMENTS,
    SPANS,
    STAGES,
    TEXTS,
    TOPICS,
    VARIANTS,
    Plain,
    instants,
    local_days,
)
from reference.view import Passed


def literals(kind: str, now: datetime) -> st.SearchStrategy[Any]:
    """Values that a playbook may compare a type with."""
    found: dict[str, st.SearchStrategy[Any]] = {
        "text": st.sampled_from(TEXTS),
        "number": st.sampled_from((0, 1, 2, -1, 0.5, 2.5, 10, 7)),
        "money": st.sampled_from((0, 1, 10, 10.5, 50, 99.99, 0.0001, 0.00005)),
        "boolean": st.booleans(),
        "date": st.sampled_from(DATES) | local_days(now).map(date.isoformat),
        "datetime": st.sampled_from(DATES)
        | instants(now).map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        | st.just("2026-03-29 02:30"),
        "list": st.sampled_from(("a", "b c", "ab", "a;b", "[]")),
    }
    return found[kind]


ORDERED = ("at_least", "at_most", "more_than", "less_than")


@st.composite
def value_tests(
    draw: DrawFn, kind: str, now: datetime, *, references: tuple[str, ...] = ()
) -> Plain:
    """One or two tests of a value of a type."""
    known = literals(kind, now)
    if references and kind != "list":
        known = known | st.sampled_from(references)
    several = st.lists(known, min_size=1, max_size=3)
    choices: list[st.SearchStrategy[Plain]] = [_one("is_set", st.booleans())]
    if kind == "list":
        choices.append(_one("contains", known))
    else:
        choices += [_one("is", known), _one("is_not", known)]
        choices += [_one("is_one_of", several), _one("is_none_of", several)]
    if kind == "text":
        choices += [_one(word, known) for word in ("contains", "starts_with", "ends_with")]
    if kind in ("text", "number", "money", "date", "datetime"):
        choices += [_one(word, known) for word in ORDERED]
        choices.append(_one("between", st.tuples(known, known).map(list)))
    if kind in ("date", "datetime"):
        spans = st.sampled_from(DAY_SPANS if kind == "date" else SPANS)
        choices += [_one(word, spans) for word in ("in_last", "in_next", "older_than")]
        choices += [_one(word, known) for word in ("before", "after")]
    tests: Plain = draw(st.one_of(choices))
    if draw(st.integers(0, 4)) == 0:
        tests = {**tests, **draw(st.one_of(choices))}
    return tests


def _one(word: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Plain]:
    return values.map(lambda value: {word: value})


@st.composite
def wheres(draw: DrawFn, now: datetime) -> Plain:
    """No tests of properties, or some of them."""
    if draw(st.integers(0, 2)):
        return {}
    names = draw(st.lists(st.sampled_from(tuple(PROPERTIES)), min_size=1, max_size=2, unique=True))
    return {"where": {name: draw(value_tests(PROPERTIES[name], now)) for name in names}}


@st.composite
def windows(draw: DrawFn, now: datetime, *, words: tuple[str, ...] = ()) -> Plain:
    """Bounds of a window, of any or of these words."""
    offered = words or ("in_last", "older_than", "before", "after")
    chosen = draw(st.lists(st.sampled_from(offered), max_size=2, unique=True))
    values = {
        "in_last": st.sampled_from(SPANS),
        "older_than": st.sampled_from(SPANS),
        "before": literals("datetime", now),
        "after": literals("datetime", now),
        "since": st.just("entry"),
    }
    return {word: draw(values[word]) for word in chosen}


@st.composite
def counts(draw: DrawFn, bounds: tuple[Any, ...] = (0, 1, 2, 3), *, least: int = 0) -> Plain:
    """None, one or two count words."""
    words = ("at_least", "at_most", "exactly", "more_than", "less_than", "between")
    chosen = draw(st.lists(st.sampled_from(words), min_size=least, max_size=2, unique=True))
    return {
        word: sorted(draw(st.tuples(*[st.sampled_from(bounds)] * 2)))
        if word == "between"
        else draw(st.sampled_from(bounds))
        for word in chosen
    }


@st.composite
def followings(draw: DrawFn, now: datetime) -> Any:
    """The event that follows, with or without tests."""
    name, where = draw(st.sampled_from(EVENTS)), draw(wheres(now))
    return {"did": name, **where} if where else name


@st.composite
def did(draw: DrawFn, now: datetime, window: tuple[str, ...] = ()) -> Plain:
    """``did`` and ``did_not``, counted or followed."""
    head = draw(st.sampled_from(("did", "did_not")))
    plain = {head: draw(st.sampled_from(EVENTS))}
    plain |= draw(windows(now, words=window)) | draw(wheres(now))
    if draw(st.booleans()):
        return plain | draw(counts())
    plain |= {
        draw(st.sampled_from(("then", "then_not"))): draw(followings(now)),
        "within": draw(st.sampled_from(FIXED)),
    }
    if draw(st.integers(0, 2)) == 0:
        plain["same"] = draw(st.sampled_from(("cart", "amount", "score", "day")))
    return plain


@st.composite
def sequences(draw: DrawFn, now: datetime) -> Plain:
    """Two to four events in order."""
    links = [{"did": draw(st.sampled_from(EVENTS)), **draw(wheres(now))}]
    for _ in range(draw(st.integers(1, 3))):
        word = draw(st.sampled_from(("then", "then", "then_not")))
        within = draw(st.sampled_from(FIXED))
        links.append({word: draw(followings(now)), "within": within})
    return {"sequence": links} | draw(windows(now, words=("in_last", "older_than")))


@st.composite
def totals(draw: DrawFn, now: datetime, window: tuple[str, ...] = ()) -> Plain:
    """Totals, averages and numbers of different values."""
    head = draw(st.sampled_from(("total_of", "average_of", "number_of_different")))
    offered = ("amount", "score") if head != "number_of_different" else tuple(PROPERTIES)
    bounds = (0, 1, 2, 10.5, 0.0001, 20, 0.33333) if head != "number_of_different" else (0, 1, 2)
    operand = f"{draw(st.sampled_from(EVENTS))}.{draw(st.sampled_from(offered))}"
    plain = {head: operand} | draw(windows(now, words=window)) | draw(wheres(now))
    return plain | draw(counts(bounds, least=1))


@st.composite
def firsts_and_lasts(draw: DrawFn, now: datetime) -> Plain:
    """``first`` and ``last`` with a window."""
    head = draw(st.sampled_from(("first", "last")))
    window = draw(windows(now).filter(bool))
    return {head: draw(st.sampled_from(EVENTS))} | window | draw(wheres(now))


@st.composite
def attributes(draw: DrawFn, now: datetime, *, entry: bool = False) -> Plain:
    """Tests of stored, built-in and computed attributes, or of the entry's properties."""
    kinds = ATTRIBUTES | COMPUTED_TYPES | {"email": "text", "created_at": "datetime"}
    if entry:
        kinds = {f"entry.{name}": kind for name, kind in PROPERTIES.items()}
        kinds["entry.at"] = "datetime"
    name = draw(st.sampled_from(tuple(kinds)))
    stored = {**ATTRIBUTES}
    references = tuple(
        f"$customer.{other}" for other, kind in stored.items() if kind == kinds[name]
    )
    if name in COMPUTED_TYPES:
        references = ()
    tests = draw(value_tests(kinds[name], now, references=references))
    return {"attribute": name} | tests


@st.composite
def messages_facts(draw: DrawFn, now: datetime, *, since: bool = False) -> Plain:
    """What became of messages."""
    kinds = ("received", "opened", "clicked", "replied")
    kind = draw(st.sampled_from((*kinds, *(f"not_{one}" for one in kinds))))
    names = (*MESSAGES, "any", "alpha/any", "beta/offer", "alpha/hello")
    plain: Plain = {kind: draw(st.sampled_from(names))}
    if draw(st.integers(0, 2)) == 0:
        plain["at_least"] = draw(st.sampled_from((1, 2)))
    if draw(st.integers(0, 1)) == 0:
        plain["in_last"] = draw(st.sampled_from(SPANS))
    if draw(st.integers(0, 3)) == 0:
        plain["channel"] = draw(st.sampled_from(("email", "sms")))
    if since and draw(st.integers(0, 3)) == 0:
        plain["since"] = "entry"
    return plain


@st.composite
def memberships(draw: DrawFn, now: datetime, stages: bool = True) -> Plain:
    """Segments and stages, and moves between stages."""
    heads = ["in_segment", "not_in_segment"]
    heads += ["in_stage", "not_in_stage", "entered_stage", "left_stage"] if stages else []
    head = draw(st.sampled_from(heads))
    if head.endswith("segment"):
        return {head: draw(st.sampled_from(SEGMENTS))}
    plain: Plain = {head: draw(st.sampled_from(STAGES))}
    if head.startswith(("entered", "left")):
        return plain | draw(windows(now, words=("in_last", "older_than")))
    if draw(st.booleans()):
        plain["for_at_least"] = draw(st.sampled_from(SPANS))
    return plain


@st.composite
def flow_runs(draw: DrawFn, now: datetime) -> Plain:
    """Who is in a flow, when they came and went, and shares of splits."""
    heads = ("in_flow", "not_in_flow", "entered_flow", "left_flow", "in_variant")
    head = draw(st.sampled_from(heads))
    if head == "in_variant":
        return {head: draw(st.sampled_from(VARIANTS))}
    plain: Plain = {head: draw(st.sampled_from(FLOWS))}
    moved = head in ("entered_flow", "left_flow")
    return plain | (draw(windows(now, words=("in_last", "older_than"))) if moved else {})


@st.composite
def customs(draw: DrawFn) -> Plain:
    """The condition of a package, which ``tests/packages`` holds."""
    return {"custom": "likely_to_churn", "with": {"above": draw(st.sampled_from((0, 1, 2, 2.5)))}}


@st.composite
def runs(draw: DrawFn, now: datetime, customers: tuple[str, ...]) -> list[Passed]:
    """A few runs of the flows, some of which have ended."""
    found: dict[tuple[str, str], list[Passed]] = {}
    for _ in range(draw(st.integers(0, 8))):
        key = draw(st.sampled_from(customers)), draw(st.sampled_from(FLOWS))
        earlier = found.setdefault(key, [])
        began = draw(instants(now).filter(lambda at: at <= now))
        ended = draw(st.none() | instants(now).filter(lambda at: at <= now))
        earlier.append(Passed(*key, len(earlier) + 1, began, ended))
    return [run for earlier in found.values() for run in earlier]


@st.composite
def others(draw: DrawFn, now: datetime) -> Plain:
    """Anniversaries, topics, addresses and samples."""
    spans = st.sampled_from(DAY_SPANS).map(lambda span: {"in_next": span})
    anniversary = st.sampled_from(("birthday", "renewal")).map(lambda one: {"anniversary_of": one})
    modifier: st.SearchStrategy[Plain] = st.just({}) | st.just({"is": "today"}) | spans
    seed: st.SearchStrategy[Plain] = st.just({}) | st.just({"seed": "spring"})
    shares = st.sampled_from(("10%", "50%", "90%", "33.33%")).map(lambda one: {"sample": one})
    topics = st.sampled_from(tuple(TOPICS))
    plain: Plain = draw(
        st.one_of(
            st.tuples(anniversary, modifier).map(lambda two: two[0] | two[1]),
            topics.map(lambda one: {"subscribed_to": one}),
            topics.map(lambda one: {"not_subscribed_to": one}),
            st.sampled_from(("email", "sms", "push", "onsite")).map(
                lambda one: {"reachable_on": one}
            ),
            st.tuples(shares, seed).map(lambda two: two[0] | two[1]),
        )
    )
    return plain


def leaves(
    now: datetime,
    *,
    run: bool = False,
    members: bool = True,
    facts: bool = True,
    custom: bool = True,
) -> st.SearchStrategy[Plain]:
    """One condition of any kind.

    Args:
        run: whether a run asks, so that ``since: entry`` and ``entry.x`` may stand.
        members: whether stages and segments may be asked about.
        custom: whether the condition of a package may be asked.
        facts: whether messages and runs may be asked about.
    """
    window = ("in_last", "older_than", "before", "after", "since") if run else ()
    kinds = [
        did(now, window), sequences(now), totals(now, window), firsts_and_lasts(now),
        attributes(now), others(now),
    ]  # fmt: skip
    if run:
        kinds.append(attributes(now, entry=True))
    if members:
        kinds.append(memberships(now))
    if custom:
        kinds.append(customs())
    if facts:
        kinds += [messages_facts(now, since=run), flow_runs(now)]
    return st.one_of(kinds)


def criteria(now: datetime, **options: bool) -> st.SearchStrategy[Any]:
    """Trees of conditions, at most three groups deep."""
    return st.recursive(
        leaves(now, **options),
        lambda inner: st.tuples(
            st.sampled_from(("all", "any", "none")), st.lists(inner, min_size=1, max_size=3)
        ).map(lambda group: {group[0]: group[1]}),
        max_leaves=5,
    )


COMPUTED_TYPES = {"buys": "number", "spent": "money", "scored": "number", "ends": "datetime"}


@st.composite
def catalogs(draw: DrawFn, now: datetime) -> Plain:
    """The catalog, with computed attributes of random definition."""
    window = windows(now)
    computed: dict[str, Plain] = {
        "buys": {draw(st.sampled_from(("count_of",))): draw(st.sampled_from(EVENTS))},
        "spent": {draw(st.sampled_from(("total_of", "average_of"))): "buy.amount"},
        "scored": {
            draw(st.sampled_from(("total_of", "average_of", "number_of_different"))): "view.score"
        },
        "ends": {draw(st.sampled_from(("first", "last"))): draw(st.sampled_from(EVENTS))},
    }
    for plain in computed.values():
        plain.update(draw(window) | draw(wheres(now)))
    if draw(st.booleans()):
        computed["ends"]["plus"] = draw(st.sampled_from(("1 day", "3 days", "4 hours")))
    return {
        "events": dict.fromkeys(EVENTS, PROPERTIES),
        "attributes": {**ATTRIBUTES, **computed},
        "topics": TOPICS,
        "lists": list(LISTED),
        "webhooks": {"stats": {"url": "https://shop.example/stats", "gives": {"points": "number"}}},
    }
