"""The ``file`` channel: an outbox folder with one JSON file per message.

A message's file is named by its business key, so writing it twice leaves one file with
the same bytes, whatever was interrupted in between.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from orchestrator.errors import EnvironmentFault

LONGEST_NAME = 200
"""Octets of a file name without its ending; file systems take 255."""
_ENDING = ".json"
_HALF_WRITTEN = (".clmctl-", ".part")
"""How the names of files begin and end whose content is on its way to the disk."""
_HASH_DIGITS = 40
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_SAFE = re.compile(r"[a-z0-9_%-][a-z0-9_%.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMessage:
    """What one file of the outbox says; instants are aware UTC."""

    customer: str
    flow: str
    step: str
    message: str
    channel: str
    to: str | None
    subject: str | None
    preheader: str | None
    text: str
    html: str | None
    locale: str | None
    variant: str | None
    entry: int
    at: datetime
    due_at: datetime
    extra: Mapping[str, Any] = field(default_factory=dict)


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


@contextmanager
def held(outbox: Path) -> Iterator[None]:
    """Hold the outbox while messages are written into it; several processes may.

    Whoever comes while nobody else holds it removes what killed runs left half-written.
    Where folders cannot be locked, nothing is removed.

    Raises:
        EnvironmentFault: the folder cannot be made.
    """
    with _writing(outbox):
        outbox.mkdir(parents=True, exist_ok=True)
    with ExitStack() as until_written:
        with suppress(ImportError, OSError):
            until_written.callback(os.close, _locked_after_sweeping(outbox))
        yield


def _locked_after_sweeping(outbox: Path) -> int:
    """Return a descriptor of the folder that holds a shared lock until it is closed."""
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock  # noqa: PLC0415  # not on every system

    descriptor = os.open(outbox, os.O_RDONLY)
    try:
        with suppress(BlockingIOError):
            flock(descriptor, LOCK_EX | LOCK_NB)
            begin, end = _HALF_WRITTEN
            for abandoned in outbox.glob(f"{begin}*{end}"):
                abandoned.unlink(missing_ok=True)
        flock(descriptor, LOCK_SH)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def write(outbox: Path, key: str, sent: FileMessage) -> Path:
    """Write one message into the outbox and return its file.

    The file appears whole or not at all, and only after its content reached the disk. The
    same key and message again change nothing.

    Raises:
        EnvironmentFault: the folder or the file cannot be written.
    """
    path = outbox / file_name(key)
    content = _document(key, sent)
    with _writing(outbox):
        outbox.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if path.read_bytes() == content:
                return path
        _replace(path, content)
    return path


@contextmanager
def _writing(outbox: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EnvironmentFault(f"the outbox {outbox} cannot be written: {reason}") from None


def _document(key: str, sent: FileMessage) -> bytes:
    fields = asdict(sent)
    extra = fields.pop("extra")
    for name in ("at", "due_at"):
        fields[name] = _instant(fields[name])
    document = {"key": key, **fields, **extra}
    text = json.dumps(document, ensure_ascii=False, indent=2, default=str)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _replace(path: Path, content: bytes) -> None:
    begin, end = _HALF_WRITTEN
    handle, temporary = tempfile.mkstemp(prefix=begin, suffix=end, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Let the new name itself reach the disk, where folders can be synchronised."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
