from __future__ import annotations

import pytest
from django.test import Client
from django.utils import translation


@pytest.mark.django_db
class TestForms:
    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("/account/login/", ["Username or e-mail", "Password"]),
            ("/account/signup/", ["Username", "E-mail", "At least 8 characters"]),
        ],
    )
    def test_speak_in_our_words(self, client: Client, path: str, words: list[str]) -> None:
        body = client.get(path).content.decode()

        assert all(word in body for word in words)
        # A label says it; a placeholder goes away when somebody types.
        assert "placeholder" not in body

    def test_speak_vietnamese(self, client: Client) -> None:
        with translation.override("vi"):
            client.cookies["django_language"] = "vi"

            assert "Tên đăng nhập hoặc e-mail" in client.get("/account/login/").content.decode()
