"""The applications: one for everybody, one for the machine itself."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from orchestrator.delivery.metrics import Metrics
from orchestrator.errors import EnvironmentFault
from orchestrator.server.gate import Gate
from orchestrator.server.routes import health, onsite, pages, receipts
from orchestrator.server.site import Site, base_path

FAMILIES = (pages.routes, receipts.routes, onsite.routes)
"""Each makes its routes for a site; another family is one more module and one more name here."""


def public_application(site: Site, metrics: Metrics) -> ASGIApp:
    """Return what is reached from outside."""
    application = _bare()
    for family in FAMILIES:
        application.include_router(family(site))
    application.include_router(health.public(metrics))

    @application.exception_handler(HTTPException)
    async def missing(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404 and request.method in ("GET", "HEAD", "POST"):
            return pages.lost(site, request)
        return PlainTextResponse("\n", error.status_code, error.headers)

    @application.exception_handler(EnvironmentFault)
    async def unanswered(request: Request, fault: EnvironmentFault) -> Response:
        return pages.later(site, pages.spoken(site, request, None), fault)

    def crashed(where: str, error: BaseException) -> None:
        facts = {"path": where, "reason": type(error).__name__}
        site.say("crashed", f"a request was not answered: {type(error).__name__}", "error", facts)

    return Gate(application, lambda: base_path(site.playbook), crashed)


def own_application(metrics: Metrics, registry: CollectorRegistry) -> ASGIApp:
    """Return what is reached from the machine itself."""
    application = _bare()
    application.include_router(health.own(metrics, registry))
    return application


def _bare() -> FastAPI:
    """Return an application that shows nothing of itself and redirects nowhere."""
    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @application.exception_handler(RequestValidationError)
    async def unreadable(request: Request, error: RequestValidationError) -> Response:
        return PlainTextResponse("\n", 400)

    return application
