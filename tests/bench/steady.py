"""Ticks of a clock that runs: cost follows change, and waits are over in a few statements.

A steady tick is measured a minute after the one before: with nothing changed, with one
customer in a hundred on the work list, and with all of them there. Advancing is one tick over
runs whose wait is over, beside hand-written statements that leave the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter

from bench.first_tick import forget
from bench.shop import MICROS, NOW
from programmes import playbook
from sqlalchemy import Engine, text

from orchestrator import tables
from orchestrator.playbook.model import Playbook
from orchestrator.tick.run import TickPlan, live_run

MINUTE = timedelta(minutes=1)
MOMENT = timedelta(milliseconds=1)
"""The clock moves nobody in so short a time, however many there are."""
LATER = NOW + timedelta(days=2)
SHARE = 100
"""One customer in so many has changed."""
WAITING = 100_000


@dataclass(frozen=True)
class Steady:
    """Seconds of one tick, the best of some."""

    still: float
    """Nothing changed, and the clock moved nobody."""
    nothing: float
    """Nothing changed, but in a minute the clock moved a few past the bounds of their windows."""
    few: float
    """One in a hundred on the work list."""
    all: float
    """Everybody on the work list."""


def measure(engine: Engine, built: Playbook, rounds: int) -> Steady:
    """Run ticks a minute apart after a first one; leaves them there."""
    forget(engine)
    _forget_changes(engine)
    now = NOW
    _tick(engine, built, now)
    now += MINUTE
    _tick(engine, built, now)  # what the first tick changed is news to this one
    kinds = (
        ("still", 0, MOMENT),
        ("nothing", 0, MINUTE),
        ("few", SHARE, MINUTE),
        ("all", 1, MINUTE),
    )
    best = {name: float("inf") for name, _, _ in kinds}
    for _ in range(rounds):
        now += MOMENT
        _tick(engine, built, now)  # nor is what the tick before this one did
        for name, share, step in kinds:
            if share:
                _change(engine, share)
            now += step
            best[name] = min(best[name], _tick(engine, built, now))
            now += MINUTE
            _tick(engine, built, now)
    return Steady(**best)


def _tick(engine: Engine, built: Playbook, now: object) -> float:
    begun = perf_counter()
    with live_run(engine, TickPlan(built, now, counts=False)):  # type: ignore[arg-type]  # aware
        pass
    return perf_counter() - begun


def _change(engine: Engine, share: int) -> None:
    with engine.begin() as connection:
        query = f"INSERT INTO dirty (customer_id) SELECT id FROM customer WHERE id % {share} = 0"
        connection.execute(text(query))


def _forget_changes(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(tables.dirty.delete())
        for table in (tables.effect, tables.task, tables.round_, tables.step_result):
            connection.execute(table.delete())
        connection.execute(tables.enrollment.delete())


# --- advancing ------------------------------------------------------------------------

FLOW = {
    "flow": "letter",
    "status": "live",
    "starts_when": {"did": "signed_up"},
    "guardrails": {"quiet_hours": "none"},
    "steps": [
        {"wait": "1 day", "id": "pause"},
        {"send": "hello", "topic": "newsletter"},
        {"wait": "7 days", "id": "rest"},
    ],
}


def waiting_programme() -> Playbook:
    """Return a programme whose runs wait, are sent to, and wait again."""
    catalog = {"events": {"signed_up": {}}, "topics": {"newsletter": "marketing"}}
    return playbook({"catalog": catalog, "flows": [FLOW], "messages": {"hello": {}}})


@dataclass(frozen=True)
class Advanced:
    """Seconds to advance the runs on each side."""

    runs: int
    ours: float
    by_hand: float


def measure_advancing(engine: Engine, rounds: int) -> Advanced:
    """Advance the same waiting runs on both sides by turns."""
    built = waiting_programme()
    ours = by_hand = float("inf")
    for _ in range(rounds):
        runs = _wait(engine, built)
        begun = perf_counter()
        with engine.begin() as connection:
            for statement in _by_hand(engine.dialect.name, built):
                connection.execution_options(no_parameters=True).exec_driver_sql(statement)
        by_hand = min(by_hand, perf_counter() - begun)
        wanted = _left(engine)
        _wait(engine, built)
        ours = min(ours, _tick(engine, built, LATER))
        found = _left(engine)
        assert found == wanted, f"{wanted} by hand, {found} by us"
    return Advanced(runs, ours, by_hand)


def _wait(engine: Engine, built: Playbook) -> int:
    """Put customers on the first wait, due now."""
    forget(engine)
    _forget_changes(engine)
    _tick(engine, built, NOW)
    due = MICROS + 86_400_000_000
    with engine.begin() as connection:
        done = connection.execute(
            text(
                "INSERT INTO enrollment (flow, customer_id, entry, release, start, occurrence,"
                " entry_at, entered_at, status, step, reached_at, due_at, ended_late, lap)"
                f" SELECT 'letter', id, 1, '{built.fingerprint}', 'did', 'event:' || id, {MICROS},"
                f" {MICROS}, 'active', 'pause', {MICROS}, {due}, 0, 0 FROM customer"
                f" WHERE id <= {WAITING} ORDER BY id"
            )
        )
        connection.execute(tables.dirty.delete())
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE enrollment"))
    return done.rowcount


def _by_hand(dialect: str, built: Playbook) -> list[str]:
    now = MICROS + 2 * 86_400_000_000
    consents = (
        "coalesce((SELECT max(n.at * 2 + n.withdrawn) % 2 FROM consent n WHERE n.topic ="
        f" 'newsletter' AND n.customer_id = c.id AND n.at <= {now}), 1) = 0"
    )
    suppressed = (
        "EXISTS (SELECT 1 FROM suppression x WHERE x.kind = 'email' AND x.address = c.email"
        f" AND x.at <= {now})"
    )
    prepared = [
        "DROP TABLE IF EXISTS hand_due",
        (
            "CREATE TEMPORARY TABLE hand_due AS SELECT e.customer_id, e.entry,"
            f" CASE WHEN NOT {consents} THEN 'consent' WHEN c.email IS NULL THEN 'unreachable'"
            f" WHEN {suppressed} THEN 'suppressed' END AS reason"
            " FROM enrollment e JOIN customer c ON c.id = e.customer_id WHERE e.flow = 'letter'"
            f" AND e.status = 'active' AND e.step = 'pause' AND e.due_at <= {now}"
        ),
    ]
    if dialect == "postgresql":
        prepared.append("ANALYZE hand_due")
    return [
        *prepared,
        (
            "INSERT INTO message (customer_id, flow, entry, step, occurrence, channel, generation,"
            " message, purpose, topic, release, decided_at, due_at, state, state_at)"
            " SELECT customer_id, 'letter', entry, 'hello', '0', 'email', 0, 'hello', 'marketing',"
            f" 'newsletter', '{built.fingerprint}', {now}, {now}, 'queued', {now} FROM hand_due"
            " WHERE reason IS NULL ORDER BY customer_id"
        ),
        (
            "INSERT INTO decision (at, customer_id, flow, entry, step, message, channel, decision,"
            f" reason, due_at) SELECT {now}, customer_id, 'letter', entry, 'hello', 'hello',"
            " CASE WHEN reason IS NULL THEN 'email' END,"
            f" CASE WHEN reason IS NULL THEN 'send' ELSE 'suppress' END, reason, {now} FROM hand_due"
            " ORDER BY customer_id"
        ),
        (
            f"UPDATE enrollment SET step = 'rest', reached_at = {now},"
            f" due_at = {now + 7 * 86_400_000_000} WHERE flow = 'letter' AND status = 'active'"
            " AND step = 'pause' AND customer_id IN (SELECT customer_id FROM hand_due)"
        ),
    ]


def _left(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Return counts that both sides must share."""
    queries = {
        "runs": "SELECT step, status, due_at / 86400000000, count(*) FROM enrollment"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        "sent": "SELECT count(*), min(customer_id), sum(customer_id) FROM message",
        "told": "SELECT decision, reason, count(*) FROM decision GROUP BY 1, 2 ORDER BY 1, 2",
    }
    with engine.connect() as connection:
        return {
            name: [tuple(row) for row in connection.execute(text(query))]
            for name, query in queries.items()
        }
