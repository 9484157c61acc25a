"""What goes between a sender and the processes that render for it.

Work goes out pickled, from the side that is trusted. Results come back as JSON and are looked at:
whoever broke out of a template does not break into the sender.
"""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Sequence
from dataclasses import dataclass, fields
from socket import socket
from typing import Any, NamedTuple, cast

from orchestrator.channels.spec import ChannelSpec
from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import Rendered, RenderFailure, Send

LARGEST_FRAME = 32 << 20
"""Octets; a message of two parts of a megabyte, escaped, is less."""
LARGEST_READ = 1 << 18
_LENGTH = struct.Struct("!I")
_RENDERED = tuple(one.name for one in fields(Rendered))
_FAILED = tuple(one.name for one in fields(RenderFailure))

Result = Rendered | RenderFailure


class Menu(NamedTuple):
    """What messages are rendered by."""

    playbook: Playbook
    channels: tuple[ChannelSpec, ...]
    """All there are, with those that packages brought."""


@dataclass(frozen=True)
class Wanted:
    """What a nursery is asked for: one more process."""

    renders: str
    """``module:name`` of what makes a renderer of a playbook."""
    menu: bytes
    """A ``Menu``, pickled; the same octets are the same menu."""
    samples: Sequence[Send]
    """Sends that were rendered well before: by them the process is warm when it starts."""


class Frames:
    """Octets as they come, cut into frames."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def add(self, octets: bytes) -> None:
        """Take what was read."""
        self._octets += octets

    def next(self) -> bytes | None:
        """Return the next whole frame, None if there is none yet.

        Raises:
            ValueError: it would be larger than any message is.
        """
        if len(self._octets) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._octets)
        if length > LARGEST_FRAME:
            raise ValueError("a frame is too large")
        end = _LENGTH.size + length
        if len(self._octets) < end:
            return None
        frame = bytes(self._octets[_LENGTH.size : end])
        del self._octets[:end]
        return frame


def framed(content: bytes) -> bytes:
    """Return content with its length before it."""
    return _LENGTH.pack(len(content)) + content


def receive(connection: socket, frames: Frames) -> bytes | None:
    """Wait for the next frame; None once the other side is gone."""
    while (frame := frames.next()) is None:
        octets = connection.recv(LARGEST_READ)
        if not octets:
            return None
        frames.add(octets)
    return frame


def work(sends: Sequence[Send]) -> bytes:
    """Return sends as a frame."""
    return framed(pickle.dumps(sends, pickle.HIGHEST_PROTOCOL))


def told(result: Result) -> bytes:
    """Return a result as a frame."""
    names = _RENDERED if isinstance(result, Rendered) else _FAILED
    listed = [getattr(result, name) for name in names]
    text = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    return framed(text.encode("utf-8", "surrogatepass"))


def understood(frame: bytes) -> Result:
    """Return the result in a frame.

    Raises:
        ValueError: it is none.
    """
    listed = json.loads(frame.decode("utf-8", "surrogatepass"))
    if not isinstance(listed, list):
        raise ValueError("a result is a list")  # noqa: TRY004  # one exception for all of them
    if len(listed) == len(_FAILED) and all(isinstance(one, str) for one in listed):
        return RenderFailure(*listed)
    if len(listed) != len(_RENDERED) or not _is_message(listed):
        raise ValueError("a result is no message")
    return Rendered(*listed)


def _is_message(listed: list[Any]) -> bool:
    to, subject, preheader, text, html, locale, is_json = listed
    optional = cast("list[object]", [to, subject, preheader, html, locale])
    return (
        isinstance(text, str)
        and isinstance(is_json, bool)
        and all(one is None or isinstance(one, str) for one in optional)
    )
