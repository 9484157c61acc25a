"""What a command line and the environment say, as values: project, database, now, variables."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestrator.errors import UsageError
from orchestrator.timing import local_instant

PROJECT_FILE = Path("playbooks") / "project.yaml"
DATABASE_VARIABLE = "CLM_DATABASE_URL"
LOCAL_FOLDER = Path(".clm")
"""Below the project: its database, its outbox, reports of bugs. Not for version control."""

_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"([T ](?P<clock>\d{2}:\d{2}(:\d{2}([.,]\d{1,6})?)?)(?P<offset>Z|z|[+-]\d{2}(:?\d{2})?)?)?",
    re.ASCII,
)


def find_project(given: Path | None) -> Path:
    """Return the project's folder: the one given, else the nearest one here or above.

    Raises:
        UsageError: there is no ``playbooks/project.yaml``.
    """
    if given is not None:
        if (given / PROJECT_FILE).is_file():
            return given
        raise UsageError(
            f"{given} is no project: it has no {PROJECT_FILE}",
            help="clmctl init DIR starts a new project",
        )
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise UsageError(
        f"there is no project here: neither this folder nor one above it has {PROJECT_FILE}",
        help="go to a project, name one with --project DIR, or start one: clmctl init DIR",
    )


def database_url(given: str | None) -> str | None:
    """Return the database asked for by ``--db`` or the environment; None is the default one.

    Raises:
        UsageError: ``--db`` is empty.
    """
    if given is not None and not given.strip():
        raise UsageError("--db is empty", help="for example --db sqlite:///shop.db")
    return given or os.environ.get(DATABASE_VARIABLE) or None


def read_variables(pairs: Iterable[str]) -> dict[str, str]:
    """Return ``--var`` options as name → text; of two for one name the last counts.

    Raises:
        UsageError: one is not ``name=value``.
    """
    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not re.fullmatch(r"[a-z][a-z0-9_]*", name, re.ASCII):
            raise UsageError(
                f'--var "{pair}" is not NAME=VALUE', help="for example --var lapse='60 days'"
            )
        variables[name] = value
    return variables


def instant_from(written: str, zone: ZoneInfo, *, option: str = "--at") -> datetime:
    """Return the instant that an ISO 8601 date or time stands for, in UTC (semantics 7).

    A time without offset is wall time in ``zone``, a bare date its midnight there.

    Raises:
        UsageError: it is no such time.
    """
    match = _MOMENT.fullmatch(written.strip())
    try:
        if match is None:
            raise ValueError
        day = date.fromisoformat(match["day"])
        clock = time.fromisoformat(match["clock"]) if match["clock"] else time()
        if match["offset"]:
            offset = datetime.fromisoformat(f"2000-01-01T00:00{match['offset'].upper()}").tzinfo
            return datetime.combine(day, clock, offset).astimezone(UTC)
        return local_instant(day, clock, zone)
    except (ValueError, OverflowError):
        raise UsageError(
            f'{option} "{written}" is not a time',
            help="write a date (2026-03-02) or a time (2026-03-02T09:00, 2026-03-02T08:00:00Z)",
        ) from None


_SPAN = re.compile(
    r"(?P<number>\d{1,6})\s*(?P<unit>s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)", re.ASCII
)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def span_from(written: str, *, option: str) -> timedelta:
    """Return the elapsed time that ``90s``, ``5 min``, ``1h`` or ``2 days`` stands for.

    Raises:
        UsageError: it is no such time, or nothing at all.
    """
    match = _SPAN.fullmatch(written.strip())
    number = int(match["number"]) if match else 0
    if match is None or number == 0:
        raise UsageError(
            f'{option} "{written}" is no span of time',
            help="write a number and a unit: 30s, 1m, 5 min, 1h, 2 days",
        )
    return timedelta(**{_UNITS[match["unit"][0]]: number})
