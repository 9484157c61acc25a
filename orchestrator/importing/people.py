"""External ids to customers: known ones, their aliases, and new ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, text

from orchestrator.importing.staging import fill, temp_table

BUCKET_PRIME = 2_147_483_647
REMEMBERED = 500_000
"""Customers an import remembers before it begins anew."""

_FIND = text(
    "SELECT i.external_id, c.id FROM incoming_id i JOIN customer c USING (external_id)"
    " UNION ALL"
    " SELECT i.external_id, a.customer_id FROM incoming_id i JOIN alias a USING (external_id)"
    " WHERE NOT EXISTS (SELECT 1 FROM customer c WHERE c.external_id = i.external_id)"
)
_MAKE = text(
    "INSERT INTO customer (external_id, base) SELECT external_id, base FROM incoming_person"
    " WHERE true ORDER BY external_id ON CONFLICT DO NOTHING"
)


def base_of(external_id: str) -> int:
    """Return ``h(external_id) mod p``, what all buckets of a customer come from (semantics 22)."""
    digest = hashlib.sha256(external_id.encode("utf-8")).hexdigest()
    return int(digest[:8], 16) % BUCKET_PRIME


class People:
    """The customers of one import. It forgets when it has seen many: memory stays bounded."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._earliest: dict[int, int] = {}

    def find(self, connection: Connection, external_ids: Iterable[str]) -> Mapping[str, int]:
        """Return external id → row id of those customers that exist, by id or alias.

        Customers seen before may be among them too.
        """
        wanted = set(external_ids)
        if len(self._ids) > REMEMBERED:
            self._ids = {}
        asked = sorted(wanted - self._ids.keys())
        if asked:
            temp_table(connection, "incoming_id", "external_id TEXT PRIMARY KEY")
            fill(connection, "incoming_id", ("external_id",), [(one,) for one in asked])
            self._ids.update({name: row_id for name, row_id in connection.execute(_FIND)})
        return self._ids

    def ensure(
        self, connection: Connection, external_ids: Iterable[str]
    ) -> tuple[Mapping[str, int], int]:
        """Return external id → row id of all those customers, and how many were made."""
        wanted = set(external_ids)
        known = self.find(connection, wanted)
        fresh = sorted(wanted - known.keys())
        if not fresh:
            return known, 0
        temp_table(connection, "incoming_person", "external_id TEXT PRIMARY KEY, base BIGINT")
        rows = [(one, base_of(one)) for one in fresh]
        fill(connection, "incoming_person", ("external_id", "base"), rows)
        made = connection.execute(_MAKE).rowcount
        return self.find(connection, wanted), made

    def untouched(self, earliest: Mapping[int, int]) -> dict[int, int]:
        """Return those customers of whom this transaction has not yet told as early an event."""
        told = self._earliest
        fresh = {
            customer: instant
            for customer, instant in earliest.items()
            if instant < told.get(customer, instant + 1)
        }
        told.update(fresh)
        return fresh

    def begin_anew(self) -> None:
        """Forget who was told of: a tick may have worked off its list since."""
        self._earliest = {}
