from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from wsgiref.types import WSGIApplication

from django.conf import settings
from django.core.management.base import BaseCommand
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from relaypanel import preflight, processes, safety
from relaypanel.look import static_files

# Requests at once in one process.  Python runs one at a time; the others wait for the database.
# Orders that come together share one commit, the more the better: twelve placed a sixth more than
# eight, for one busy user a third more; with sixteen plain look-ups became slower by a tenth.  Each
# holds a connection.
_THREADS: Final = 12
# Connections at once in one process, idle ones included; the next wait in the kernel's queue.
# Half of the 1,024 open files that most systems allow.
_CONNECTIONS_MAX: Final = 512
# How long a connection may be silent.  Longer than nginx keeps an idle one (60 seconds): the
# side that sends must be the one that closes, or a POST is sent into a closing door.
_IDLE_SECONDS: Final = 75
# After SIGTERM, for requests that have begun; ours take milliseconds, a stuck upload for ever.
_DRAIN_SECONDS: Final = 10

_SECRETS: Final = ("SECRET_KEY", "FIELD_KEYS", "DATABASE_URL", "REDIS_URL")


class Command(BaseCommand):
    help = "Serve the pages and the API (no worker: orders wait until one runs)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
        parser.add_argument("--port", type=preflight.port_number, default=8000)
        parser.add_argument("--workers", type=int, default=1, help="processes; default: 1")

    def handle(self, *, host: str, port: int, workers: int, **_: Any) -> None:
        address = preflight.free_address(host, port)
        preflight.require_schema()
        safety.require()
        static_files.gather()
        serve(application, address=address, port=port, workers=workers)


def application(parent_pid: int) -> WSGIApplication:
    """Return what answers requests, in the process that will do so: a child of `parent_pid`."""
    processes.end_with_parent(parent_pid)
    from relaypanel.wsgi import application as answer

    # granian hands its whole environment to every request, and an error report may carry a
    # request along.  The settings have been read; nothing needs the secrets there any longer.
    for name in _SECRETS:
        os.environ.pop(name, None)
    return answer


def serve(load: Callable[[int], WSGIApplication], *, address: str, port: int, workers: int) -> None:
    """Answer with what `load` returns in each process, told the number of this one."""
    server = Granian(
        "relaypanel.wsgi:application",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=_THREADS,
        backpressure=_CONNECTIONS_MAX,
        # PHP clients offer HTTP/2 by `Upgrade: h2c` with a POST; staying with HTTP/1 reads the
        # body and answers it.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_IDLE_SECONDS * 1000),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_DRAIN_SECONDS,
        log_access=False,
        log_level=LogLevels.error,
        log_dictconfig=settings.LOGGING | {"loggers": {}},
    )
    server.serve(target_loader=partial(load, os.getpid()), wrap_loader=False)
