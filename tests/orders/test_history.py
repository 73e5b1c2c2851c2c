from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest

from relaypanel.accounts.models import User
from relaypanel.orders import history
from relaypanel.orders.history import Cursor, Tab, Wanted
from relaypanel.orders.models import Order, Status
from relaypanel.orders.requests import OrderNotFound
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW

pytestmark = pytest.mark.django_db

Queries = Callable[[int], AbstractContextManager[object]]


def bought(count: int = 1, *, by: User | None = None, **columns: object) -> list[Order]:
    """Return orders a minute apart, the oldest first."""
    user, service = by or scene.alice(), cast.service(rate="1")
    return [
        Order.objects.create(
            **{
                "user": user,
                "service": service,
                "type": service.type,
                "link": f"https://example.com/{n}",
                "quantity": 100,
                "remains": 100,
                "rate_e8": service.rate_e8,
                "rate_per": 1000,
                "charge_e8": 10**7,
                "placed_at": NOW + timedelta(minutes=n),
                "due_at": NOW,
            }
            | columns
        )
        for n in range(count)
    ]


def ids(wanted: Wanted) -> list[int]:
    return [order.pk for order in history.page(wanted).orders]


def of_alice(**asked: object) -> Wanted:
    return Wanted(user_id=scene.alice().pk, **asked)  # type: ignore[arg-type]


class TestPage:
    def test_shows_the_latest_first(self) -> None:
        first, second = bought(2)

        assert ids(of_alice()) == [second.pk, first.pk]

    def test_shows_nobody_elses(self) -> None:
        bought(by=cast.bob().user)

        assert ids(of_alice()) == []

    def test_leads_on_page_by_page_to_the_last(self) -> None:
        orders = bought(5)

        seen, after = [], None
        for _ in range(3):
            found = history.page(of_alice(), after=after, size=2)
            seen.append([order.pk for order in found.orders])
            after = found.after

        newest = [order.pk for order in reversed(orders)]
        assert seen == [newest[:2], newest[2:4], newest[4:]]
        assert after is None

    def test_keeps_its_place_among_orders_of_one_moment(self) -> None:
        orders = bought(3, placed_at=NOW)

        first = history.page(of_alice(), size=2)
        second = history.page(of_alice(), after=first.after, size=2)

        assert [o.pk for o in second.orders] == [orders[0].pk]

    def test_keeps_its_place_when_an_order_comes_in(self) -> None:
        orders = bought(3)
        first = history.page(of_alice(), size=2)

        bought(placed_at=NOW + timedelta(hours=1))

        second = history.page(of_alice(), after=first.after, size=2)
        assert [o.pk for o in second.orders] == [orders[0].pk]

    @pytest.mark.parametrize(
        ("status", "tab"),
        [
            (Status.QUEUED, Tab.PENDING),
            (Status.SENDING, Tab.PENDING),
            (Status.UNCONFIRMED, Tab.PENDING),
            (Status.HELD, Tab.PENDING),
            (Status.PENDING, Tab.PENDING),
            (Status.PROCESSING, Tab.PROCESSING),
            (Status.IN_PROGRESS, Tab.IN_PROGRESS),
        ],
    )
    def test_has_each_open_order_on_one_tab(self, status: Status, tab: Tab) -> None:
        [order] = bought(status=status)

        assert {t for t in Tab if ids(of_alice(tab=t)) == [order.pk]} == {tab}

    def test_mixes_the_statuses_of_a_tab_by_time(self) -> None:
        statuses = (Status.HELD, Status.QUEUED, Status.PENDING, Status.QUEUED)
        orders = [
            bought(status=status, placed_at=NOW + timedelta(minutes=n))[0]
            for n, status in enumerate(statuses)
        ]

        first = history.page(of_alice(tab=Tab.PENDING), size=3)
        second = history.page(of_alice(tab=Tab.PENDING), size=3, after=first.after)

        newest = [order.pk for order in reversed(orders)]
        assert [o.pk for o in (*first.orders, *second.orders)] == newest

    def test_finds_ids_in_any_shape(self) -> None:
        orders = bought(3)

        text = f"#{orders[0].pk}, {orders[2].pk};99999"

        assert ids(of_alice(text=text)) == [orders[2].pk, orders[0].pk]

    def test_finds_a_service_by_its_number(self) -> None:
        bought()
        [order] = bought()
        Order.objects.filter(pk=order.pk).update(service=cast.service(id=4711))

        assert ids(of_alice(text="4711")) == [order.pk]

    def test_finds_a_part_of_a_link_in_any_case(self) -> None:
        [order] = bought(link="https://example.com/Story/Ab1")
        bought()

        assert ids(of_alice(text="STORY/ab1")) == [order.pk]

    @pytest.mark.parametrize("text", ["xúc Việt", "XUC viet"])
    def test_finds_a_part_of_a_services_name(self, text: str) -> None:
        [order] = bought()
        Order.objects.filter(pk=order.pk).update(service=cast.service(name="Cảm xúc Việt"))
        bought()

        assert ids(of_alice(text=text)) == [order.pk]

    @pytest.mark.parametrize(
        "text", ["100%", "a_b", "\\", "'", "\x00", "9" * 19, "😀", "\u0323", "a" * 70_000]
    )
    def test_takes_any_text(self, text: str) -> None:
        bought(2)

        assert ids(of_alice(text=text)) == []

    def test_shows_the_days_asked_for(self) -> None:
        orders = bought(3)

        since, until = orders[1].placed_at, orders[2].placed_at

        assert ids(of_alice(since=since, until=until)) == [orders[1].pk]

    def test_asks_the_same_queries_however_many_orders_there_are(
        self, django_assert_num_queries: Queries
    ) -> None:
        bought(60)

        every, pending = of_alice(), of_alice(tab=Tab.PENDING)

        with django_assert_num_queries(2):
            page = history.page(every)
            assert all(order.service.category.platform.name for order in page.orders)
        with django_assert_num_queries(6):
            history.page(pending)


