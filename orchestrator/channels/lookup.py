"""Asking for the addresses of a host, for no longer than there is time.

The system's resolver takes as long as name servers let it, half a minute and more, and cannot be
broken off: it is asked in a thread of its own, which is left to it when time is up.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from threading import BoundedSemaphore, Thread
from types import TracebackType
from typing import Any, Self

Found = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
"""As ``socket.getaddrinfo`` returns it: family, kind, protocol, name, address."""
MOST_UNDER_WAY = 64
"""Questions at once, those that nobody waits for any more among them."""
_room = BoundedSemaphore(MOST_UNDER_WAY)


class Lookup:
    """One question. ``ended`` becomes readable once it is answered, well or not."""

    def __init__(self, host: str, port: int) -> None:
        """Ask.

        Raises:
            OSError: too many questions have got no answer, or the system has no room for one more.
        """
        self._host, self._port = host, port
        self._found: Sequence[Found] = ()
        self._failure: Exception | None = _late()
        if not _room.acquire(blocking=False):
            raise self._failure
        with ExitStack() as undone:
            undone.callback(_room.release)
            self.ended, self._asking = map(undone.enter_context, socket.socketpair())
            try:
                Thread(target=self._ask, name=f"lookup {host}", daemon=True).start()
            except RuntimeError as error:
                raise OSError(errno.EAGAIN, str(error)) from None
            undone.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ended.close()

    def answer(self) -> Sequence[Found]:
        """Return the addresses, best first.

        Raises:
            OSError: the name has none, or none yet.
            UnicodeError: it is none.
        """
        if self._failure is not None:
            raise self._failure
        return self._found

    def _ask(self) -> None:
        try:
            self._found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._failure = None
        except Exception as error:  # noqa: BLE001  # raised again by who asked
            self._failure = error
        finally:
            _room.release()
            with suppress(OSError):  # nobody may wait any more
                self._asking.send(b".")
            self._asking.close()


def addresses_of(host: str, port: int, seconds: float) -> Sequence[Found]:
    """Return the addresses of a host, best first.

    Raises:
        OSError: the name has none, or none in that time.
        UnicodeError: it is none.
    """
    with Lookup(host, port) as lookup:
        lookup.ended.settimeout(max(seconds, 0.001))
        with suppress(TimeoutError):  # the answer then says so
            lookup.ended.recv(1)
        return lookup.answer()


def _late() -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, "the name servers do not answer in time")
