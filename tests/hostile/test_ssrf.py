"""R15: no address that is typed into a form leads into the operator's own network.

Each form of an address is tried with everything that the one outgoing client can do, for
providers and for webhooks alike; tests/test_http.py holds what each one is told.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Thread
from typing import Any

import pytest
from pytest_django import Settings

from relaypanel import http
from tests import tidy
from tests.hostile.size import tell

pytestmark = pytest.mark.sockets

FORMS = (
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0x7f.0x0.0x0.0x1"),
    *("0177.0.0.1", "017700000001", "0177.1", "①②⑦.0.0.1", "127。0。0。1", "127.0.0.1."),
    *("localhost", "localhost.", "LOCALHOST", "lOcAlHoSt", "0.0.0.0", "0", "00.0.0.0"),
    *("127.255.255.254", "127.0.0.2", "127.127.127.127", "%31%32%37.0.0.1", "127%2e0%2e0%2e1"),
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    *("[::127.0.0.1]", "[0000::1]", "[::1%25lo]", "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]"),
    *(
        "[2002:7f00:1::1]",
        "user@127.0.0.1",
        "public.example@127.0.0.1",
        "127.0.0.1#@public.example",
    ),
    *("127.0.0.1\\@public.example", "public.example:80@127.0.0.1"),
)

# What could dial without the guard.
LIBRARIES = ("aiohttp", "httpx", "requests", "urllib.request", "http.client")


class Canary:
    """Listens on the loopback addresses, and counts who comes."""

    def __init__(self) -> None:
        self.visits = 0
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port: int = self._sockets[0].getsockname()[1]
        with suppress(OSError):
            self._sockets.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        for listener in self._sockets:
            Thread(target=self._watch, args=(listener,), daemon=True).start()

    def _watch(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = listener.accept()
                self.visits += 1
                with suppress(OSError):
                    visitor.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                visitor.close()

    def close(self) -> None:
        for listener in self._sockets:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@pytest.fixture
def canary(settings: Settings) -> Iterator[Canary]:
    settings.PRIVATE_PROVIDERS = []
    with closing(Canary()) as canary:
        yield canary


def ways_out() -> list[str]:
    """Return the methods of the client that take an address."""
    return [
        name
        for name, method in inspect.getmembers(http.Session, inspect.iscoroutinefunction)
        if "url" in inspect.signature(method).parameters
    ]


def arguments(way: str) -> dict[str, Any]:
    """Return sound values for what else a way out needs."""
    sound: dict[str, Any] = {
        "form": {"key": "a"},
        "body": b"{}",
        "headers": {},
        "deadline_seconds": 2,
        "bytes_max": 1000,
    }
    wanted = inspect.signature(getattr(http.Session, way)).parameters.values()
    needed = [one.name for one in wanted if one.default is inspect.Parameter.empty]
    return {name: sound[name] for name in needed if name not in ("self", "url")}


async def knock(way: str, url: str) -> None:
    async with http.Session() as session:
        with suppress(http.NotSent, http.Unclear):
            await getattr(session, way)(url, **arguments(way))


class TestAddresses:
    @pytest.mark.parametrize("way", ways_out())
    def test_lead_to_no_canary(self, way: str, canary: Canary) -> None:
        async def all_forms() -> None:
            for form in FORMS:
                await knock(way, f"http://{form}:{canary.port}/api/v2")

        asyncio.run(all_forms())

        tell(f"R15 SSRF by {way}: {len(FORMS)} forms, connections to canaries {canary.visits}")
        assert canary.visits == 0

    @pytest.mark.parametrize("way", ways_out())
    def test_lead_to_no_canary_when_a_name_moves(
        self, way: str, canary: Canary, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first look-up is public, the second one is loopback; or the first one fails."""
        looks: list[str] = []
        answers = ["192.0.2.1", "127.0.0.1", "fails", "127.0.0.1"]

        async def look_up(_loop: object, _host: str, port: int, **_: object) -> list[Any]:
            looks.append(answers[len(looks) % len(answers)])
            if looks[-1] == "fails":
                raise socket.gaierror(socket.EAI_AGAIN, "try again")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (looks[-1], port))]

        async def four_times() -> None:
            for _ in range(4):
                await knock(way, f"http://moving.example:{canary.port}/")

        with monkeypatch.context() as patch:
            patch.setattr(asyncio.BaseEventLoop, "getaddrinfo", look_up)
            asyncio.run(four_times())

        tell(f"R15 rebinding by {way}: {len(looks)} look-ups, connections {canary.visits}")
        assert canary.visits == 0
        assert "127.0.0.1" in looks

    def test_lead_to_the_canary_where_the_text_is_judged(
        self, canary: Canary, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The twin: it looks at what was typed, and not at what is dialled."""

        def by_its_text(_inside: str, address: tuple[Any, ...]) -> socket.socket:
            return socket.socket(family=address[0], type=address[1], proto=address[2])

        monkeypatch.setattr(http, "_public_socket", by_its_text)
        monkeypatch.setattr(http, "_refuse_private", lambda *_: None)

        async def typed() -> None:
            # No list of forbidden texts names them all.
            for form in ("127.1", "2130706433", "0x7f000001", "0177.0.0.1", "①②⑦.0.0.1"):
                await knock("post", f"http://{form}:{canary.port}/")

        asyncio.run(typed())

        tell(f"R15 twin, judges the text: connections to canaries {canary.visits}")
        assert canary.visits > 0


class TestWaysOut:
    def test_are_the_one_client(self) -> None:
        """Nothing else of ours dials: whatever sends somewhere goes through the guard."""
        strays = [
            f"{source.path}: {found}"
            for source in tidy.sources()
            if source.is_ours
            and source.path not in ("relaypanel/http.py", "relaypanel/worker/loop.py")
            and not source.path.startswith("relaypanel/simulator/")
            for module in LIBRARIES
            for found in tidy._imported(source, module)
        ]

        assert strays == []
