"""Write the next revision: ``python -m orchestrator.migrations.draft "add the x table"``.

For contributors: compares ``tables/`` with the schema the revisions so far make, writes
the difference to ``versions/`` and leaves it to be read, tested and formatted.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from alembic import command
from sqlalchemy import create_engine

from orchestrator.migrations.state import alembic_config, known_revisions, upgrade


def draft(title: str) -> str:
    """Write a revision file and return its path."""
    engine = create_engine("sqlite://")
    number = f"{len(known_revisions()) + 1:04}"
    slug = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
    with engine.connect() as connection:
        upgrade(connection)
        config = alembic_config(connection)
        config.set_main_option("file_template", f"{number}_{slug}")
        script: Any = command.revision(config, title, rev_id=number, autogenerate=True)
    return str(script.path)


if __name__ == "__main__":
    print(draft(sys.argv[1]))
