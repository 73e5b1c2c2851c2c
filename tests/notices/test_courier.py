from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from django.core import mail
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook

from relaypanel import http
from relaypanel.notices import courier
from relaypanel.notices.courier import Courier
from relaypanel.notices.deliver import Parcel
from relaypanel.notices.models import Kind
from tests.cast import NOW
from tests.notices.samples import SAMPLES
from tests.test_http import replying, serving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DONE = b"HTTP/1.1 204 No Content\r\n\r\n"


def parcel(kind: Kind = Kind.ORDER_PARTIAL, **changes: Any) -> Parcel:
    made = Parcel(
        delivery_id=1,
        attempt=1,
        notice_id=9,
        kind=kind,
        data=SAMPLES[kind],
        at=NOW,
        name="Alice",
        email="alice@example.com",
        language="en",
        endpoint_id=2,
        url="https://shop.example/hook",
        secret=SECRET,
    )
    return replace(made, **changes)


class TestPayload:
    def test_tells_amounts_exactly_as_text(self) -> None:
        told = msgspec.json.decode(courier.payload(parcel()))

        assert told["type"] == "order.partial"
        assert told["timestamp"] == "2026-11-24T12:00:00+00:00"
        assert told["data"]["refunded"] == "0.27"
        assert told["data"]["currency"] == "USD"
        assert told["data"]["order"] == 812


class TestSigned:
    def test_is_what_the_standards_own_library_verifies(self) -> None:
        body = courier.payload(parcel())

        headers = courier.signed(parcel(), body)

        assert headers["webhook-id"] == "msg_9"
        assert Webhook(SECRET).verify(body, headers)["type"] == "order.partial"


class TestLetter:
    @pytest.mark.parametrize(("language", "words"), [("en", "Hello Alice"), ("vi", "Chào Alice")])
    def test_speaks_the_readers_language(
        self, language: str, words: str, settings: Settings
    ) -> None:
        settings.PUBLIC_URL = "https://panel.example"

        written = courier.letter(parcel(Kind.TOPUP_CONFIRMED, language=language, url=""))

        assert written.to == ["alice@example.com"]
        assert written.body.startswith(words)
        assert "https://panel.example/funds/3" in written.body

    def test_has_a_subject_of_one_line_and_text_as_it_is(self) -> None:
        data = SAMPLES[Kind.ORDER_CANCELED] | {"service": "Likes & more\r\nBcc: x@y.example"}

        written = courier.letter(parcel(Kind.ORDER_CANCELED, data=data))

        assert "\n" not in str(written.message()["Subject"])
        assert "Likes & more" in written.body


class TestCarry:
    def test_hands_a_letter_to_the_mail_server(self) -> None:
        outcome = asyncio.run(Courier(_nobody).carry(parcel(Kind.TICKET_ANSWERED, url="")))

        assert outcome.is_delivered
        assert len(mail.outbox) == 1

    def test_tells_of_a_letter_that_was_not_taken(self, settings: Settings) -> None:
        settings.EMAIL_BACKEND = "tests.notices.test_courier.Broken"

        outcome = asyncio.run(Courier(_nobody).carry(parcel(Kind.TICKET_ANSWERED, url="")))

        assert (outcome.is_delivered, outcome.error) == (False, "the mail server did not take it")

    def test_has_nowhere_to_send_a_letter_without_an_address(self) -> None:
        outcome = asyncio.run(Courier(_nobody).carry(parcel(url="", email="")))

        assert not outcome.is_delivered

    @pytest.mark.sockets
    @pytest.mark.parametrize(
        ("answer", "status", "is_delivered"),
        [
            (DONE, 204, True),
            (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 500, False),
            (b"HTTP/1.1 302 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302, False),
        ],
    )
    def test_calls_a_webhook(
        self, answer: bytes, status: int, is_delivered: bool, settings: Settings
    ) -> None:
        settings.PRIVATE_WEBHOOKS = [ipaddress.ip_network("127.0.0.0/8")]

        async def story() -> None:
            async with serving(replying(answer)) as server, http.Session() as session:
                outcome = await Courier(session.send).carry(parcel(url=server.url))
                assert (outcome.is_delivered, outcome.status) == (is_delivered, status)
                assert b"webhook-signature: v1," in server.requests[0]
                assert b"Content-Type: application/json\r\n" in server.requests[0]

        asyncio.run(story())

    @pytest.mark.sockets
    def test_reaches_no_private_place(self, settings: Settings) -> None:
        # What providers may do is no licence for customers.
        settings.PRIVATE_PROVIDERS = [ipaddress.ip_network("127.0.0.0/8")]
        settings.PRIVATE_WEBHOOKS = []

        async def story() -> None:
            async with serving(replying(DONE)) as server, http.Session() as session:
                outcome = await Courier(session.send).carry(parcel(url=server.url))
                assert (outcome.is_delivered, outcome.error) == (False, "no answer")
                assert server.connections == 0

        asyncio.run(story())


async def _nobody(*_: object, **__: object) -> http.Reply:
    raise AssertionError


class Broken:
    """A mail server that hangs up."""

    def __init__(self, **_: object) -> None: ...

    def send_messages(self, _: object) -> int:
        raise ConnectionResetError
