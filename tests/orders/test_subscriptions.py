from __future__ import annotations

import copy
from typing import Any

import pytest

from relaypanel import money
from relaypanel.contract import OrderType
from relaypanel.ledger.models import Transfer
from relaypanel.orders import subscriptions
from relaypanel.orders.models import Order, Status
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db

FIELDS = {"username": "miu", "min": "100", "max": "200", "delay": "0"}


def subscription(*, balance: str = "10", **settings: Any) -> Order:
    """Return a running subscription of Bob's, at 1 a post."""
    service = scene.relayed(type=OrderType.SUBSCRIPTIONS, **settings)
    bob = cast.bob(balance=balance).user
    return scene.standing(scene.placed_by(bob, service, **FIELDS), Status.PENDING)


def posts(parent: Order) -> list[Order]:
    return list(Order.objects.filter(parent=parent).order_by("run"))


class TestMirror:
    def test_writes_and_charges_each_post(self) -> None:
        parent = subscription()

        mirrored = subscriptions.mirror(
            parent=parent, upstream_ids=["501", "502"], now=later(hours=1)
        )

        assert mirrored == 2
        first, second = posts(parent)
        assert [first.upstream_id, second.upstream_id] == ["501", "502"]
        assert [first.run, second.run] == [1, 2]
        assert (first.status, first.provider) == (Status.PENDING, parent.provider)
        assert (first.quantity, first.remains, first.service) == (200, 200, parent.service)
        assert first.placed_at == later(hours=1)
        assert money.text(first.charge_e8) == "1"
        assert Transfer.objects.get(key=f"order:{first.pk}:charge").amount_e8 == money.ONE_E8
        assert scene.balance(parent.user) == "8"
        assert scene.books_agree()

    def test_charges_nothing_for_what_it_knows(self) -> None:
        parent = subscription()
        subscriptions.mirror(parent=parent, upstream_ids=["501", "502"], now=NOW)

        assert subscriptions.mirror(parent=parent, upstream_ids=["501", "502"], now=NOW) == 0
        assert subscriptions.mirror(parent=parent, upstream_ids=["502", "503", "501"], now=NOW) == 1

        assert [post.upstream_id for post in posts(parent)] == ["501", "502", "503"]
        assert [post.run for post in posts(parent)] == [1, 2, 3]
        assert scene.balance(parent.user) == "7"

    def test_charges_once_what_is_listed_twice(self) -> None:
        parent = subscription()

        assert subscriptions.mirror(parent=parent, upstream_ids=["501", "501"], now=NOW) == 1

        assert scene.balance(parent.user) == "9"

    def test_leaves_alone_what_is_another_order(self) -> None:
        parent = subscription()
        other = scene.order(Status.PENDING, upstream_id="501")

        assert subscriptions.mirror(parent=parent, upstream_ids=["501"], now=NOW) == 0

        assert posts(parent) == []
        assert scene.again(other).parent_id is None

    def test_takes_an_id_that_another_provider_uses_too(self) -> None:
        parent = subscription()
        elsewhere = scene.relayed(provider=cast.provider(name="elsewhere"))
        scene.standing(scene.placed(elsewhere), Status.PENDING, upstream_id="501")

        assert subscriptions.mirror(parent=parent, upstream_ids=["501"], now=NOW) == 1

    def test_prices_the_largest_post_where_the_rate_is_by_the_thousand(self) -> None:
        parent = subscription(rate="0.27819", rate_per=1000)

        subscriptions.mirror(parent=parent, upstream_ids=["501"], now=NOW)

        [post] = posts(parent)
        assert money.text(post.charge_e8) == "0.055638"

    def test_charges_the_rate_that_was_agreed(self) -> None:
        parent = subscription()
        parent.service.rate_e8 *= 3
        parent.service.save()

        subscriptions.mirror(parent=parent, upstream_ids=["501"], now=NOW)

        assert scene.balance(parent.user) == "9"

    def test_lets_a_post_wait_that_the_balance_does_not_cover(self) -> None:
        parent = subscription(balance="2.5")

        mirrored = subscriptions.mirror(
            parent=parent, upstream_ids=["501", "502", "503", "504"], now=NOW
        )

        assert mirrored == 2
        assert [post.upstream_id for post in posts(parent)] == ["501", "502"]
        assert scene.balance(parent.user) == "0.5"
        assert scene.books_agree()

    def test_goes_on_when_there_is_money_again(self) -> None:
        parent = subscription(balance="1")
        told = ["501", "502", "503"]
        subscriptions.mirror(parent=parent, upstream_ids=told, now=NOW)
        cast.fund(parent.user, "5")

        assert subscriptions.mirror(parent=parent, upstream_ids=told, now=NOW) == 2

        assert [(post.upstream_id, post.run) for post in posts(parent)] == [
            ("501", 1),
            ("502", 2),
            ("503", 3),
        ]
        assert scene.balance(parent.user) == "3"
        assert scene.books_agree()

    def test_takes_the_account_first(self) -> None:
        parent = subscription()

        with scene.touched() as touched:
            subscriptions.mirror(parent=parent, upstream_ids=["501"], now=NOW)

        assert touched[:2] == ["account", "order"]

    @pytest.mark.django_db(transaction=True)
    def test_charges_once_what_many_are_told_at_once(self) -> None:
        parent = subscription(balance="100")
        told = ["501", "502", "503"]

        mirrored = scene.at_once(
            6,
            lambda _: subscriptions.mirror(parent=copy.copy(parent), upstream_ids=told, now=NOW),
        )

        assert sum(mirrored) == 3
        assert scene.balance(parent.user) == "97"
        assert scene.books_agree()
