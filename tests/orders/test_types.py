from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel.catalogue.models import Service
from relaypanel.contract import TYPES, OrderType
from relaypanel.errors import Refused
from relaypanel.orders import types
from tests import cast

LINK = "https://example.com/p/1"

# One good order of every type, as a client sends it.
GOOD: dict[OrderType, dict[str, str]] = {
    OrderType.DEFAULT: {"link": LINK, "quantity": "100"},
    OrderType.PACKAGE: {"link": LINK},
    OrderType.SEO: {"link": LINK, "quantity": "100", "keywords": "a\nb"},
    OrderType.CUSTOM_COMMENTS: {"link": LINK, "comments": "đẹp quá\r\n\r\nok 👍"},
    OrderType.CUSTOM_COMMENTS_PACKAGE: {"link": LINK, "comments": "one\ntwo"},
    OrderType.MENTIONS: {"link": LINK, "quantity": "100", "usernames": "a\nb"},
    OrderType.MENTIONS_WITH_HASHTAGS: {
        "link": LINK,
        "quantity": "100",
        "usernames": "a",
        "hashtags": "#b",
    },
    OrderType.MENTIONS_CUSTOM_LIST: {"link": LINK, "usernames": "a\nb\nc"},
    OrderType.MENTIONS_HASHTAG: {"link": LINK, "quantity": "100", "hashtag": "#a"},
    OrderType.MENTIONS_USER_FOLLOWERS: {"link": LINK, "quantity": "100", "username": "a"},
    OrderType.MENTIONS_MEDIA_LIKERS: {"link": LINK, "quantity": "100", "media": LINK},
    OrderType.COMMENT_LIKES: {"link": LINK, "quantity": "100", "username": "a"},
    OrderType.COMMENT_REPLIES: {"link": LINK, "username": "a", "comments": "x\ny"},
    OrderType.POLL: {"link": LINK, "quantity": "100", "answer_number": "2"},
    OrderType.INVITES_FROM_GROUPS: {"link": LINK, "quantity": "100", "groups": "g1\ng2"},
    OrderType.SUBSCRIPTIONS: {"username": "a", "min": "10", "max": "20", "delay": "0"},
    OrderType.WEB_TRAFFIC: {
        "link": LINK,
        "quantity": "100",
        "country": "VN",
        "device": "1",
        "type_of_traffic": "3",
    },
}


def service(type: OrderType = OrderType.DEFAULT, **fields: Any) -> Service:
    return Service(type=type, **{"min": 1, "max": 1000, "dripfeed": False} | fields)


def read(raw: dict[str, str], type: OrderType = OrderType.DEFAULT, **fields: Any) -> types.Content:
    return types.read(service=service(type, **fields), raw=raw, now=cast.NOW)


