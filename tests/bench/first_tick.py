"""The first tick of a whole shop, beside hand-written ``INSERT … SELECT`` of the same rows.

The hand-written side knows the programme by heart: it keeps what it has found in TEMP
tables, joins instead of asking again, and leaves out every test that this tick cannot fail.
Both sides begin on a database without any tick and must leave the same rows in every table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter
from zoneinfo import ZoneInfo

from bench.conditions import ago, bucket, by_hand
from bench.shop import DAY, MICROS, NOW, ZONES
from sqlalchemy import Connection, Engine, func, select, text

from orchestrator import openings, tables, timing
from orchestrator.columns import to_micros
from orchestrator.flow.base import weekday_numbers
from orchestrator.flow.graph import graph
from orchestrator.flow.steps.wait import Wait
from orchestrator.gate.policy import send_policy
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.tick.definitions import meanings
from orchestrator.tick.run import TickPlan, live_run

WRITTEN = (
    "stage_interval", "segment_interval", "occurrence", "enrollment", "message", "decision",
    "tick_count", "definition", "flow_state", "release", "tick",
)  # fmt: skip
"""The tables that a tick alone writes."""
NOT_COMPARED = ("id", "fingerprint")


@dataclass(frozen=True)
class Paired:
    """The seconds of one first tick on each side, and what it did."""

    ours: float
    by_hand: float
    entered: int
    sends: int


def measure(engine: Engine, playbook: Playbook, rounds: int) -> Paired:
    """Run first ticks on both sides by turns, best of some rounds; leaves our tick there.

    Raises:
        AssertionError: the two sides did not write the same rows.
    """
    ours = theirs = float("inf")
    for _ in range(rounds):
        forget(engine)
        begun = perf_counter()
        _tick_by_hand(engine, playbook)
        theirs = min(theirs, perf_counter() - begun)
        wanted = written(engine)
        forget(engine)
        begun = perf_counter()
        with live_run(engine, TickPlan(playbook, NOW)):
            pass
        ours = min(ours, perf_counter() - begun)
        found = written(engine)
        differing = [name for name in wanted if wanted[name] != found[name]]
        assert not differing, f"{differing}: {wanted} by hand, {found} by us"
    return Paired(ours, theirs, found["enrollment"][0], found["message"][0])


def forget(engine: Engine) -> None:
    """Make the tables that ticks write anew, empty."""
    made = [tables.metadata.tables[name] for name in WRITTEN]
    with engine.begin() as connection:
        tables.metadata.drop_all(connection, made)
        tables.metadata.create_all(connection, made)
        values = tables.attribute_value
        connection.execute(values.delete().where(values.c.name == "win_backs"))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE attribute_value"))
            connection.execute(text("CHECKPOINT"))
    else:
        with closing(engine.raw_connection()) as raw:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def written(engine: Engine) -> dict[str, tuple[int, str]]:
    """Return (rows, digest of all of them) of every table that a tick writes."""
    found = {}
    with engine.connect() as connection:
        for name in (*WRITTEN, "attribute_value"):
            table = tables.metadata.tables[name]
            columns = [column for column in table.columns if column.name not in NOT_COMPARED]
            query = select(*(func.coalesce(column, None) for column in columns))
            query = query.order_by(*columns)
            if name == "attribute_value":
                query = query.where(table.c.name == "win_backs")
            digest, count = hashlib.sha256(), 0
            result = connection.execution_options(yield_per=10_000).execute(query)
            with closing(result):
                for row in result:
                    digest.update(repr(tuple(row)).encode())
                    count += 1
            found[name] = (count, digest.hexdigest()[:12])
    return found


# --- by hand --------------------------------------------------------------------------


def _tick_by_hand(engine: Engine, playbook: Playbook) -> None:
    with engine.begin() as connection:
        for statement in _statements(playbook, engine.dialect.name):
            connection.execution_options(no_parameters=True).exec_driver_sql(statement)
        _small_tables(connection, playbook)


def _statements(playbook: Playbook, dialect: str) -> Iterator[str]:
    yield from _stays()
    if dialect == "postgresql":
        yield "ANALYZE stage_interval, segment_interval"
    yield from _zones(playbook)
    yield from _entries(playbook)
    if dialect == "postgresql":
        yield "ANALYZE hand_entry"
    yield from _attempts(playbook)
    if dialect == "postgresql":
        yield "ANALYZE hand_attempt"
    yield from _ledger(playbook)


EXISTING = f"coalesce(created_at, first_event_at, 0) <= {MICROS}"


def _stays() -> Iterator[str]:
    asked = by_hand()
    paid = (
        "(SELECT customer_id, count(*) AS orders FROM event_value WHERE name = 'purchase.status'"
        f" AND text = 'paid' AND occurred_at <= {MICROS} GROUP BY customer_id)"
    )
    yield (
        "INSERT INTO stage_interval (customer_id, stage, began_at, ended_at, silent, ended_silent)"
        f" SELECT id, CASE WHEN {asked['stage advocate']} THEN 'advocate'"
        " WHEN orders >= 2 THEN 'retained_customer' WHEN orders = 1 THEN 'first_time_customer'"
        f" WHEN {asked['stage prospect']} THEN 'prospect' ELSE 'lead' END,"
        f" {MICROS}, NULL, 1, 0 FROM customer LEFT JOIN {paid} AS paid"
        f" ON paid.customer_id = customer.id WHERE {EXISTING} ORDER BY id"
    )
    start = "INSERT INTO segment_interval"
    start += " (segment, customer_id, began_at, ended_at, silent, ended_silent) SELECT"
    for name in (
        "big_spenders", "cart_abandoners", "employees", "gone_quiet", "promoters",
        "waiting_for_support",
    ):  # fmt: skip
        yield (
            f"{start} '{name}', id, {MICROS}, NULL, 1, 0 FROM customer"
            f" WHERE {EXISTING} AND {asked[f'segment {name}']} ORDER BY id"
        )


FLOWS = ("abandoned_cart", "letter", "referral", "welcome", "win_back")
"""The flows whose runs this tick opens."""


def _zones(playbook: Playbook) -> Iterator[str]:
    """Keep, for each time zone, what is closed now and when each flow's wait is over."""
    columns = ", ".join(f"due_{name} BIGINT" for name in FLOWS)
    yield (
        "CREATE TEMPORARY TABLE hand_zone"
        f" (name TEXT PRIMARY KEY, held TEXT, opens BIGINT, {columns})"
    )
    for name in sorted({zone or "" for zone in ZONES}):
        zone = ZoneInfo(name or str(playbook.project.timezone))
        here = NOW.astimezone(zone)
        hour, opens = here.hour, to_micros(here.replace(hour=8, minute=0))
        held = "'quiet_hours'" if hour < 8 or hour >= 21 else "NULL"
        due = ", ".join(_due(playbook.flows[flow], zone) for flow in FLOWS)
        yield f"INSERT INTO hand_zone VALUES ('{name}', {held}, {opens}, {due})"


def _due(flow: Flow, zone: ZoneInfo) -> str:
    wait = next((step for step in flow.steps if isinstance(step, Wait)), None)
    if wait is None:
        return "NULL"
    slot = openings.Slot(wait.then_between, weekday_numbers(wait.on_days))
    instant = slot.opens_next(timing.wait_until(NOW, wait.operand, zone), zone)
    return str(to_micros(instant)) if instant else "NULL"


def _entries(playbook: Playbook) -> Iterator[str]:
    """Keep every occurrence with the reason it is refused for."""
    asked = by_hand()
    yield (
        "CREATE TEMPORARY TABLE hand_entry (flow TEXT, customer_id BIGINT, start TEXT,"
        " occurrence TEXT, entry_at BIGINT, entry_event_id BIGINT, reason TEXT)"
    )
    latest = (
        "(SELECT e.id FROM event e WHERE e.name = '{0}' AND e.customer_id = s.customer_id"
        f" AND e.occurred_at <= {MICROS}"
        " {1} ORDER BY e.occurred_at DESC, e.source_id DESC LIMIT 1)"
    ).format
    started = {
        "abandoned_cart": (
            "cart_abandoners",
            latest(
                "cart_updated",
                f"AND e.occurred_at > {ago(3, 'day')} AND e.occurred_at <= {ago(4, 'hour')}"
                f" AND {_valued('e', 'cart_updated.cart_value', 'money >= 250000')}"
                " AND NOT EXISTS (SELECT 1 FROM event_value p JOIN event_value i"
                " ON i.name = 'cart_updated.cart_id' AND i.customer_id = e.customer_id"
                " AND i.occurred_at = e.occurred_at AND i.event_id = e.id AND i.text = p.text"
                " WHERE p.name = 'purchase.cart_id' AND p.customer_id = e.customer_id"
                " AND p.occurred_at > e.occurred_at"
                f" AND p.occurred_at <= e.occurred_at + 14400000000 AND p.occurred_at <= {MICROS})",
            ),
        ),
        "referral": (
            "promoters",
            latest(
                "nps_answered",
                f"AND e.occurred_at > {ago(180, 'day')}"
                f" AND {_valued('e', 'nps_answered.score', 'number >= 9')}",
            ),
        ),
        "win_back": ("gone_quiet", latest("purchase", "")),
    }
    for flow, (segment, event) in started.items():
        refused = f"CASE WHEN NOT ({asked[f'audience of {flow}']}) THEN 'audience' END"
        if flow == "win_back":
            refused = (
                f"CASE WHEN NOT ({asked['audience of win_back']}) THEN 'audience'"
                f" WHEN NOT {SUBSCRIBED} THEN 'exits_when' END"
            )
        yield (
            f"INSERT INTO hand_entry SELECT '{flow}', s.customer_id, 'enters_segment',"
            f" 'enters_segment:{segment}:{MICROS}', {MICROS}, {event}, {refused}"
            " FROM segment_interval s JOIN customer ON customer.id = s.customer_id"
            f" WHERE s.segment = '{segment}' AND s.ended_at IS NULL"
        )
    yield (
        f"INSERT INTO hand_entry SELECT 'letter', id, 'matches', 'matches:1', {MICROS},"
        f" NULL, CASE WHEN NOT ({asked['audience of welcome']}) THEN 'audience' END FROM customer"
        f" WHERE {EXISTING} AND {bucket('sample:letter', 3000)} AND id IN"
        " (SELECT customer_id FROM consent WHERE topic = 'newsletter'"
        f" AND at <= {MICROS} GROUP BY customer_id HAVING max(at * 2 + withdrawn) % 2 = 0)"
    )
    yield (
        "INSERT INTO hand_entry SELECT 'welcome', id, 'did', 'event:' || source_id, occurred_at,"
        f" event_id, CASE WHEN NOT ({asked['audience of welcome']}) THEN 'audience'"
        " WHEN turn > 1 THEN 'already_in' END FROM (SELECT customer.id, e.source_id,"
        " e.occurred_at, e.id AS event_id, row_number() OVER"
        " (PARTITION BY e.customer_id ORDER BY e.occurred_at, e.source_id) AS turn"
        " FROM event e JOIN customer ON customer.id = e.customer_id"
        f" WHERE e.name = 'signed_up' AND e.occurred_at >= {ago(60, 'day')}"
        f" AND e.occurred_at <= {MICROS} AND {EXISTING}) AS customer"
    )
    yield (
        "INSERT INTO occurrence (flow, customer_id, occurrence, at, reason) SELECT flow,"
        f" customer_id, occurrence, {MICROS}, reason FROM hand_entry WHERE flow = 'welcome'"
        " ORDER BY customer_id, occurrence"
    )
    yield (
        "INSERT INTO tick_count (at, flow, reason, customers)"
        f" SELECT {MICROS}, flow, reason, count(*) FROM hand_entry WHERE reason IS NOT NULL"
        f" GROUP BY flow, reason UNION ALL SELECT {MICROS}, 'welcome', 'before_live', count(*)"
        f" FROM event WHERE name = 'signed_up' AND occurred_at < {ago(60, 'day')}"
        f" UNION ALL SELECT {MICROS}, 'nurture', 'before_live', count(*) FROM stage_interval"
        " WHERE stage = 'first_time_customer' AND ended_at IS NULL"
    )


def _valued(event: str, name: str, test: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM event_value v WHERE v.name = '{name}'"
        f" AND v.customer_id = {event}.customer_id AND v.occurred_at = {event}.occurred_at"
        f" AND v.event_id = {event}.id AND v.{test})"
    )


SUBSCRIBED = (
    "coalesce((SELECT max(n.at * 2 + n.withdrawn) % 2 FROM consent n"
    " WHERE n.topic = 'newsletter' AND n.customer_id = customer.id"
    f" AND n.at <= {MICROS}), 1) = 0"
)


def _attempts(playbook: Playbook) -> Iterator[str]:
    """Keep every new run with its decision; the frequency rule lets a customer's first pass."""
    yield (
        "CREATE TEMPORARY TABLE hand_attempt (flow TEXT, customer_id BIGINT, channel TEXT,"
        " decision TEXT, reason TEXT, due_at BIGINT, opens BIGINT)"
    )
    reachable = {
        "email": (
            "(customer.email IS NOT NULL AND NOT EXISTS (SELECT 1 FROM suppression x"
            f" WHERE x.kind = 'email' AND x.address = customer.email AND x.at <= {MICROS}))"
        ),
        "push": (
            "(customer.push_token IS NOT NULL AND NOT EXISTS (SELECT 1 FROM suppression x"
            f" WHERE x.kind = 'push_token' AND x.address = customer.push_token"
            f" AND x.at <= {MICROS}))"
        ),
    }
    first = {
        "abandoned_cart": ("email?", "push?", "push", "email"),
        "letter": ("email",),
        "referral": ("email?", "push?", "email"),
        "welcome": ("email", "push"),
        "win_back": ("email",),
    }
    chosen, addressed, prior, held_out, due = [], [], [], [], []
    for flow, order in first.items():
        ways = " ".join(
            f"WHEN preferred_channel = '{way[:-1]}' AND {reachable[way[:-1]]} THEN '{way[:-1]}'"
            if way.endswith("?")
            else f"WHEN {reachable[way]} THEN '{way}'"
            for way in order
        )
        chosen.append(f"WHEN '{flow}' THEN CASE {ways} END")
        has = " OR ".join(
            {
                "email": "email IS NOT NULL",
                "push": "push_token IS NOT NULL",
                "email?": "email IS NOT NULL AND preferred_channel = 'email'",
                "push?": "push_token IS NOT NULL AND preferred_channel = 'push'",
            }[way]
            for way in order
        )
        addressed.append(f"WHEN '{flow}' THEN CASE WHEN {has} THEN 1 END")
        prior.append(f"WHEN '{flow}' THEN {_priority(playbook, flow)}")
        due.append(f"WHEN '{flow}' THEN due_{flow}")
    held_out.append(bucket("global_2026", 500))
    held_out.append(f"flow = 'win_back' AND {bucket('holdout:win_back', 1000)}")
    goal = (
        "flow = 'welcome' AND EXISTS (SELECT 1 FROM event_value g WHERE"
        " g.name = 'purchase.status' AND g.text = 'paid' AND g.customer_id = h.customer_id"
        f" AND g.occurred_at > h.entry_at AND g.occurred_at <= h.entry_at + {14 * DAY}"
        f" AND g.occurred_at <= {MICROS})"
    )
    yield (
        "INSERT INTO hand_attempt SELECT flow, customer_id, channel,"
        " CASE WHEN verdict <> '' THEN verdict WHEN row_number() OVER (PARTITION BY customer_id,"
        " verdict ORDER BY priority DESC, flow) > 1 THEN 'hold' ELSE 'send' END,"
        " CASE WHEN verdict = '' AND row_number() OVER (PARTITION BY customer_id,"
        " verdict ORDER BY priority DESC, flow) > 1 THEN 'frequency' ELSE why END, due_at, opens FROM ("
        "SELECT flow, customer_id, channel, priority, due_at, opens,"
        " CASE WHEN goal = 1 THEN 'goal' WHEN subscribed IS NULL OR channel IS NULL OR held_out = 1"
        " THEN 'suppress' WHEN held IS NOT NULL THEN 'hold' ELSE '' END AS verdict,"
        " CASE WHEN goal = 1 THEN NULL WHEN subscribed IS NULL THEN 'consent'"
        " WHEN channel IS NULL THEN CASE WHEN addressed = 1 THEN 'suppressed' ELSE 'unreachable'"
        " END WHEN held_out = 1 THEN 'holdout' ELSE held END AS why"
        " FROM (SELECT h.flow, h.customer_id, zone.held, zone.opens,"
        f" CASE WHEN {goal} THEN 1 END AS goal,"
        f" CASE WHEN {SUBSCRIBED} THEN 1 END AS subscribed,"
        f" CASE flow {' '.join(chosen)} END AS channel,"
        f" CASE flow {' '.join(addressed)} END AS addressed,"
        f" CASE flow {' '.join(prior)} END AS priority,"
        f" CASE WHEN {' OR '.join(held_out)} THEN 1 END AS held_out,"
        f" CASE flow {' '.join(due)} END AS due_at"
        " FROM hand_entry h JOIN customer ON customer.id = h.customer_id"
        " JOIN hand_zone zone ON zone.name = coalesce(customer.timezone, '')"
        " WHERE h.reason IS NULL) AS asked) AS judged"
    )


