from __future__ import annotations

import argparse
import socket

import pytest
from django.db import connection

from relaypanel import preflight
from relaypanel.preflight import CannotStart


class TestPortNumber:
    @pytest.mark.parametrize(("text", "port"), [("1", 1), ("8000", 8000), ("65535", 65_535)])
    def test_is_read(self, text: str, port: int) -> None:
        assert preflight.port_number(text) == port

    @pytest.mark.parametrize(
        "text", ["", "0", "65536", "-1", "80 ", "http", "²", "８０", "9" * 5000]
    )
    def test_is_refused(self, text: str) -> None:
        with pytest.raises(argparse.ArgumentTypeError, match="is not a port"):
            preflight.port_number(text)


@pytest.mark.sockets
class TestFreeAddress:
    def test_is_the_number_of_a_name(self) -> None:
        port = preflight.spare_port()

        assert preflight.free_address("localhost", port) in ("127.0.0.1", "::1")

    def test_is_refused_when_somebody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

            with pytest.raises(CannotStart, match=f"port {port} of .* is in use"):
                preflight.free_address("127.0.0.1", port)

    def test_is_refused_when_somebody_listens_who_would_share(self) -> None:
        with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
            port = taken.getsockname()[1]

            with pytest.raises(CannotStart, match="is in use"):
                preflight.free_address("127.0.0.1", port)

    def test_is_granted_while_old_connections_linger(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as client:
                accepted, _ = server.accept()
                # Who closes first keeps the connection in TIME_WAIT.
                accepted.close()
                assert client.recv(1) == b""

        assert preflight.free_address("127.0.0.1", port) == "127.0.0.1"

    @pytest.mark.parametrize("host", ["no such host", "a" * 70 + ".example"])
    def test_is_refused_for_a_name_that_nobody_has(self, host: str) -> None:
        with pytest.raises(CannotStart, match="there is no such address"):
            preflight.free_address(host, 8000)

    def test_is_refused_for_an_address_of_another_machine(self) -> None:
        # Kept for documentation (RFC 5737): no machine has it.
        with pytest.raises(CannotStart, match=r"cannot listen on port 8000 of 192\.0"):
            preflight.free_address("192.0.2.1", 8000)


class TestRequireSchema:
    @pytest.mark.django_db(transaction=True)
    def test_is_content_with_a_migrated_database_and_lets_go_of_it(self) -> None:
        preflight.require_schema()

        assert connection.connection is None
