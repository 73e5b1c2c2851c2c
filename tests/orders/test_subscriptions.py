from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import money
from relaypanel.contract import OrderType, OrderWord, SubscriptionWord
from relaypanel.ledger.models import Transfer
from relaypanel.orders import refund, states, subscriptions
from relaypanel.orders.models import Order, Status, Subscription
from relaypanel.providers.answers import Fault, Rejected, UpstreamStatus
from relaypanel.providers.models import UpstreamService
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later, told

pytestmark = pytest.mark.django_db

FIELDS = {"username": "miu", "min": "100", "max": "200", "delay": "0"}
# So many are told at a time.
MANY = tuple(str(number) for number in range(1, 251))


def subscription(*, balance: str = "10", posts: str = "", **settings: Any) -> Order:
    """Return a running subscription of Bob's, at 1 a post."""
    service = scene.relayed(type=OrderType.SUBSCRIPTIONS, **settings)
    bob = cast.bob(balance=balance).user
    fields = FIELDS | ({"posts": posts} if posts else {})
    return scene.standing(scene.placed_by(bob, service, **fields), Status.IN_PROGRESS)


def posts_of(parent: Order) -> list[Order]:
    return list(Order.objects.filter(parent=parent).order_by("run"))


def ids(posts: list[Order]) -> list[str | None]:
    return [post.upstream_id for post in posts]


def says(*children: str, word: SubscriptionWord = SubscriptionWord.ACTIVE) -> UpstreamStatus:
    return told(None, children=children, subscription=word)


def follow(
    parent: Order, answer: UpstreamStatus, **seen: UpstreamStatus | Rejected
) -> subscriptions.Followed:
    """`seen` is what was told of posts, as post_501=…"""
    posts = {name.removeprefix("post_"): one for name, one in seen.items()}
    return subscriptions.follow(parent=parent, answer=answer, told=posts, now=later(hours=1))


def known(parent: Order) -> Subscription:
    return Subscription.objects.get(order=parent)


