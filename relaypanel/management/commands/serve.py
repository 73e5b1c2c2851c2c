from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from relaypanel import preflight
from relaypanel.errors import Refused
from relaypanel.preflight import CannotStart
from relaypanel.processes import Program, supervise


class Command(BaseCommand):
    help = "Run the API and a worker on this machine, and start again what ends by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
        parser.add_argument("--port", type=preflight.port_number, default=8000)
        parser.add_argument("--workers", type=int, default=1, help="web processes; default: 1")
        parser.add_argument(
            "--metrics-port", type=preflight.port_number, help="answer Prometheus on loopback there"
        )
        parser.add_argument(
            "--demo", action="store_true", help="migrate, fill a demo shop, simulate its provider"
        )

    def handle(
        self,
        *,
        host: str,
        port: int,
        workers: int,
        metrics_port: int | None,
        demo: bool,
        **_: Any,
    ) -> None:
        preflight.free_address(host, port)
        programs = list(_simulated(f"http://{host}:{port}")) if demo else []
        preflight.require_schema()
        web = ("web", "--host", host, "--port", str(port), "--workers", str(workers))
        metrics = ("--metrics-port", str(metrics_port)) if metrics_port else ()
        programs += [
            Program(name="web", arguments=web),
            Program(name="worker", arguments=("worker", *metrics)),
        ]
        print(f"Serving on http://{host}:{port}; Ctrl-C ends it.", flush=True)
        sys.exit(supervise(programs))


def _simulated(url: str) -> Iterator[Program]:
    """Fill the demo shop, say how to use it, and yield the provider that it orders from."""
    from relaypanel import demo

    call_command("migrate", verbosity=0)
    port = preflight.spare_port()
    # For the children: the simulator is on this machine, where providers may not be otherwise.
    allowed = os.environ.get("PRIVATE_PROVIDERS", "")
    os.environ["PRIVATE_PROVIDERS"] = f"{allowed},127.0.0.0/8"
    try:
        key = demo.prepare(simulator_url=f"http://127.0.0.1:{port}/api/v2")
    except Refused as refused:
        raise CannotStart(str(refused)) from None
    print(f"The demo customer's API key is {key}.  Try:")
    print(f"  curl -d key={key} -d action=services {url}{demo.API_PATH}", flush=True)
    yield Program(name="simulator", arguments=("simulator", "--port", str(port)))
