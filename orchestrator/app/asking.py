"""What an edit needs its author's choice for, asked of the project's database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from orchestrator.app.opening import open_database
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook
from orchestrator.settings import LOCAL_FOLDER, database_url


def open_questions(project: Path, playbook: Playbook, url: str | None) -> list[Problem]:
    """Return what an edit needs its author's choice for, as far as there is a database.

    Args:
        url: ``--db``; None is ``CLM_DATABASE_URL``, else the file under ``.clm/``, if any.
    Raises:
        EnvironmentFault: the database cannot be opened, or its schema is not this version's.
    """
    default = project / LOCAL_FOLDER / "clm.db"
    if database_url(url) is None and (
        not default.exists() or _decided_last(default) == playbook.fingerprint
    ):
        return []
    from orchestrator.database_faults import database_faults  # costs SQLAlchemy
    from orchestrator.tick.outlook import open_questions

    engine = open_database(project, url, read_only=True)
    with database_faults(), engine.connect() as connection:
        return list(open_questions(connection, playbook))


def _decided_last(file: Path) -> str | None:
    """Return the release that decided last; asked so, an unedited project costs no time."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            row = opened.execute("SELECT release FROM tick ORDER BY at DESC LIMIT 1").fetchone()
    except sqlite3.Error:
        return None
    return str(row[0]) if row else None
