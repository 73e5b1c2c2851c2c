from __future__ import annotations

import pytest

from relaypanel.contract import TYPES, OrderType
from relaypanel.simulator import intake
from relaypanel.simulator.intake import Wish
from relaypanel.simulator.words import TurnedDown
from tests.simulator.buyer import FIELDS_OF, LINK, offer

SERVICE_OF = {
    OrderType.DEFAULT: 201,
    OrderType.PACKAGE: 301,
    OrderType.SEO: 602,
    OrderType.CUSTOM_COMMENTS: 104,
    OrderType.CUSTOM_COMMENTS_PACKAGE: 302,
    OrderType.MENTIONS: 311,
    OrderType.MENTIONS_WITH_HASHTAGS: 312,
    OrderType.MENTIONS_CUSTOM_LIST: 313,
    OrderType.MENTIONS_HASHTAG: 314,
    OrderType.MENTIONS_USER_FOLLOWERS: 315,
    OrderType.MENTIONS_MEDIA_LIKERS: 316,
    OrderType.COMMENT_LIKES: 106,
    OrderType.COMMENT_REPLIES: 105,
    OrderType.POLL: 501,
    OrderType.INVITES_FROM_GROUPS: 107,
    OrderType.SUBSCRIPTIONS: 303,
    OrderType.WEB_TRAFFIC: 601,
}


def read(service: int, **fields: str) -> Wish:
    chosen = offer(service)
    return intake.read(offer=chosen, form={**FIELDS_OF[chosen.type], **fields})


def refusal(service: int, **fields: str) -> str:
    with pytest.raises(TurnedDown) as no:
        read(service, **fields)
    return no.value.words


class TestRead:
    @pytest.mark.parametrize("type", TYPES)
    def test_takes_each_type(self, type: OrderType) -> None:
        wish = read(SERVICE_OF[type])

        assert wish.target == FIELDS_OF[type].get("link", "an")

    @pytest.mark.parametrize(
        ("type", "name"), [(sold, name) for sold, spec in TYPES.items() for name in spec.needed]
    )
    def test_names_a_needed_field_that_is_absent(self, type: OrderType, name: str) -> None:
        words = refusal(SERVICE_OF[type], **{name: ""})

        assert words == ("Bad link" if name == "link" else f"Incorrect {name}")

    @pytest.mark.parametrize(
        ("service", "quantity"), [(201, 300), (301, 1), (104, 2), (302, 1), (313, 3)]
    )
    def test_counts_what_is_to_be_delivered(self, service: int, quantity: int) -> None:
        assert read(service).quantity == quantity

    @pytest.mark.parametrize("link", ["", " ", "https://a.b/c d", "https://a.b/\0", "x" * 2001])
    def test_refuses_a_bad_link(self, link: str) -> None:
        assert refusal(201, link=link) == "Bad link"

    @pytest.mark.parametrize("quantity", ["", "0", "-1", "1.5", "1e3", "²", "１２", "9" * 30])
    def test_refuses_what_is_not_a_whole_number(self, quantity: str) -> None:
        assert refusal(201, quantity=quantity) == "Incorrect quantity"

    @pytest.mark.parametrize(
        ("service", "fields", "words"),
        [
            (102, {"quantity": "99"}, "Quantity less than minimal 100"),
            (102, {"quantity": "100001"}, "Quantity more than maximum 100000"),
            (105, {"comments": "x\n" * 501}, "Quantity more than maximum 500"),
            (303, {"min": "9"}, "Quantity less than minimal 10"),
            (303, {"max": "5001"}, "Quantity more than maximum 5000"),
            (303, {"min": "12", "max": "11"}, "Incorrect max"),
            (303, {"delay": "7"}, "Incorrect delay"),
            (303, {"posts": "many"}, "Incorrect posts"),
            (303, {"expiry": "31/02/2027"}, "Incorrect expiry"),
            (601, {"device": "6"}, "Incorrect device"),
            (601, {"google_keyword": ""}, "Incorrect google_keyword"),
            (601, {"type_of_traffic": "2"}, "Incorrect referring_url"),
            (314, {"hashtag": "#a\n#b"}, "Incorrect hashtag"),
        ],
    )
    def test_refuses_what_the_service_cannot_do(
        self, service: int, fields: dict[str, str], words: str
    ) -> None:
        assert refusal(service, **fields) == words

    def test_needs_nothing_more_for_traffic_without_a_source(self) -> None:
        assert read(601, type_of_traffic="3", google_keyword="").target == LINK

    def test_ignores_a_field_that_is_not_used(self) -> None:
        wish = read(104, quantity="nonsense", runs="undefined", interval="undefined")

        assert wish == Wish(target=LINK, quantity=2)


class TestDripFeed:
    def test_is_one_order_of_all_runs(self) -> None:
        assert read(103, quantity="20", runs="5", interval="60").quantity == 100

    def test_is_left_out_when_runs_are_undefined(self) -> None:
        assert read(103, quantity="20", runs="undefined", interval="undefined").quantity == 20

    @pytest.mark.parametrize(
        ("service", "fields", "words"),
        [
            (201, {"runs": "2", "interval": "5"}, "Drip-feed is disabled for this service"),
            (103, {"runs": "0", "interval": "5"}, "Incorrect runs"),
            (103, {"runs": "2"}, "Incorrect interval"),
            (
                103,
                {"quantity": "19", "runs": "2", "interval": "5"},
                "Quantity less than minimal 20",
            ),
            (
                103,
                {"quantity": "10001", "runs": "2", "interval": "5"},
                "Quantity more than maximum 20000",
            ),
        ],
    )
    def test_is_refused_in_the_words_of_the_wire(
        self, service: int, fields: dict[str, str], words: str
    ) -> None:
        assert refusal(service, **fields) == words


class TestSubscription:
    def test_ends_after_three_posts_unless_told(self) -> None:
        assert read(303) == Wish(target="an", quantity=10, posts=3)

    def test_takes_posts_and_expiry(self) -> None:
        wish = read(303, posts="7", expiry="24/12/2027", old_posts="2")

        assert wish == Wish(target="an", quantity=10, posts=7, expiry="24/12/2027")
