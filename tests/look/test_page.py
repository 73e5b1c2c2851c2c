from __future__ import annotations

import pytest
from django.test import RequestFactory

from relaypanel.look.page import back


class TestBack:
    @pytest.mark.parametrize("target", ["/services?q=a", "http://testserver/services", "services"])
    def test_leads_to_a_page_of_ours(self, rf: RequestFactory, target: str) -> None:
        assert back(rf.post("/", {"next": target}), otherwise="/orders").url == target

    @pytest.mark.parametrize(
        "target",
        [
            *("", "https://evil.example", "//evil.example", "http://[::1", "javascript:alert(1)"),
            "\r\nSet-Cookie: a=b",
        ],
    )
    def test_leads_elsewhere_for_any_other(self, rf: RequestFactory, target: str) -> None:
        answer = back(rf.post("/", {"next": target}), otherwise="/orders")

        assert answer.url == "/orders"

    def test_stays_with_https(self, rf: RequestFactory) -> None:
        request = rf.post("/", {"next": "http://testserver/services"}, secure=True)

        assert back(request, otherwise="/orders").url == "/orders"
