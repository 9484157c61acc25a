"""HTTP/1.1 of uvicorn, without endless patience for a request's first lines."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""In which the lines before the body are there, or the connection ends."""
LARGEST_HEAD = 16 * 1024
"""Octets of those lines."""


class PunctualProtocol(H11Protocol):
    """Ends connections that do not get to the point: uvicorn itself waits for ever."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Expect a request from now on."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Take what came; a request that is not whole yet has the time that is left."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._give_up_expecting()
        elif self._deadline is None:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._give_up_expecting()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _give_up_expecting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
