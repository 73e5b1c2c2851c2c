"""Metrics for Prometheus: what the database holds, asked at each scrape, and our counters.

Each gauge is a query over a partial index, so that a scrape costs as much as there is waiting
or running, and not as much as there ever was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections
from django.db.models import Count, Min
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from relaypanel import clock, money
from relaypanel.duties.models import Duty
from relaypanel.ledger import audit
from relaypanel.orders.models import ACTIVE, Order, Status
from relaypanel.orders.send import is_open
from relaypanel.providers.models import Provider
from relaypanel.worker import counters

log = structlog.get_logger(__name__)

# Summing the whole ledger takes 0.3 s for each million transfers: rare enough to weigh nothing.
DRIFT_SECONDS: Final = 300


def serve(*, host: str, port: int) -> None:
    """Answer scrapes at `host`:`port` in threads of their own, for as long as this process lives."""
    counters.REGISTRY.register(Gauges())
    start_http_server(port, addr=host, registry=counters.REGISTRY)
    log.info("metrics_served", host=host, port=port)


def text() -> str:
    """Return the gauges in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(Gauges())
    return generate_latest(registry).decode()


class Gauges(Collector):
    """Asks the database.  While that is away, `relaypanel_database_up` is 0 and says nothing else."""

    def __init__(self) -> None:
        self._drift = _Drift()

    def describe(self) -> Iterable[Metric]:
        """Say nothing: else registering would already ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            found = self._ask()
        except (OperationalError, InterfaceError):
            log.warning("metrics_without_database", exc_info=True)
            found = []
        yield _gauge("database_up", "Whether the database answers.", 1 if found else 0)
        yield from found

    def _ask(self) -> list[Metric]:
        # A scrape runs in a thread of the server's, whose connection nobody else closes.
        close_old_connections()
        try:
            now = clock.of_database()
            return [
                *_orders(),
                _oldest(now),
                *_providers(now),
                *_duties(now),
                _gauge("ledger_drift", "What balances and transfers differ by.", self._drift()),
            ]
        finally:
            close_old_connections()


class _Drift:
    """The ledger's drift in the panel's currency, at most DRIFT_SECONDS old."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = clock.monotonic()
        self._drift = ""

    def __call__(self) -> str:
        with self._lock:
            if not self._drift or clock.monotonic() >= self._until:
                self._drift = money.text(audit.drift_e8())
                self._until = clock.monotonic() + DRIFT_SECONDS
            return self._drift
