"""Another panel as the client meets it: it notes what it is asked and says what it is told to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from relaypanel.http import Ready, Reply


class Panel:
    def __init__(self, *script: Any) -> None:
        """Each item answers one call: JSON, a whole `Reply`, or a failure to raise."""
        self.forms: list[dict[str, str]] = []
        self.calls: list[dict[str, Any]] = []
        self._script = list(script)

    async def post(
        self,
        url: str,
        form: Mapping[str, str],
        *,
        deadline_seconds: float,
        bytes_max: int,
        ready: Ready | None = None,
    ) -> Reply:
        self.forms.append(dict(form))
        self.calls.append(
            {"url": url, "deadline": deadline_seconds, "bytes_max": bytes_max, "ready": ready}
        )
        answer = self._script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Reply) else said(json.dumps(answer))


def said(body: str, *, status: int = 200) -> Reply:
    return Reply(status=status, content_type="application/json", body=body.encode())


async def at_once() -> None:
    """Be ready: nothing is to be recorded before the call."""
