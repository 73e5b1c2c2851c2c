from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from relaypanel import clock, money
from relaypanel.accounts import keys
from relaypanel.accounts.models import User
from relaypanel.catalogue.models import Service, Visibility
from relaypanel.contract import OrderType
from relaypanel.ledger import book, members
from relaypanel.orders.models import Order
from tests import cast
from tests.api_v2.client import call, refusal, refused, send

pytestmark = pytest.mark.django_db

LINK = "https://example.com/post/1"

# Of each type: what a caller sends, and its price at a rate of 1.23456.
TYPES: list[tuple[OrderType, dict[str, str], str]] = [
    (OrderType.DEFAULT, {"quantity": "1000"}, "1.23456"),
    (OrderType.DEFAULT, {"quantity": "11"}, "0.01358016"),
    (OrderType.PACKAGE, {}, "1.23456"),
    (OrderType.SEO, {"quantity": "100", "keywords": "một\nhai"}, "0.123456"),
    (OrderType.CUSTOM_COMMENTS, {"comments": "hay quá 👍\r\n\r\n<b>nice</b>\nok"}, "0.00370368"),
    (OrderType.CUSTOM_COMMENTS_PACKAGE, {"comments": "a\nb"}, "1.23456"),
    (OrderType.MENTIONS, {"quantity": "10", "usernames": "a\nb"}, "0.0123456"),
    (
        OrderType.MENTIONS_WITH_HASHTAGS,
        {"quantity": "10", "usernames": "a", "hashtags": "b"},
        "0.0123456",
    ),
    (OrderType.MENTIONS_CUSTOM_LIST, {"usernames": "a\nb\nc\n"}, "0.00370368"),
    (OrderType.MENTIONS_HASHTAG, {"quantity": "10", "hashtag": "#tết"}, "0.0123456"),
    (OrderType.MENTIONS_USER_FOLLOWERS, {"quantity": "10", "username": "a"}, "0.0123456"),
    (OrderType.MENTIONS_MEDIA_LIKERS, {"quantity": "10", "media": LINK}, "0.0123456"),
    (OrderType.COMMENT_LIKES, {"quantity": "10", "username": "a"}, "0.0123456"),
    (OrderType.COMMENT_REPLIES, {"username": "a", "comments": "x\ny\nz"}, "0.00370368"),
    (OrderType.POLL, {"quantity": "10", "answer_number": "2"}, "0.0123456"),
    (OrderType.INVITES_FROM_GROUPS, {"quantity": "10", "groups": "g"}, "0.0123456"),
    # A subscription is paid by the post, as each is served.
    (OrderType.SUBSCRIPTIONS, {"username": "a", "min": "5", "max": "9", "delay": "0"}, "0"),
    (
        OrderType.WEB_TRAFFIC,
        {
            "quantity": "10",
            "country": "VN",
            "device": "1",
            "type_of_traffic": "1",
            "google_keyword": "x",
        },
        "0.0123456",
    ),
]


