from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Print the metrics that come from the database, as Prometheus reads them."

    def handle(self, **_: Any) -> None:
        from relaypanel.worker import metrics

        self.stdout.write(metrics.text(), ending="")