class TestPosts:
    def test_are_written_and_charged_each(self) -> None:
        parent = subscription()

        assert follow(parent, says("501", "502")).changed

        first, second = posts_of(parent)
        assert ids([first, second]) == ["501", "502"]
        assert [first.run, second.run] == [1, 2]
        assert (first.status, first.provider) == (Status.PENDING, parent.provider)
        assert (first.quantity, first.remains, first.service) == (200, 200, parent.service)
        assert first.placed_at == later(hours=1)
        assert money.text(first.charge_e8) == "1"
        assert Transfer.objects.get(key=f"order:{first.pk}:charge").amount_e8 == money.ONE_E8
        assert scene.balance(parent.user) == "8"
        assert scene.books_agree()

    def test_cost_nothing_when_they_are_told_again(self) -> None:
        parent = subscription()
        follow(parent, says("501", "502"))

        with scene.written() as rows:
            assert not follow(parent, says("501", "502")).changed
        assert follow(parent, says("502", "503", "501")).changed

        assert rows == []
        assert ids(posts_of(parent)) == ["501", "502", "503"]
        assert [post.run for post in posts_of(parent)] == [1, 2, 3]
        assert scene.balance(parent.user) == "7"

    def test_are_charged_once_when_listed_twice(self) -> None:
        parent = subscription()

        follow(parent, says("501", "501"))

        assert scene.balance(parent.user) == "9"

    def test_are_not_what_is_another_order(self) -> None:
        parent = subscription()
        other = scene.order(Status.PENDING, upstream_id="501")

        follow(parent, says("501"))

        assert posts_of(parent) == []
        assert scene.again(other).parent_id is None

    def test_may_have_an_id_that_another_provider_uses_too(self) -> None:
        parent = subscription()
        elsewhere = scene.relayed(provider=cast.provider(name="elsewhere"))
        scene.standing(scene.placed(elsewhere), Status.PENDING, upstream_id="501")

        follow(parent, says("501"))

        assert ids(posts_of(parent)) == ["501"]

    def test_cost_what_was_agreed(self) -> None:
        parent = subscription()
        parent.service.rate_e8 *= 3
        parent.service.rate_per = 1000
        parent.service.save()

        follow(parent, says("501"))

        assert scene.balance(parent.user) == "9"
        assert posts_of(parent)[0].rate_per == 1

    def test_that_are_many_come_a_hundred_at_a_look_and_keep_it_from_ending(self) -> None:
        parent = subscription(balance="1000")
        answer = says(*MANY, word=SubscriptionWord.COMPLETED)

        words = [follow(parent, answer).answer.word for _ in range(3)]

        assert words == [OrderWord.IN_PROGRESS, OrderWord.IN_PROGRESS, OrderWord.COMPLETED]
        assert ids(posts_of(parent)) == list(MANY)
        assert known(parent).paused_for == ""
        assert scene.balance(parent.user) == "750"

    def test_are_looked_up_in_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(subscriptions, "_IDS_AT_ONCE", 2)
        parent = subscription()
        scene.order(Status.PENDING, upstream_id="505")

        follow(parent, says("501", "502", "503", "504", "505"))

        assert ids(posts_of(parent)) == ["501", "502", "503", "504"]

    def test_take_the_account_first(self) -> None:
        parent = subscription()

        with scene.touched() as touched:
            follow(parent, says("501"))

        assert touched[:2] == ["account", "order"]

    def test_that_another_subscription_gets_in_the_same_moment_are_not_charged(self) -> None:
        parent = subscription()
        other = scene.placed(scene.relayed(type=OrderType.SUBSCRIPTIONS), **FIELDS)
        other = scene.standing(other, Status.IN_PROGRESS)

        with (
            scene.meanwhile(
                lambda: follow(other, says("501")), before='INSERT INTO "orders_order"'
            ),
            pytest.raises(states.LostRace),
        ):
            follow(parent, says("501"))

        assert posts_of(parent) == []
        assert scene.balance(parent.user) == "10"
        assert scene.books_agree()

    @pytest.mark.django_db(transaction=True)
    def test_are_charged_once_when_many_are_told_at_once(self) -> None:
        parent = subscription(balance="100")

        scene.at_once(6, lambda _: follow(copy.copy(parent), says("501", "502", "503")))

        assert ids(posts_of(parent)) == ["501", "502", "503"]
        assert scene.balance(parent.user) == "97"
        assert scene.books_agree()


class TestEnd:
    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELED])
    def test_lets_no_later_post_be_charged(self, status: Status) -> None:
        parent = scene.standing(subscription(), status)
        answer = says("501", word=SubscriptionWord.COMPLETED)

        followed = follow(parent, answer)

        assert (posts_of(parent), followed.changed) == ([], False)
        assert followed.answer.word is OrderWord.COMPLETED
        assert subscriptions.unseen(orders=[parent], told={f"{parent.upstream_id}": answer}) == []

    def test_charges_the_posts_that_are_told_with_it(self) -> None:
        parent = subscription()

        followed = follow(parent, says("501", word=SubscriptionWord.CANCELED))

        assert (len(posts_of(parent)), followed.answer.word) == (1, OrderWord.CANCELED)


class TestNumberOfPosts:
    def test_is_never_exceeded(self) -> None:
        parent = subscription(posts="2")

        follow(parent, says("501", "502", "503", "504"))
        follow(parent, says("501", "502", "503", "504", "505"))

        assert ids(posts_of(parent)) == ["501", "502"]
        assert scene.balance(parent.user) == "8"
        assert known(parent).posts_beyond == 3
        assert scene.reasons(parent) == ["posts_beyond_order", "posts_beyond_order"]

    def test_is_unlimited_where_none_was_ordered(self) -> None:
        parent = subscription(balance="100")

        follow(parent, says(*MANY[:60]))

        assert len(posts_of(parent)) == 60

    def test_does_not_count_a_post_that_was_canceled(self) -> None:
        parent = subscription(posts="2")
        follow(parent, says("501", "502", "503"))
        refund.end(posts_of(parent)[0], to=Status.CANCELED, now=NOW, reason="upstream")

        follow(parent, says("501", "502", "503"))

        assert ids(posts_of(parent)) == ["501", "502", "503"]
        assert known(parent).posts_beyond == 0
        assert scene.balance(parent.user) == "8"
        assert scene.books_agree()


class TestWithoutFunds:
    def test_lets_a_post_wait_and_those_after_it_too(self) -> None:
        parent = subscription(balance="2.5")

        follow(parent, says("501", "502", "503", "504"))

        assert ids(posts_of(parent)) == ["501", "502"]
        assert (known(parent).paused_for, known(parent).posts_waiting) == ("no_funds", 2)
        assert scene.balance(parent.user) == "0.5"
        assert scene.reasons(parent) == ["paused_for_no_funds"]
        assert scene.books_agree()

    def test_writes_nothing_while_it_waits(self) -> None:
        parent = subscription(balance="1")
        follow(parent, says("501", "502"))

        with scene.written() as rows:
            assert not follow(parent, says("501", "502")).changed

        assert rows == []

    def test_goes_on_in_order_when_there_is_money_again(self) -> None:
        parent = subscription(balance="1")
        answer = says("501", "502", "503")
        follow(parent, answer)
        cast.fund(parent.user, "5")

        assert follow(parent, answer).changed

        assert [(post.upstream_id, post.run) for post in posts_of(parent)] == [
            ("501", 1),
            ("502", 2),
            ("503", 3),
        ]
        assert (known(parent).paused_for, known(parent).posts_waiting) == ("", 0)
        assert known(parent).waiting_sizes == {}
        assert scene.balance(parent.user) == "3"
        assert scene.reasons(parent) == ["paused_for_no_funds", "resumed"]
        assert scene.books_agree()

    @pytest.mark.parametrize(
        "word", [SubscriptionWord.COMPLETED, SubscriptionWord.EXPIRED, SubscriptionWord.CANCELED]
    )
    def test_does_not_end_before_what_was_served_is_charged(self, word: SubscriptionWord) -> None:
        parent = subscription(balance="1")
        answer = says("501", "502", word=word)

        assert follow(parent, answer).answer.word is OrderWord.IN_PROGRESS
        cast.fund(parent.user, "5")
        assert follow(parent, answer).answer.word is not OrderWord.IN_PROGRESS

        assert (len(posts_of(parent)), known(parent).word) == (2, word)

    def test_keeps_the_size_that_a_post_had_at_first_sight(self) -> None:
        parent = subscription(balance="0.25", rate_per=1000)
        fresh, done = told(OrderWord.PENDING, remains=150), told(OrderWord.COMPLETED, remains=0)
        follow(parent, says("501", "502"), post_501=fresh, post_502=fresh)
        cast.fund(parent.user, "5")

        follow(parent, says("501", "502"), post_501=done, post_502=done)

        assert [post.quantity for post in posts_of(parent)] == [150, 150]
        assert scene.balance(parent.user) == "4.95"

    def test_asks_for_no_size_twice(self) -> None:
        parent = subscription(balance="1")
        answers = {f"{parent.upstream_id}": says("501", "502", "503")}
        follow(parent, says("501", "502"))

        assert subscriptions.unseen(orders=[parent], told=answers) == ["503"]


class TestWord:
    @pytest.mark.parametrize(
        ("word", "order_word"),
        [
            (SubscriptionWord.ACTIVE, OrderWord.IN_PROGRESS),
            (SubscriptionWord.PAUSED, OrderWord.IN_PROGRESS),
            (SubscriptionWord.COMPLETED, OrderWord.COMPLETED),
            (SubscriptionWord.EXPIRED, OrderWord.COMPLETED),
            (SubscriptionWord.CANCELED, OrderWord.CANCELED),
        ],
    )
    def test_is_kept_and_said_in_the_words_of_an_order(
        self, word: SubscriptionWord, order_word: OrderWord
    ) -> None:
        parent = subscription()

        followed = follow(parent, says(word=word))

        assert known(parent).word == word
        assert (followed.answer.word, followed.answer.subscription) == (order_word, None)

    @pytest.mark.parametrize(
        ("word", "order_word", "kept"),
        [
            (OrderWord.PENDING, OrderWord.PENDING, SubscriptionWord.ACTIVE),
            (OrderWord.IN_PROGRESS, OrderWord.IN_PROGRESS, SubscriptionWord.ACTIVE),
            (OrderWord.COMPLETED, OrderWord.COMPLETED, SubscriptionWord.COMPLETED),
            (OrderWord.PARTIAL, OrderWord.COMPLETED, SubscriptionWord.EXPIRED),
            (OrderWord.CANCELED, OrderWord.CANCELED, SubscriptionWord.CANCELED),
        ],
    )
    def test_may_come_in_the_words_of_an_order(
        self, word: OrderWord, order_word: OrderWord, kept: SubscriptionWord
    ) -> None:
        parent = subscription()

        followed = follow(parent, told(word, remains=3))

        assert (followed.answer.word, known(parent).word) == (order_word, kept)

    def test_that_is_unknown_changes_nothing(self) -> None:
        parent = subscription()
        follow(parent, says())

        followed = follow(parent, told(None))

        assert (followed.answer.word, followed.changed) == (None, False)
        assert known(parent).word == SubscriptionWord.ACTIVE

    def test_pauses_and_resumes_as_the_provider_says(self) -> None:
        parent = subscription()

        follow(parent, says(word=SubscriptionWord.PAUSED))
        paused_for = known(parent).paused_for
        follow(parent, told(OrderWord.IN_PROGRESS))

        assert (paused_for, known(parent).paused_for) == ("upstream", "")
        assert scene.reasons(parent) == ["paused_for_upstream", "resumed"]

    def test_leaves_other_orders_alone(self) -> None:
        parent = subscription()
        [post] = scene.serve(parent, "501")

        assert subscriptions.is_one(parent)
        assert not subscriptions.is_one(post)
        assert not subscriptions.is_one(scene.order())


class TestUnseen:
    def test_are_the_posts_to_be_asked_about(self) -> None:
        parent, plain = subscription(posts="3"), scene.order(Status.PENDING, upstream_id="77")
        follow(parent, says("501"))
        answers = {
            f"{parent.upstream_id}": says("501", "502", "503", "504"),
            "77": told(children=("901",)),
        }

        assert subscriptions.unseen(orders=[parent, plain], told=answers) == ["502", "503"]

    @pytest.mark.parametrize(
        "answer", [None, Rejected(fault=Fault.UNKNOWN_ORDER, words="?"), says()]
    )
    def test_are_none_where_nothing_is_told(self, answer: UpstreamStatus | None) -> None:
        parent = subscription()
        answers = {} if answer is None else {f"{parent.upstream_id}": answer}

        assert subscriptions.unseen(orders=[parent], told=answers) == []


class TestSize:
    """Of a post between 100 and 200 pieces.  The provider asks 0.5 for a thousand."""

    @pytest.mark.parametrize(
        ("seen", "pieces"),
        [
            (told(OrderWord.PENDING, remains=150, cost_e8=9), 150),
            (told(OrderWord.IN_PROGRESS, remains=100), 100),
            (told(None, remains=200), 200),
            (told(OrderWord.CANCELED, remains=120), 120),
            # What is left of one that has ended is not its size, but its price tells.
            (told(OrderWord.COMPLETED, remains=0, cost_e8=7_500_000), 150),
            (told(OrderWord.PARTIAL, remains=150), 100),
            (told(OrderWord.IN_PROGRESS, remains=60, cost_e8=8_000_000), 160),
            (told(OrderWord.IN_PROGRESS, remains=201, cost_e8=10_050_000), 100),
            (told(OrderWord.PENDING, cost_e8=7_500_001), 100),
            (told(OrderWord.PENDING, cost_e8=0), 100),
            (told(OrderWord.PENDING), 100),
            (Rejected(fault=Fault.UNKNOWN_ORDER, words="?"), 100),
            (None, 100),
        ],
    )
    def test_is_what_the_first_sight_tells_or_the_smallest(
        self, seen: UpstreamStatus | Rejected | None, pieces: int
    ) -> None:
        parent = subscription(rate_per=1000)

        assert subscriptions.size(parent=parent, seen=seen) == pieces

    def test_cannot_be_told_by_a_rate_of_nothing(self) -> None:
        parent = subscription(rate_per=1000)
        UpstreamService.objects.update(rate_e8=0)

        assert subscriptions.size(parent=parent, seen=told(cost_e8=7_500_000)) == 100

    @pytest.mark.parametrize(
        ("seen", "pieces"), [(told(remains=150), 150), (told(cost_e8=7_500_000), 200), (None, 200)]
    )
    def test_at_a_flat_price_is_what_is_left_or_the_largest(
        self, seen: UpstreamStatus | None, pieces: int
    ) -> None:
        parent = subscription()

        assert subscriptions.size(parent=parent, seen=seen) == pieces

    def test_is_what_a_post_by_the_thousand_costs(self) -> None:
        parent = subscription(rate="0.27819", rate_per=1000)

        follow(parent, says("501", "502"), post_501=told(OrderWord.PENDING, remains=157))

        assert [money.text(post.charge_e8) for post in posts_of(parent)] == [
            "0.04367583",
            "0.027819",
        ]
        assert [post.quantity for post in posts_of(parent)] == [157, 100]
        assert scene.books_agree()


class TestRefund:
    @pytest.mark.parametrize("rate_per", [1, 1000])
    def test_of_a_post_that_was_canceled_is_everything(self, rate_per: int) -> None:
        parent = subscription(rate_per=rate_per)
        [post] = scene.serve(parent, "501")

        refund.end(post, to=Status.CANCELED, now=NOW, reason="upstream")

        assert scene.balance(parent.user) == "10"
        assert scene.books_agree()

    @pytest.mark.parametrize(("remains", "kept"), [(150, "0"), (50, "0.66666667"), (0, "1")])
    def test_of_a_part_is_in_proportion_to_what_was_seen(self, remains: int, kept: str) -> None:
        parent = subscription()
        follow(parent, says("501"), post_501=told(OrderWord.PENDING, remains=150))
        [post] = posts_of(parent)

        refund.end(post, to=Status.PARTIAL, now=NOW, reason="upstream", remains=remains)

        spent_e8 = money.parse("10") - money.parse(scene.balance(parent.user))
        assert money.text(spent_e8) == kept
        assert scene.books_agree()


@given(
    least=st.integers(1, 1_000),
    room=st.integers(0, 1_000),
    remains=st.none() | st.integers(-5, 3_000),
    cost_e8=st.none() | st.integers(0, 10**10),
    rate_e8=st.integers(0, 10**6).map(lambda steps: steps * 1_000),
    word=st.none() | st.sampled_from(OrderWord),
    rate_per=st.sampled_from((1, 1000)),
)
def test_a_post_is_never_charged_for_more_than_was_ordered(
    least: int,
    room: int,
    remains: int | None,
    cost_e8: int | None,
    rate_e8: int,
    word: OrderWord | None,
    rate_per: int,
) -> None:
    parent = Order(
        fields={"min": str(least), "max": str(least + room)},
        rate_per=rate_per,
        upstream_service=UpstreamService(rate_e8=rate_e8),
    )
    seen = told(word, remains=remains, cost_e8=cost_e8)

    assert least <= subscriptions.size(parent=parent, seen=seen) <= least + room
