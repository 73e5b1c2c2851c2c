"""The outgoing client against servers that misbehave, each on a loopback port of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_django import Settings

from relaypanel import clock, http
from tests.providers.panel import at_once

pytestmark = pytest.mark.sockets

FORM = {"key": "secret", "action": "add", "comments": "Đẹp quá 👍\r\ngood & cheap"}
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n"
BODY = b'{"order": 7}'


@dataclass
class Call:
    """One connection as its server sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> bytes:
        """Return one whole request."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head + await self.reader.readexactly(length)

    async def hang(self) -> None:
        await self.reader.read()


@dataclass
class Server:
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v2"


@asynccontextmanager
async def serving(answer: Callable[[Call, Server], Awaitable[None]]) -> AsyncIterator[Server]:
    served = Server()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        try:
            await answer(Call(reader, writer), served)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client hung up, as it should
        finally:
            writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    served.port = listener.sockets[0].getsockname()[1]
    async with listener:
        try:
            yield served
        finally:
            served.over.set()


def replying(*pieces: bytes) -> Callable[[Call, Server], Awaitable[None]]:
    """Answer every request of a connection with these bytes."""

    async def answer(call: Call, server: Server) -> None:
        while True:
            server.requests.append(await call.request())
            call.writer.writelines(pieces)
            await call.writer.drain()

    return answer


def closing(*pieces: bytes) -> Callable[[Call, Server], Awaitable[None]]:
    """Answer one request with these bytes and hang up."""

    async def answer(call: Call, server: Server) -> None:
        server.requests.append(await call.request())
        call.writer.writelines(pieces)

    return answer


def dripping(first: bytes, drop: bytes) -> Callable[[Call, Server], Awaitable[None]]:
    async def answer(call: Call, server: Server) -> None:
        server.requests.append(await call.request())
        call.writer.write(first)
        while True:
            call.writer.write(drop)
            await call.writer.drain()
            await asyncio.sleep(0.01)

    return answer


async def hanging(call: Call, server: Server) -> None:
    server.requests.append(await call.request())
    await call.hang()


async def post(url: str, **changes: Any) -> http.Reply:
    options: dict[str, Any] = {"form": FORM, "deadline_seconds": 5.0, "bytes_max": 1000} | changes
    async with http.Session() as session:
        return await session.post(url, **options)


async def never() -> None:
    raise http.NotSent("its time was over before the first byte")


def once() -> dict[str, Any]:
    return {"ready": at_once}


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Settings) -> None:
    settings.PRIVATE_PROVIDERS = [ipaddress.ip_network("127.0.0.0/8")]


class TestPost:
    def test_returns_what_came_back(self) -> None:
        async def story() -> tuple[http.Reply, Server]:
            async with serving(replying(OK, BODY)) as server:
                return await post(server.url), server

        reply, server = asyncio.run(story())

        assert reply == http.Reply(status=200, content_type="application/json", body=BODY)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /api/v2 HTTP/1.1\r\n")
        assert b"Content-Type: application/x-www-form-urlencoded" in head
        assert b"Accept-Encoding: identity" in head
        assert body == (
            b"key=secret&action=add&comments="
            b"%C4%90%E1%BA%B9p+qu%C3%A1+%F0%9F%91%8D%0D%0Agood+%26+cheap"
        )

    @pytest.mark.parametrize("status", [201, 403, 429, 500, 503])
    def test_returns_a_reply_of_any_status(self, status: int) -> None:
        async def story() -> http.Reply:
            head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: 4\r\n\r\n".encode()
            async with serving(replying(head, b"body")) as server:
                return await post(server.url)

        reply = asyncio.run(story())

        assert reply == http.Reply(status=status, content_type="", body=b"body")

    def test_sends_a_body_of_many_megabytes(self) -> None:
        async def story() -> Server:
            async with serving(replying(OK, BODY)) as server:
                await post(server.url, form={"comments": "x" * 3_000_000})
            return server

        server = asyncio.run(story())

        assert len(server.requests[0]) > 3_000_000

    def test_keeps_a_connection_between_calls(self) -> None:
        async def story() -> Server:
            async with serving(replying(OK, BODY)) as server, http.Session() as session:
                for _ in range(3):
                    await session.post(server.url, FORM, deadline_seconds=5, bytes_max=1000)
            return server

        server = asyncio.run(story())

        assert server.connections == 1
        assert len(server.requests) == 3

    def test_opens_a_connection_for_each_call_that_must_not_repeat(self) -> None:
        async def story() -> Server:
            async with serving(replying(OK, BODY)) as server, http.Session() as session:
                for _ in range(3):
                    await session.post(
                        server.url, FORM, deadline_seconds=5, bytes_max=1000, **once()
                    )
            return server

        server = asyncio.run(story())

        assert server.connections == 3
        assert b"Connection: close" in server.requests[0]

    def test_ignores_the_proxy_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def story() -> tuple[Server, Server]:
            async with serving(hanging) as proxy, serving(replying(OK, BODY)) as server:
                monkeypatch.setenv("HTTP_PROXY", proxy.url)
                monkeypatch.setenv("http_proxy", proxy.url)
                await post(server.url)
            return proxy, server

        proxy, server = asyncio.run(story())

        assert proxy.connections == 0
        assert len(server.requests) == 1

    def test_keeps_no_cookies(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def story() -> Server:
            head = OK.replace(b"Content-Type", b"Set-Cookie: session=1\r\nContent-Type")
            async with serving(replying(head, BODY)) as server, http.Session() as session:
                # A name, because nobody keeps cookies of a bare address.
                url = f"http://panel.example:{server.port}/"
                for _ in range(2):
                    await session.post(url, FORM, deadline_seconds=5, bytes_max=1000)
            return server

        _names(monkeypatch, "127.0.0.1", dial=True)

        server = asyncio.run(story())

        assert b"Cookie" not in server.requests[1]


class TestNotSent:
    def test_when_nobody_listens(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, and not listening

            with pytest.raises(http.NotSent, match="no connection"):
                asyncio.run(post(f"http://127.0.0.1:{taken.getsockname()[1]}/"))

    def test_when_the_name_does_not_exist(self, monkeypatch: pytest.MonkeyPatch) -> None:
        _names(monkeypatch, error=socket.gaierror(socket.EAI_NONAME, "Name not known"))

        with pytest.raises(http.NotSent, match=r"its name was not found \(Name not known\)"):
            asyncio.run(post("http://panel.example/"))

    def test_when_the_name_takes_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def slow(*_args: object, **_options: object) -> list[Any]:
            await asyncio.sleep(60)
            return []

        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", slow)

        with pytest.raises(http.NotSent, match="its time was over"):
            asyncio.run(post("http://panel.example/", deadline_seconds=0.05))

    def test_when_tls_is_not_spoken(self) -> None:
        async def plain(call: Call, _server: Server) -> None:
            await call.reader.read(1)
            call.writer.write(OK)

        async def story() -> None:
            async with serving(plain) as server:
                await post(server.url.replace("http:", "https:"))

        with pytest.raises(http.NotSent):
            asyncio.run(story())

    def test_when_tls_hangs_until_the_deadline(self) -> None:
        async def silent(call: Call, _server: Server) -> None:
            await call.hang()

        async def story() -> None:
            async with serving(silent) as server:
                await post(server.url.replace("http:", "https:"), deadline_seconds=0.1)

        with pytest.raises(http.NotSent, match="its time was over"):
            asyncio.run(story())

    def test_when_the_connection_takes_longer_than_its_share(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def silent(call: Call, _server: Server) -> None:
            await call.hang()

        async def story() -> None:
            async with serving(silent) as server:
                await post(server.url.replace("http:", "https:"), deadline_seconds=3)

        monkeypatch.setattr(http, "CONNECT_SECONDS", 0.1)

        with pytest.raises(http.NotSent, match=r"nothing within 0\.1 seconds"):
            asyncio.run(story())

    @pytest.mark.parametrize("url", ["", "panel", "http://", "http://a b/", "ftp://127.0.0.1/"])
    def test_when_the_address_makes_no_sense(self, url: str) -> None:
        with pytest.raises(http.NotSent):
            asyncio.run(post(url))

    def test_when_it_is_stopped_before_the_first_byte(self) -> None:
        async def story() -> Server:
            async with serving(replying(OK, BODY)) as server:
                with pytest.raises(http.NotSent, match="before the first byte"):
                    await post(server.url, ready=never)
            return server

        server = asyncio.run(story())

        assert server.connections == 1
        assert server.requests == []

    def test_when_its_time_is_over_while_the_intent_is_recorded(self) -> None:
        async def story() -> Server:
            async with serving(replying(OK, BODY)) as server:
                with pytest.raises(http.NotSent, match="its time was over"):
                    await post(server.url, ready=asyncio.Event().wait, deadline_seconds=0.1)
            return server

        server = asyncio.run(story())

        assert server.requests == []

    def test_when_it_slept_between_the_intent_and_the_first_byte(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = clock.monotonic()
        monkeypatch.setattr(clock, "monotonic", lambda: now)

        async def sleep() -> None:
            nonlocal now
            now += 5

        seen = []

        async def look(call: Call, server: Server) -> None:
            seen.append(await call.reader.read())
            server.over.set()

        async def story() -> None:
            async with serving(look) as server:
                with pytest.raises(http.NotSent, match="its time was over"):
                    await post(server.url, ready=sleep, deadline_seconds=5)
                await server.over.wait()

        asyncio.run(story())

        assert seen == [b""]

    def test_is_not_told_of_an_empty_form(self) -> None:
        with pytest.raises(AssertionError):
            asyncio.run(post("http://127.0.0.1:1/", form={}))

    def test_of_the_intent_is_raised_as_it_is(self) -> None:
        async def fails() -> None:
            raise LookupError("the database is away")

        async def story() -> Server:
            async with serving(replying(OK, BODY)) as server:
                with pytest.raises(LookupError):
                    await post(server.url, ready=fails)
            return server

        assert asyncio.run(story()).requests == []


class TestUnclear:
    def test_when_it_slept_between_the_last_look_and_the_write(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What others may have proved absent by now does not go out."""
        now = clock.monotonic()
        monkeypatch.setattr(clock, "monotonic", lambda: now)
        begin, seen = http._Call.begin, []

        def sleep(call: http._Call) -> None:
            nonlocal now
            begin(call)
            now += 5

        monkeypatch.setattr(http._Call, "begin", sleep)

        async def look(call: Call, server: Server) -> None:
            seen.append(await call.reader.read())
            server.over.set()

        async def story() -> None:
            async with serving(look) as server:
                with pytest.raises(http.Unclear):
                    await post(server.url, **once(), deadline_seconds=5)
                await server.over.wait()

        asyncio.run(story())

        assert seen == [b""]

    @pytest.mark.parametrize(
        ("first", "drop"),
        [
            pytest.param(OK, b"", id="no body"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b" ", id="body"),
            pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", id="headers"),
            pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"y", id="one header"),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"1\r\n \r\n",
                id="chunks",
            ),
        ],
    )
    def test_when_the_answer_drips_past_the_deadline(self, first: bytes, drop: bytes) -> None:
        async def story() -> Server:
            async with serving(dripping(first, drop)) as server:
                with pytest.raises(http.Unclear, match="its time was over"):
                    await post(server.url, deadline_seconds=0.15)
            return server

        assert len(asyncio.run(story()).requests) == 1

    def test_when_no_answer_comes(self) -> None:
        async def story() -> Server:
            async with serving(hanging) as server:
                with pytest.raises(http.Unclear, match="its time was over"):
                    await post(server.url, deadline_seconds=0.1, **once())
            return server

        assert len(asyncio.run(story()).requests) == 1

    @pytest.mark.parametrize("early", [b"", OK])
    def test_when_the_body_is_not_taken(self, early: bytes) -> None:
        async def deaf(call: Call, server: Server) -> None:
            call.writer.transport.pause_reading()  # type: ignore[attr-defined]
            call.writer.write(early)
            await server.over.wait()

        async def story() -> None:
            form = {"comments": "x" * 20_000_000}
            # Long enough for a loaded machine to make the body and to begin with it.
            async with serving(deaf) as server, asyncio.timeout(10):
                await post(server.url, form=form, deadline_seconds=1)

        with pytest.raises(http.Unclear, match="its time was over"):
            asyncio.run(story())

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"HTTP/1.1 200", id="half a status line"),
            pytest.param(OK[:-2], id="half the headers"),
            pytest.param(OK + BODY[:-1], id="half a body"),
            pytest.param(b"+OK POP3 ready\r\n\r\n", id="another protocol"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", id="negative length"),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="bad chunk"
            ),
            pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, id="endless header"),
        ],
    )
    def test_when_the_answer_breaks_off(self, answer: bytes) -> None:
        async def story() -> Server:
            async with serving(closing(answer)) as server:
                with pytest.raises(http.Unclear):
                    await post(server.url, **once())
            return server

        # Once: a call that died is never made again behind our back.
        assert len(asyncio.run(story()).requests) == 1

    def test_when_a_kept_connection_has_died(self) -> None:
        async def once(call: Call, server: Server) -> None:
            server.requests.append(await call.request())
            call.writer.writelines((OK, BODY))
            server.requests.append(await call.request())

        async def story() -> Server:
            async with serving(once) as server, http.Session() as session:
                await session.post(server.url, FORM, deadline_seconds=5, bytes_max=1000)
                with pytest.raises(http.Unclear):
                    await session.post(server.url, FORM, deadline_seconds=5, bytes_max=1000)
            return server

        assert len(asyncio.run(story()).requests) == 2

    @pytest.mark.parametrize("length", [b"Content-Length: 9000000", b"X-Length: none"])
    def test_when_the_body_is_too_large(self, length: bytes) -> None:
        async def story() -> None:
            head = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n"
            async with serving(dripping(head, b"x" * 100_000)) as server:
                await post(server.url)

        with pytest.raises(http.Unclear, match="larger than 1000 bytes"):
            asyncio.run(story())

    @pytest.mark.parametrize(
        "encoding", [b"gzip", b"br", b"GZIP", b"identity\r\nCONTENT-encoding: x"]
    )
    def test_when_the_body_is_compressed(self, encoding: bytes) -> None:
        async def story() -> None:
            head = OK.replace(b"Content-Type", b"Content-Encoding: " + encoding + b"\r\nX")
            async with serving(replying(head, BODY)) as server:
                await post(server.url)

        with pytest.raises(http.Unclear, match="compressed"):
            asyncio.run(story())

    def test_says_nothing_of_the_address(self) -> None:
        async def story() -> None:
            async with serving(closing()) as server:
                await post(f"{server.url}?key=secret")

        with pytest.raises(http.Unclear) as caught:
            asyncio.run(story())

        assert "secret" not in str(caught.value)
        assert "127.0.0.1" not in str(caught.value)


