"""What can be wrong with the database: its version, its clock, its zones, its work list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, func, select

from orchestrator import tables, timing
from orchestrator.counting import counted
from orchestrator.database import place_of
from orchestrator.database_clock import SKEW_STOPS, SKEW_WARNED, database_now
from orchestrator.errors import EnvironmentFault
from orchestrator.health.finding import Finding
from orchestrator.health.status import Standing
from orchestrator.migrations.state import SchemaState, schema_state
from orchestrator.scheduler.doubts import spoken

SAFE_SQLITE = (3, 51, 3)
"""The first version in which two connections cannot damage a write-ahead log by a reset."""
LONG = timedelta(hours=1)
SHOWN = 5

_SCHEMA = {
    SchemaState.NONE: ("it is empty", "clmctl import customers FILE makes the tables"),
    SchemaState.OLDER: ("its schema is older than this version", "back it up: clmctl db upgrade"),
    SchemaState.NEWER: ("a newer version of clmctl made it", "install that version"),
}


def schema_findings(engine: Engine) -> Iterator[Finding]:
    """Yield what keeps the database from being used at all."""
    try:
        state = schema_state(engine)
    except EnvironmentFault as fault:
        says = f"{place_of(engine)} cannot be used: {fault}"
        yield Finding("error", "database", says, fault.help or "see that it runs and lets you in")
        return
    if state in _SCHEMA:
        says, fix = _SCHEMA[state]
        yield Finding("error", "database", f"{place_of(engine)}: {says}", fix)


def version_findings(connection: Connection) -> Iterator[Finding]:
    """Yield what is known against the version of the database."""
    if connection.dialect.name != "sqlite":
        return
    version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
    if tuple(map(int, version.split("."))) < SAFE_SQLITE:
        safe = ".".join(map(str, SAFE_SQLITE))
        yield Finding(
            "warning",
            "database",
            f"SQLite {version} can damage its write-ahead log when two processes write at once",
            f"use a Python with SQLite {safe} or later, or PostgreSQL; until then let one "
            "process write at a time",
        )


def clock_findings(connection: Connection, now: datetime) -> Iterator[Finding]:
    """Yield how far this machine's clock and the database's are apart, if that is much."""
    skew = abs(now - database_now(connection))
    if skew > SKEW_WARNED:
        yield Finding(
            "error" if skew > SKEW_STOPS else "warning",
            "clock",
            f"this machine's clock and the database's are {round(skew.total_seconds()):,} seconds "
            "apart",
            "let both keep their time by NTP",
        )


def zone_findings(connection: Connection, zone: ZoneInfo | None) -> Iterator[Finding]:
    """Yield the time zones of customers that are none; those customers count as the project's.

    Args:
        zone: the project's; None if nothing says which that is.
    """
    row = tables.customer.c
    query = select(row.timezone, func.count()).where(row.timezone.is_not(None))
    found = connection.execute(query.group_by(row.timezone).order_by(func.count().desc()))
    unknown = [(name, n) for name, n in found if name and timing.zone_named(name) is None]
    if unknown:
        listed = ", ".join(f"{name!r} ({count:,})" for name, count in unknown[:SHOWN])
        more = " …" if len(unknown) > SHOWN else ""
        customers = sum(count for _, count in unknown)
        whose = zone.key if zone else "the project's"
        yield Finding(
            "warning",
            "zones",
            f"customers with a time zone that is no IANA name, who count as {whose}: "
            f"{customers:,}: {listed}{more}",
            "import them again with names such as Asia/Jakarta",
        )


def work_findings(standing: Standing) -> Iterator[Finding]:
    """Yield what waits for somebody."""
    last, changed = standing.last_tick, standing.changed
    if changed and last is not None and standing.now - last > LONG:
        yield Finding(
            "warning",
            "work",
            f"a tick has to look at {counted(changed, 'customer')}, for new facts or for what the "
            f"last one did, and that was {spoken(standing.now - last)} ago",
            "clmctl start keeps the clock; clmctl run does one tick",
        )
    for one in standing.paused:
        why = f": {one.reason}" if one.reason else ""
        told = f"{one.says} is paused{why}"
        yield Finding("warning", "work", told, f"when it may go on: {one.resume}")
    for name in standing.tripped:
        yield Finding(
            "warning",
            "work",
            f"the volume breaker of {name} holds all its sends",
            f"look with clmctl run --dry-run, then: clmctl resume {name}",
        )
