"""HTTP/1.1 of uvicorn, without endless patience, and without room for what nobody asks for.

Uvicorn waits for ever for a request's first lines, takes in requests faster than it answers
those before them, and reads a body in as many pieces as somebody cuts it into. Who opens all the
connections that there may be, and says little on them, keeps everybody else out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""In which the lines before the body are there, or the connection ends."""
LARGEST_HEAD = 16 * 1024
"""Octets of those lines."""
LARGEST_LEAD = 64 * 1024
"""Octets of further requests that may wait on a connection until those before are answered."""
ROOM = 2
"""So many times as many as may wait may there be at once, with those that are being answered and
those that were hung up on, which take a moment to end."""
MOST_PIECES = 2_048
"""Of one body. Each costs as much time as a small request, however little is in it."""


class _Connection(h11.Connection):
    """Takes no body that comes in crumbs."""

    _pieces = 0

    def next_event(self) -> Any:
        """Return what comes next of the request.

        Raises:
            RemoteProtocolError: it is no request, or its body is in too many pieces.
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._pieces = 0
        elif isinstance(event, h11.Data):
            self._pieces += 1
            if self._pieces > MOST_PIECES:
                raise h11.RemoteProtocolError("a body in too many pieces")
        return event


class PunctualProtocol(H11Protocol):
    """Ends connections that do not get to the point, or bring more than is answered."""

    _deadline: asyncio.TimerHandle | None = None
    waits_since: float | None = None
    """Since when the rest of a request, or another one, is waited for, on the loop's clock; None
    while one is answered."""

    def __init__(self, *given: Any, **named: Any) -> None:
        """Make it as uvicorn does, with a connection that counts."""
        super().__init__(*given, **named)
        self.conn = _Connection(h11.SERVER, LARGEST_HEAD)

    def connection_made(self, transport: Any) -> None:
        """Expect a request from now on; who has kept the server waiting longest makes room."""
        super().connection_made(transport)
        self._note_waiting()
        self._expect()
        if self.limit_concurrency and len(self.connections) > self.limit_concurrency // ROOM:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take what came; a request that is not whole yet has the time that is left."""
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # it was answered already: there is no way to refuse it
            self.transport.abort()
        if self.flow.read_paused and len(self.conn.trailing_data[0]) > LARGEST_LEAD:
            self.transport.abort()
        if self.conn.their_state is not h11.IDLE:
            self._give_up_expecting()
        elif self._deadline is None:
            self._expect()
        self._note_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._note_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._give_up_expecting()
        super().connection_lost(exc)

    def _note_waiting(self) -> None:
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self.waits_since = None
        elif self.waits_since is None:
            self.waits_since = self.loop.time()

    def _make_room(self) -> None:
        """Hang up on who waits longest, of the address that has most such connections.

        If all have asked something, nobody is hung up on, and the new one is told to come again.
        """
        waiting = [
            (one, one.client and one.client[0], since)
            for one in self.connections
            if isinstance(one, PunctualProtocol) and (since := one.waits_since) is not None
        ]
        many = Counter(host for _, host, _ in waiting)
        oldest = min(waiting, key=lambda row: (-many[row[1]], row[2]), default=None)
        if oldest is not None and oldest[0] is not self:
            self.connections.discard(oldest[0])
            oldest[0].transport.abort()

    def _expect(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _give_up_expecting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
