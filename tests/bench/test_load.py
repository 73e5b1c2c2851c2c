from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench import load
from bench.load import Pace, Spoiled

WRK = """Running 1s test @ http://127.0.0.1:8000/api/v2
  1 threads and 16 connections
  Requests/sec:   1500.00
{"good":3000,"bad":0,"broken":0,"seconds":2.0,"p50_ms":1.250,"p99_ms":9.500,"sample":""}
"""
PGBENCH = """transaction type: transaction.sql
number of transactions actually processed: 4
latency average = 0.75 ms
initial connection time = 9.1 ms
tps = 1333.333333 (without initial connection time)
"""
LOG = ["0 1 500 0 1764000000 1\n", "0 2 600 0 1764000000 2\n", "1 1 900 0 1764000000 3\n"]

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


@contextmanager
def answering(reply: bytes, status: int = 200) -> Iterator[str]:
    """Yield the address of a server that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of each call."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing either when the load hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/v2"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def callers(tmp_path: Path) -> Path:
    path = tmp_path / "callers"
    ids = " ".join(map(str, range(1, 151)))
    path.write_text(f"1 10\n{'a' * 32} {ids}\n{'b' * 32} 151\n")
    return path


class TestWrk:
    def test_tells_the_pace_of_right_answers(self) -> None:
        pace = load.read_wrk(WRK)

        assert pace == Pace(per_second=1500, p50_ms=1.25, p99_ms=9.5, done=3000)

    @pytest.mark.parametrize(
        ("word", "spoiled"),
        [('"bad":0', '"bad":1'), ('"broken":0', '"broken":1'), ('"good":3000', '"good":0')],
    )
    def test_tells_no_pace_when_an_answer_was_wrong_or_missing(
        self, word: str, spoiled: str
    ) -> None:
        with pytest.raises(Spoiled):
            load.read_wrk(WRK.replace(word, spoiled))


class TestPgbench:
    def test_tells_pace_and_percentiles(self) -> None:
        pace = load.read_pgbench(PGBENCH, LOG)

        assert pace == Pace(per_second=1333.333333, p50_ms=0.6, p99_ms=0.9, done=3)

    def test_tells_no_pace_without_one(self) -> None:
        with pytest.raises(Spoiled):
            load.read_pgbench("pgbench: error: connection failed\n", [])


class TestPercentile:
    def test_is_a_value_that_was_seen(self) -> None:
        values = [5.0, 1.0, 4.0, 2.0, 3.0]

        assert [load.percentile(values, percent) for percent in (1, 50, 60, 99)] == [1, 3, 3, 5]


class TestMiddle:
    def test_is_the_median_of_each_figure(self) -> None:
        paces = [
            Pace(per_second=pace, p50_ms=p50, p99_ms=p99, done=10)
            for pace, p50, p99 in ((1, 9, 5), (3, 7, 6), (2, 8, 90))
        ]

        assert load.middle(paces) == Pace(per_second=2, p50_ms=8, p99_ms=6, done=30)


@needs_wrk
@pytest.mark.sockets
class TestCalls:
    RIGHT = (
        ("add", b'{"order":812}'),
        ("balance", b'{"balance":"100.84292","currency":"USD"}'),
        (
            "status",
            b'{"charge":"0.27","start_count":"3","status":"In progress","remains":"1",'
            b'"currency":"USD"}',
        ),
        (
            "statuses",
            b"{%s}"
            % b",".join(b'"%d":{"charge":"0.5","status":"Pending"}' % n for n in range(100)),
        ),
        ("services", b'[{"service":1,"name":"x"},{"service":2,"name":"y"}]'),
        ("mixed", b'{"order":812}'),
    )

    @pytest.mark.parametrize(("action", "reply"), RIGHT, ids=[action for action, _ in RIGHT])
    def test_count_right_answers(self, action: str, reply: bytes, callers: Path) -> None:
        with answering(reply) as url:
            pace = load.calls(url, action=action, callers=callers, connections=2, seconds=1)

        assert pace.done > 0
        assert pace.per_second > 0

    @pytest.mark.parametrize("action", [action for action, _ in RIGHT])
    def test_count_no_refusal(self, action: str, callers: Path) -> None:
        refusal = b'{"error":"Not enough funds on balance"}'

        with answering(refusal) as url, pytest.raises(Spoiled, match="Not enough funds"):
            load.calls(url, action=action, callers=callers, connections=2, seconds=1)

    def test_count_no_reply_that_is_one_order_short(self, callers: Path) -> None:
        short = b"{%s}" % b",".join(b'"%d":{"charge":"0.5"}' % n for n in range(99))

        with answering(short) as url, pytest.raises(Spoiled):
            load.calls(url, action="statuses", callers=callers, connections=2, seconds=1)

    def test_count_no_reply_of_a_server_that_fails(self, callers: Path) -> None:
        with answering(b'{"order":812}', status=503) as url, pytest.raises(Spoiled):
            load.calls(url, action="add", callers=callers, connections=2, seconds=1)
