from __future__ import annotations

import pytest

from tests.api_v2.client import environment, serve


class TestApplication:
    # The door looks at a connection that an earlier test left broken.
    @pytest.mark.django_db
    @pytest.mark.parametrize("path", ["/api/v2", "/api/v2/"])
    def test_sends_the_api_to_its_door(self, path: str) -> None:
        reply = serve(environment(REQUEST_METHOD="PUT", PATH_INFO=path))

        assert reply.body == b'{"error":"Use the POST method"}'

    @pytest.mark.django_db
    @pytest.mark.parametrize("path", ["/", "/api/x", "/apiv2", "/API/v2", "api/v2", ""])
    def test_sends_everything_else_to_the_pages(self, path: str) -> None:
        reply = serve(environment(PATH_INFO=path, HTTP_HOST="localhost"))

        assert reply.headers["Content-Type"].startswith("text/html")


class TestBesideTheApi:
    @pytest.mark.parametrize("path", ["/api/v2/orders", "/api/v1", "/api/v2.php", "/api/v"])
    def test_is_told_in_json_that_nothing_is_there(self, path: str) -> None:
        reply = serve(environment(b"key=1", PATH_INFO=path))

        assert reply.status == 404
        assert reply.body == b'{"error":"There is nothing here. The API is at /api/v2"}'
        assert reply.headers["Content-Type"] == "application/json; charset=utf-8"

    def test_is_told_nothing_by_head(self) -> None:
        assert serve(environment(REQUEST_METHOD="HEAD", PATH_INFO="/api/v9")).body == b""
