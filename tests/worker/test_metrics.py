from __future__ import annotations

import urllib.request
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from relaypanel import clock, preflight
from relaypanel.duties import lease as leases
from relaypanel.duties.models import Duty
from relaypanel.ledger.models import Account
from relaypanel.orders.models import Status
from relaypanel.providers.models import Provider
from relaypanel.worker import counters, metrics
from tests import cast
from tests.orders import scene
from tests.worker.desk import Time

Samples = dict[tuple[str, frozenset[str]], float]


def samples(text: str) -> Samples:
    """Return each sample by its name, without our prefix, and its labels' values."""
    return {
        (sample.name.removeprefix("relaypanel_"), frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(name: str, *labels: object) -> float | None:
    return samples(metrics.text()).get((name, frozenset(map(str, labels))))


@pytest.mark.django_db
class TestOrders:
    @pytest.mark.parametrize(
        ("status", "state"),
        [
            (Status.QUEUED, "queued"),
            (Status.SENDING, "sending"),
            (Status.UNCONFIRMED, "unconfirmed"),
            (Status.HELD, "held"),
            (Status.PENDING, "active"),
            (Status.PROCESSING, "active"),
            (Status.IN_PROGRESS, "active"),
        ],
    )
    def test_are_counted_by_provider_and_state(self, status: Status, state: str) -> None:
        order = scene.order(status)

        counted = {key: n for key, n in samples(metrics.text()).items() if key[0] == "orders"}

        assert {key: n for key, n in counted.items() if n} == {
            ("orders", frozenset((str(order.provider_id), state))): 1
        }
        # Five states of one provider, and of the orders without one.
        assert len(counted) == 10

    def test_that_staff_deliver_have_a_place_of_their_own(self) -> None:
        scene.placed(cast.service(rate="1"))

        assert told("orders", "none", "queued") == 1

    def test_that_wait_tell_how_long_the_oldest_has(self, time: Time) -> None:
        order = scene.order()
        time.wait(90)

        assert told("queue_oldest_seconds", order.provider_id) == 90

    def test_that_may_not_go_yet_are_not_late(self, time: Time) -> None:
        order = scene.order(due_at=cast.NOW + timedelta(minutes=5))

        assert told("queue_oldest_seconds", order.provider_id) is None


@pytest.mark.django_db
class TestProviders:
    def test_that_are_well_are_open(self) -> None:
        provider = cast.provider()

        assert told("provider_open", provider.pk) == 1
        assert told("provider_enabled", provider.pk) == 1
        assert told("provider_unclear_in_a_row", provider.pk) == 0
        assert told("provider_info", provider.pk, "upstream", "USD") == 1

    def test_that_rest_say_why(self, time: Time) -> None:
        until = cast.NOW + timedelta(minutes=1)
        provider = cast.provider(
            paused_for="unclear_answers", paused_until=until, unclear_in_a_row=3
        )

        assert told("provider_open", provider.pk) == 0
        assert told("provider_paused", provider.pk, "unclear_answers") == 1
        assert told("provider_unclear_in_a_row", provider.pk) == 3

    def test_that_their_owner_stopped_are_not_called_paused(self) -> None:
        provider = cast.provider(enabled=False, paused_for="bad_key")

        assert told("provider_enabled", provider.pk) == 0
        assert told("provider_paused", provider.pk, "bad_key") is None

    def test_tell_our_balance_there_and_its_age(self, time: Time) -> None:
        provider = cast.provider(balance_e8=150_000_000, balance_at=cast.NOW)
        unknown = cast.provider(name="other")
        time.wait(60)

        assert told("provider_balance", provider.pk) == 1.5
        assert told("provider_balance_age_seconds", provider.pk) == 60
        assert told("provider_balance", unknown.pk) is None


@pytest.mark.django_db
class TestDuties:
    def test_lag_while_no_worker_has_them(self, time: Time) -> None:
        leases.ensure(["send:1", "poll:1"], now=cast.NOW)
        time.wait(10)
        Duty.objects.filter(name="poll:1").update(leased_until=time.now + timedelta(seconds=5))

        assert told("duty_lag_seconds", "send:1") == 10
        assert told("duty_lag_seconds", "poll:1") == 0

    def test_lag_again_when_their_worker_is_gone(self, time: Time) -> None:
        leases.ensure(["send:1"], now=cast.NOW)
        Duty.objects.update(leased_until=cast.NOW + timedelta(seconds=5))
        time.wait(10)

        assert told("duty_lag_seconds", "send:1") == 10

    def test_tell_their_failures(self) -> None:
        leases.ensure(["send:1"], now=cast.NOW)
        Duty.objects.update(failures=4)

        assert told("duty_failures", "send:1") == 4


class TestLedger:
    @pytest.mark.django_db
    def test_does_not_drift(self) -> None:
        scene.order()

        assert told("ledger_drift") == 0

    @pytest.mark.django_db
    def test_drift_is_asked_for_rarely(self, time: Time) -> None:
        registry = CollectorRegistry()
        registry.register(metrics.Gauges())
        user = cast.alice(balance="1").user
        assert registry.get_sample_value("relaypanel_ledger_drift") == 0
        Account.objects.filter(user=user).update(balance_e8=3 * 10**8)

        assert registry.get_sample_value("relaypanel_ledger_drift") == 0
        time.wait(metrics.DRIFT_SECONDS)
        assert registry.get_sample_value("relaypanel_ledger_drift") == 2


class TestDatabase:
    def test_that_is_away_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def is_away() -> datetime:
            raise OperationalError

        monkeypatch.setattr(clock, "of_database", is_away)

        assert samples(metrics.text()) == {("database_up", frozenset()): 0}


class TestServe:
    @pytest.mark.sockets
    @pytest.mark.django_db(transaction=True)
    def test_answers_with_gauges_and_counters(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(counters, "REGISTRY", CollectorRegistry())
        counters.REGISTRY.register(counters.SENT)
        provider: Provider = cast.provider()
        port = preflight.spare_port()
        metrics.serve(host="127.0.0.1", port=port)

        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
            text = reply.read().decode()

        assert samples(text)["provider_open", frozenset((str(provider.pk),))] == 1
        assert "# TYPE relaypanel_sent_total counter" in text
