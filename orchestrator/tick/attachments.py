"""What is attached to messages: each content is kept once, by its digest."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from orchestrator import tables
from orchestrator.database import insert_into
from orchestrator.given import among

_ROW = tables.attachment.c


def keep(connection: Connection, contents: Mapping[str, bytes]) -> None:
    """Keep contents in the caller's transaction, where they are not kept already.

    Those that are stay locked until it ends: none of them can be swept from under what names it.

    Args:
        contents: SHA-256 → content.
    """
    if not contents:
        return
    query = select(_ROW.sha256).where(among(_ROW.sha256, "digests")).order_by(_ROW.sha256)
    query = query.with_for_update(read=True, key_share=True)
    known = set(connection.scalars(query, {"digests": sorted(contents)}))
    insert = insert_into(connection.dialect.name, tables.attachment).on_conflict_do_nothing()
    for digest in sorted(contents.keys() - known):
        connection.execute(insert, {"sha256": digest, "content": contents[digest]})


def kept(connection: Connection, digests: Collection[str]) -> dict[str, bytes]:
    """Return SHA-256 → content, of those that are kept."""
    if not digests:
        return {}
    query = select(_ROW.sha256, _ROW.content).where(among(_ROW.sha256, "digests"))
    found = connection.execute(query, {"digests": sorted(digests)})
    return {digest: bytes(content) for digest, content in found}
