from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from relaypanel.accounts.models import User
from relaypanel.notices import deliver, outbox, webhooks
from relaypanel.notices.deliver import Outcome, Parcel
from relaypanel.notices.models import Delivery, DeliveryState, Endpoint, Kind, Notice
from tests import cast
from tests.cast import NOW
from tests.notices.samples import SAMPLES

pytestmark = pytest.mark.django_db

GOOD = Outcome(is_delivered=True, status=204)
BAD = Outcome(is_delivered=False, status=500, error="no answer")


def alice() -> User:
    user = cast.alice().user
    User.objects.filter(pk=user.pk).update(email="alice@example.com", language="vi")
    return user


def hook(user: User, number: int = 1) -> Endpoint:
    endpoint, _ = webhooks.add(
        user_id=user.pk, url=f"https://shop.example/{number}", events=["order.completed"], now=NOW
    )
    return endpoint


def complete(user: User, number: int = 1) -> None:
    outbox.tell_all(
        [
            outbox.News(
                user_id=user.pk,
                kind=Kind.ORDER_COMPLETED,
                data=SAMPLES[Kind.ORDER_COMPLETED] | {"order": order},
            )
            for order in range(number)
        ],
        now=NOW,
    )


def one(now: datetime = NOW) -> Parcel:
    [parcel] = deliver.take(now=now)
    return parcel


class TestTake:
    def test_holds_all_that_carrying_needs(self) -> None:
        user = alice()
        endpoint = hook(user)
        complete(user)
        outbox.tell(
            user_id=user.pk, kind=Kind.TICKET_ANSWERED, data=SAMPLES[Kind.TICKET_ANSWERED], now=NOW
        )

        call, letter = deliver.take(now=NOW)

        assert (call.url, call.endpoint_id) == (endpoint.url, endpoint.pk)
        assert call.secret.startswith("whsec_")
        assert call.secret not in repr(call)
        assert (letter.url, letter.email, letter.language) == ("", "alice@example.com", "vi")

    def test_gives_it_to_nobody_else_for_a_minute(self) -> None:
        user = alice()
        hook(user)
        complete(user)
        first = one()

        assert deliver.take(now=NOW + timedelta(seconds=59)) == []
        second = one(NOW + deliver.TAKEN_FOR)

        deliver.settle(first, GOOD, now=NOW)
        assert Delivery.objects.get().state == DeliveryState.WAITING
        deliver.settle(second, GOOD, now=NOW)
        assert Delivery.objects.get().state == DeliveryState.DELIVERED

    def test_takes_a_few_of_one_webhook_at_once(self) -> None:
        user = alice()
        hook(user)
        hook(user, 2)
        complete(user, deliver.BATCH_OF_ONE + 5)

        assert len(deliver.take(now=NOW)) == 2 * deliver.BATCH_OF_ONE

    def test_leaves_a_webhook_alone_that_is_off_or_rests(self) -> None:
        user = alice()
        endpoint = hook(user)
        complete(user)
        webhooks.turn(user_id=user.pk, endpoint_id=endpoint.pk, on=False, now=NOW)
        assert deliver.take(now=NOW) == []

        webhooks.turn(user_id=user.pk, endpoint_id=endpoint.pk, on=True, now=NOW)
        Endpoint.objects.update(rests_until=NOW + timedelta(seconds=1))
        assert deliver.take(now=NOW) == []

        assert one(NOW + timedelta(seconds=1))

    def test_leaves_a_webhook_alone_whose_secret_cannot_be_read(self) -> None:
        user = alice()
        hook(user)
        complete(user)
        Endpoint.objects.update(secret_sealed="lost")

        assert deliver.take(now=NOW) == []


class TestSettle:
    def test_tries_again_after_a_growing_rest_and_gives_up(self) -> None:
        user = alice()
        hook(user)
        complete(user)
        now, rests = NOW, []
        for _ in range(len(deliver.RESTS) + 1):
            Endpoint.objects.update(rests_until=None)
            deliver.settle(one(now), BAD, now=now)
            delivery = Delivery.objects.get()
            rests.append(delivery.due_at - now)
            now = max(now, delivery.due_at)

        assert tuple(rests[:-1]) == deliver.RESTS
        assert (delivery.state, delivery.last_status) == (DeliveryState.GIVEN_UP, 500)

    def test_lets_a_webhook_that_failed_rest(self) -> None:
        user = alice()
        hook(user)
        complete(user, 2)
        first, second = deliver.take(now=NOW)

        deliver.settle(first, BAD, now=NOW)
        endpoint = Endpoint.objects.get()
        assert (endpoint.failures, endpoint.rests_until) == (1, NOW + timedelta(seconds=2))
        deliver.settle(second, GOOD, now=NOW)

        endpoint.refresh_from_db()
        assert (endpoint.failures, endpoint.failing_since, endpoint.rests_until) == (0, None, None)

    def test_turns_a_webhook_off_that_has_failed_for_a_day(self) -> None:
        user = alice()
        hook(user)
        complete(user, 2)
        first, _ = deliver.take(now=NOW)
        Endpoint.objects.update(
            failures=deliver.FAILURES_MAX, failing_since=NOW - deliver.FAILING_MAX
        )

        deliver.settle(first, BAD, now=NOW)

        assert Endpoint.objects.get().disabled_at == NOW
        waiting = Delivery.objects.filter(endpoint__isnull=False, state=DeliveryState.WAITING)
        assert not waiting.exists()
        assert Notice.objects.filter(kind=Kind.WEBHOOK_DISABLED).count() == 1

    @pytest.mark.parametrize(
        ("failures", "hours"), [(deliver.FAILURES_MAX - 2, 30), (deliver.FAILURES_MAX, 23)]
    )
    def test_leaves_it_on_before(self, failures: int, hours: int) -> None:
        user = alice()
        hook(user)
        complete(user)
        parcel = one()
        Endpoint.objects.update(failures=failures, failing_since=NOW - timedelta(hours=hours))

        deliver.settle(parcel, BAD, now=NOW)

        assert Endpoint.objects.get().disabled_at is None


class TestForgetOld:
    def test_removes_what_is_older_than_it_is_kept(self) -> None:
        user = alice()
        hook(user)
        complete(user, 2)
        Notice.objects.filter(key="order:0:completed").update(at=NOW - timedelta(days=91))

        assert deliver.forget_old(now=NOW) == 1

        assert Notice.objects.get().key == "order:1:completed"
        assert Delivery.objects.count() == 1
        assert deliver.forget_old(now=NOW) == 0