class TestRedirect:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_is_not_followed(self, status: int) -> None:
        async def story() -> tuple[http.Reply, Server]:
            async with serving(replying(OK, BODY)) as canary:
                head = f"HTTP/1.1 {status} Moved\r\nLocation: {canary.url}\r\n"
                answer = replying(head.encode(), b"Content-Length: 0\r\n\r\n")
                async with serving(answer) as server:
                    return await post(server.url), canary

        reply, canary = asyncio.run(story())

        assert reply.status == status
        assert canary.connections == 0


class TestPrivateAddress:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "①②⑦.0.0.1",
            "127。0。0。1",
            "127.0.0.1.",
            "localhost",
            "localhost.",
            "0.0.0.0",
            "0",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
        ],
    )
    def test_reaches_no_canary(self, host: str, settings: Settings) -> None:
        settings.PRIVATE_PROVIDERS = []

        async def story() -> Server:
            async with serving(replying(OK, BODY)) as canary:
                with pytest.raises(http.NotSent):
                    await post(f"http://{host}:{canary.port}/", deadline_seconds=2)
            return canary

        assert asyncio.run(story()).connections == 0

    @pytest.mark.parametrize(
        "address",
        [
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.0.9",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:100.64.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fe80::1%eth0",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ],
    )
    def test_is_refused_whatever_its_form(
        self, address: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.PRIVATE_PROVIDERS = []
        dialled = _names(monkeypatch, address)

        with pytest.raises(http.NotSent, match="is not a public address"):
            asyncio.run(post("http://panel.example/", deadline_seconds=2))

        assert dialled == []

    @pytest.mark.parametrize(
        "address",
        ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2606:4700::1111"],
    )
    def test_is_not_what_a_public_one_is_taken_for(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dialled = _names(monkeypatch, address)

        with pytest.raises(http.NotSent, match="no connection"):
            asyncio.run(post("http://panel.example/"))

        assert dialled == [address]

    def test_spoils_the_public_ones_beside_it(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.PRIVATE_PROVIDERS = []
        dialled = _names(monkeypatch, "8.8.8.8", "127.0.0.1")

        with pytest.raises(http.NotSent, match=r"127\.0\.0\.1 is not a public address"):
            asyncio.run(post("http://panel.example/"))

        assert dialled == []

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_is_reached_where_the_operator_allows_it(
        self, host: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def story() -> http.Reply:
            async with serving(replying(OK, BODY)) as server:
                return await post(f"http://{host}:{server.port}/")

        _names(monkeypatch, "127.0.0.1", dial=True)

        assert asyncio.run(story()).body == BODY

    def test_is_looked_at_again_when_a_name_moves(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.PRIVATE_PROVIDERS = []
        for address, words in (("8.8.8.8", "no connection"), ("127.0.0.1", "not a public")):
            dialled = _names(monkeypatch, address)

            with pytest.raises(http.NotSent, match=words):
                asyncio.run(post("http://panel.example/"))

        assert dialled == []


def _names(
    monkeypatch: pytest.MonkeyPatch,
    *addresses: str,
    error: OSError | None = None,
    dial: bool = False,
) -> list[str]:
    """Let every name resolve to these addresses; return the list of what is then dialled."""
    dialled: list[str] = []

    async def look_up(_loop: object, _host: str, port: int, **_options: object) -> list[Any]:
        if error is not None:
            raise error
        return [_info(address, port) for address in addresses]

    async def dials(_loop: object, _socket: object, target: tuple[Any, ...]) -> None:
        dialled.append(target[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", look_up)
    if not dial:
        monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", dials)
    return dialled


def _info(address: str, port: int) -> tuple[Any, ...]:
    if ":" not in address:
        return socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)
    return socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0)
