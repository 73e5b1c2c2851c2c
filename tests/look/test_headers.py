from __future__ import annotations

import re

import pytest
from django.test import Client

from tests import cast
from tests.dashboard.browser import signed_in


@pytest.mark.django_db
class TestHeaders:
    def test_allow_nothing_but_what_the_panel_serves(self, client: Client) -> None:
        headers = client.get("/api").headers

        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert headers["X-Frame-Options"] == "DENY"

    def test_stand_on_what_is_not_found_too(self, client: Client) -> None:
        assert "Content-Security-Policy" in client.get("/no-such-page").headers

    def test_let_no_browser_keep_what_somebody_saw(self, client: Client) -> None:
        assert signed_in(cast.alice().user).get("/api").headers["Cache-Control"] == "no-store"
        assert "Cache-Control" not in client.get("/api").headers

    def test_need_no_exception_for_a_page(self, client: Client) -> None:
        body = client.get("/account/login/").content.decode()

        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", body)
        # What a script reads is no script.
        scripts = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", body)
        assert all('type="application/json"' in script for script in scripts)

    def test_come_with_pages_that_are_packed(self, client: Client) -> None:
        reply = client.get("/faq", headers={"accept-encoding": "gzip"})

        assert reply.headers["Content-Encoding"] == "gzip"
        assert len(reply.content) < len(client.get("/faq").content) / 2
