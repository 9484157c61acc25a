"""What stands before every route: limits, headers, and an answer whatever happens behind.

Nothing of a request is looked at that is too large, too slow, compressed or ambiguous, and no
answer says more of a failure than that there was one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 512 * 1024
"""Octets of a request's body."""
BODY_SECONDS = 10.0
"""In which a body is there, or is not waited for any longer."""
MOST_DRAINED, DRAIN_SECONDS = 4 * LARGEST_BODY, 2.0
"""How much of a refused body is still taken, and for how long."""
LISTED = frozenset((b"via", b"forwarded", b"x-forwarded-for", b"accept", b"cookie"))
"""Headers that may be there twice: proxies add to them, or they mean a list."""
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "cross-origin-resource-policy": "same-origin",
}
"""On every answer that does not say something else."""

_WORTH_HEARING = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)

Crashed = Callable[[str, BaseException], None]
"""Told of a path's first part and of what was raised there."""


class _Refused(Exception):
    """A request that no route is to see."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Gate:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, prefix: Callable[[], str], crashed: Crashed) -> None:
        """Make it.

        Args:
            prefix: returns the path of ``links.base_url``; requests come with or without it,
                as the proxy in front likes.
        """
        self._app, self._prefix, self._crashed = app, prefix, crashed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            _look_at_headers(scope)
            body = await _whole(receive)
            scope = {**scope, "path": self._path(scope["path"])}
            await self._app(scope, _Replayed(body, receive), answer.send)
        except _Refused as refused:
            if refused.status in _WORTH_HEARING:
                await _drain(receive)
            await _plain(refused.status)(scope, receive, answer.send)
        except Exception as error:  # noqa: BLE001  # nobody outside learns what went wrong
            self._crashed(scope["path"].strip("/").partition("/")[0], error)
            if not answer.has_begun:
                await _plain(HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, answer.send)

    def _path(self, path: str) -> str:
        prefix = self._prefix()
        return path[len(prefix) :] if prefix and path.startswith(f"{prefix}/") else path


class _Answer:
    """Sends an answer with the headers that every one has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = MutableHeaders(raw=message["headers"])
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            message = {**message, "headers": headers.raw}
        await self._send(message)


class _Replayed:
    """Gives an application the body that was read for it."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _look_at_headers(scope: Scope) -> None:
    counts = Counter(name for name, _ in scope["headers"])
    if any(count > 1 and name not in LISTED for name, count in counts.items()):
        raise _Refused(HTTPStatus.BAD_REQUEST)
    headers = dict(scope["headers"])
    if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"", b"identity"):
        raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length[:20]) > LARGEST_BODY:
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


async def _whole(receive: Receive) -> bytes:
    """Return the body once it is all there."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Refused(HTTPStatus.BAD_REQUEST)
                body += message.get("body", b"")
                if len(body) > LARGEST_BODY:
                    raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise _Refused(HTTPStatus.REQUEST_TIMEOUT) from None


async def _drain(receive: Receive) -> None:
    """Let who sends too much finish, within limits: else they never hear why it was refused."""
    left = MOST_DRAINED
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _plain(status: HTTPStatus) -> PlainTextResponse:
    """Return the answer to a request that was not looked at; the connection ends with it."""
    return PlainTextResponse(f"{status.phrase}\n", status, headers={"connection": "close"})
