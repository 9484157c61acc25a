"""A server on loopback, in this process, over a shop whose messages have left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import httpx
from harness import Shop
from ledger import key_of, links
from sending import KEYS

from orchestrator.delivery.metrics import Metrics
from orchestrator.server.app import own_application, public_application
from orchestrator.server.running import Address, Running, listen
from orchestrator.server.site import Site
from orchestrator.server.standing import Standing

NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)
ANYWHERE = Address("127.0.0.1", 0)
PATIENCE = 60.0
"""Seconds: a loaded machine is no fault of the server."""


@dataclass
class Served:
    """A running server, and what it said."""

    client: httpx.Client
    own: httpx.Client
    site: Site
    metrics: Metrics
    said: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def count(self, line: str) -> float:
        """Return a figure of the metrics page; 0 if it is not there."""
        for one in self.own.get("/metrics").text.splitlines():
            if one.startswith(line + " "):
                return float(one.rpartition(" ")[2])
        return 0.0


@contextmanager
def served(shop: Shop, clock: Callable[[], datetime] = lambda: NOW) -> Iterator[Served]:
    """Serve a shop for as long as the context lasts."""
    metrics, said = Metrics(), list[tuple[str, Mapping[str, Any]]]()

    def say(
        event: str,
        says: str,
        level: Literal["info", "warning", "error"] = "info",
        facts: Mapping[str, Any] | None = None,
        /,
    ) -> None:
        said.append((event, facts or {}))

    playbook = shop.playbook
    site = Site(shop.engine, shop.folder, lambda: KEYS, lambda: playbook, clock, say, metrics)
    metrics.registry.register(Standing(shop.engine, metrics, shop.folder / "STOP", clock))
    running = Running(
        [
            listen(public_application(site, metrics), ANYWHERE),
            listen(own_application(metrics, metrics.registry), ANYWHERE),
        ]
    )
    running.start()
    outside, own = (listener.url for listener in running.listeners)
    try:
        with (
            httpx.Client(base_url=outside, timeout=PATIENCE) as client,
            httpx.Client(base_url=own, timeout=PATIENCE) as machine,
        ):
            yield Served(client, machine, site, metrics, said)
    finally:
        running.stop()
        site.close()


def path_of(
    shop: Shop, customer: str, page: str = "unsubscribe", topic: str | None = "news"
) -> str:
    """Return the path of a link in the greeting of a customer."""
    url = links(shop.playbook).in_templates(key_of(customer), topic)[page]
    return url.removeprefix("https://shop.example")
