from __future__ import annotations

from collections.abc import Callable

import pytest

from relaypanel.contract import OrderType
from relaypanel.orders import series
from relaypanel.orders.models import DripFeed, FeedState, Order, Status
from relaypanel.orders.requests import OrderNotFound
from relaypanel.orders.schedules import DripFeedOver
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW

pytestmark = pytest.mark.django_db


def state(order: Order) -> str:
    return DripFeed.objects.get(pk=order.pk).state


def subscription() -> Order:
    fields = {"username": "an", "min": "100", "max": "200", "delay": "0"}
    return scene.placed(scene.relayed(type=OrderType.SUBSCRIPTIONS), **fields)


class TestDripFeeds:
    def test_are_listed_page_by_page(self) -> None:
        feeds = [scene.drip_feed() for _ in range(3)]
        scene.order()

        first = series.drip_feeds(user_id=scene.alice().pk, size=2)
        second = series.drip_feeds(user_id=scene.alice().pk, size=2, after=first.after)

        assert list(first.orders) == [feeds[2], feeds[1]]
        assert (list(second.orders), second.after) == ([feeds[0]], None)

    def test_are_listed_by_state(self) -> None:
        feed, _ = scene.drip_feed(), scene.drip_feed()
        series.pause(user_id=feed.user_id, order_id=feed.pk, now=NOW)

        found = series.drip_feeds(user_id=feed.user_id, state=FeedState.PAUSED)

        assert list(found.orders) == [feed]

    def test_are_nobody_elses(self) -> None:
        scene.drip_feed()

        assert series.drip_feeds(user_id=cast.bob().user.pk).orders == []


class TestSubscriptions:
    def test_are_listed_without_their_posts(self) -> None:
        ended, running = subscription(), subscription()
        scene.standing(ended, Status.COMPLETED)
        Order.objects.filter(pk=scene.order().pk).update(
            type=OrderType.SUBSCRIPTIONS, parent=running, run=1
        )

        def found(is_open: bool | None) -> list[Order]:
            page = series.subscriptions(user_id=running.user_id, is_open=is_open)
            return list(page.orders)

        assert found(None) == [running, ended]
        assert (found(True), found(False)) == ([running], [ended])

    def test_are_listed_page_by_page(self) -> None:
        first, second = subscription(), subscription()

        page = series.subscriptions(user_id=first.user_id, size=1)

        assert (list(page.orders), page.after) == ([second], second.pk)
        rest = series.subscriptions(user_id=first.user_id, size=1, after=page.after)
        assert (list(rest.orders), rest.after) == ([first], None)


class TestSwitches:
    def test_pause_resume_and_stop(self) -> None:
        feed = scene.drip_feed(runs=3)
        who = {"user_id": feed.user_id, "order_id": feed.pk}
        before = scene.balance()

        series.pause(**who, now=NOW)
        assert state(feed) == FeedState.PAUSED
        series.resume(**who, now=NOW)
        assert state(feed) == FeedState.GOING
        series.stop(**who, now=NOW)
        series.stop(**who, now=NOW)

        assert state(feed) == FeedState.MADE
        assert float(scene.balance()) - float(before) == 3
        assert scene.books_agree()
        with pytest.raises(DripFeedOver):
            series.pause(**who, now=NOW)

    @pytest.mark.parametrize("switch", [series.pause, series.resume, series.stop])
    def test_find_no_drip_feed_of_somebody_else(self, switch: Callable[..., None]) -> None:
        feed, plain = scene.drip_feed(), scene.order()
        bob = cast.bob().user

        for user_id, order_id in [
            (bob.pk, feed.pk),
            (feed.user_id, plain.pk),
            (feed.user_id, 10**30),
        ]:
            with pytest.raises(OrderNotFound):
                switch(user_id=user_id, order_id=order_id, now=NOW)
        assert state(feed) == FeedState.GOING
