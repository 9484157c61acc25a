"""The wire below one HTTP exchange: pinned addresses, one deadline for every wait, one answer."""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpcore

    from orchestrator.channels.web import Web

IDLE_SECONDS = 15.0
"""A connection that was quiet for longer is not used again: its other end may be gone."""
CONNECT_SECONDS = 10.0
_PIECE = 65_536
"""Octets written between two looks at the time."""
TIMEOUTS = {"timeout": {"connect": CONNECT_SECONDS, "pool": CONNECT_SECONDS}}


_STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: |\r\n|\Z)")
_FRAMING = re.compile(
    rb"\r\n(?:content-length|transfer-encoding)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n|\Z)",
    re.IGNORECASE,
)
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,6})\r\n")
_WITHOUT_BODY = (b"204", b"304")


def is_one_answer(octets: bytes) -> bool:
    """Return whether the answer ends by the plainest rules where the octets end.

    On a connection that is used again, what stands behind an answer would be taken for that of
    the next request, and every later one for another's. So one whose end can be read in two
    ways is the last on its connection: with a body where there is none (RFC 9112, 6.3), two
    lengths, other line ends.
    """
    head, gap, body = octets.partition(b"\r\n\r\n")
    status, framing = _STATUS.match(head), [one.lower() for one in _FRAMING.findall(head)]
    if not gap or status is None or len(framing) > 1:
        return False
    if status[1] in _WITHOUT_BODY:
        return not body and framing in ([], [b"0"])
    if framing == [b"chunked"]:
        return _is_whole_in_chunks(body)
    return framing == [b"%d" % len(body)]


def _is_whole_in_chunks(body: bytes) -> bool:
    """Return whether the last chunk, without trailers, ends where the octets end."""
    at = 0
    while (size := _CHUNK.match(body, at)) is not None and int(size[1], 16):
        at = size.end() + int(size[1], 16) + len(b"\r\n")
    return size is not None and body[size.end() :] == b"\r\n"


def said(error: BaseException, place: str) -> str:
    """Return an error in words that hold no address of a customer and no content.

    Args:
        place: what people know the other end by.
    """
    why = error.__cause__ or error.__context__
    if isinstance(why, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {why.verify_message}"
    if isinstance(why, ssl.SSLError):
        return f"TLS fails: {(why.reason or 'it broke off').lower().replace('_', ' ')}"
    name = type(error).__name__
    if name in _NOT_THERE:
        return f"{place} cannot be reached: {_reason(error, why)}"
    return _WORDS.get(name) or f"the connection failed ({name})"


def place_of(url: str) -> str:
    """Return ``host:port`` of an address of the web."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _reason(error: BaseException, why: BaseException | None) -> str:
    """Return why there is no connection, in few words."""
    for one in (why, why and why.__cause__, why and why.__context__):
        if isinstance(one, OSError) and one.strerror:
            return one.strerror
    return _WORDS.get(type(error).__name__) or str(error) or "it broke off"


_NOT_THERE = ("ConnectError", "ConnectTimeout")


_WORDS = {
    "ConnectTimeout": "no connection in time",
    "PoolTimeout": "no connection in time",
    "ReadTimeout": "no answer in time",
    "WriteTimeout": "not sent in time",
}


def pool_of(web: Web) -> httpcore.ConnectionPool:
    """Return a pool of one connection, which asks ``web`` how long it may take."""
    import httpcore  # noqa: PLC0415 - costs 60 ms, and most projects call nobody

    class PinnedStream(httpcore.NetworkStream):
        """A connection whose every wait ends with the exchange under way."""

        def __init__(self, stream: httpcore.NetworkStream) -> None:
            self._stream = stream

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            left = web.seconds_left(httpcore.ReadTimeout)
            return web.hear(self._stream.read(max_bytes, left))

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            for at in range(0, len(buffer), _PIECE):
                left = web.seconds_left(httpcore.WriteTimeout)
                self._stream.write(buffer[at : at + _PIECE], left)

        def close(self) -> None:
            self._stream.close()

        def start_tls(
            self,
            ssl_context: ssl.SSLContext,
            server_hostname: str | None = None,
            timeout: float | None = None,
        ) -> httpcore.NetworkStream:
            left = min(CONNECT_SECONDS, web.seconds_left(httpcore.ConnectTimeout))
            return PinnedStream(self._stream.start_tls(ssl_context, server_hostname, left))

        def get_extra_info(self, info: str) -> Any:
            return self._stream.get_extra_info(info)

    class PinnedBackend(httpcore.SyncBackend):
        """Connects to the very addresses that were checked."""

        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Any = None,
        ) -> httpcore.NetworkStream:
            left = min(CONNECT_SECONDS, web.seconds_left(httpcore.ConnectTimeout))
            try:
                addresses = web.reach.resolved(host, port, left)
            except (socket.gaierror, TimeoutError, UnicodeError):
                raise httpcore.ConnectError("the name does not resolve") from None
            failure: Exception = httpcore.ConnectError("no address")
            for address in addresses:
                left = min(CONNECT_SECONDS, web.seconds_left(httpcore.ConnectTimeout))
                try:
                    return PinnedStream(super().connect_tcp(address, port, left))
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                    failure = error
            raise failure

    return httpcore.ConnectionPool(
        ssl_context=web.verify or ssl.create_default_context(),
        keepalive_expiry=IDLE_SECONDS,
        max_connections=1,
        retries=0,
        network_backend=PinnedBackend(),
    )
