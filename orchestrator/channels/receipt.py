"""What providers tell later: the request of a callback, and the receipts read out of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

ReceiptKind = Literal[
    "accepted", "delivered", "opened", "clicked", "replied", "bounced", "complained",
    "unsubscribed", "failed", "expired",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Callback:
    """One HTTP request of a provider, before anybody has looked into it."""

    method: str
    url: str
    """As the provider called it: with scheme and host of the public address, path and query."""
    headers: Mapping[str, str]
    """Names in lower case. A header sent twice is refused before an adapter sees it."""
    body: bytes
    """The raw octets: signatures are made over these and nothing else."""
    received_at: datetime
    """UTC."""

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: it is none, or nests too deep.
        """
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("the callback nests too deep") from None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one message."""

    kind: ReceiptKind
    at: datetime
    """When it happened, UTC, as the provider says."""
    source_id: str
    """The provider's id of this fact, or a hash of it: the same fact twice is one."""
    provider_key: str | None = None
    """Our key, if the provider carried it back; else ``provider_id`` or ``address`` tells."""
    provider_id: str | None = None
    address: str | None = None
    """Whom it is about, for what is about no message of ours (a reply, an opt-out)."""
    is_permanent: bool = False
    """Of ``bounced``: whether the address takes no messages for good."""
    code: str | None = None
    detail: str | None = None
    """One line for people; without content."""


class ForgedCallback(Exception):
    """A callback whose signature is missing, wrong, or too old. Nothing of it is kept."""
