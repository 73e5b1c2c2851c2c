from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from relaypanel.catalogue.models import Route
from relaypanel.contract import OrderType
from relaypanel.orders import health, refund, requests, schedules, send
from relaypanel.orders.models import CancelState, Order, OrderEvent, Status
from relaypanel.orders.send import Parcel
from relaypanel.providers.answers import Accepted, AddAnswer, Fault, NotSent, Rejected, Unclear
from relaypanel.providers.models import Provider, UpstreamService
from tests import cast
from tests.orders import scene
from tests.orders.scene import LINK, NOW, later

pytestmark = pytest.mark.django_db

ACCEPTED = Accepted(upstream_id="9001")
UNCLEAR = Unclear(reason="time-out after the body")
NOT_SENT = NotSent(reason="connection refused")


def no(fault: Fault) -> Rejected:
    return Rejected(fault=fault, words="Nope")


ANSWERS: list[AddAnswer] = [ACCEPTED, UNCLEAR, NOT_SENT, *(no(fault) for fault in Fault)]
NAMES = ["accepted", "unclear", "not_sent", *Fault]


def begin(*, limit: int = 10, hours: float = 0, provider: Provider | None = None) -> list[Parcel]:
    """Do what the worker does before the first byte: look, and record the intent."""
    provider, now = provider or scene.upstream(), later(hours=hours)
    room = min(limit, health.room(provider, now=now))
    parcels = send.due(provider=provider, limit=room, now=now)
    intended = send.intend(provider=provider, parcels=parcels, now=now)
    return [parcel for parcel in parcels if parcel.order_id in intended]


def sending(**settings: Any) -> tuple[Order, Parcel]:
    """Return an order that is being sent, and the intent to send it."""
    order = scene.placed(scene.relayed(**settings))
    [intent] = begin()
    return scene.again(order), intent


def given_up() -> tuple[Order, Parcel]:
    """Return an order whose sender never came back, and the intent it had."""
    order, intent = sending()
    assert send.give_up_overdue(provider_id=scene.upstream().pk, now=later(hours=1)) == 1
    return scene.again(order), intent


def settle(parcel: Parcel, answer: AddAnswer) -> None:
    send.settle(parcel=parcel, answer=answer, now=later(seconds=5))


def last_event(order: Order) -> tuple[str, str, str]:
    event = OrderEvent.objects.filter(order=order).latest("pk")
    return event.reason, event.to_status, event.detail


class TestBegin:
    def test_records_the_intent_before_anything_is_sent(self) -> None:
        order = scene.order()

        [intent] = begin()

        stored = scene.again(order)
        assert (stored.status, stored.token, stored.attempts) == (Status.SENDING, 1, 1)
        # Twice the thirty seconds that one call may take.
        assert stored.sending_until == later(seconds=60)
        assert (intent.order_id, intent.token, intent.service) == (order.pk, 1, "77")
        assert last_event(order) == ("sending", Status.SENDING, "")

    def test_takes_those_that_wait_longest_up_to_the_limit(self) -> None:
        third = scene.order()
        second = scene.order(due_at=later(seconds=-5))
        first = scene.order(due_at=later(seconds=-9))

        taken = begin(limit=2)
        rest = begin(limit=2)

        assert [intent.order_id for intent in taken] == [first.pk, second.pk]
        assert [intent.order_id for intent in rest] == [third.pk]
        assert begin() == []

    def test_leaves_what_is_not_due(self) -> None:
        order = scene.order(due_at=later(hours=1))

        assert begin(hours=0.99) == []
        assert [intent.order_id for intent in begin(hours=1)] == [order.pk]

    @pytest.mark.parametrize("status", sorted(set(Status) - {Status.QUEUED}))
    def test_takes_nothing_that_does_not_wait(self, status: Status) -> None:
        scene.order(status)

        assert begin() == []

    def test_leaves_what_is_manual_or_another_providers(self) -> None:
        scene.placed(cast.service())
        scene.placed(scene.relayed(provider=cast.provider(name="elsewhere")))

        assert begin() == []

    @pytest.mark.parametrize(
        "closed", [{"enabled": False}, {"paused_until": later(microseconds=1)}]
    )
    def test_takes_nothing_for_a_provider_that_is_closed(self, closed: dict[str, Any]) -> None:
        order = scene.order()
        Provider.objects.update(**closed)

        assert begin() == []

        assert scene.again(order).status == Status.QUEUED

    def test_goes_on_when_the_pause_is_over(self) -> None:
        scene.order()
        Provider.objects.update(paused_until=NOW, paused_for="no_connection")

        assert len(begin()) == 1

    def test_raises_the_token_with_every_intent(self) -> None:
        order, first = sending()
        settle(first, NOT_SENT)

        [second] = begin(hours=1)

        assert (first.token, second.token) == (1, 2)
        assert (scene.again(order).token, scene.again(order).attempts) == (2, 2)

    @pytest.mark.django_db(transaction=True)
    def test_takes_no_order_twice(self) -> None:
        service = scene.relayed()
        orders = [scene.placed(service) for _ in range(24)]
        provider = scene.upstream()

        def take(_: int) -> list[int]:
            taken: list[int] = []
            for _round in range(6):
                intents = begin(provider=provider, limit=3)
                taken += [intent.order_id for intent in intents]
            return taken

        taken = list(itertools.chain(*scene.at_once(4, take)))
        taken += [intent.order_id for intent in begin(limit=100)]

        assert sorted(taken) == [order.pk for order in orders]
        assert set(Order.objects.values_list("status", "token")) == {("sending", 1)}

    @pytest.mark.postgresql
    @pytest.mark.django_db(transaction=True)
    def test_does_not_wait_for_what_another_worker_takes(self) -> None:
        first, second = scene.order(), scene.order()

        with transaction.atomic():
            [mine] = begin(limit=1)
            [theirs] = scene.elsewhere(lambda: begin(limit=2))

        assert (mine.order_id, theirs.order_id) == (first.pk, second.pk)


