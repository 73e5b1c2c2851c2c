from __future__ import annotations

import pytest

from relaypanel.look import user_agents

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"


class TestName:
    @pytest.mark.parametrize(
        ("user_agent", "name"),
        [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox, Linux",
            ),
            (f"Mozilla/5.0 (Windows NT 10.0) {_CHROME} Safari/537.36", "Chrome, Windows"),
            (f"Mozilla/5.0 (Windows NT 10.0) {_CHROME} Safari/537.36 Edg/140.0", "Edge, Windows"),
            (f"Mozilla/5.0 (Linux; Android 10; K) {_CHROME} Safari/537.36", "Chrome, Android"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
                "Safari, iPhone",
            ),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605", "Safari, macOS"),
            ("curl/8.5.0", "curl/8.5.0"),
            ("x" * 200, "x" * 40),
            ("", ""),
        ],
    )
    def test_says_it_as_its_user_would(self, user_agent: str, name: str) -> None:
        assert user_agents.name(user_agent) == name