class TestCursor:
    def test_says_where_a_page_begins(self) -> None:
        cursor = Cursor(datetime(2026, 11, 24, 12, 0, 0, 123_456, UTC), 7)

        assert Cursor.parse(str(cursor)) == cursor

    @pytest.mark.parametrize(
        "text", ["", "7", "a-7", "1-", "-1-7", "9" * 17 + "-7", "1-" + "9" * 19, "١-٧", "1-7 "]
    )
    def test_is_none_for_any_other_text(self, text: str) -> None:
        assert Cursor.parse(text) is None


class TestEvery:
    def test_yields_all_in_the_order_of_the_list(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(history, "EXPORT_PAGE", 2)
        orders = bought(5)

        found = [order.pk for order in history.every(of_alice())]

        assert found == [order.pk for order in reversed(orders)]


class TestOne:
    def test_is_the_users_order(self) -> None:
        [order] = bought()

        assert history.one(user_id=scene.alice().pk, order_id=order.pk) == order

    @pytest.mark.parametrize("order_id", [0, 10**6, 2**63, 10**30])
    def test_is_not_there(self, order_id: int) -> None:
        with pytest.raises(OrderNotFound):
            history.one(user_id=scene.alice().pk, order_id=order_id)

    def test_is_not_there_for_a_stranger(self) -> None:
        [order] = bought()

        with pytest.raises(OrderNotFound):
            history.one(user_id=cast.bob().user.pk, order_id=order.pk)


class TestCounts:
    def test_are_of_each_tab(self) -> None:
        bought(2, status=Status.HELD)
        bought(status=Status.IN_PROGRESS)
        bought(status=Status.COMPLETED, ended_at=NOW)
        bought(by=cast.bob().user)

        counts = history.counts(scene.alice().pk)

        assert {tab: n for tab, n in counts.items() if n} == {
            Tab.PENDING: 2,
            Tab.IN_PROGRESS: 1,
            Tab.COMPLETED: 1,
        }

    def test_stop_where_no_page_says_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(history, "COUNTED_MAX", 2)
        bought(3, status=Status.COMPLETED, ended_at=NOW)

        assert history.counts(scene.alice().pk)[Tab.COMPLETED] == 2

    def test_can_begin_at_a_moment(self) -> None:
        orders = bought(3)

        counts = history.counts_since(orders[1].placed_at, user_id=scene.alice().pk)

        assert counts[Tab.PENDING] == 2


class TestRunning:
    def test_counts_what_has_not_ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bought(2)
        bought(status=Status.COMPLETED, ended_at=NOW)
        bought(by=cast.bob().user)

        assert history.running(scene.alice().pk) == 2
        monkeypatch.setattr(history, "COUNTED_MAX", 1)
        assert history.running(scene.alice().pk) == 1
