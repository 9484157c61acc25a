"""``/receipts/<channel>``: what providers tell, durable before they are told that it is.

Signatures are made over the raw octets, so the adapter sees these and nothing that was parsed.
"""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from orchestrator.channels.receipt import Callback, ForgedCallback, Receipt
from orchestrator.counting import counted, number
from orchestrator.delivery.aside import Hangs, NotAsked
from orchestrator.delivery.receiving import Received
from orchestrator.delivery.settle import settle
from orchestrator.errors import EnvironmentFault
from orchestrator.server.readers import MOST_RECEIPTS, Reader
from orchestrator.server.site import Site

AT_ONCE, MOST_WAITING = 16, 200
"""Callbacks under way, and in front of them. They have threads of their own: while they wait for
a database that imports hold, customers can still leave."""


def routes(site: Site) -> APIRouter:
    """Return the routes of callbacks."""
    router, threads = APIRouter(), CapacityLimiter(AT_ONCE)

    @router.post("/receipts/{channel}")
    async def take(channel: str, request: Request) -> Response:
        if threads.statistics().tasks_waiting >= MOST_WAITING:
            return _come_again()
        callback = _callback(site, request, await request.body())
        return await to_thread.run_sync(_taken, site, channel, callback, limiter=threads)

    @router.get("/receipts/{channel}")
    async def set_up(channel: str, request: Request) -> Response:
        callback = _callback(site, request, b"")
        return await to_thread.run_sync(_answered, site, channel, callback, limiter=threads)

    return router


def _callback(site: Site, request: Request, body: bytes) -> Callback:
    """Return the request as the provider made it: to the public address, whatever is in front."""
    links = site.playbook.project.links
    base = links.base_url.rstrip("/") if links else f"{request.url.scheme}://{request.url.netloc}"
    query = f"?{request.url.query}" if request.url.query else ""
    headers = {name: ", ".join(request.headers.getlist(name)) for name in request.headers}
    path = request.scope["path"]
    return Callback(request.method, f"{base}{path}{query}", headers, body, site.clock())


def _answered(site: Site, channel: str, callback: Callback) -> Response:
    try:
        reader = site.reader(channel)
    except EnvironmentFault as fault:
        return _shut(site, channel, fault)
    try:
        answer = reader.handshake(callback) if reader else None
    except Hangs as error:
        return _hangs(site, channel, error)
    return _said(404) if answer is None else PlainTextResponse(answer)


def _taken(site: Site, channel: str, callback: Callback) -> Response:
    try:
        reader = site.reader(channel)
    except EnvironmentFault as fault:
        return _shut(site, channel, fault)
    if reader is None:
        return _said(404)
    try:
        receipts = reader.read(callback)
    except ForgedCallback:
        site.observer.forged(channel)
        says = "a callback was refused: its signature is missing, wrong or too old"
        site.say("callback_refused", says, "warning", {"channel": channel})
        return _said(401)
    except Hangs as error:
        return _hangs(site, channel, error)
    except EnvironmentFault as fault:
        return _shut(site, channel, fault)
    except Exception as error:  # noqa: BLE001  # whatever somebody sent, it is only refused
        facts = {"channel": channel, "reason": type(error).__name__}
        site.say("callback_unreadable", "a callback could not be read", "warning", facts)
        return _said(400)
    if len(receipts) > MOST_RECEIPTS:
        says = f"a callback was refused: it brings more than {MOST_RECEIPTS} receipts"
        site.say("callback_too_long", says, "error", {"channel": channel})
        return _said(413)
    return _written(site, reader, receipts)


def _written(site: Site, reader: Reader, receipts: list[Receipt]) -> Response:
    try:
        received = site.receipts.take(reader.origin, receipts, site.topics, site.clock())
    except EnvironmentFault as fault:
        facts = {"channel": reader.channel, "reason": str(fault)}
        site.say("not_written", "receipts have to come again: nothing was kept", "error", facts)
        return _come_again()
    settle(site.engine, received.left)
    _tell(site, reader.channel, received)
    return _said(200)


def _shut(site: Site, channel: str, fault: EnvironmentFault) -> Response:
    """Answer that nothing can be proved now: what is in the callback comes again."""
    says = f"callbacks of {channel} are not read, they have to come again: {fault}"
    site.say("callback_not_read", says, "error", {"channel": channel, "reason": str(fault)})
    return _come_again()


def _hangs(site: Site, channel: str, error: Hangs) -> Response:
    """Answer that it could not be read in time; told once for all that come meanwhile."""
    if not isinstance(error, NotAsked):
        says = f"reading a callback of {channel} does not end, they have to come again"
        site.say("question_hangs", says, "error", {"channel": channel})
    return _come_again()


def _tell(site: Site, channel: str, received: Received) -> None:
    for kind, count in received.new.items():
        site.observer.received(channel, kind, count)
    if received.unknown:
        site.observer.received(channel, "unknown", received.unknown)
    new = sum(received.new.values())
    facts = {"channel": channel, "repeated": received.repeated, "unknown": received.unknown}
    if new or received.unknown:
        site.say(
            "receipts",
            _taken_in_words(new, received.unknown),
            "info",
            {**facts, "new": dict(received.new)},
        )


def _taken_in_words(new: int, unknown: int) -> str:
    others = f", {number(unknown)} about no message of ours" if unknown else ""
    return f"{counted(new, 'receipt')} taken{others}"


def _come_again() -> Response:
    return PlainTextResponse("come again\n", 503, headers={"retry-after": "5"})


def _said(status: int) -> Response:
    words = {200: "ok", 400: "unreadable", 401: "refused", 404: "nothing here", 413: "too many"}
    return PlainTextResponse(f"{words[status]}\n", status)
