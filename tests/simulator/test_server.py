from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from django.core.management import call_command

from relaypanel.simulator import server
from relaypanel.simulator.control import Simulator
from relaypanel.simulator.pace import Pace
from tests.simulator.buyer import LINK, Buyer

pytestmark = pytest.mark.sockets

ADD = {"key": "any", "action": "add", "service": "201", "link": LINK, "quantity": "300"}

Client = TestClient[web.Request, web.Application]


def visit(story: Callable[[Client], Awaitable[None]]) -> None:
    """Run a client's story against a simulator on loopback."""

    async def run() -> None:
        simulator = Simulator(panel=Buyer().panel, pace=Pace())
        async with TestClient(TestServer(server.application(simulator))) as client:
            await story(client)

    asyncio.run(run())


async def order(client: Client, body: dict[str, object]) -> None:
    async with client.post("/control", json=body) as response:
        assert await response.json() == {"done": True}


class TestApi:
    @pytest.mark.parametrize("path", ["/api/v2", "/api/v2/"])
    def test_answers_a_form_with_json(self, path: str) -> None:
        async def story(client: Client) -> None:
            async with client.post(path, data=ADD) as response:
                assert response.status == 200
                assert response.content_type == "application/json"
                assert await response.json() == {"order": 1}

        visit(story)

    def test_reads_vietnamese(self) -> None:
        async def story(client: Client) -> None:
            form = ADD | {"service": "104", "comments": "Đẹp quá 😍\nMua ở đâu?"}
            async with client.post("/api/v2", data=form) as response:
                assert await response.json() == {"order": 1}

        visit(story)

    def test_does_not_serve_get(self) -> None:
        async def story(client: Client) -> None:
            async with client.get("/api/v2", params=ADD) as response:
                assert response.status == 405

        visit(story)


class TestControl:
    def test_reports_what_was_accepted(self) -> None:
        async def story(client: Client) -> None:
            await client.post("/api/v2", data=ADD)
            async with client.get("/control") as response:
                assert await response.json() == {
                    "orders": 1,
                    "accepted": {LINK: 1},
                    "placed": {"1": LINK},
                    "calls": {"add": 1},
                    "speed": 1.0,
                    "faults": [],
                }

        visit(story)

    def test_says_what_it_does_not_understand(self) -> None:
        async def story(client: Client) -> None:
            async with client.post("/control", data=b'{"fault": "fire"}') as response:
                assert response.status == 400
                assert await response.json() == {
                    "error": "Invalid enum value 'fire' - at `$.fault`"
                }

        visit(story)


class TestFaults:
    def test_hang_past_the_deadline_of_the_client(self) -> None:
        async def story(client: Client) -> None:
            await order(client, {"fault": "timeout_after_accept", "times": 1})
            with pytest.raises(TimeoutError):
                await client.post("/api/v2", data=ADD, timeout=aiohttp.ClientTimeout(total=0.05))
            await accepted_once(client)

        visit(story)

    def test_reset_the_connection(self) -> None:
        async def story(client: Client) -> None:
            await order(client, {"fault": "reset_after_accept", "times": 1})
            with pytest.raises(aiohttp.ClientError):
                await client.post("/api/v2", data=ADD)
            await accepted_once(client)

        visit(story)

    def test_answer_500_for_an_order_that_was_taken(self) -> None:
        async def story(client: Client) -> None:
            await order(client, {"fault": "http_500_after_accept", "times": 1})
            async with client.post("/api/v2", data=ADD) as response:
                assert (response.status, response.content_type) == (500, "text/html")
            await accepted_once(client)

        visit(story)

    @pytest.mark.parametrize(
        ("fault", "status", "content_type", "start"),
        [
            ("http_500", 500, "text/html", b"<html>"),
            ("html", 200, "text/html", b"<!DOCTYPE html>"),
            ("garbage", 200, "application/json", b"\xff\x00"),
            ("empty", 200, "application/json", b""),
            ("error", 200, "application/json", b'{"error":"no"}'),
        ],
    )
    def test_spoil_the_answer(
        self, fault: str, status: int, content_type: str, start: bytes
    ) -> None:
        async def story(client: Client) -> None:
            await order(client, {"action": "add", "fault": fault, "words": "no", "times": 1})
            async with client.post("/api/v2", data=ADD) as response:
                assert (response.status, response.content_type) == (status, content_type)
                body = await response.read()
                assert body.startswith(start)
                assert bool(body) == bool(start)

        visit(story)

    @pytest.mark.parametrize(
        ("fault", "action", "field", "spoiled"),
        [
            ("latency", "status", "remains", "300"),
            ("duplicate_id", "add", "order", 1),
            ("negative_remains", "status", "remains", "-7"),
            ("unknown_word", "status", "status", "Awaiting moderation"),
        ],
    )
    def test_spoil_a_field(self, fault: str, action: str, field: str, spoiled: object) -> None:
        async def story(client: Client) -> None:
            await client.post("/api/v2", data=ADD)
            await order(client, {"fault": fault, "seconds": 0.001})
            form = ADD | {"action": action, "order": "1"}
            async with client.post("/api/v2", data=form) as response:
                assert (await response.json())[field] == spoiled

        visit(story)

    def test_slow_each_call_down(self) -> None:
        async def story(client: Client) -> None:
            await order(client, {"latency": {"min_ms": 1, "max_ms": 2}})
            async with client.post("/api/v2", data=ADD) as response:
                assert await response.json() == {"order": 1}

        visit(story)


class TestFirstId:
    def test_grows_from_life_to_life(self) -> None:
        assert 10**9 < server.first_id_of_this_life() <= server.first_id_of_this_life()


class TestMain:
    @pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
    def test_serves_until_it_is_told_to_stop(
        self, told: signal.Signals, capsys: pytest.CaptureFixture[str]
    ) -> None:
        port = free_port()
        knock = threading.Thread(target=stop_when_it_listens, args=(port, told))

        knock.start()
        call_command("simulator", f"--port={port}", "--speed=2")
        knock.join()

        address = f"http://127.0.0.1:{port}/api/v2"
        assert capsys.readouterr().out == f"The simulated panel answers at {address}\n"

    def test_says_that_the_port_is_in_use(self, capsys: pytest.CaptureFixture[str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(SystemExit) as end:
                server.main(host="127.0.0.1", port=port, speed=1)

        assert end.value.code == 2
        assert capsys.readouterr().err == (
            f"Port {port} on 127.0.0.1 is in use: stop what runs there or choose another --port.\n"
        )

    def test_says_that_the_address_is_not_its_own(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as end:
            server.main(host="192.0.2.1", port=8099, speed=1)

        assert end.value.code == 2
        assert capsys.readouterr().err == (
            "The simulated panel cannot listen on 192.0.2.1:8099: "
            "Cannot assign requested address.\n"
        )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port: int = chosen.getsockname()[1]
    return port


def stop_when_it_listens(port: int, told: signal.Signals) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            continue
        os.kill(os.getpid(), told)
        return


async def accepted_once(client: Client) -> None:
    async with client.get("/control") as response:
        assert (await response.json())["accepted"] == {LINK: 1}
