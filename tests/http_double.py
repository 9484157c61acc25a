"""A provider on loopback: it keeps what it is sent and answers what it is told to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Script = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpDouble:
    """``script`` answers each request; ``requests`` are those that came whole."""

    script: Script
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    def answer(self, status: int, body: bytes = b"{}", **headers: str) -> None:
        self.script = answering(status, body, **headers)


def answering(status: int, body: bytes = b"{}", **headers: str) -> Script:
    def say(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return say


def dropping(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """Answer a byte at a time, for ever."""
    handler.close_connection = True
    for one in b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n" + b"x" * 4000:
        try:
            handler.connection.sendall(bytes([one]))
        except OSError:
            return
        time.sleep(0.02)


@contextmanager
def http_double() -> Iterator[HttpDouble]:
    double = HttpDouble(answering(200))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            double.requests.append(Request(self.command, self.path, headers, body))
            double.script(self)

        do_GET = do_POST  # noqa: N815 - what the standard library looks for

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Connections that were dropped on purpose are no errors."""

    server = Server(("127.0.0.1", 0), Handler)
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
