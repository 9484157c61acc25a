"""Freezing: a message is rendered once, and each attempt sends what was kept of it.

Retries are the same octets even if the playbooks have moved, so that a provider that knows
keys does not see one key with two contents.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from dataclasses import fields, replace
from datetime import datetime
from hashlib import sha256
from operator import attrgetter
from typing import Any, NamedTuple

from orchestrator.channels.message import Attachment, OutgoingMessage, Sender, Unsubscribe
from orchestrator.errors import EnvironmentFault

_QUICK = (1, zlib.DEFLATED, 12, 4)
"""Level, method, window and memory: a payload lives for milliseconds as a rule, and to clear a
larger window would take most of the time of packing it."""
_INSTANTS = ("created_at", "expires_at", "decided_at", "due_at")
_CHANGING = frozenset(("attempt", "possible_duplicate"))
"""What differs between attempts: the row of the ledger says it."""
_KEPT = tuple(one.name for one in fields(OutgoingMessage) if one.name not in _CHANGING)
_values = attrgetter(*_KEPT)


class Frozen(NamedTuple):
    """A message as it is kept."""

    content: bytes
    digest: str


def freeze(message: OutgoingMessage) -> Frozen:
    """Return everything that an attempt needs, but for its number."""
    text = _written(dict(zip(_KEPT, _values(message), strict=True))).encode()
    packing = zlib.compressobj(*_QUICK)
    return Frozen(packing.compress(text) + packing.flush(), sha256(text).hexdigest())


def thaw(frozen: Frozen) -> OutgoingMessage:
    """Return the message that was frozen.

    Raises:
        EnvironmentFault: what is kept is not what was frozen.
    """
    text = zlib.decompress(frozen.content)
    if sha256(text).hexdigest() != frozen.digest:
        raise EnvironmentFault("a frozen message is not what was kept: its payload was changed")
    kept = json.loads(text)
    for name in _INSTANTS:
        kept[name] = datetime.fromisoformat(kept[name]) if kept[name] else None
    kept["sender"] = Sender(**kept["sender"]) if kept["sender"] else None
    kept["unsubscribe"] = Unsubscribe(**kept["unsubscribe"]) if kept["unsubscribe"] else None
    kept["attachments"] = tuple(
        Attachment(one["name"], one["content_type"], b64decode(one["content"]))
        for one in kept["attachments"]
    )
    return OutgoingMessage(**kept)


def numbered(message: OutgoingMessage, attempt: int, *, again: bool) -> OutgoingMessage:
    """Return the message of one attempt.

    Args:
        again: whether an earlier attempt may have been accepted.
    """
    if attempt == message.attempt and again == message.possible_duplicate:
        return message
    return replace(message, attempt=attempt, possible_duplicate=again)


def _plain(value: Any) -> Any:
    """Return what JSON can say of a value that it does not know."""
    match value:
        case datetime():
            return value.isoformat()
        case Attachment(name, content_type, content):
            encoded = b64encode(content).decode()
            return {"name": name, "content_type": content_type, "content": encoded}
        case Sender(name, address, reply_to):
            return {"name": name, "address": address, "reply_to": reply_to}
        case Unsubscribe(url, mailto):
            return {"url": url, "mailto": mailto}
    raise TypeError(f"a message holds no {type(value).__name__}")


_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode
