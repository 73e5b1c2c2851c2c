from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import money
from relaypanel.accounts import keys
from relaypanel.catalogue.models import Discount, Service, UserRate, Visibility
from relaypanel.catalogue.offers import Offer
from relaypanel.contract import OrderType
from relaypanel.errors import Refused
from relaypanel.ledger import book, members
from relaypanel.ledger.models import Account, Transfer
from relaypanel.orders import place
from relaypanel.orders.models import DripFeed, Order, OrderEvent, Status
from relaypanel.orders.place import OrderRequest
from relaypanel.orders.types import Content
from tests import cast

LINK = "https://example.com/post/1"

pytestmark = pytest.mark.django_db


def request(
    user_id: int, service: Service, *, ref: str | None = None, **fields: str
) -> OrderRequest:
    return OrderRequest(
        user_id=user_id,
        service_id=service.pk,
        fields={"link": LINK, "quantity": "1000"} | fields,
        client_ref=ref,
    )


def claimed(buyer: members.Enrolled, service: Service) -> OrderRequest:
    """Return what somebody wants whose key was seen a moment ago."""
    caller = keys.find(buyer.api_key, address=None)
    assert caller is not None
    return msgspec.structs.replace(
        request(buyer.user.pk, service), claim=keys.Claim(caller, address=None)
    )


def placed(*requests: OrderRequest) -> list[Order]:
    verdicts = place.place(requests=requests, now=cast.NOW)
    assert all(isinstance(verdict, Order) for verdict in verdicts), verdicts
    return [verdict for verdict in verdicts if isinstance(verdict, Order)]


def refused(request: OrderRequest) -> Refused:
    orders = Order.objects.count()
    transfers = Transfer.objects.count()

    [verdict] = place.place(requests=[request], now=cast.NOW)

    assert isinstance(verdict, Refused)
    assert (Order.objects.count(), Transfer.objects.count()) == (orders, transfers)
    return verdict


class TestPlace:
    def test_charges_the_exact_price(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(rate="0.27819")

        [order] = placed(request(alice.pk, service, quantity="777"))

        assert money.text(order.charge_e8) == "0.21615363"
        assert money.text(book.balance(alice.pk)) == "9.78384637"
        transfer = Transfer.objects.get(key=f"order:{order.pk}:charge")
        assert transfer.amount_e8 == order.charge_e8

    def test_writes_the_order_as_it_was_asked(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(type=OrderType.POLL)
        upstream = cast.route(service, cast.provider())

        [order] = placed(request(alice.pk, service, quantity="20", answer_number="3"))

        order.refresh_from_db()
        assert (order.link, order.quantity, order.remains) == (LINK, 20, 20)
        assert order.fields == {"answer_number": "3"}
        assert (order.status, order.provider) == (Status.QUEUED, upstream.provider)
        assert order.upstream_service == upstream
        assert order.placed_at == cast.NOW
        event = OrderEvent.objects.get(order=order)
        assert (event.to_status, event.reason) == (Status.QUEUED, "placed")

    def test_answers_each_request_of_a_batch_in_its_place(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(rate="1", min=10, max=10_000)

        verdicts = place.place(
            requests=[
                request(alice.pk, service),
                request(alice.pk, service, link="javascript:alert(1)"),
                request(alice.pk, service, quantity="2000"),
            ],
            now=cast.NOW,
        )

        assert [getattr(verdict, "quantity", None) for verdict in verdicts] == [1000, None, 2000]
        assert money.text(book.balance(alice.pk)) == "7"

    def test_spends_a_balance_to_its_end_within_a_batch_and_not_further(self) -> None:
        alice = cast.alice(balance="2.5").user
        service = cast.service(rate="1")

        verdicts = place.place(requests=[request(alice.pk, service)] * 3, now=cast.NOW)

        assert [isinstance(verdict, Order) for verdict in verdicts] == [True, True, False]
        assert isinstance(verdicts[2], book.NotEnoughFunds)
        assert money.text(book.balance(alice.pk)) == "0.5"

    def test_serves_several_users_in_one_batch(self) -> None:
        alice, bob = cast.alice(balance="10").user, cast.bob(balance="1").user
        service = cast.service(rate="1")

        placed(request(bob.pk, service), request(alice.pk, service))

        assert money.text(book.balance(alice.pk)) == "9"
        assert money.text(book.balance(bob.pk)) == "0"

    def test_takes_along_what_comes_once_the_accounts_are_locked(self) -> None:
        alice, service = cast.alice(balance="3").user, cast.service(rate="1")
        first, *later = (request(alice.pk, service, link=f"{LINK}{n}") for n in range(4))

        *order_ids, refusal = place.ids(requests=[first], now=cast.NOW, late=lambda: later)

        assert order_ids == list(Order.objects.order_by("pk").values_list("pk", flat=True))
        assert len(order_ids) == 3
        assert isinstance(refusal, book.NotEnoughFunds)

    def test_takes_along_who_has_another_account(self) -> None:
        alice, bob = cast.alice(balance="3").user, cast.bob(balance="1").user
        service = cast.service(rate="1")
        later = [request(bob.pk, service, link=f"{LINK}{n}") for n in range(2)]

        *order_ids, refusal = place.ids(
            requests=[request(alice.pk, service)], now=cast.NOW, late=lambda: later
        )

        assert len(order_ids) == Order.objects.count() == 2
        assert isinstance(refusal, book.NotEnoughFunds)
        assert money.text(book.balance(alice.pk)) == "2"
        assert money.text(book.balance(bob.pk)) == "0"

    def test_takes_the_price_that_was_there_before_the_last_of_them_came(self) -> None:
        alice, service = cast.alice(balance="10").user, cast.service(rate="1")
        first, later = (request(alice.pk, service, link=f"{LINK}{n}") for n in range(2))
        placed(request(alice.pk, service))

        def late() -> list[OrderRequest]:
            Service.objects.filter(pk=service.pk).update(rate_e8=2 * money.ONE_E8)
            return [later]

        place.ids(requests=[first], now=cast.NOW, late=late)

        charged = Order.objects.order_by("pk").values_list("charge_e8", flat=True)
        assert list(charged)[-1] == 2 * money.ONE_E8

    def test_refuses_who_is_not_who_they_were_and_nobody_else(self) -> None:
        alice, bob = cast.alice(balance="0"), cast.bob(balance="10")
        service = cast.service(rate="1")
        requests = [claimed(bob, service), claimed(alice, service), claimed(bob, service)]
        keys.issue(alice.user, now=cast.NOW)

        first, refusal, last = place.ids(requests=requests, now=cast.NOW)

        assert isinstance(refusal, keys.BadKey)
        assert {first, last} == set(Order.objects.values_list("pk", flat=True))
        assert not Order.objects.filter(user=alice.user).exists()

    def test_asks_who_they_are_after_the_last_of_them_came(self) -> None:
        alice, service = cast.alice(balance="10"), cast.service(rate="1")
        requests = [claimed(alice, service) for _ in range(2)]

        def late() -> list[OrderRequest]:
            keys.issue(alice.user, now=cast.NOW)
            return requests[1:]

        verdicts = place.ids(requests=requests[:1], now=cast.NOW, late=late)

        assert [type(verdict) for verdict in verdicts] == [keys.BadKey, keys.BadKey]
        assert not Order.objects.exists()

    def test_takes_the_rate_that_this_user_has(self) -> None:
        alice, bob = cast.alice(balance="10").user, cast.bob(balance="10").user
        service = cast.service(rate="1")
        UserRate.objects.create(user=alice, service=service, rate_e8=money.parse("0.5"))
        Discount.objects.create(user=bob, percent_e2=1_000)

        first, second = placed(request(alice.pk, service), request(bob.pk, service))

        assert (money.text(first.charge_e8), money.text(second.charge_e8)) == ("0.5", "0.9")

    def test_takes_a_free_order_without_a_transfer(self) -> None:
        alice = cast.alice().user

        [order] = placed(request(alice.pk, cast.service(rate="0")))

        assert order.charge_e8 == 0
        assert not Transfer.objects.filter(key=f"order:{order.pk}:charge").exists()

    def test_holds_an_order_that_no_route_can_take(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service()
        cast.route(service, cast.provider(enabled=False))

        [order] = placed(request(alice.pk, service))

        assert order.status == Status.HELD

    def test_queues_for_staff_what_never_had_a_route(self) -> None:
        alice = cast.alice(balance="10").user

        [order] = placed(request(alice.pk, cast.service()))

        assert (order.status, order.provider) == (Status.QUEUED, None)

    @pytest.mark.parametrize("visibility", [Visibility.HIDDEN, Visibility.DISABLED])
    def test_refuses_what_is_not_for_sale_like_what_is_not_there(
        self, visibility: Visibility
    ) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(visibility=visibility)
        absent = OrderRequest(user_id=alice.pk, service_id=10**9, fields={})

        assert refused(request(alice.pk, service)).code == "incorrect_service"
        assert refused(absent).code == "incorrect_service"

    def test_refuses_a_second_order_for_a_link_where_the_service_takes_one(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(one_order_per_link=True)
        [first] = placed(request(alice.pk, service))

        assert refused(request(alice.pk, service)).code == "link_busy"
        placed(request(alice.pk, service, link=f"{LINK}0"))
        Order.objects.filter(pk=first.pk).update(status=Status.COMPLETED, ended_at=cast.NOW)
        placed(request(alice.pk, service))

    def test_refuses_the_same_link_twice_in_one_batch(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(one_order_per_link=True)

        verdicts = place.place(requests=[request(alice.pk, service)] * 2, now=cast.NOW)

        assert [isinstance(verdict, Order) for verdict in verdicts] == [True, False]


class TestDripFeed:
    def test_charges_all_runs_at_once(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(rate="1", dripfeed=True)

        [order] = placed(request(alice.pk, service, runs="3", interval="30"))

        assert money.text(order.charge_e8) == "3"
        assert (order.status, order.provider, order.remains) == (Status.IN_PROGRESS, None, 3000)
        feed = DripFeed.objects.get(order=order)
        assert (feed.runs, feed.interval_minutes, feed.next_run) == (3, 30, 1)
        assert feed.next_run_at == cast.NOW


class TestSubscription:
    FIELDS = {"username": "miu", "min": "100", "max": "200", "posts": "5", "delay": "0"}  # noqa: RUF012

    def test_charges_nothing_before_a_post_is_served(self) -> None:
        alice = cast.alice(balance="1").user
        service = cast.service(type=OrderType.SUBSCRIPTIONS, rate="1")

        [order] = placed(request(alice.pk, service, **self.FIELDS))

        assert order.charge_e8 == 0
        assert order.fields == self.FIELDS

    def test_needs_the_price_of_one_post(self) -> None:
        alice = cast.alice(balance="0.99999").user
        service = cast.service(type=OrderType.SUBSCRIPTIONS, rate="1")

        assert refused(request(alice.pk, service, **self.FIELDS)).code == "not_enough_funds"

    def test_needs_the_largest_post_where_it_is_priced_by_the_thousand(self) -> None:
        alice = cast.alice(balance="0.2").user
        service = cast.service(type=OrderType.SUBSCRIPTIONS, rate="1", rate_per=1000)
        more = self.FIELDS | {"max": "201"}

        assert refused(request(alice.pk, service, **more)).code == "not_enough_funds"
        placed(request(alice.pk, service, **self.FIELDS))


class TestClientRef:
    def test_buys_once_under_one_name(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(rate="1")

        [first] = placed(request(alice.pk, service, ref="abc"))
        [again] = placed(request(alice.pk, service, ref="abc"))

        assert first.pk == again.pk
        assert money.text(book.balance(alice.pk)) == "9"

    def test_answers_with_the_first_order_whatever_happened_since(self) -> None:
        alice = cast.alice(balance="1").user
        service = cast.service(rate="1")
        [first] = placed(request(alice.pk, service, ref="abc"))
        Service.objects.update(visibility=Visibility.DISABLED, rate_e8=F("rate_e8") * 2)

        [again] = placed(request(alice.pk, service, ref="abc"))

        assert first.pk == again.pk

    def test_refuses_another_content_under_the_same_name(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(rate="1")
        placed(request(alice.pk, service, ref="abc"))

        refusal = refused(request(alice.pk, service, ref="abc", quantity="1001"))

        assert refusal.code == "client_ref_reused"

    def test_keeps_the_names_of_two_users_apart(self) -> None:
        alice, bob = cast.alice(balance="10").user, cast.bob(balance="10").user
        service = cast.service(rate="1")

        first, second = placed(
            request(alice.pk, service, ref="abc"), request(bob.pk, service, ref="abc")
        )

        assert first.pk != second.pk

    def test_buys_once_within_a_batch(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(rate="1")
        same = request(alice.pk, service, ref="abc")
        other = request(alice.pk, service, ref="abc", quantity="20")

        first, again, different = place.place(requests=[same, same, other], now=cast.NOW)

        assert first is again
        assert isinstance(different, place.ClientRefReused)
        assert Order.objects.count() == 1

    def test_lets_a_refused_name_be_used_again(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(rate="1")
        refused(request(alice.pk, service, ref="abc", quantity="1"))

        placed(request(alice.pk, service, ref="abc"))


class TestCharge:
    @given(
        rate_steps=st.integers(0, 10**9),
        quantity=st.integers(1, 10**6),
        runs=st.integers(1, 50),
    )
    def test_is_the_rate_times_the_pieces_to_the_last_digit(
        self, rate_steps: int, quantity: int, runs: int
    ) -> None:
        service = Service(type=OrderType.DEFAULT, rate_per=1000)
        offer = Offer(service=service, rate_e8=rate_steps * 1000, routes=(), manual=True)
        content = Content(link=LINK, quantity=quantity, runs=runs, interval_minutes=int(runs > 1))

        assert place.charge(offer=offer, content=content) * 1000 == (
            rate_steps * 1000 * quantity * runs
        )


class TestRace:
    THREADS, EACH = 10, 6
    COVERED = 25

    @pytest.mark.django_db(transaction=True)
    def test_sells_exactly_what_the_balance_covers(self) -> None:
        bought = self._storm(place.place)

        assert bought == self.COVERED
        assert Order.objects.count() == self.COVERED
        assert Account.objects.get(user__username="alice").balance_e8 == 0

    @pytest.mark.django_db(transaction=True)
    def test_catches_a_check_that_does_not_lock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The broken twin: it reads the balance, and trusts it when it writes."""
        seen = threading.Barrier(2, timeout=20)

        def naive(*, requests: list[OrderRequest], now: object) -> list[object]:
            user_id = requests[0].user_id
            balance_e8 = Account.objects.get(pk=user_id).balance_e8 or 0
            seen.wait()
            with transaction.atomic():
                Account.objects.filter(pk=user_id).update(balance_e8=balance_e8 - money.ONE_E8)
            return [Order()]

        bought = self._storm(naive, threads=2, each=1)

        spent_e8 = self.COVERED * money.ONE_E8 - (
            Account.objects.get(user__username="alice").balance_e8 or 0
        )
        assert bought * money.ONE_E8 != spent_e8

    def _storm(self, buy: object, *, threads: int = THREADS, each: int = EACH) -> int:
        assert callable(buy)
        alice = cast.alice(balance=str(self.COVERED)).user
        service = cast.service(rate="1")

        def shop(_: int) -> int:
            verdicts = [
                buy(requests=[request(alice.pk, service)], now=cast.NOW)[0] for _ in range(each)
            ]
            return sum(isinstance(verdict, Order) for verdict in verdicts)

        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(shop, range(threads)))


class TestPriceMax:
    def priced(self, service: Service, price: str | None) -> list[Order | Refused]:
        wanted = OrderRequest(
            user_id=cast.alice(balance="10").user.pk,
            service_id=service.pk,
            fields={"link": LINK, "quantity": "1000"},
            price_max_e8=None if price is None else money.parse(price),
        )
        return place.place(requests=[wanted], now=cast.NOW)

    @pytest.mark.parametrize("price", ["1", "1.5", None])
    def test_lets_an_order_pass_at_the_price_that_was_shown_or_below(
        self, price: str | None
    ) -> None:
        [order] = self.priced(cast.service(rate="1"), price)

        assert isinstance(order, Order)
        assert money.text(order.charge_e8) == "1"

    def test_refuses_what_costs_more_by_now(self) -> None:
        [refused] = self.priced(cast.service(rate="1"), "0.99999999")

        assert isinstance(refused, place.PriceRose)
        assert money.text(refused.price_e8) == "1"
        assert not Order.objects.exists()

    def test_is_for_one_post_of_a_subscription(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(type=OrderType.SUBSCRIPTIONS, rate="2", rate_per=1)
        fields = {"username": "an", "min": "10", "max": "20", "delay": "0"}
        wanted = OrderRequest(
            user_id=alice.pk, service_id=service.pk, fields=fields, price_max_e8=1
        )

        [refused] = place.place(requests=[wanted], now=cast.NOW)

        assert isinstance(refused, place.PriceRose)


class TestPreview:
    def test_says_what_placing_would_and_writes_nothing(self) -> None:
        alice = cast.alice(balance="2.5").user
        service = cast.service(rate="1", one_order_per_link=True)
        wanted = [
            request(alice.pk, service),
            request(alice.pk, service),
            request(alice.pk, service, link=f"{LINK}2", quantity="2000"),
            request(alice.pk, service, link="x"),
        ]

        quotes = place.preview(requests=wanted, now=cast.NOW)

        assert not Order.objects.exists()
        verdicts = place.place(requests=wanted, now=cast.NOW)
        assert [
            quote.code if isinstance(quote, Refused) else quote.charge_e8 for quote in quotes
        ] == [
            verdict.code if isinstance(verdict, Refused) else verdict.charge_e8
            for verdict in verdicts
        ]

    def test_tells_what_a_post_costs_at_the_most(self) -> None:
        alice = cast.alice(balance="10").user
        service = cast.service(type=OrderType.SUBSCRIPTIONS, rate="2", rate_per=1000)
        fields = {"username": "an", "min": "100", "max": "500", "delay": "0"}

        [quote] = place.preview(requests=[request(alice.pk, service, **fields)], now=cast.NOW)

        assert isinstance(quote, place.Quote)
        assert (quote.charge_e8, money.text(quote.post_e8)) == (0, "1")
        assert quote.price_e8 == quote.post_e8
