from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from relaypanel.accounts.models import User
from relaypanel.notices import outbox
from relaypanel.notices.models import Channel, Choice, Delivery, Endpoint, Kind, Notice
from tests import cast
from tests.cast import NOW
from tests.notices.samples import SAMPLES


def alice(*, email: str = "alice@example.com") -> User:
    user = cast.alice().user
    User.objects.filter(pk=user.pk).update(email=email)
    return user


def endpoint(user: User, *events: str) -> Endpoint:
    return Endpoint.objects.create(
        user=user, url="https://shop.example/hook", events=list(events), made_at=NOW
    )


def tell(user: User, kind: Kind) -> bool:
    return outbox.tell(user_id=user.pk, kind=kind, data=SAMPLES[kind], now=NOW)


@pytest.mark.django_db
class TestTell:
    def test_lists_it_and_writes_a_letter(self) -> None:
        user = alice()

        assert tell(user, Kind.TICKET_ANSWERED)

        notice = Notice.objects.get()
        assert (notice.user_id, notice.kind, notice.at) == (user.pk, "ticket_answered", NOW)
        assert notice.is_listed
        assert notice.read_at is None
        assert notice.data == SAMPLES[Kind.TICKET_ANSWERED]
        delivery = Delivery.objects.get()
        assert (delivery.notice_id, delivery.endpoint_id) == (notice.pk, None)
        assert (delivery.state, delivery.due_at) == ("waiting", NOW)

    def test_tells_it_once(self) -> None:
        user = alice()
        tell(user, Kind.TICKET_ANSWERED)

        assert not tell(user, Kind.TICKET_ANSWERED)

        assert Notice.objects.count() == Delivery.objects.count() == 1

    def test_writes_no_letter_to_who_has_no_address(self) -> None:
        assert tell(alice(email=""), Kind.TICKET_ANSWERED)

        assert not Delivery.objects.exists()

    def test_writes_nothing_that_nobody_wants(self) -> None:
        assert not tell(alice(), Kind.ORDER_COMPLETED)

        assert not Notice.objects.exists()

    @pytest.mark.parametrize("channel", Channel)
    def test_follows_the_users_own_word(self, channel: Channel) -> None:
        user = alice()
        Choice.objects.create(
            user=user, kind=Kind.TICKET_ANSWERED, channel=channel, is_wanted=False
        )

        assert tell(user, Kind.TICKET_ANSWERED)

        assert Notice.objects.get().is_listed == (channel is Channel.MAIL)
        assert Delivery.objects.exists() == (channel is Channel.PAGE)

    def test_tells_the_webhooks_that_chose_the_event(self) -> None:
        user = alice()
        chosen = endpoint(user, "order.completed", "order.partial")
        endpoint(user, "order.partial")
        off = endpoint(user, "order.completed")
        Endpoint.objects.filter(pk=off.pk).update(disabled_at=NOW)
        endpoint(cast.bob().user, "order.completed")

        assert tell(user, Kind.ORDER_COMPLETED)

        assert not Notice.objects.get().is_listed
        assert Delivery.objects.get().endpoint_id == chosen.pk

    def test_goes_with_the_transaction_around_it(self) -> None:
        user = alice()

        with transaction.atomic():
            tell(user, Kind.TICKET_ANSWERED)
            transaction.set_rollback(True)

        assert not Notice.objects.exists()

    @pytest.mark.parametrize("number", [2, 20])
    def test_tells_many_with_few_statements(self, number: int) -> None:
        user = alice()
        endpoint(user, "order.partial")
        news = [
            outbox.News(
                user_id=user.pk,
                kind=Kind.ORDER_PARTIAL,
                data=SAMPLES[Kind.ORDER_PARTIAL] | {"order": order},
            )
            for order in range(number)
        ]

        with CaptureQueriesContext(connection) as queries:
            assert outbox.tell_all(news, now=NOW) == number

        statements = [one for one in queries.captured_queries if "SAVEPOINT" not in one["sql"]]
        assert len(statements) == 7
        assert Delivery.objects.count() == number


@pytest.mark.django_db
class TestTellWebhook:
    def test_tells_one_that_chose_nothing(self) -> None:
        chosen = endpoint(alice())
        data = SAMPLES[Kind.WEBHOOK_TEST] | {"endpoint": chosen.pk}

        delivery = outbox.tell_webhook(chosen, kind=Kind.WEBHOOK_TEST, data=data, now=NOW)

        assert delivery.endpoint_id == chosen.pk
        assert not delivery.notice.is_listed


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_two_who_tell_the_same_at_once_tell_it_once(self) -> None:
        user = alice()
        endpoint(user, "topup.confirmed")
        barrier = Barrier(8)

        def race(_: int) -> None:
            barrier.wait()
            tell(user, Kind.TOPUP_CONFIRMED)
            connection.close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(race, range(8)))

        assert Notice.objects.count() == 1
        assert Delivery.objects.count() == 2
