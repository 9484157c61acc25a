"""The ``file`` channel: an outbox folder with one JSON file per message.

A message's file is named by its business key, so writing it twice leaves one file with
the same bytes, whatever was interrupted in between.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from orchestrator.channels import whole_files
from orchestrator.channels.base import Capabilities, Channel, MayBegin, Surroundings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, deferred
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import FolderShape
from orchestrator.channels.spec import ChannelSpec
from orchestrator.language.words import word

LONGEST_NAME = 200
"""Octets of a file name without its ending; file systems take 255."""
_ENDING = ".json"
_HASH_DIGITS = 40
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_SAFE = re.compile(r"[a-z0-9_%-][a-z0-9_%.-]*")


def message_key(
    project: str,
    customer: str,
    flow: str,
    *,
    entry: int,
    step: str,
    occurrence: str,
    channel: str,
    generation: int = 0,
) -> str:
    """Return the business key of one message: different for different messages, for ever.

    Each part is percent-encoded, so that no part can hold the mark that parts them.
    """
    parts = (project, customer, flow, str(entry), step, occurrence, channel, str(generation))
    return ".".join(("v1", *map(_encoded, parts)))


@dataclass(frozen=True, slots=True)
class KeyParts:
    """What a business key is made of."""

    project: str
    customer: str
    """External id."""
    flow: str
    entry: int
    step: str
    occurrence: str
    channel: str
    generation: int


def parts_of(key: str) -> KeyParts | None:
    """Return what a business key was made of; None of a text that is none."""
    version, *parts = [unquote(part, errors="surrogatepass") for part in key.split(".")]
    if version != "v1" or len(parts) != len(KeyParts.__dataclass_fields__):
        return None
    project, customer, flow, entry, step, occurrence, channel, generation = parts
    if not (entry.isdecimal() and generation.isdecimal()):
        return None
    return KeyParts(project, customer, flow, int(entry), step, occurrence, channel, int(generation))


@lru_cache(maxsize=4_096)
def _encoded(part: str) -> str:
    """Return a part of letters, digits, ``-``, ``_`` and lower-case percent escapes."""
    text = quote(part, safe="", errors="surrogatepass").replace(".", "%2e").replace("~", "%7e")
    return _ESCAPE.sub(lambda escape: escape[0].lower(), text)


def file_name(key: str) -> str:
    """Return the file name of a key: safe on every file system, at most ``LONGEST_NAME`` long.

    A key that cannot stand as it is, or differs from others only in case, ends in its hash.
    """
    if _SAFE.fullmatch(key) and len(key) <= LONGEST_NAME:
        return key + _ENDING
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
    begin = re.sub(r"[^A-Za-z0-9_%.-]", "-", key)[: LONGEST_NAME - _HASH_DIGITS - 1]
    return f"{begin.lstrip('.')}~{digest}{_ENDING}"


@dataclass(frozen=True, kw_only=True)
class FileSettings(ChannelSettings):
    """Writes each message into a folder, as a JSON file of its own."""

    folder: str = word(FolderShape(), "The folder.", default="outbox")


class FileChannel(Channel):
    """Carries any channel into a folder of the project.

    The key of a message is the name of its file, so a second attempt is no second message.
    """

    name = "file"
    spec: ClassVar[ChannelSpec | None] = None
    capabilities = Capabilities(
        idempotent=True, batch=1_000, at_once=1_000, timeout=timedelta(minutes=2)
    )
    Settings = FileSettings
    settings: FileSettings

    def __init__(self, settings: FileSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._outbox = surroundings.folder / settings.folder
        self._held = ExitStack()
        self._is_held = False

    def send(self, message: OutgoingMessage) -> Outcome:
        return self._write({file_name(message.key): _document(message)})

    def send_batch(
        self, messages: Sequence[OutgoingMessage], may_begin: MayBegin
    ) -> Iterator[tuple[OutgoingMessage, Outcome | None]]:
        begun = {message.key: message for message in messages if may_begin(message)}
        outcome = self._write({file_name(key): _document(one) for key, one in begun.items()})
        for message in messages:
            yield message, outcome if message.key in begun else None

    def _write(self, files: Mapping[str, bytes]) -> Outcome:
        try:
            if not self._is_held:
                self._held.enter_context(whole_files.held(self._outbox))
                self._is_held = True
            whole_files.write_whole(self._outbox, files)
        except OSError as error:
            self.close()  # the folder may be another one, or none, at the next attempt
            reason = error.strerror or type(error).__name__
            return deferred(f"the outbox cannot be written: {reason}", code=_code(error))
        return accepted()

    def check(self) -> Sequence[str]:
        try:
            with whole_files.held(self._outbox):
                whole_files.probe(self._outbox)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            return [f"the outbox {self._outbox} cannot be written: {reason}"]
        return ()

    def close(self) -> None:
        self._held.close()
        self._is_held = False


def _code(error: OSError) -> str | None:
    return errno.errorcode.get(error.errno) if error.errno else None


def _document(message: OutgoingMessage) -> bytes:
    """Return what a file says: the same octets at every attempt."""
    decided_at = message.decided_at or message.created_at
    document = {
        "key": message.key,
        "customer": message.customer,
        "flow": message.flow,
        "step": message.step,
        "message": message.message,
        "channel": message.channel,
        "to": message.to or None,
        "subject": message.subject,
        "preheader": message.preheader,
        "text": message.text,
        "html": message.html,
        "locale": message.locale,
        "variant": message.variant,
        "entry": message.entry,
        "at": _instant(decided_at),
        "due_at": _instant(message.due_at or decided_at),
        **_beyond_text(message),
    }
    text = json.dumps(document, ensure_ascii=False, indent=2, default=str)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _beyond_text(message: OutgoingMessage) -> dict[str, Any]:
    """Return what few messages have."""
    attached = [
        {
            "name": one.name,
            "content_type": one.content_type,
            "base64": b64encode(one.content).decode(),
        }
        for one in message.attachments
    ]
    found = {"fields": dict(message.fields), "attachments": attached}
    return {key: value for key, value in found.items() if value}