def _priority(playbook: Playbook, flow: str) -> int:
    found = playbook.flows[flow]
    steps = graph(found.steps)
    node, step = next(steps.sends())
    return send_policy(playbook, found, node, step).priority


def _ledger(playbook: Playbook) -> Iterator[str]:
    release = playbook.fingerprint
    sends, follows = [], []
    for name in FLOWS:
        steps = graph(playbook.flows[name].steps)
        node, step = next(steps.sends())
        sends.append(f"WHEN '{name}' THEN '{step.operand}'")
        follows.append(f"WHEN '{name}' THEN '{node.next or node.id}'")
    send, follow = (f"CASE a.flow {' '.join(cases)} END" for cases in (sends, follows))
    yield (
        "INSERT INTO message (customer_id, flow, entry, step, occurrence, channel, generation,"
        " message, purpose, topic, variant, release, decided_at, due_at, state, state_at, error)"
        f" SELECT customer_id, flow, 1, {send}, '0', channel, 0, {send}, 'marketing', 'newsletter',"
        f" NULL, '{release}', {MICROS}, {MICROS}, 'queued', {MICROS}, NULL FROM hand_attempt a"
        " WHERE decision = 'send' ORDER BY flow, customer_id"
    )
    yield (
        "INSERT INTO decision (at, customer_id, flow, entry, step, message, channel, decision,"
        f" reason, detail, due_at, variant) SELECT {MICROS}, customer_id, flow, 1, {send}, {send},"
        " CASE WHEN decision = 'send' THEN channel END, decision, reason, NULL,"
        f" {MICROS}, NULL FROM hand_attempt a WHERE decision <> 'goal' ORDER BY flow, customer_id"
    )
    ended = "a.decision = 'goal' OR a.decision IN ('send', 'suppress') AND a.flow = 'letter'"
    yield (
        "INSERT INTO enrollment (flow, customer_id, entry, release, start, occurrence, key_value,"
        " entry_at, entry_event_id, entered_at, status, step, reached_at, due_at, held_reason,"
        " exit_reason, exit_detail, ended_at, ended_late)"
        f" SELECT a.flow, a.customer_id, 1, '{release}', h.start, h.occurrence, NULL, h.entry_at,"
        f" h.entry_event_id, {MICROS}, CASE WHEN {ended} THEN 'ended' ELSE 'active' END,"
        f" CASE WHEN a.decision IN ('hold', 'goal') THEN {send} ELSE {follow} END, {MICROS},"
        " CASE WHEN a.decision IN ('send', 'suppress') THEN a.due_at"
        " WHEN a.reason = 'quiet_hours' THEN a.opens END,"
        " CASE WHEN a.decision = 'hold' THEN a.reason END,"
        f" CASE WHEN a.decision = 'goal' THEN 'goal' WHEN {ended} THEN 'completed' END, NULL,"
        f" CASE WHEN {ended} THEN {MICROS} END, CASE WHEN {ended} THEN 1 ELSE 0 END"
        " FROM hand_attempt a JOIN hand_entry h ON h.flow = a.flow"
        " AND h.customer_id = a.customer_id AND h.reason IS NULL ORDER BY a.flow, a.customer_id"
    )
    yield (
        "INSERT INTO attribute_value (name, customer_id, text, number, scaled, money)"
        " SELECT 'win_backs', customer_id, '1', 1, 10000, 10000 FROM hand_entry"
        " WHERE flow = 'win_back' AND reason IS NULL ORDER BY customer_id"
    )
    yield "DROP TABLE hand_zone"
    yield "DROP TABLE hand_entry"
    yield "DROP TABLE hand_attempt"


def _small_tables(connection: Connection, playbook: Playbook) -> None:
    """Write the few rows that a person would have ready: copied from the programme."""
    add = connection.execute
    add(
        tables.release.insert().values(
            fingerprint=playbook.fingerprint,
            recorded_at=MICROS,
            files=json.dumps(dict(playbook.files), sort_keys=True, ensure_ascii=False),
        )
    )
    for kind, name in meanings(playbook):
        add(tables.definition.insert().values(kind=kind, name=name, fingerprint=""))
    for name, flow in playbook.flows.items():
        if flow.status == "live":
            row = {"flow": name, "live_since": MICROS, "seen_at": MICROS}
            add(tables.flow_state.insert().values(row))
    last = select(func.max(tables.customer.c.id)).scalar_subquery()
    sends = select(func.count()).select_from(tables.message).scalar_subquery()
    add(
        tables.tick.insert().values(
            at=MICROS, release=playbook.fingerprint, last_customer_id=last, sends=sends
        )
    )
