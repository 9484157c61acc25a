"""A provider with an HTTP interface, on this machine: what it gets, it keeps."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from orchestrator.testing.channels.provider import Behaviour

Answer = tuple[int, bytes]
"""Status and body."""
Answers = Mapping[Behaviour, Answer | Callable[[bytes], Answer]]
"""Behaviour → what is answered, or a function of the request's body that returns it."""
_LONGEST_STALL, _DROP = 20.0, 0.1
"""Seconds: how long a silence lasts, and how often an octet comes."""
_ANSWERS: Answers = {
    "accept": (200, b'{"id": "provider-1"}'),
    "defer": (429, b'{"error": "slower, please"}'),
    "reject": (422, b'{"error": "not this one"}'),
    "refuse": (401, b'{"error": "who are you?"}'),
    "garble": (200, b"\xff\xfe<html>"),
    "trouble": (500, b'{"error": "it broke"}'),
}


class HttpProvider:
    """A ``Provider`` for adapters that speak HTTP, at ``url``; use it in a ``with``.

    Args:
        answers: what it answers where this provider differs from the usual.
        port: where it listens; 0 is any that is free.
    """

    def __init__(self, answers: Answers | None = None, port: int = 0) -> None:
        self.answers: Answers = {**_ANSWERS, **(answers or {})}
        self.retry_after: timedelta | None = timedelta(seconds=7)
        self.how: Behaviour = "accept"
        self._arrived: list[bytes] = []
        self._let_go = threading.Event()
        self._port = port
        self._server: ThreadingHTTPServer | None = None
        self._listen()

    @property
    def url(self) -> str:
        """Where it is: ``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._port}"

    def arrived(self) -> Sequence[bytes]:
        """Return every request that arrived whole: its first line, headers, body."""
        return list(self._arrived)

    def behave(self, how: Behaviour) -> bool:
        """Behave so from now on."""
        self.how = how
        self._let_go.set()
        self._let_go = threading.Event()
        if how == "down":
            self._stop()
        elif self._server is None:
            self._listen()
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._let_go.set()
        self._stop()

    def _listen(self) -> None:
        server = _Server(("127.0.0.1", self._port), _handler(self))
        self._server, self._port = server, server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def _stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request as it is told to."""
        how, let_go = self.how, self._let_go
        if how in ("break_before", "down"):
            _hang_up(request)
            return
        head = f"{request.command} {request.path}\r\n{request.headers}".encode("latin-1", "replace")
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self._arrived.append(head + body)
        if how in ("hang", "trickle", "break_after"):
            _stall(request, how, let_go)
            if how != "hang" or not let_go.is_set():
                _hang_up(request)
                return
            how = "accept"  # late, and on the same connection
        answer = self.answers[how]
        status, text = answer(body) if callable(answer) else answer
        request.send_response(status)
        if how == "defer" and self.retry_after is not None:
            request.send_header("Retry-After", str(int(self.retry_after.total_seconds())))
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that broke: that is what a double is for."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as it came


def _handler(provider: HttpProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            with suppress(OSError):
                provider.serve(self)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names
        do_OPTIONS = do_HEAD = _serve  # noqa: N815 - the same

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the suite listens for what the adapter says."""

    return Handler


def _stall(request: BaseHTTPRequestHandler, how: Behaviour, let_go: threading.Event) -> None:
    """Keep a request waiting until somebody tells to behave otherwise, or for long."""
    if how == "hang":
        let_go.wait(_LONGEST_STALL)
    elif how == "trickle":
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(int(_LONGEST_STALL / _DROP)):
            request.wfile.write(b"x")
            if let_go.wait(_DROP):
                break


def _hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    with suppress(OSError):
        request.connection.shutdown(socket.SHUT_RDWR)
    request.connection.close()