def refusal(raw: dict[str, str], type: OrderType = OrderType.DEFAULT, **fields: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        read(raw, type, **fields)
    return caught.value


class TestRead:
    @pytest.mark.parametrize("type", OrderType)
    def test_takes_an_order_of_each_type(self, type: OrderType) -> None:
        content = read(GOOD[type], type)

        assert content.link == GOOD[type].get("link", "")
        assert not content.is_drip_feed

    @pytest.mark.parametrize(
        ("type", "name"), [(each, name) for each in OrderType for name in TYPES[each].needed]
    )
    def test_refuses_each_type_without_a_field_it_needs(self, type: OrderType, name: str) -> None:
        raw = {key: text for key, text in GOOD[type].items() if key != name}

        found = refusal(raw, type)

        assert isinstance(found, types.BadLink if name == "link" else types.IncorrectField)
        assert getattr(found, "field", name) == name

    @pytest.mark.parametrize(
        ("type", "quantity"),
        [
            (OrderType.DEFAULT, 100),
            (OrderType.PACKAGE, 1),
            (OrderType.CUSTOM_COMMENTS, 2),
            (OrderType.CUSTOM_COMMENTS_PACKAGE, 1),
            (OrderType.MENTIONS_CUSTOM_LIST, 3),
            (OrderType.COMMENT_REPLIES, 2),
            (OrderType.SUBSCRIPTIONS, 1),
        ],
    )
    def test_finds_the_quantity_where_the_type_has_it(self, type: OrderType, quantity: int) -> None:
        assert read(GOOD[type], type).quantity == quantity

    def test_keeps_items_as_written_and_drops_blank_lines(self) -> None:
        content = read(GOOD[OrderType.CUSTOM_COMMENTS], OrderType.CUSTOM_COMMENTS)

        assert content.fields == {"comments": "đẹp quá\nok 👍"}

    def test_ignores_what_the_type_does_not_use(self) -> None:
        raw = GOOD[OrderType.CUSTOM_COMMENTS] | {
            "quantity": "undefined",
            "runs": "undefined",
            "username": "\x00",
        }

        content = read(raw, OrderType.CUSTOM_COMMENTS)

        assert set(content.fields) == {"comments"}

    def test_ranks_the_link_before_the_quantity_before_the_rest(self) -> None:
        raw = {"link": "", "quantity": "", "answer_number": ""}

        assert isinstance(refusal(raw, OrderType.POLL), types.BadLink)
        found = refusal(raw | {"link": LINK}, OrderType.POLL)
        assert isinstance(found, types.IncorrectField)
        assert found.field == "quantity"


class TestLink:
    @pytest.mark.parametrize(
        "link",
        [
            "https://example.com/p/1",
            "HTTP://EXAMPLE.COM",
            "t.me/kenhtintuc",
            "  https://example.com/  ",
            "https://ví-dụ.vn/đường-dẫn?a=1&b=2#x",
            "https://example.com:8443/x",
            "https://1.1.1.1/x",
            "https://[2606:4700:4700::1111]/x",
        ],
    )
    def test_is_kept_as_written(self, link: str) -> None:
        assert read({"link": link, "quantity": "1"}).link == link.strip()

    @pytest.mark.parametrize(
        "link",
        [
            "",
            "   ",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "ftp://example.com/x",
            "//x",
            "https://",
            "https://user@example.com/x",
            "https://user:secret@example.com/x",
            "https://localhost/x",
            "https://127.0.0.1/x",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/x",
            "https://[::1/x",
            "https://exa mple.com/x",
            "https://example.com/\r\nx",
            "https://example.com/\x00",
            "https://example.com/\u202egnp.exe",
            "https://example.com/\ufffd",
            "https://example.com/" + chr(0xD800),
            "just words",
            "=cmd()",
            "https://example.com/" + "x" * 2048,
            "https://example.com/" + "đ" * 1100,
        ],
    )
    def test_refuses_what_no_browser_should_open(self, link: str) -> None:
        assert isinstance(refusal({"link": link, "quantity": "1"}), types.BadLink)


class TestQuantity:
    @pytest.mark.parametrize(
        "text",
        [
            *("-1", "-0", "+5", "5.5", "5,000", "5 000", "1_000", "0x10", "1e3", "１２", "²", "٣"),
            *("x", "9" * 11, "9" * 4301, "1\x00", "NaN"),
        ],
    )
    def test_refuses_what_is_not_a_whole_number(self, text: str) -> None:
        found = refusal({"link": LINK, "quantity": text})

        assert isinstance(found, types.IncorrectField)
        assert found.field == "quantity"

    @pytest.mark.parametrize(
        ("quantity", "fits"), [(9, False), (10, True), (99, True), (100, False)]
    )
    def test_stays_within_the_bounds_of_the_service(self, quantity: int, fits: bool) -> None:
        raw = {"link": LINK, "quantity": str(quantity)}

        if fits:
            assert read(raw, min=10, max=99).quantity == quantity
        else:
            found = refusal(raw, min=10, max=99)
            assert isinstance(found, types.QuantityTooSmall | types.QuantityTooLarge)

    def test_names_the_bound_in_the_refusal(self) -> None:
        small = refusal({"link": LINK, "quantity": "0"}, min=10)
        large = refusal({"link": LINK, "quantity": "4294967296"}, max=99)

        assert isinstance(small, types.QuantityTooSmall)
        assert small.minimum == 10
        assert isinstance(large, types.QuantityTooLarge)
        assert large.maximum == 99

    @given(st.text())
    def test_is_a_number_or_a_refusal_whatever_is_sent(self, text: str) -> None:
        try:
            content = read({"link": LINK, "quantity": text}, max=2**31 - 1)
        except Refused:
            return
        assert str(content.quantity) == text.strip().lstrip("0")


class TestLines:
    @pytest.mark.parametrize(
        "text", ["", "\n\n", " \r\n ", "a\x00", "a\x1b[0m", "a\ufffd", "a" + chr(0xD800)]
    )
    def test_refuses_what_has_no_item_or_an_unclean_one(self, text: str) -> None:
        found = refusal({"link": LINK, "comments": text}, OrderType.CUSTOM_COMMENTS)

        assert isinstance(found, types.IncorrectField)
        assert found.field == "comments"

    def test_refuses_more_items_than_the_service_takes(self) -> None:
        found = refusal({"link": LINK, "comments": "a\nb\nc"}, OrderType.CUSTOM_COMMENTS, max=2)

        assert isinstance(found, types.QuantityTooLarge)


class TestLine:
    @pytest.mark.parametrize("text", ["a\nb", "a\tb", "x" * 501, "a\u202eb"])
    def test_refuses_what_is_not_one_clean_line(self, text: str) -> None:
        raw = GOOD[OrderType.COMMENT_LIKES] | {"username": text}

        found = refusal(raw, OrderType.COMMENT_LIKES)

        assert isinstance(found, types.IncorrectField)
        assert found.field == "username"


class TestDripFeed:
    RAW = {"link": LINK, "quantity": "100", "runs": "3", "interval": "30"}  # noqa: RUF012

    def test_is_read_where_the_service_offers_it(self) -> None:
        content = read(self.RAW, dripfeed=True)

        assert (content.runs, content.interval_minutes, content.quantity) == (3, 30, 100)

    def test_is_refused_where_the_service_does_not(self) -> None:
        assert isinstance(refusal(self.RAW), types.DripFeedDisabled)

    @pytest.mark.parametrize("runs", ["undefined", "", "0", "1", "x"])
    def test_is_not_asked_for_by_what_clients_send_along(self, runs: str) -> None:
        assert not read(self.RAW | {"runs": runs}).is_drip_feed

    @pytest.mark.parametrize("text", ["undefined", "null", ""])
    def test_may_be_left_out(self, text: str) -> None:
        content = read(self.RAW | {"runs": text, "interval": text}, dripfeed=True)

        assert not content.is_drip_feed

    @pytest.mark.parametrize(
        ("runs", "interval", "field"),
        [
            ("0", "30", "runs"),
            ("-1", "30", "runs"),
            ("1001", "30", "runs"),
            ("3", "0", "interval"),
            ("3", "525601", "interval"),
            ("3", "", "interval"),
            ("", "30", "runs"),
        ],
    )
    def test_refuses_bad_runs_and_intervals(self, runs: str, interval: str, field: str) -> None:
        found = refusal(self.RAW | {"runs": runs, "interval": interval}, dripfeed=True)

        assert isinstance(found, types.IncorrectField)
        assert found.field == field

    def test_stays_within_the_maximum_with_all_runs(self) -> None:
        read(self.RAW, dripfeed=True, max=300)

        assert isinstance(refusal(self.RAW, dripfeed=True, max=299), types.QuantityTooLarge)


class TestSubscription:
    RAW = GOOD[OrderType.SUBSCRIPTIONS]

    def test_keeps_its_fields(self) -> None:
        raw = self.RAW | {"posts": "5", "expiry": "1/2/2027", "old_posts": "0"}

        content = read(raw, OrderType.SUBSCRIPTIONS)

        assert content.fields == raw | {"expiry": "01/02/2027"}

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"min": "20", "max": "10"}, "max"),
            ({"delay": "7"}, "delay"),
            ({"delay": "x"}, "delay"),
            ({"posts": "0"}, "posts"),
            ({"expiry": "31/02/2027"}, "expiry"),
            ({"expiry": "2027-01-01"}, "expiry"),
            ({"expiry": "23/11/2026"}, "expiry"),
            ({"expiry": "01/01/9999"}, "expiry"),
        ],
    )
    def test_refuses_fields_that_do_not_fit(self, changes: dict[str, str], field: str) -> None:
        found = refusal(self.RAW | changes, OrderType.SUBSCRIPTIONS)

        assert isinstance(found, types.IncorrectField)
        assert found.field == field

    def test_bounds_a_post_by_the_service(self) -> None:
        small = refusal(self.RAW, OrderType.SUBSCRIPTIONS, min=11)
        large = refusal(self.RAW, OrderType.SUBSCRIPTIONS, max=19)

        assert isinstance(small, types.QuantityTooSmall)
        assert isinstance(large, types.QuantityTooLarge)

    def test_may_expire_today(self) -> None:
        read(self.RAW | {"expiry": "24/11/2026"}, OrderType.SUBSCRIPTIONS)


class TestWebTraffic:
    RAW = GOOD[OrderType.WEB_TRAFFIC]

    @pytest.mark.parametrize(("kind", "field"), [("1", "google_keyword"), ("2", "referring_url")])
    def test_needs_what_its_kind_of_traffic_needs(self, kind: str, field: str) -> None:
        raw = self.RAW | {"type_of_traffic": kind}

        found = refusal(raw, OrderType.WEB_TRAFFIC)

        assert isinstance(found, types.IncorrectField)
        assert found.field == field
        read(raw | {field: "https://example.com/x"}, OrderType.WEB_TRAFFIC)

    @pytest.mark.parametrize(("name", "text"), [("device", "6"), ("type_of_traffic", "0")])
    def test_refuses_a_choice_that_is_not_there(self, name: str, text: str) -> None:
        found = refusal(self.RAW | {name: text}, OrderType.WEB_TRAFFIC)

        assert isinstance(found, types.IncorrectField)
        assert found.field == name
