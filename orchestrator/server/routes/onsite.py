"""``/onsite/<customer>``: what the site shows a customer now, to the site's own server."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response

from orchestrator.channels.onsite import OnsiteChannel
from orchestrator.delivery.guards import Guard
from orchestrator.delivery.onsite import Shown, to_show
from orchestrator.delivery.terms import TermsOf
from orchestrator.errors import EnvironmentFault
from orchestrator.server.site import Site


def routes(site: Site) -> APIRouter:
    """Return the route that the site's server asks."""
    router = APIRouter()

    @router.get("/onsite/{customer:path}")
    async def show(customer: str, request: Request) -> Response:
        return await run_in_threadpool(_shown, site, customer, request)

    return router


def _shown(site: Site, customer: str, request: Request) -> Response:
    try:
        reader = site.reader("onsite")
    except EnvironmentFault:
        return PlainTextResponse("come again\n", 503, headers={"retry-after": "5"})
    if reader is None or not isinstance(reader.adapter, OnsiteChannel):
        return PlainTextResponse("nothing here\n", 404)
    if not reader.adapter.proves(request.headers.get("authorization", "")):
        return PlainTextResponse("refused\n", 401)
    guard = Guard(TermsOf(site.playbook), ZoneInfo(site.playbook.project.timezone))
    found = site.showing.read(lambda connection: to_show(connection, guard, customer, site.clock()))
    messages = [_object(one) for one in found]
    told = {"customer": customer, "best": messages[0] if messages else None, "messages": messages}
    return JSONResponse(told, headers={"cache-control": "private, no-store"})


def _object(one: Shown) -> dict[str, Any]:
    """Return a message as JSON; what a JSON template printed is given as ``data``."""
    said = asdict(one)
    is_json = said.pop("is_json")
    said["data"] = json.loads(said.pop("text")) if is_json else None
    said["text"] = None if is_json else one.text
    for name in ("published_at", "expires_at"):
        instant: datetime | None = said[name]
        said[name] = instant.isoformat().replace("+00:00", "Z") if instant else None
    return said
