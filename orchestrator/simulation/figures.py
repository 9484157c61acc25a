"""What a simulated span did, counted once at its end from the ledger of the copy.

The copy is SQLite whatever the project's database is, so the statements are SQLite's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from orchestrator import timing
from orchestrator.channels.spec import WEBHOOK
from orchestrator.columns import from_micros, to_micros
from orchestrator.records.spans import FlowSpan, Pressure, Spread, Volume

_DECISIONS = """
SELECT flow, decision, coalesce(reason, channel), count(*) FROM decision
 WHERE at >= :begin GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_ENTERED = "SELECT flow, count(*) FROM enrollment WHERE entered_at >= :begin GROUP BY 1"
_EXITED = """
SELECT flow, exit_reason, count(*) FROM enrollment
 WHERE ended_at >= :begin GROUP BY 1, 2 ORDER BY 1, 2
"""
_STILL_HELD = """
SELECT flow, count(*) FROM enrollment WHERE status = 'active' AND held_reason IS NOT NULL GROUP BY 1
"""
_LEFT_OUT = """
SELECT flow, reason, sum(customers) FROM tick_count WHERE at >= :begin GROUP BY 1, 2 ORDER BY 1, 2
"""
_WEBHOOKS = """
SELECT flow, count(*) FROM message
 WHERE decided_at >= :begin AND channel = 'webhook' GROUP BY 1
"""
_EFFECTS = """
SELECT flow, kind, count(*) FROM effect
 WHERE at >= :begin AND withheld IS NULL GROUP BY 1, 2 ORDER BY 1, 2
"""
_TRIPPED = "SELECT flow, tripped_at FROM flow_state WHERE tripped_at >= :begin"
# The flow that took the place of a held send: whose message the customer got last before.
_LOST_TO = """
SELECT flow, coalesce(taker, flow), count(*) FROM (
  SELECT d.flow, (
    SELECT m.flow FROM message m
     WHERE m.customer_id = d.customer_id AND m.decided_at <= d.at
       AND m.purpose = 'marketing' AND m.channel <> 'webhook'
     ORDER BY m.decided_at DESC, m.id DESC LIMIT 1) AS taker
    FROM decision d WHERE d.at >= :begin AND d.decision = 'hold' AND d.reason = 'frequency')
 GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""
_SENDING_TICKS = "SELECT DISTINCT decided_at FROM message WHERE decided_at >= :begin"
_VOLUMES = """
SELECT decided_at, flow, channel, count(*) FROM message
 WHERE decided_at >= :begin AND channel <> 'webhook' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_PRESSURE = """
SELECT busiest, whole, count(*) FROM (
  SELECT max(sends) AS busiest, sum(sends) AS whole FROM (
    SELECT m.customer_id, w.week, count(*) AS sends
      FROM message m JOIN simulated_week w ON w.at = m.decided_at
     WHERE m.channel <> 'webhook'
     GROUP BY 1, 2)
   GROUP BY customer_id)
 GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Figures:
    """What happened since an instant, as it stands in a scratch database."""

    connection: Connection
    begin: datetime
    zone: ZoneInfo
    """The project's: days and weeks are its."""

    def flows(self, names: Collection[str]) -> dict[str, FlowSpan]:
        """Return what each of these flows did."""
        decided: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
        for flow, decision, key, count in self._rows(_DECISIONS):
            decided[decision][flow][key] = count
        exited, left_out = self._counts(_EXITED), self._counts(_LEFT_OUT)
        effects, lost_to = self._counts(_EFFECTS), self._counts(_LOST_TO)
        entered, still_held = dict(self._rows(_ENTERED)), dict(self._rows(_STILL_HELD))
        webhooks, tripped = dict(self._rows(_WEBHOOKS)), self.tripped()
        return {
            name: FlowSpan(
                entered=entered.get(name, 0),
                exited=exited[name],
                sends=sum(
                    count for channel, count in decided["send"][name].items() if channel != WEBHOOK
                ),
                sends_by_channel={
                    channel: count
                    for channel, count in decided["send"][name].items()
                    if channel != WEBHOOK
                },
                held=decided["hold"][name],
                suppressed=decided["suppress"][name],
                expired=decided["expire"][name],
                left_out=left_out[name],
                still_held=still_held.get(name, 0),
                lost_to=lost_to[name],
                webhooks=webhooks.get(name, 0),
                effects=effects[name],
                tripped_at=tripped.get(name),
            )
            for name in sorted(names)
        }

    def tripped(self) -> dict[str, datetime]:
        """Return flow (or project) → when its volume breaker tripped."""
        return {name: from_micros(at) for name, at in self._rows(_TRIPPED)}

    def volumes(self) -> list[Volume]:
        """Return messages per local day, flow and channel."""
        found: Counter[tuple[date, str, str]] = Counter()
        for at, flow, channel, count in self._rows(_VOLUMES):
            found[timing.local_day(from_micros(at), self.zone), flow, channel] += count
        return [Volume(*key, count) for key, count in sorted(found.items())]

    def pressure(self) -> Pressure:
        """Return how many messages customers get, those of all flows together."""
        self._name_weeks()
        busiest: Counter[int] = Counter()
        whole: Counter[int] = Counter()
        for in_a_week, in_all, customers in self._rows(_PRESSURE):
            busiest[in_a_week] += customers
            whole[in_all] += customers
        return Pressure(busiest.total(), spread(busiest), spread(whole))

    def _name_weeks(self) -> None:
        """Note the week of each tick that sent something, for the database to group by."""
        driver: Any = self.connection.connection.driver_connection
        driver.execute(
            "CREATE TEMP TABLE IF NOT EXISTS simulated_week (at INTEGER PRIMARY KEY, week INTEGER)"
        )
        driver.execute("DELETE FROM simulated_week")
        instants = [at for (at,) in self._rows(_SENDING_TICKS)]
        days = [timing.local_day(from_micros(at), self.zone) for at in instants]
        weeks = [day.toordinal() - day.weekday() for day in days]
        driver.executemany(
            "INSERT INTO simulated_week VALUES (?, ?)", zip(instants, weeks, strict=True)
        )

    def _counts(self, query: str) -> defaultdict[str, dict[str, int]]:
        found: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for flow, name, count in self._rows(query):
            found[flow][name] = count
        return found

    def _rows(self, query: str) -> list[Any]:
        driver: Any = self.connection.connection.driver_connection
        found: list[Any] = driver.execute(query, {"begin": to_micros(self.begin)}).fetchall()
        return found


def spread(counts: Counter[int]) -> Spread:
    """Return the middle, the 95th percentile and the greatest of some numbers, by nearest rank.

    Args:
        counts: number → how often it occurs.
    """
    total = counts.total()
    if not total:
        return Spread()
    ranked = sorted(counts.items())
    return Spread(_ranked(ranked, -(-total * 50 // 100)), _ranked(ranked, -(-total * 95 // 100)),
                  ranked[-1][0])  # fmt: skip


def _ranked(counts: Sequence[tuple[int, int]], rank: int) -> int:
    """Return the number of that rank, from 1."""
    for value, count in counts:
        rank -= count
        if rank <= 0:
            return value
    return counts[-1][0]
