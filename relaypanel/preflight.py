"""What must be true before a server starts, asked while one clear line can still be said."""

from __future__ import annotations

import argparse
import errno
import socket


class CannotStart(Exception):
    """The operator has something to do first.  The text says what, in one line."""


def port_number(text: str) -> int:
    """Read a command line's port."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: write 1 to 65535")
    return int(text)


def free_address(host: str, port: int) -> str:
    """Return the numeric address of `host`, on which nobody listens at `port`.

    Raises CannotStart.  The server itself shares its port among its processes (SO_REUSEPORT),
    and so would start beside another panel of the same user and share its clients.
    """
    family, address = _resolve(host, port)
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Connections of a server that has just ended may linger; they are no reason to refuse.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen()
        except OSError as error:
            raise CannotStart(_refusal(host, port, error)) from None
    return address


def spare_port() -> int:
    """Return a port of the loopback address that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def require_schema() -> None:
    """Raise CannotStart unless the database has every table and column this release needs."""
    from django.db import connection, connections
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    # The processes started next must not inherit a connection: two would speak through one.
    connections.close_all()
    if pending:
        raise CannotStart(
            f"{len(pending)} migrations of this release are pending; run `relaypanel migrate`"
        )


def _resolve(host: str, port: int) -> tuple[int, str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise CannotStart(f"--host {host}: there is no such address") from None
    family, _, _, _, address = found[0]
    return family, str(address[0])


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; end what listens there or choose another --port"
    return f"cannot listen on port {port} of {host}: {error.strerror}"
