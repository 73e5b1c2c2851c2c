"""SIGTERM: what is on its way ends and is written down, and nothing new sets out."""

from __future__ import annotations

import json
import signal

import pytest

from relaypanel.orders.models import Order, Status
from tests import family
from tests.faults.ground import Ground

pytestmark = pytest.mark.sockets

ANSWER_MS = 1000


class TestDrain:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_records_what_is_in_flight_and_begins_nothing(
        self, database_url: str, number: signal.Signals
    ) -> None:
        with Ground(database_url) as place:
            place.panel.environment |= {"LOG_LEVEL": "INFO", "LOG_FORMAT": "json"}
            provider = place.provider("upstream", concurrency=1, deadline_ms=10_000)
            flying, waiting = place.order(provider, 2)
            place.control(latency={"min_ms": ANSWER_MS, "max_ms": ANSWER_MS})
            worker = place.panel.start("worker")
            family.until(lambda: Order.objects.filter(status=Status.SENDING).exists())

            code = worker.end_by(number)

            assert code == 0
            sent, kept = (Order.objects.get(link=link) for link in (flying, waiting))
            assert (sent.status, bool(sent.upstream_id)) == (Status.PENDING, True)
            assert (kept.status, kept.attempts) == (Status.QUEUED, 0)
            assert place.accepted() == {flying: 1}
            _assert_tells_what_it_is_about(worker.output, sent, secrets=("any-key", flying))


def _assert_tells_what_it_is_about(output: str, order: Order, *, secrets: tuple[str, ...]) -> None:
    lines = [json.loads(line) for line in output.splitlines()]
    [sent] = [line for line in lines if line["event"] == "sent"]
    assert (sent["order"], sent["provider"]) == (order.pk, order.provider_id)
    assert sent["duty"] == f"send:{order.provider_id}"
    assert lines[-1]["event"] == "worker_stopped"
    assert not any(secret in output for secret in secrets)
