"""Sweeping: contents that were attached to messages, and that nobody can ask for any more.

A content is needed by the releases that decided lately, whose messages are still to be made, and
by what was frozen of messages. Everybody else who attaches it keeps it again.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from sqlalchemy import Connection, delete, func, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.given import among

EVERY = timedelta(hours=1)
LATELY = timedelta(days=1)
"""Before the latest tick: a worker may have the playbook that was in force then for a while."""
MOST_PAYLOADS = 20_000
"""So many are read through at most; with more of them nothing is swept until there are fewer."""
_PAGE = 500
_NAMED = re.compile(r"sha256: ([0-9a-f]{64})")
"""What the files of a release say of a file that is attached."""
_ROW = tables.attachment.c


@dataclass
class Sweeper:
    """Sweeps now and then."""

    _swept: float = float("-inf")

    @property
    def is_due(self) -> bool:
        """Return whether the last time is long enough ago."""
        return monotonic() - self._swept >= EVERY.total_seconds()

    def sweep(self, connection: Connection) -> int:
        """Sweep in the caller's transaction; return how many contents are gone."""
        self._swept = monotonic()
        return sweep(connection)


def sweep(connection: Connection) -> int:
    """Delete the contents that nobody needs; return how many.

    Whoever freezes a message holds the contents that it names (``attachments.keep``), so those
    are passed over; from whoever comes later they are held here until they are gone, and kept
    again. What is needed is read once they are held: only then can nobody else begin to need one.
    """
    stored = set(connection.scalars(select(_ROW.sha256)))
    idle = stored - _named(connection, stored)
    if not idle:
        return 0
    query = select(_ROW.sha256).where(among(_ROW.sha256, "digests")).order_by(_ROW.sha256)
    held = set(
        connection.scalars(query.with_for_update(skip_locked=True), {"digests": sorted(idle)})
    )
    idle = held - _named(connection, held)
    idle -= _frozen(connection, idle)
    if idle:
        gone = delete(tables.attachment).where(among(_ROW.sha256, "digests"))
        connection.execute(gone, {"digests": sorted(idle)})
    return len(idle)


def _named(connection: Connection, digests: set[str]) -> set[str]:
    """Return the contents that releases of late name; all of them before the first tick."""
    if not digests:
        return set()
    tick, release = tables.tick.c, tables.release.c
    latest = connection.scalar(select(func.max(tick.at)))
    if latest is None:
        return digests
    lately = select(tick.release).where(tick.at >= to_micros(latest - LATELY))
    texts = connection.scalars(select(release.files).where(release.fingerprint.in_(lately)))
    return {digest for text in texts for digest in _NAMED.findall(text)}


def _frozen(connection: Connection, digests: set[str]) -> set[str]:
    """Return the contents that payloads name; all of them if that cannot be told."""
    row = tables.payload.c
    if not digests or (connection.scalar(select(func.count(row.message_id))) or 0) > MOST_PAYLOADS:
        return digests
    found: set[str] = set()
    try:
        for content in _payloads(connection):
            text = zlib.decompress(content)
            found.update(one for one in digests if one.encode() in text)
    except zlib.error:
        return digests
    return found


def _payloads(connection: Connection) -> Iterator[bytes]:
    row, after = tables.payload.c, None
    page = select(row.message_id, row.content).order_by(row.message_id).limit(_PAGE)
    while read := connection.execute(
        page if after is None else page.where(row.message_id > after)
    ).all():
        yield from (content for _, content in read)
        after = read[-1][0]