COMMENTS = "Đẹp quá 😍\n  second, with  spaces \n=1+1"
WIRE: dict[OrderType, dict[str, str]] = {
    OrderType.DEFAULT: {"link": LINK, "quantity": "100"},
    OrderType.PACKAGE: {"link": LINK},
    OrderType.SEO: {"link": LINK, "quantity": "100", "keywords": COMMENTS},
    OrderType.CUSTOM_COMMENTS: {"link": LINK, "comments": COMMENTS},
    OrderType.CUSTOM_COMMENTS_PACKAGE: {"link": LINK, "comments": COMMENTS},
    OrderType.MENTIONS: {"link": LINK, "quantity": "100", "usernames": "miu\nmèo"},
    OrderType.MENTIONS_WITH_HASHTAGS: {
        "link": LINK,
        "quantity": "100",
        "usernames": "miu\nmèo",
        "hashtags": "#a\n#b",
    },
    OrderType.MENTIONS_CUSTOM_LIST: {"link": LINK, "usernames": "miu\nmèo"},
    OrderType.MENTIONS_HASHTAG: {"link": LINK, "quantity": "100", "hashtag": "#mèo"},
    OrderType.MENTIONS_USER_FOLLOWERS: {"link": LINK, "quantity": "100", "username": "miu"},
    OrderType.MENTIONS_MEDIA_LIKERS: {"link": LINK, "quantity": "100", "media": "p/1"},
    OrderType.COMMENT_LIKES: {"link": LINK, "quantity": "100", "username": "miu"},
    OrderType.COMMENT_REPLIES: {"link": LINK, "username": "miu", "comments": COMMENTS},
    OrderType.POLL: {"link": LINK, "quantity": "100", "answer_number": "3"},
    OrderType.INVITES_FROM_GROUPS: {"link": LINK, "quantity": "100", "groups": "g/1\ng/2"},
    OrderType.SUBSCRIPTIONS: {
        "username": "miu",
        "min": "100",
        "max": "200",
        "posts": "5",
        "old_posts": "0",
        "delay": "30",
        "expiry": "31/12/2026",
    },
    OrderType.WEB_TRAFFIC: {
        "link": LINK,
        "quantity": "100",
        "country": "VN",
        "device": "5",
        "type_of_traffic": "1",
        "google_keyword": "mèo con",
    },
}


class TestParcel:
    @pytest.mark.parametrize("type", OrderType)
    def test_carries_exactly_what_its_type_has(self, type: OrderType) -> None:
        service = scene.relayed(type=type, min=1)
        # What clients send beside it is not passed on.
        noise = {"quantity": "100", "runs": "undefined", "interval": "", "posts": "5"}
        scene.placed(service, **(noise | WIRE[type]))

        [intent] = begin()

        assert intent.fields == WIRE[type]

    def test_sends_one_run_of_a_drip_feed(self) -> None:
        scene.drip_feed(runs=3)
        schedules.run_due(now=NOW)

        [intent] = begin()

        assert intent.fields == {"link": LINK, "quantity": "1000"}

    def test_names_the_order_the_same_at_every_attempt(self) -> None:
        order, first = sending()
        settle(first, NOT_SENT)

        [second] = begin(hours=1)

        assert first.client_ref == second.client_ref
        assert first.client_ref.endswith(f"-{order.pk}")
        # The reference is ours alone, and shorter than what panels take.
        assert len(first.client_ref) <= 40

    def test_names_no_two_orders_alike(self) -> None:
        scene.order()
        scene.order()

        first, second = begin()

        assert first.client_ref != second.client_ref

    def test_names_orders_otherwise_on_another_panel(self, settings: Settings) -> None:
        _, first = sending()
        Order.objects.update(status=Status.QUEUED)
        settings.SECRET_KEY = "another panel's secret key"

        [second] = begin()

        assert first.order_id == second.order_id
        assert first.client_ref != second.client_ref
        assert "secret" not in second.client_ref


class TestSettleAccepted:
    def test_hands_the_order_over(self) -> None:
        order, intent = sending()

        settle(intent, ACCEPTED)

        stored = scene.again(order)
        assert (stored.status, stored.upstream_id) == (Status.PENDING, "9001")
        assert stored.sending_until is None
        assert last_event(order) == ("accepted", Status.PENDING, "")
        assert scene.balance() == "999"

    def test_counts_late(self) -> None:
        order, intent = given_up()

        settle(intent, ACCEPTED)

        assert scene.again(order).status == Status.PENDING
        assert scene.again(order).upstream_id == "9001"

    def test_with_another_orders_id_is_not_believed(self) -> None:
        other = scene.order(Status.IN_PROGRESS, upstream_id="9001")
        order, intent = sending()

        settle(intent, ACCEPTED)

        assert (scene.again(order).status, scene.again(order).upstream_id) == (
            Status.UNCONFIRMED,
            None,
        )
        assert last_event(order) == (
            "unclear",
            Status.UNCONFIRMED,
            "upstream ID 9001 is another order's",
        )
        assert scene.again(other).upstream_id == "9001"

    def test_with_another_orders_id_changes_nothing_late(self) -> None:
        scene.order(Status.COMPLETED, upstream_id="9001")
        order, intent = given_up()

        settle(intent, ACCEPTED)

        assert scene.again(order).status == Status.UNCONFIRMED
        assert scene.reasons(order) == ["sending", "sender_lost"]

    def test_with_an_id_that_another_provider_uses_too_is_fine(self) -> None:
        elsewhere = scene.relayed(provider=cast.provider(name="elsewhere"))
        scene.standing(scene.placed(elsewhere), Status.PENDING, upstream_id="9001")
        order, intent = sending()

        settle(intent, ACCEPTED)

        assert scene.again(order).status == Status.PENDING


class TestSettleRejected:
    def test_for_ever_gives_the_money_back(self) -> None:
        order, intent = sending()
        request = scene.asked(order)

        settle(intent, no(Fault.NEVER))

        request.refresh_from_db()
        assert scene.again(order).status == Status.CANCELED
        assert last_event(order) == ("refused_upstream", Status.CANCELED, "Nope")
        assert (scene.balance(), request.state) == ("1000", CancelState.DONE)
        assert scene.books_agree()

    @pytest.mark.parametrize(
        ("fault", "wait_seconds"),
        [
            (Fault.LINK_BUSY, 60),
            (Fault.RATE_LIMIT, 15),
            (Fault.NO_FUNDS, 0),
            (Fault.BAD_KEY, 0),
        ],
    )
    def test_for_now_waits_in_the_queue(self, fault: Fault, wait_seconds: int) -> None:
        order, intent = sending()

        settle(intent, no(fault))

        stored = scene.again(order)
        assert (stored.status, stored.due_at) == (Status.QUEUED, later(seconds=5 + wait_seconds))
        assert stored.sending_until is None
        assert last_event(order) == (fault.value, Status.QUEUED, "Nope")
        assert scene.balance() == "999"

    @pytest.mark.parametrize("fault", [Fault.OTHER, Fault.UNKNOWN_ORDER, Fault.NOT_POSSIBLE])
    def test_in_words_we_do_not_understand_is_held_for_staff(self, fault: Fault) -> None:
        order, intent = sending()

        settle(intent, no(fault))

        stored = scene.again(order)
        assert (stored.status, stored.sending_until) == (Status.HELD, None)
        assert last_event(order) == ("refused_upstream", Status.HELD, "Nope")
        assert scene.balance() == "999"

    def test_counts_late(self) -> None:
        order, intent = given_up()

        settle(intent, no(Fault.NEVER))

        assert (scene.again(order).status, scene.balance()) == (Status.CANCELED, "1000")


