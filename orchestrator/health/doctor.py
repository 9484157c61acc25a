"""Everything that an operator should mend, each thing with its fix."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from orchestrator.database_faults import database_faults
from orchestrator.health import database_checks, mail_checks, playbook_checks
from orchestrator.health.channel_checks import channel_findings, unknown_channels
from orchestrator.health.finding import Finding
from orchestrator.health.leaving import leaving_findings
from orchestrator.health.lists import audience_findings
from orchestrator.health.names import Names
from orchestrator.health.secret_checks import lost_secret_findings, secret_findings
from orchestrator.health.status import standing
from orchestrator.playbook.model import Playbook
from orchestrator.report.contracts import Json, instant_text
from orchestrator.report.layout import Page
from orchestrator.tick.releases import latest_release, recorded_playbook

DOCTOR_FORMAT = "clmctl.doctor/1"
SAFE_JINJA = (3, 1, 6)
"""The first version without a known way out of its sandbox."""


@dataclass(frozen=True)
class Patient:
    """What is looked at."""

    engine: Engine
    playbook: Playbook | None
    refusal: str | None
    """Why the files do not load; None if they do."""
    now: datetime
    folder: Path
    """The project's."""
    names: Names | None = None
    """Who is asked about domains; None asks nobody."""


def findings(patient: Patient) -> Iterator[Finding]:
    """Yield what is wrong; of a database that cannot be used only that."""
    yield from package_findings(package("jinja2"), package("tzdata"))
    yield from secret_findings(patient.folder)
    unusable = list(database_checks.schema_findings(patient.engine))
    if unusable:
        yield from unusable
        return
    playbook = patient.playbook
    with database_faults(), patient.engine.connect() as connection:
        stands = standing(connection, playbook, patient.folder, patient.now)
        if playbook is not None:
            yield from unknown_channels(connection, playbook, patient.folder)
        yield from database_checks.version_findings(connection)
        yield from database_checks.clock_findings(connection, patient.now)
        yield from database_checks.zone_findings(connection, _zone(connection, playbook))
        yield from database_checks.work_findings(stands)
        yield from lost_secret_findings(connection, patient.folder)
    yield from leaving_findings(stands.leaving, patient.folder)
    yield from audience_findings(stands.audiences)
    yield from playbook_checks.release_findings(playbook, patient.refusal, stands)
    yield from playbook_checks.run_findings(playbook, stands)
    if playbook is not None:
        yield from playbook_checks.standing_still_findings(playbook, stands)
        yield from playbook_checks.unused_findings(playbook)
        yield from playbook_checks.cost_findings(playbook, patient.now)
        yield from channel_findings(playbook, patient.folder, stands.queued)
        yield from mail_checks.python_findings(playbook)
        if patient.names is not None:
            yield from mail_checks.dns_findings(playbook, patient.folder, patient.names)


def _zone(connection: Connection, playbook: Playbook | None) -> ZoneInfo | None:
    """Return the project's zone, by its last release if its files do not load; None before any."""
    latest = latest_release(connection)
    if playbook is None and latest:
        playbook = recorded_playbook(connection, latest)
    return ZoneInfo(playbook.project.timezone) if playbook else None


def package(name: str) -> str | None:
    """Return the installed version of a package, None without it."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def package_findings(jinja: str | None, tzdata: str | None) -> Iterator[Finding]:
    """Yield what is known against installed versions."""
    if jinja is None or _numbers(jinja) < SAFE_JINJA:
        safe = ".".join(map(str, SAFE_JINJA))
        yield Finding(
            "error",
            "packages",
            f"Jinja2 {jinja or 'is missing'}: templates can leave its sandbox before {safe}",
            f"pip install 'jinja2>={safe}'",
        )
    if tzdata is None:
        yield Finding(
            "warning",
            "packages",
            "the package tzdata is missing: time zones are as old as the system's",
            "pip install tzdata",
        )


def _numbers(written: str) -> tuple[int, ...]:
    return tuple(int(part) for part in written.split(".")[:3] if part.isdigit())


def versions() -> dict[str, str]:
    """Return what is installed, for the report."""
    return {
        "clmctl": package("clmctl") or "from a folder",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "jinja2": package("jinja2") or "missing",
        "tzdata": package("tzdata") or "missing",
        "apscheduler": package("apscheduler") or "missing",
    }


def doctor_document(found: list[Finding], now: datetime) -> Json:
    """Return the document of ``clmctl doctor -o json``."""
    return {
        "format": DOCTOR_FORMAT,
        "now": instant_text(now),
        "findings": [
            {"severity": one.severity, "area": one.area, "says": one.says, "fix": one.fix}
            for one in found
        ],
        "versions": versions(),
    }


def doctor_page(found: list[Finding], page: Page) -> Iterator[str]:
    """Yield the lines of ``clmctl doctor``."""
    for one in sorted(found, key=lambda finding: finding.severity):
        first, *rest = page.wrap(f"{one.severity}: {one.says}", indent=0, hang=2)
        mark = f"{one.severity}:"
        yield first.replace(mark, page.paint(mark, one.severity), 1)
        yield from rest
        yield from page.wrap(f"fix: {one.fix}", indent=2, hang=2)
    installed = ", ".join(f"{name} {number}" for name, number in versions().items())
    yield from page.wrap(installed, indent=0, hang=2)
