"""The conditions of the example programme, beside the same questions in hand-written SQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from bench.shop import DAY, MICROS, NOW
from sqlalchemy import Connection, Engine, func, select

from orchestrator import tables, timing
from orchestrator.columns import to_micros
from orchestrator.criteria.base import Criterion
from orchestrator.criteria.buckets import bucket_factors
from orchestrator.criteria.scope import population
from orchestrator.database import summarize_statistics
from orchestrator.language.durations import Duration
from orchestrator.playbook.model import Playbook
from orchestrator.tick.run import TickPlan
from orchestrator.tick.run import _begin as begin

ROUNDS = 3


def ago(count: int, unit: str) -> int:
    """Return the instant that long before now, in microseconds."""
    return to_micros(timing.minus(NOW, Duration(count, unit)))  # type: ignore[arg-type]  # a unit written out


@dataclass(frozen=True)
class Timed:
    """The seconds that one condition took, ours and by hand, and how many it selects."""

    name: str
    ours: float
    by_hand: float
    customers: int


def conditions(playbook: Playbook) -> Iterator[tuple[str, str, Criterion]]:
    """Yield (name, owner, condition) of every stage, segment and audience."""
    for stage in playbook.stages:
        if stage.when is not None:
            yield f"stage {stage.stage}", str(stage.stage), stage.when
    for name, segment in playbook.segments.items():
        yield f"segment {name}", name, segment.when
    for name, flow in playbook.flows.items():
        if flow.audience is not None:
            yield f"audience of {name}", name, flow.audience


def bucket(seed: str, share: int) -> str:
    """Return the SQL of whether a customer falls into a share, in 1/10,000, of a seed."""
    factor, offset, prime = bucket_factors(seed)
    return f"({factor} * base + {offset}) % {prime} % 10000 < {share}"


def by_hand() -> dict[str, str]:
    """Return each condition as a person would ask it: what follows WHERE over ``customer``."""
    now = MICROS
    year, quarter = ago(1, "year"), ago(90, "day")
    in_segment = (
        "id IN (SELECT customer_id FROM segment_interval WHERE segment = '{}' AND ended_at IS NULL)"
    ).format
    not_employee = f"NOT {in_segment('employees')}"
    not_waiting = f"NOT {in_segment('waiting_for_support')}"
    paid = (
        "id IN (SELECT customer_id FROM event_value WHERE name = 'purchase.status'"
        f" AND text = 'paid' AND occurred_at <= {now} GROUP BY customer_id HAVING count(*) "
    )
    return {
        "stage advocate": (
            "id IN (SELECT customer_id FROM event WHERE name = 'referral_sent'"
            f" AND occurred_at > {year} AND occurred_at <= {now})"
        ),
        "stage retained_customer": f"{paid} >= 2)",
        "stage first_time_customer": f"{paid} = 1)",
        "stage prospect": (
            "id IN (SELECT customer_id FROM event WHERE name = 'viewed_product'"
            f" AND occurred_at > {ago(30, 'day')} AND occurred_at <= {now}"
            " GROUP BY customer_id HAVING count(*) >= 3"
            " UNION SELECT customer_id FROM event WHERE name = 'cart_updated'"
            f" AND occurred_at > {ago(30, 'day')} AND occurred_at <= {now})"
        ),
        "segment employees": (
            "id IN (SELECT customer_id FROM attribute_value"
            " WHERE name = 'employee' AND text = 'true')"
        ),
        "segment waiting_for_support": (
            "id IN (SELECT customer_id FROM attribute_value"
            " WHERE name = 'open_cases' AND number >= 1)"
        ),
        "segment cart_abandoners": (
            "id IN (SELECT c.customer_id FROM event c"
            " JOIN event_value v ON v.name = 'cart_updated.cart_value'"
            " AND v.customer_id = c.customer_id AND v.occurred_at = c.occurred_at"
            " AND v.event_id = c.id AND v.money >= 250000"
            " JOIN event_value i ON i.name = 'cart_updated.cart_id'"
            " AND i.customer_id = c.customer_id AND i.occurred_at = c.occurred_at"
            " AND i.event_id = c.id"
            " WHERE c.name = 'cart_updated'"
            f" AND c.occurred_at > {ago(3, 'day')}"
            f" AND c.occurred_at <= {ago(4, 'hour')}"
            " AND NOT EXISTS (SELECT 1 FROM event_value p WHERE p.name = 'purchase.cart_id'"
            " AND p.customer_id = c.customer_id AND p.text = i.text"
            " AND p.occurred_at > c.occurred_at"
            f" AND p.occurred_at <= c.occurred_at + 14400000000 AND p.occurred_at <= {now}))"
        ),
        "segment gone_quiet": (
            "id IN (SELECT customer_id FROM event WHERE name = 'purchase'"
            f" AND occurred_at <= {now} GROUP BY customer_id"
            f" HAVING max(occurred_at) <= {quarter})"
            " AND NOT EXISTS (SELECT 1 FROM event v WHERE v.customer_id = customer.id"
            " AND v.name = 'viewed_product'"
            f" AND v.occurred_at > {ago(14, 'day')} AND v.occurred_at <= {now})"
        ),
        "segment promoters": (
            "id IN (SELECT customer_id FROM event_value WHERE name = 'nps_answered.score'"
            f" AND occurred_at > {ago(180, 'day')} AND occurred_at <= {now} AND number >= 9)"
        ),
        "segment big_spenders": (
            "id IN (SELECT a.customer_id FROM event_value a JOIN event_value s"
            " ON s.name = 'purchase.status' AND s.customer_id = a.customer_id"
            " AND s.occurred_at = a.occurred_at AND s.event_id = a.event_id AND s.text = 'paid'"
            f" WHERE a.name = 'purchase.amount' AND a.occurred_at > {year}"
            f" AND a.occurred_at <= {now} GROUP BY a.customer_id HAVING sum(a.money) >= 3000000)"
        ),
        "audience of abandoned_cart": not_employee,
        "audience of birthday": (
            "id IN (SELECT customer_id FROM event WHERE name = 'purchase'"
            f" AND occurred_at > {year} AND occurred_at <= {now})"
        ),
        "audience of nps_survey": (
            "id IN (SELECT customer_id FROM stage_interval WHERE stage = 'retained_customer'"
            f" AND ended_at IS NULL AND began_at <= {ago(14, 'day')})"
            " AND id IN (SELECT customer_id FROM event WHERE name = 'purchase'"
            f" AND occurred_at <= {now} GROUP BY customer_id"
            f" HAVING max(occurred_at) > {ago(120, 'day')})"
            " AND NOT EXISTS (SELECT 1 FROM message m WHERE m.customer_id = customer.id"
            f" AND m.message = 'nps_question' AND m.decided_at > {quarter}"
            f" AND m.decided_at <= {now})"
            f" AND {bucket('nps_2026', 4000)}"
        ),
        "audience of nurture": f"{not_employee} AND {not_waiting}",
        "audience of referral": (
            "id IN (SELECT customer_id FROM event_value WHERE name = 'purchase.status'"
            f" AND text = 'paid' AND occurred_at > {year} AND occurred_at <= {now}"
            " GROUP BY customer_id HAVING count(*) >= 2)"
            " AND id NOT IN (SELECT customer_id FROM event WHERE name = 'referral_sent'"
            f" AND occurred_at > {ago(60, 'day')} AND occurred_at <= {now})"
            f" AND {not_employee}"
        ),
        "audience of welcome": not_employee,
        "audience of win_back": (
            "id IN (SELECT customer_id FROM event_value WHERE name = 'purchase.amount'"
            f" AND occurred_at > {ago(2, 'year')} AND occurred_at <= {now}"
            " GROUP BY customer_id HAVING sum(money) >= 200000)"
            " AND NOT EXISTS (SELECT 1 FROM message m WHERE m.customer_id = customer.id"
            f" AND m.flow = 'win_back' AND m.decided_at > {quarter} AND m.decided_at <= {now})"
            f" AND {not_waiting} AND {bucket('winback_2026', 9000)}"
        ),
    }


def measure(engine: Engine, playbook: Playbook) -> list[Timed]:
    """Time every condition on a database that has had its first tick, best of some rounds."""
    hand = by_hand()
    found = []
    stays = tables.stage_interval
    with engine.begin() as connection:
        connection.execute(stays.update().values(began_at=MICROS - 30 * DAY))
    summarize_statistics(engine)
    with engine.connect() as connection:
        tick = begin(connection, TickPlan(playbook, NOW))
        for name, owner, criterion in conditions(playbook):
            customer = tables.customer.alias()
            scope = tick.scope(customer, owner)
            ours = select(func.count()).select_from(customer)
            ours = ours.where(population(customer, NOW), scope.predicate(criterion))
            theirs = (
                "SELECT count(*) FROM customer"
                f" WHERE coalesce(created_at, first_event_at, 0) <= {MICROS} AND {hand.pop(name)}"
            )
            found.append(_paired(connection, name, ours, theirs))
        connection.rollback()
    assert not hand, f"nobody asks {sorted(hand)}"
    return found


def _paired(connection: Connection, name: str, ours: Any, theirs: str) -> Timed:
    best, answers = [float("inf"), float("inf")], [0, 0]
    for _ in range(ROUNDS):
        for place, statement in enumerate((ours, theirs)):
            begun = perf_counter()
            if isinstance(statement, str):
                result = connection.exec_driver_sql(
                    statement, execution_options={"no_parameters": True}
                )
            else:
                result = connection.execute(statement)
            answers[place] = result.scalar_one()
            best[place] = min(best[place], perf_counter() - begun)
    assert answers[0] == answers[1], f"{name}: {answers[0]} by us, {answers[1]} by hand"
    return Timed(name, best[0], best[1], answers[0])