class TestSettleServiceDead:
    def two_routes(self) -> tuple[Order, Parcel, Provider]:
        other = cast.provider(name="other")
        service = scene.relayed()
        cast.route(service, other, upstream_id="88")
        order = scene.placed(service)
        [intent] = begin()
        return order, intent, other

    def test_goes_to_the_next_route(self) -> None:
        order, intent, other = self.two_routes()

        settle(intent, no(Fault.SERVICE_DEAD))

        stored = scene.again(order)
        assert (stored.status, stored.provider) == (Status.QUEUED, other)
        assert stored.due_at == later(seconds=5)
        assert last_event(order) == ("next_route", Status.QUEUED, "Nope")
        [following] = begin(provider=other, hours=1)
        assert (following.service, following.token) == ("88", 2)
        assert following.client_ref == intent.client_ref

    def test_is_held_after_the_last_route(self) -> None:
        order, intent, other = self.two_routes()
        settle(intent, no(Fault.SERVICE_DEAD))
        [following] = begin(provider=other, hours=1)

        settle(following, no(Fault.SERVICE_DEAD))

        stored = scene.again(order)
        assert (stored.status, stored.sending_until) == (Status.HELD, None)
        assert last_event(order) == ("no_route_left", Status.HELD, "Nope")
        assert scene.balance() == "999"

    def test_takes_no_route_that_is_closed(self) -> None:
        order, intent, other = self.two_routes()
        Provider.objects.filter(pk=other.pk).update(enabled=False)

        settle(intent, no(Fault.SERVICE_DEAD))

        assert scene.again(order).status == Status.HELD

    def test_takes_no_route_that_costs_more_than_was_paid(self) -> None:
        order, intent, other = self.two_routes()
        ceiling_e8 = order.rate_e8
        UpstreamService.objects.filter(provider=other).update(rate_e8=ceiling_e8 + 1)

        settle(intent, no(Fault.SERVICE_DEAD))

        assert scene.again(order).status == Status.HELD

    def test_takes_a_dear_route_where_the_dead_one_was_as_dear(self) -> None:
        order, intent, other = self.two_routes()
        UpstreamService.objects.update(rate_e8=3 * order.rate_e8)
        Order.objects.update(cost_expected_e8=3 * order.rate_e8)

        settle(intent, no(Fault.SERVICE_DEAD))

        assert scene.again(order).provider == other

    def test_takes_the_first_route_when_staff_closed_the_dead_one(self) -> None:
        order, intent, other = self.two_routes()
        Route.objects.filter(upstream__upstream_id="77").update(enabled=False)

        settle(intent, no(Fault.SERVICE_DEAD))

        assert scene.again(order).provider == other

    def test_is_held_when_all_routes_are_gone(self) -> None:
        order, intent, _ = self.two_routes()
        Route.objects.all().delete()

        settle(intent, no(Fault.SERVICE_DEAD))

        assert scene.again(order).status == Status.HELD


class TestSettleNotSent:
    def test_goes_back_to_the_queue_and_rests_longer_each_time(self) -> None:
        order = scene.order()
        now, rests = NOW, []

        for _ in range(7):
            [parcel] = begin(hours=(now - NOW).total_seconds() / 3600)
            send.settle(parcel=parcel, answer=NOT_SENT, now=now)
            due_at = scene.again(order).due_at
            rests.append((due_at - now).total_seconds())
            now = due_at

        assert rests == [2, 5, 15, 30, 60, 60, 60]
        assert last_event(order) == ("not_sent", Status.QUEUED, "connection refused")
        assert scene.again(order).sending_until is None

    def test_proves_that_a_late_one_was_not_taken(self) -> None:
        order, intent = given_up()

        settle(intent, NOT_SENT)

        assert scene.again(order).status == Status.QUEUED


