"""How things stand, read from the database when Prometheus asks: right in whichever process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine, case, func, select

from orchestrator import tables
from orchestrator.columns import from_micros, to_micros
from orchestrator.database_faults import database_faults
from orchestrator.delivery.breakers import WHOLE
from orchestrator.delivery.claims import in_state
from orchestrator.delivery.complaints import RELEASED
from orchestrator.delivery.metrics import Metrics
from orchestrator.delivery.signers import SECRET
from orchestrator.delivery.switch import Switch
from orchestrator.errors import EnvironmentFault
from orchestrator.tick.beginning import watermark

OPEN = ("queued", "claimed", "sending", "in_doubt", "dead", "failed")
"""States that are counted: what still is to leave, and what somebody should look at."""
_ROW = tables.message.c


class Standing(Collector):
    """Gauges of one database, and of the loops of this process."""

    def __init__(
        self, engine: Engine, metrics: Metrics, kill_file: Path, clock: Callable[[], datetime]
    ) -> None:
        self._engine, self._metrics, self._clock = engine, metrics, clock
        self._switch = Switch(kill_file)

    def describe(self) -> list[Metric]:
        """Name nothing beforehand: that would ask the database when the process starts."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield what is true now; without a database, that it cannot be reached."""
        try:
            with database_faults(), self._engine.connect() as connection:
                connection.execution_options(sqlite_begin="DEFERRED")
                found = list(self._stored(connection))
        except EnvironmentFault:
            found = []
        up = "Whether the database answers."
        yield GaugeMetricFamily("clm_database_up", up, 1 if found else 0)
        yield from found
        sending = "Whether the kill switch lets messages leave."
        yield GaugeMetricFamily("clm_sending_allowed", sending, int(not self._switch.is_off()))
        ages = _gauge("clm_loop_age_seconds", "Since the latest round of a loop.", "loop")
        for loop, age in self._metrics.ages().items():
            ages.add_metric([loop], age.total_seconds())
        yield ages

    def _stored(self, connection: Connection) -> Iterator[Metric]:
        messages = _gauge("clm_messages", "Messages that are not done.", "channel", "state")
        for state in OPEN:
            query = select(_ROW.channel, func.count()).where(in_state(state))
            for channel, count in connection.execute(query.group_by(_ROW.channel)):
                messages.add_metric([channel, state], count)
        yield messages
        yield self._lag(connection)
        yield from _breakers(connection)
        control = tables.control.c
        paused = _gauge("clm_stops", "What people, a surge or complaints have stopped.", "kind")
        for kind, count in connection.execute(
            select(control.kind, func.count())
            .where(control.state != RELEASED, control.kind != SECRET)
            .group_by(control.kind)
        ):
            paused.add_metric([kind], count)
        yield paused
        last, _ = watermark(connection)
        if last is not None:
            says = "The instant of the latest live tick."
            yield GaugeMetricFamily("clm_last_tick_timestamp_seconds", says, last.timestamp())

    def _lag(self, connection: Connection) -> Metric:
        """Return how long the message that is due for longest has been waiting, by channel."""
        now = to_micros(self._clock())
        since = case((_ROW.not_before > _ROW.state_at, _ROW.not_before), else_=_ROW.state_at)
        query = (
            select(_ROW.channel, func.min(since))
            .where(in_state("queued"), _ROW.not_before <= now)
            .group_by(_ROW.channel)
        )
        lag = _gauge("clm_queue_lag_seconds", "How long the oldest due message waits.", "channel")
        for channel, oldest in connection.execute(query):
            waited = self._clock() - (from_micros(oldest) if isinstance(oldest, int) else oldest)
            lag.add_metric([channel], max(0.0, waited.total_seconds()))
        return lag


def _breakers(connection: Connection) -> Iterator[Metric]:
    """Yield whether providers are left alone, and at how many domains each is."""
    row = tables.breaker.c
    whole = _gauge("clm_breaker_open", "Whether a provider is left alone.", "provider")
    domains = _gauge("clm_breaker_domains", "Receiving domains left alone.", "provider")
    counts: dict[str, int] = {}
    for provider, domain, state in connection.execute(select(row.provider, row.domain, row.state)):
        if domain == WHOLE:
            whole.add_metric([provider], int(state != "closed"))
        else:
            counts[provider] = counts.get(provider, 0) + int(state != "closed")
    for provider, count in sorted(counts.items()):
        domains.add_metric([provider], count)
    yield whole
    yield domains


def _gauge(name: str, says: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, labels=labels)
