"""A provider on loopback that a script makes answer whatever a test needs."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

from orchestrator.testing.channels import HttpProvider

Script = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class HttpDouble(HttpProvider):
    """``script`` answers each request; ``requests`` are those that came whole."""

    def __init__(self) -> None:
        super().__init__()
        self.script: Script = answering(200)
        self.requests: list[Request] = []

    def answer(self, status: int, body: bytes = b"{}", **headers: str) -> None:
        self.script = answering(status, body, **headers)

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Request(request.command, request.path, headers, body))
        self.script(request)


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


def at_paths(answers: dict[str, Script], otherwise: Script) -> Script:
    """Answer by ``METHOD path``, and anything else otherwise."""

    def say(handler: BaseHTTPRequestHandler) -> None:
        answers.get(f"{handler.command} {handler.path}", otherwise)(handler)

    return say
