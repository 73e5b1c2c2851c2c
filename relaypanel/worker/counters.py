"""What this process has done since it started, for Prometheus."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

REGISTRY: Final = CollectorRegistry()

SENT: Final = Counter(
    "relaypanel_sent",
    "Answers to orders that this worker sent, by their class.",
    ("provider", "answer"),
    registry=REGISTRY,
)
POLLED: Final = Counter(
    "relaypanel_polled",
    "Orders that this worker asked a provider about.",
    ("provider",),
    registry=REGISTRY,
)
STATUS_CALLS_FAILED: Final = Counter(
    "relaypanel_status_calls_failed",
    "Status calls of this worker that brought no answer.",
    ("provider",),
    registry=REGISTRY,
)
ODD: Final = Gauge(
    "relaypanel_orders_odd",
    "Running orders of which this worker has long not been told how they stand, by what it hears.",
    ("oddity",),
    registry=REGISTRY,
)
