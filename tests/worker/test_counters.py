from __future__ import annotations

import pytest

from relaypanel.contract import Action
from relaypanel.errors import ProviderError
from relaypanel.orders.models import Order
from relaypanel.simulator.faults import Fault, FaultKind
from relaypanel.worker import counters, jobs
from tests import cast
from tests.worker.desk import Desk, Line, bought, relayed


def counted(name: str, **labels: object) -> float:
    texts = {label: str(value) for label, value in labels.items()}
    return counters.REGISTRY.get_sample_value(f"relaypanel_{name}_total", texts) or 0


@pytest.mark.django_db
class TestCounters:
    def test_count_what_was_sent_by_its_answer(self, desk: Desk) -> None:
        provider = cast.provider()
        before = counted("sent", provider=provider.pk, answer="Accepted")
        bought(relayed(provider), 3)

        desk.do(jobs.send_orders, provider)

        assert counted("sent", provider=provider.pk, answer="Accepted") - before == 3

    def test_count_what_was_asked_about(self, desk: Desk) -> None:
        provider = cast.provider()
        bought(relayed(provider), 2)
        desk.do(jobs.send_orders, provider)
        assert Order.objects.filter(upstream_id__isnull=False).count() == 2
        before = counted("polled", provider=provider.pk)
        failed_before = counted("status_calls_failed", provider=provider.pk)

        desk.do(jobs.poll_orders, provider)

        assert counted("polled", provider=provider.pk) - before == 2
        assert counted("status_calls_failed", provider=provider.pk) == failed_before

    def test_count_the_calls_that_failed(self, desk: Desk, line: Line) -> None:
        provider = cast.provider()
        bought(relayed(provider), 1)
        desk.do(jobs.send_orders, provider)
        line.faults.add(Fault(kind=FaultKind.HTTP_500, action=Action.STATUS))
        before = counted("status_calls_failed", provider=provider.pk)

        with pytest.raises(ProviderError):
            desk.do(jobs.poll_orders, provider)

        assert counted("status_calls_failed", provider=provider.pk) - before == 1