class TestSettleUnclear:
    def test_parks_the_order(self) -> None:
        order, intent = sending()

        settle(intent, UNCLEAR)

        assert scene.again(order).status == Status.UNCONFIRMED
        assert last_event(order) == ("unclear", Status.UNCONFIRMED, "time-out after the body")
        assert scene.balance() == "999"

    def test_is_never_sent_again(self) -> None:
        _, intent = sending()

        settle(intent, UNCLEAR)

        assert begin(hours=24 * 365) == []

    def test_says_nothing_new_late(self) -> None:
        order, intent = given_up()

        settle(intent, UNCLEAR)

        assert scene.reasons(order) == ["sending", "sender_lost"]


class TestSettleStale:
    @pytest.mark.parametrize("answer", ANSWERS, ids=NAMES)
    def test_writes_nothing_under_an_old_token(self, answer: AddAnswer) -> None:
        order, old = sending()
        settle(old, NOT_SENT)
        begin(hours=1)

        with scene.written() as rows:
            settle(old, answer)

        assert rows == []
        assert (scene.again(order).status, scene.again(order).token) == (Status.SENDING, 2)

    @pytest.mark.parametrize("answer", ANSWERS, ids=NAMES)
    @pytest.mark.parametrize("status", sorted(set(Status) - {Status.SENDING, Status.UNCONFIRMED}))
    def test_writes_nothing_once_the_order_moved_on(
        self, status: Status, answer: AddAnswer
    ) -> None:
        order, intent = sending()
        scene.standing(order, status)

        with scene.written() as rows:
            settle(intent, answer)

        assert rows == []
        assert scene.again(order).status == status

    @pytest.mark.parametrize("answer", ANSWERS, ids=NAMES)
    def test_takes_the_account_before_the_order(self, answer: AddAnswer) -> None:
        _, intent = sending()

        with scene.touched() as touched:
            settle(intent, answer)

        assert touched[:2] == ["account", "order"]

    @pytest.mark.django_db(transaction=True)
    def test_counts_one_of_many_answers(self) -> None:
        order, intent = sending()
        answers: list[AddAnswer] = [no(Fault.NEVER), ACCEPTED]

        scene.at_once(8, lambda number: settle(intent, answers[number % 2]))

        assert len(scene.reasons(order)) == 2
        assert scene.balance() == (
            "1000" if scene.again(order).status == Status.CANCELED else "999"
        )
        assert scene.books_agree()


class TestGiveUpOverdue:
    def give_up(self, *, seconds: float, provider: Provider | None = None) -> int:
        provider = provider or scene.upstream()
        return send.give_up_overdue(provider_id=provider.pk, now=later(seconds=seconds))

    def test_parks_what_nobody_can_still_be_sending(self) -> None:
        orders = [scene.order(), scene.order()]
        begin()

        assert self.give_up(seconds=60) == 0
        assert self.give_up(seconds=60.000001) == 2

        for order in orders:
            assert scene.again(order).status == Status.UNCONFIRMED
            assert last_event(order) == ("sender_lost", Status.UNCONFIRMED, "")

    def test_leaves_the_orders_of_other_providers(self) -> None:
        order, _ = sending()

        assert self.give_up(seconds=3600, provider=cast.provider(name="elsewhere")) == 0

        assert scene.again(order).status == Status.SENDING

    @pytest.mark.parametrize("status", sorted(set(Status) - {Status.SENDING}))
    def test_leaves_what_is_not_being_sent(self, status: Status) -> None:
        order = scene.order(status, sending_until=NOW)

        assert self.give_up(seconds=3600) == 0

        assert scene.again(order).status == status


class TestIntend:
    def test_leaves_what_has_moved_on_since_it_was_seen(self) -> None:
        kept, canceled, again = scene.order(), scene.order(), scene.order()
        provider = scene.upstream()
        parcels = send.due(provider=provider, limit=10, now=NOW)
        scene.standing(canceled, Status.CANCELED)
        [parcel] = [parcel for parcel in parcels if parcel.order_id == again.pk]
        send.intend(provider=provider, parcels=[parcel], now=NOW)
        send.settle(parcel=parcel, answer=NOT_SENT, now=NOW)

        intended = send.intend(provider=provider, parcels=parcels, now=NOW)

        assert intended == {kept.pk}
        assert scene.again(again).status == Status.QUEUED

    def test_leaves_what_went_to_another_provider(self) -> None:
        order = scene.order()
        parcels = send.due(provider=scene.upstream(), limit=10, now=NOW)
        other = cast.provider(name="elsewhere")
        Order.objects.filter(pk=order.pk).update(provider=other)

        assert send.intend(provider=scene.upstream(), parcels=parcels, now=NOW) == set()


