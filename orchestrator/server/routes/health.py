"""``/healthz``: whether what must go round does; ``/metrics``: figures for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import JSONResponse, Response

from orchestrator.delivery.metrics import Metrics


def public(metrics: Metrics) -> APIRouter:
    """Return what a proxy may ask: well or not, and no more."""
    router = APIRouter()

    @router.get("/healthz")
    def healthz() -> Response:
        late = metrics.late()
        return JSONResponse({"status": "late" if late else "ok"}, 503 if late else 200)

    return router


def own(metrics: Metrics, registry: CollectorRegistry) -> APIRouter:
    """Return what only the machine itself should ask."""
    router = APIRouter()

    @router.get("/healthz")
    def healthz() -> Response:
        late = metrics.late()
        ages = {loop: round(age.total_seconds(), 1) for loop, age in metrics.ages().items()}
        told = {"status": "late" if late else "ok", "late": late, "seconds_since_round": ages}
        return JSONResponse(told, 503 if late else 200)

    @router.get("/metrics")
    def figures() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
