from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from relaypanel import preflight


class Command(BaseCommand):
    help = "Send orders to providers and follow them, until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--metrics-port",
            type=preflight.port_number,
            help="answer Prometheus there; without it, nowhere",
        )
        parser.add_argument("--metrics-host", default="127.0.0.1", help="default: %(default)s")

    def handle(self, *, metrics_port: int | None, metrics_host: str, **_: Any) -> None:
        address = preflight.free_address(metrics_host, metrics_port) if metrics_port else ""
        preflight.require_schema()
        # Brings the HTTP client along, which no other command needs.
        from relaypanel.worker import loop, metrics

        if metrics_port:
            metrics.serve(host=address, port=metrics_port)
        loop.main()