class TestSettleAll:
    def test_records_what_was_taken_together(self) -> None:
        orders = [scene.order() for _ in range(3)]
        parcels = begin()
        settled: list[tuple[Parcel, AddAnswer]] = [
            (parcel, Accepted(upstream_id=f"{parcel.order_id}00")) for parcel in parcels
        ]

        send.settle_all(settled=settled, now=later(seconds=5))

        for order in orders:
            stored = scene.again(order)
            assert (stored.status, stored.upstream_id) == (Status.PENDING, f"{order.pk}00")
            assert stored.sending_until is None
            assert last_event(order) == ("accepted", Status.PENDING, "")

    def test_tells_mixed_answers_apart(self) -> None:
        orders = [scene.order() for _ in range(4)]
        answers: list[AddAnswer] = [ACCEPTED, UNCLEAR, no(Fault.NEVER), NOT_SENT]

        send.settle_all(settled=list(zip(begin(), answers, strict=True)), now=NOW)

        assert [scene.again(order).status for order in orders] == [
            Status.PENDING,
            Status.UNCONFIRMED,
            Status.CANCELED,
            Status.QUEUED,
        ]

    @pytest.mark.parametrize("earlier", [True, False])
    def test_parks_an_order_that_got_the_id_of_another(self, earlier: bool) -> None:
        orders = [scene.order() for _ in range(3)]
        parcels = begin()
        ids = ["9001", "9002", "9002"]
        if earlier:
            ids[2] = "9003"
            other = scene.order(Status.PENDING, upstream_id="9003")
            assert other.provider == scene.upstream()
        settled: list[tuple[Parcel, AddAnswer]] = [
            (parcel, Accepted(upstream_id=upstream_id))
            for parcel, upstream_id in zip(parcels, ids, strict=True)
        ]

        send.settle_all(settled=settled, now=NOW)

        assert [scene.again(order).status for order in orders] == [
            Status.PENDING,
            Status.PENDING,
            Status.UNCONFIRMED,
        ]

    def test_takes_a_late_answer_beside_others(self) -> None:
        late, late_parcel = given_up()
        order = scene.order()
        [parcel] = begin(hours=1)
        settled: list[tuple[Parcel, AddAnswer]] = [
            (late_parcel, ACCEPTED),
            (parcel, Accepted(upstream_id="9002")),
        ]

        send.settle_all(settled=settled, now=later(hours=1))

        assert scene.again(late).upstream_id == "9001"
        assert scene.again(order).upstream_id == "9002"


class TestLinkQueue:
    def test_lets_the_first_go_alone(self) -> None:
        service = scene.relayed()
        first, second = scene.placed(service), scene.placed(service)
        for parcel in begin():
            settle(parcel, no(Fault.LINK_BUSY))

        parcels = begin(hours=1)

        assert [parcel.order_id for parcel in parcels] == [first.pk]
        assert scene.again(second).waits_for_link
        settle(parcels[0], ACCEPTED)
        assert [parcel.order_id for parcel in begin(hours=1)] == [second.pk]

    def test_goes_on_when_the_first_ends(self) -> None:
        service = scene.relayed()
        running, waiting = scene.placed(service), scene.placed(service)
        other = scene.placed(service, link=f"{LINK}/other")
        first, *rest = begin()
        settle(first, ACCEPTED)
        for parcel in rest:
            settle(parcel, no(Fault.LINK_BUSY))

        refund.end(
            scene.again(running), to=Status.COMPLETED, now=later(seconds=9), reason="upstream"
        )

        assert scene.again(waiting).due_at == later(seconds=9)
        assert scene.again(other).due_at == later(seconds=65)

    def test_tells_the_place_in_it(self) -> None:
        service = scene.relayed()
        orders = [scene.placed(service) for _ in range(3)]
        for parcel in begin()[1:]:
            settle(parcel, no(Fault.LINK_BUSY))

        places = [send.place_in_link_queue(scene.again(order)) for order in orders]

        assert places == [None, 1, 2]


class TestRequeue:
    def test_cancels_what_its_customer_no_longer_wants(self) -> None:
        order, parcel = sending(cancel=True)
        requests.ask_cancel(user_id=order.user_id, order_ids=[order.pk], now=NOW)

        settle(parcel, NOT_SENT)

        stored = scene.again(order)
        assert (stored.status, stored.refunded_e8) == (Status.CANCELED, stored.charge_e8)
        assert last_event(order)[0] == "canceled_before_sending"
        assert scene.books_agree()
