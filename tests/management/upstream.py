from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

from relaypanel import money
from relaypanel.providers.answers import Listing


class Upstream:
    """A panel upstream that has one service, on a port of this machine."""

    def __init__(self) -> None:
        service: dict[str, Any] = {"service": 7, "name": "Likes 👍", "type": "Default"}
        service |= {"rate": "0.90", "min": "10", "max": "5000", "category": "Likes"}
        self.keys: set[str] = set()
        self.replies = {
            "services": json.dumps([service]).encode(),
            "balance": b'{"balance":"100.84292","currency":"USD"}',
        }
        self.server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/v2"

    def tell(self, *listings: Listing) -> None:
        """Have these for its services from now on."""
        rows = [
            {
                "service": row.upstream_id,
                "name": row.name,
                "desc": row.description,
                "category": row.category,
                "platform": row.platform,
                "type": row.type.value,
                "rate": money.text(row.rate_e8),
                "min": row.min,
                "max": row.max,
            }
            for row in listings
        ]
        self.replies["services"] = json.dumps(rows).encode()

    def _handler(panel) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the request
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                form = parse_qs(self.rfile.read(length).decode())
                panel.keys.update(form["key"])
                body = panel.replies[form["action"][0]]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        return Handler
