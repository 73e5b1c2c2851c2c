"""The door of the simulated panel: API v2 at /api/v2, orders for it at /control (control.py)."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import struct
import sys
from typing import Final

import msgspec
from aiohttp import web

from relaypanel import clock
from relaypanel.simulator import control, replies
from relaypanel.simulator.control import Simulator
from relaypanel.simulator.pace import Pace
from relaypanel.simulator.panel import Panel

# What `services`, `orders` and `comments` may weigh; more is a mistake of the caller.
_BODY_BYTES_MAX: Final = 4 * 1024 * 1024

# Calls may be waiting for a fault to end; the simulator does not wait for them to stop.
_SHUTDOWN_SECONDS: Final = 0.2

# IDs count milliseconds from here, so that no life of the simulator repeats those of an earlier
# one, as long as it takes fewer than a thousand orders a second all its life.
_EPOCH_2025_MS: Final = 1_735_689_600_000

# Two numbers for SO_LINGER: closing drops what is unsent and resets the connection.
_RESET: Final = struct.pack("ii", 1, 0)


def main(
    *,
    host: str,
    port: int,
    speed: float,
    key: str | None = None,
    first_id: int | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT.  Exits with 2 and one line when it cannot listen."""
    pace = Pace(speed=speed)
    panel = Panel(clock=pace, key=key, first_id=first_id or first_id_of_this_life())
    try:
        asyncio.run(_serve(Simulator(panel=panel, pace=pace), host, port))
    except OSError as error:
        sys.stderr.write(_cannot_listen(host, port, error) + "\n")
        sys.exit(2)


def first_id_of_this_life() -> int:
    return int(clock.now().timestamp() * 1000) - _EPOCH_2025_MS


def application(simulator: Simulator) -> web.Application:
    """Return the simulator behind its HTTP door."""
    app = web.Application(client_max_size=_BODY_BYTES_MAX)
    app[_SIMULATOR] = simulator
    app.router.add_post("/api/v2", _api_v2)
    # A redirect to the address without the slash would lose the body of the POST.
    app.router.add_post("/api/v2/", _api_v2)
    app.router.add_post("/control", _obey)
    app.router.add_get("/control", _report)
    return app


_SIMULATOR: Final = web.AppKey("simulator", Simulator)


async def _api_v2(request: web.Request) -> web.Response:
    simulator = request.app[_SIMULATOR]
    fields = await request.post()
    form = {name: text for name, text in fields.items() if isinstance(text, str)}
    reply = replies.reply(panel=simulator.panel, faults=simulator.faults, form=form)
    wait_seconds = reply.wait_seconds + simulator.latency.seconds()
    if wait_seconds > 0:
        await asyncio.sleep(wait_seconds)
    if reply.is_reset:
        _reset(request)
    return web.Response(body=reply.body, status=reply.status, content_type=reply.content_type)


def _reset(request: web.Request) -> None:
    transport = request.transport
    # A client that has hung up has ended this call already: see handler_cancellation below.
    assert isinstance(transport, asyncio.Transport)
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


async def _obey(request: web.Request) -> web.Response:
    try:
        control.obey(request.app[_SIMULATOR], await request.read())
    except ValueError as error:
        return _json({"error": str(error)}, status=400)
    return _json({"done": True})


async def _report(request: web.Request) -> web.Response:
    return _json(control.report(request.app[_SIMULATOR]))


def _json(answer: object, *, status: int = 200) -> web.Response:
    body = msgspec.json.encode(answer)
    return web.Response(body=body, status=status, content_type="application/json")


async def _serve(simulator: Simulator, host: str, port: int) -> None:
    stop = _when_told_to_stop()
    # A client that gives up ends its call here too: nobody sleeps for one who has gone.
    runner = web.AppRunner(
        application(simulator),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
        sys.stdout.write(f"The simulated panel answers at {_address(host, runner)}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


def _when_told_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    for told in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(told, stop.set)
    return stop


def _address(host: str, runner: web.AppRunner) -> str:
    port = runner.addresses[0][1]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/api/v2"


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use: stop what runs there or choose another --port."
    # A name that cannot be resolved has a number of its own kind, below zero.
    number = error.errno or 0
    reason = os.strerror(number) if number > 0 else error.strerror
    return f"The simulated panel cannot listen on {host}:{port}: {reason}."
