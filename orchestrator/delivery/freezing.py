"""Freezing: a message is rendered once, and each attempt sends what was kept of it.

Retries are the same octets even if the playbooks have moved, so that a provider that knows
keys does not see one key with two contents.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, replace
from datetime import datetime
from hashlib import sha256
from operator import attrgetter
from types import MappingProxyType
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
    attached: Mapping[str, bytes] = MappingProxyType({})
    """SHA-256 → what goes with it. Kept once, however many messages it goes with."""


Fetch = Callable[[Collection[str]], Mapping[str, bytes]]
"""Returns SHA-256 → what is attached, of those that are kept."""


def freeze(message: OutgoingMessage) -> Frozen:
    """Return everything that an attempt needs, but for its number."""
    said = dict(zip(_KEPT, _values(message), strict=True))
    attached = {}
    if message.attachments:
        said["attachments"] = files = [_file(one) for one in message.attachments]
        contents = (one.content for one in message.attachments)
        attached = {one["sha256"]: content for one, content in zip(files, contents, strict=True)}
    text = _written(said).encode()
    packing = zlib.compressobj(*_QUICK)
    return Frozen(packing.compress(text) + packing.flush(), sha256(text).hexdigest(), attached)


def thaw(frozen: Frozen, fetch: Fetch) -> OutgoingMessage:
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
    kept["attachments"] = _attachments(kept["attachments"], fetch) if kept["attachments"] else ()
    return OutgoingMessage(**kept)


def _attachments(files: list[dict[str, str]], fetch: Fetch) -> tuple[Attachment, ...]:
    contents = fetch({one["sha256"] for one in files})
    found = []
    for one in files:
        content = contents.get(one["sha256"])
        if content is None or sha256(content).hexdigest() != one["sha256"]:
            raise EnvironmentFault(f"the attachment {one['name']} is not kept as it was frozen")
        found.append(Attachment(one["name"], one["content_type"], content))
    return tuple(found)


def numbered(message: OutgoingMessage, attempt: int, *, again: bool) -> OutgoingMessage:
    """Return the message of one attempt.

    Args:
        again: whether an earlier attempt may have been accepted.
    """
    if attempt == message.attempt and again == message.possible_duplicate:
        return message
    return replace(message, attempt=attempt, possible_duplicate=again)


def _file(one: Attachment) -> dict[str, str]:
    """Return what is kept of a file with a message: all but its content."""
    digest = sha256(one.content).hexdigest()
    return {"name": one.name, "content_type": one.content_type, "sha256": digest}


def _plain(value: Any) -> Any:
    """Return what JSON can say of a value that it does not know."""
    match value:
        case datetime():
            return value.isoformat()
        case Sender(name, address, reply_to):
            return {"name": name, "address": address, "reply_to": reply_to}
        case Unsubscribe(url, mailto):
            return {"url": url, "mailto": mailto}
    raise TypeError(f"a message holds no {type(value).__name__}")


_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode
