from __future__ import annotations

import pytest

from tests.api_v2.client import environment, serve


class TestApplication:
    @pytest.mark.parametrize("path", ["/api/v2", "/api/v2/"])
    def test_sends_the_api_to_its_door(self, path: str) -> None:
        reply = serve(environment(REQUEST_METHOD="PUT", PATH_INFO=path))

        assert reply.body == b'{"error":"Use the POST method"}'

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        "path", ["/", "/api/v2//", "/api/v2/x", "/api/v22", "/API/v2", "api/v2", ""]
    )
    def test_sends_everything_else_to_the_pages(self, path: str) -> None:
        reply = serve(environment(PATH_INFO=path, HTTP_HOST="localhost"))

        assert reply.headers["Content-Type"].startswith("text/html")
