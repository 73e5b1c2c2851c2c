"""A simulated panel in place of the network: its `post` is what a provider client calls.

panel = Panel(clock=lambda: seconds)
client = Client(endpoint, Wire(panel=panel).post)
"""

from __future__ import annotations

from collections.abc import Mapping

from relaypanel import http
from relaypanel.simulator import replies
from relaypanel.simulator.faults import Faults
from relaypanel.simulator.panel import Panel


class Wire:
    def __init__(self, *, panel: Panel, faults: Faults | None = None) -> None:
        self.panel = panel
        self.faults = faults or Faults()

    async def post(
        self,
        url: str,
        form: Mapping[str, str],
        *,
        deadline_seconds: float,
        bytes_max: int,
        ready: http.Ready | None = None,
    ) -> http.Reply:
        """Fail as `http.Session.post` does, without waiting for it."""
        if ready is not None:
            await ready()
        reply = replies.reply(panel=self.panel, faults=self.faults, form=form)
        if reply.is_reset:
            raise http.Unclear("the connection was reset")
        if reply.wait_seconds >= deadline_seconds:
            raise http.Unclear("no answer in time")
        if len(reply.body) > bytes_max:
            raise http.Unclear("the answer is too large")
        return http.Reply(status=reply.status, content_type=reply.content_type, body=reply.body)