@pytest.fixture(autouse=True, params=[False, True], ids=["first call", "seen a moment ago"])
def _alice(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Alice call as somebody whose key is looked up first, and with her order."""
    enrol = cast.alice

    def seen(*, balance: str = "0") -> members.Enrolled:
        alice = enrol(balance=balance)
        caller = keys.find(alice.api_key, address=None)
        assert caller is not None
        keys.touch(caller, address=None, now=clock.now())
        return alice

    if request.param:
        monkeypatch.setattr(cast, "alice", seen)


class TestAdd:
    def test_replies_as_the_specification_says(self) -> None:
        alice = cast.alice(balance="10")
        service = cast.service(rate="0.9")

        reply = call(key=alice.api_key, action="add", service=service.pk, link=LINK, quantity=1000)

        assert reply == b'{"order":%d}' % Order.objects.get().pk
        assert _balance(alice.user) == "9.1"

    @pytest.mark.parametrize(("type", "fields", "price"), TYPES)
    def test_charges_each_type_to_the_last_digit(
        self, type: OrderType, fields: dict[str, str], price: str
    ) -> None:
        alice = cast.alice(balance="10")
        service = cast.service(type=type, rate="1.23456", min=1)

        reply = call(key=alice.api_key, action="add", service=service.pk, link=LINK, **fields)

        order = Order.objects.get()
        assert reply == b'{"order":%d}' % order.pk
        assert order.charge_e8 == money.parse(price)
        assert book.balance(alice.user.pk) == money.parse("10") - money.parse(price)

    def test_charges_all_runs_of_a_drip_feed(self) -> None:
        alice = cast.alice(balance="10")
        service = cast.service(rate="0.9", dripfeed=True)

        reply = _add(alice.api_key, service, runs="5", interval="60")

        assert reply == b'{"order":%d}' % Order.objects.get(parent=None).pk
        assert _balance(alice.user) == "5.5"

    @pytest.mark.parametrize(
        "noise",
        [
            {"runs": "undefined", "interval": "undefined"},
            {"runs": "", "interval": ""},
            {"comments": "not for this type", "username": "\x00", "min": "-1", "country": "\ufffd"},
            {"balance": "1e9", "user_id": "1", "charge": "0", "order": "7", "rate": "0"},
            {f"unknown_{number}": "1" for number in range(200)},
        ],
    )
    def test_ignores_what_the_type_does_not_use(self, noise: dict[str, str]) -> None:
        alice = cast.alice(balance="10")

        _add(alice.api_key, cast.service(rate="0.9"), **noise)

        assert _balance(alice.user) == "9.1"
        assert Order.objects.get().user == alice.user

    def test_ignores_a_quantity_beside_comments(self) -> None:
        alice = cast.alice(balance="10")
        service = cast.service(type=OrderType.CUSTOM_COMMENTS, rate="1000", min=1)

        _add(alice.api_key, service, comments="a\nb", quantity="999")

        assert _balance(alice.user) == "8"

    def test_keeps_the_link_as_it_was_sent(self) -> None:
        alice = cast.alice(balance="10")
        link = "https://example.com/Bài-viết?a=1&b=%20+c#đ"

        _add(alice.api_key, cast.service(), link=link)

        assert Order.objects.get().link == link


class TestRefusals:
    @pytest.mark.parametrize(
        "service",
        [
            "",
            "0",
            "-1",
            "1.0",
            "01",
            "1e0",
            "+1",
            " ",
            "NaN",
            "null",
            "１",
            "²",
            "a",
            "1;DROP",
            "\x00",
            "�",
            "1,2",
            str(2**31),
            str(2**63),
            str(10**30),
            "9" * 4301,
        ],
    )
    def test_refuse_what_is_no_service(self, service: str) -> None:
        key = cast.alice(balance="10").api_key

        words = refusal(key=key, action="add", service=service, link=LINK, quantity="100")

        assert words == "Incorrect service ID"

    def test_refuse_a_call_without_a_service(self) -> None:
        key = cast.alice(balance="10").api_key

        assert refusal(key=key, action="add", link=LINK) == "Incorrect service ID"

    @pytest.mark.parametrize("visibility", [Visibility.HIDDEN, Visibility.DISABLED])
    def test_refuse_a_closed_service_like_an_unknown_one(self, visibility: Visibility) -> None:
        key = cast.alice(balance="10").api_key
        service = cast.service(visibility=visibility)

        words = refusal(key=key, action="add", service=service.pk, link=LINK, quantity="100")

        assert words == "Incorrect service ID"

    @pytest.mark.parametrize(
        "link",
        [
            "",
            "  ",
            "x" * 2049,
            "https://example.com/" + "x" * 2048,
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "//",
            "https://a@b.com/",
            "https://x.com/\x00",
            "https://x.com/a\nb",
            "https://x.com/�",
            "https://x.com/\u202egpj.exe",
            "http://127.0.0.1/",
            "http://169.254.169.254/",
            "http://localhost/",
            "http://[::1]/",
            "http://[",
            "=cmd()",
            b"https://x.com/\xff",
            b"https://x.com/\xed\xa0\x80",
        ],
    )
    def test_refuse_a_bad_link(self, link: str | bytes) -> None:
        key = cast.alice(balance="10").api_key
        service = cast.service()

        words = refusal(key=key, action="add", service=service.pk, link=link, quantity="100")

        assert words == "Bad link"

    @pytest.mark.parametrize("link", ["https://x.com/\x00", b"https://x.com/\xff"])
    def test_refuse_a_bad_link_where_a_link_is_taken_once(self, link: str | bytes) -> None:
        key = cast.alice(balance="10").api_key
        service = cast.service(one_order_per_link=True)

        words = refusal(key=key, action="add", service=service.pk, link=link, quantity="100")

        assert words == "Bad link"

    @pytest.mark.parametrize(
        ("quantity", "words"),
        [
            ("199", "Quantity less than minimal 200"),
            ("0", "Quantity less than minimal 200"),
            ("1001", "Quantity more than maximum 1000"),
            (str(2**31 - 1), "Quantity more than maximum 1000"),
            (str(2**31), "Quantity more than maximum 1000"),
            ("", "Incorrect quantity"),
            ("-1", "Incorrect quantity"),
            ("+500", "Incorrect quantity"),
            ("500.5", "Incorrect quantity"),
            ("5,00", "Incorrect quantity"),
            ("5 00", "Incorrect quantity"),
            ("5_00", "Incorrect quantity"),
            ("0x1F4", "Incorrect quantity"),
            ("5e2", "Incorrect quantity"),
            ("５００", "Incorrect quantity"),
            ("٥٠٠", "Incorrect quantity"),
            ("NaN", "Incorrect quantity"),
            ("500\x00", "Incorrect quantity"),
            ("500\ufffd", "Incorrect quantity"),
            (str(2**63), "Incorrect quantity"),
            ("9" * 4301, "Incorrect quantity"),
        ],
    )
    def test_refuse_a_bad_quantity(self, quantity: str, words: str) -> None:
        key = cast.alice(balance="10").api_key
        service = cast.service(min=200, max=1000)

        assert (
            refusal(key=key, action="add", service=service.pk, link=LINK, quantity=quantity)
            == words
        )

    @pytest.mark.parametrize(
        ("type", "fields", "words"),
        [
            (OrderType.CUSTOM_COMMENTS, {}, "Incorrect comments"),
            (OrderType.CUSTOM_COMMENTS, {"comments": "\r\n \n"}, "Incorrect comments"),
            (OrderType.CUSTOM_COMMENTS, {"comments": "a\x00b"}, "Incorrect comments"),
            (OrderType.CUSTOM_COMMENTS, {"comments": b"a\xffb"}, "Incorrect comments"),
            (OrderType.MENTIONS, {"quantity": "10"}, "Incorrect usernames"),
            (OrderType.MENTIONS_HASHTAG, {"quantity": "10"}, "Incorrect hashtag"),
            (OrderType.SEO, {"quantity": "10"}, "Incorrect keywords"),
            (OrderType.POLL, {"quantity": "10", "answer_number": "x"}, "Incorrect answer_number"),
            (OrderType.SUBSCRIPTIONS, {}, "Incorrect username"),
            (
                OrderType.SUBSCRIPTIONS,
                {"username": "a", "min": "10", "max": "10", "delay": "7"},
                "Incorrect delay",
            ),
            (
                OrderType.SUBSCRIPTIONS,
                {"username": "a", "min": "10", "max": "10", "delay": "0", "expiry": "31/02/2027"},
                "Incorrect expiry",
            ),
        ],
    )
    def test_name_the_field(self, type: OrderType, fields: dict[str, str], words: str) -> None:
        key = cast.alice(balance="10").api_key
        service = cast.service(type=type, rate="1")

        assert refusal(key=key, action="add", service=service.pk, link=LINK, **fields) == words

    @pytest.mark.parametrize(
        ("dripfeed", "fields", "words"),
        [
            (False, {"runs": "5", "interval": "60"}, "Drip-feed is disabled for this service"),
            (True, {"runs": "5"}, "Incorrect interval"),
            (True, {"interval": "60"}, "Incorrect runs"),
            (True, {"runs": "0", "interval": "60"}, "Incorrect runs"),
            (True, {"runs": "2", "interval": "525601"}, "Incorrect interval"),
            (True, {"runs": "11", "interval": "60"}, "Quantity more than maximum 10000"),
        ],
    )
    def test_refuse_a_bad_drip_feed(
        self, dripfeed: bool, fields: dict[str, str], words: str
    ) -> None:
        key = cast.alice(balance="100").api_key
        service = cast.service(dripfeed=dripfeed)

        answer = refusal(
            key=key, action="add", service=service.pk, link=LINK, quantity="1000", **fields
        )

        assert answer == words

    def test_refuse_an_order_that_the_balance_does_not_cover(self) -> None:
        key = cast.alice(balance="0.89999999").api_key
        service = cast.service(rate="0.9")

        words = refusal(key=key, action="add", service=service.pk, link=LINK, quantity="1000")

        assert words == "Not enough funds on balance"

    def test_refuse_a_second_order_for_a_link_where_one_runs(self) -> None:
        key = cast.alice(balance="10").api_key
        service = cast.service(one_order_per_link=True)
        _add(key, service)

        words = refusal(key=key, action="add", service=service.pk, link=LINK, quantity="1000")

        assert words == (
            "You have active order with this link. Please wait until order being completed."
        )


class TestClientRef:
    def test_returns_the_same_order_and_charges_once(self) -> None:
        alice = cast.alice(balance="10")
        service = cast.service(rate="0.9")

        first = _add(alice.api_key, service, client_ref="mine 1")
        second = _add(alice.api_key, service, client_ref="mine 1")

        assert first == second == b'{"order":%d}' % Order.objects.get().pk
        assert _balance(alice.user) == "9.1"

    def test_may_come_as_the_idempotency_key_header(self) -> None:
        alice = cast.alice(balance="10")
        body = _body(alice.api_key, cast.service(rate="0.9"))

        first = send(body, HTTP_IDEMPOTENCY_KEY="mine-1")
        second = send(body + b"&client_ref=mine-1", HTTP_IDEMPOTENCY_KEY="mine-1")

        assert first == second
        assert Order.objects.get().client_ref == "mine-1"

    def test_is_each_callers_own(self) -> None:
        service = cast.service(rate="0.9")

        for enrolled in (cast.alice(balance="10"), cast.bob(balance="10")):
            _add(enrolled.api_key, service, client_ref="same")

        assert Order.objects.count() == 2

    def test_refuses_another_order_under_the_same_name(self) -> None:
        alice = cast.alice(balance="10")
        service = cast.service(rate="0.9")
        _add(alice.api_key, service, client_ref="mine")

        words = refused(_body(alice.api_key, service, client_ref="mine", quantity="999"))

        assert words == "This client_ref was used for another order"

    @pytest.mark.parametrize(
        "ref", ["", "x" * 101, "x" * 256, "a\tb", "a\n", "\x00", "é", "１", "\ufffd", b"\xff"]
    )
    def test_is_1_to_100_printable_ascii_characters(self, ref: str | bytes) -> None:
        alice = cast.alice(balance="10")

        words = refused(_body(alice.api_key, cast.service(), client_ref=ref))

        assert words == "Incorrect client_ref"

    @pytest.mark.parametrize("header", ["", "other", "x" * 101, "caf\xe9"])
    def test_refuses_a_header_that_is_none_or_differs(self, header: str) -> None:
        body = _body(cast.alice(balance="10").api_key, cast.service())

        assert refused(body + b"&client_ref=mine", HTTP_IDEMPOTENCY_KEY=header) == (
            "Incorrect client_ref"
        )

    def test_comes_after_the_service(self) -> None:
        key = cast.alice(balance="10").api_key

        words = refusal(key=key, action="add", service="x", client_ref="")

        assert words == "Incorrect service ID"


def _body(key: str, service: Service, **fields: Any) -> bytes:
    full = {"key": key, "action": "add", "service": service.pk, "link": LINK, "quantity": "1000"}
    return urlencode(full | fields).encode()


def _add(key: str, service: Service, **fields: Any) -> bytes:
    return send(_body(key, service, **fields))


def _balance(user: User) -> str:
    return money.text(book.balance(user.pk))
