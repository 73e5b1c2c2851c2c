from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from relaypanel import money
from relaypanel.payments.gateways.interface import Forged, Malformed
from relaypanel.payments.gateways.signed import Signed
from relaypanel.payments.gateways.table import GATEWAYS
from tests.payments import till

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DATA: Final = {"reference": "RP7K3QXM9T", "amount": "50.5", "currency": "USD"}


def body(*, type: object = "payment.paid", **data: object) -> bytes:
    return msgspec.json.encode({"type": type, "data": DATA | data})


BODY: Final = body()


class TestRead:
    def test_says_what_was_paid(self) -> None:
        payment = Signed().read(secret=SECRET, headers=till.signed(SECRET, BODY), body=BODY)

        assert payment is not None
        assert (payment.event_id, payment.reference) == ("evt_1", "RP7K3QXM9T")
        assert (payment.amount_e8, payment.currency) == (money.parse("50.5"), "USD")

    def test_takes_any_of_several_signatures(self) -> None:
        headers = till.signed(SECRET, BODY)
        headers["Webhook-Signature"] = f"v1a,AAAA {headers['Webhook-Signature']}"

        assert Signed().read(secret=SECRET, headers=headers, body=BODY)

    def test_has_nothing_to_say_of_another_event(self) -> None:
        other = body(type="payment.refunded")

        assert Signed().read(secret=SECRET, headers=till.signed(SECRET, other), body=other) is None

    @pytest.mark.parametrize(
        "spoil",
        [
            dict.clear,
            lambda headers: headers.pop("Webhook-Id"),
            lambda headers: headers.pop("Webhook-Timestamp"),
            lambda headers: headers.pop("Webhook-Signature"),
            lambda headers: headers.update({"Webhook-Id": "evt_2"}),
            lambda headers: headers.update({"Webhook-Timestamp": "1"}),
            lambda headers: headers.update({"Webhook-Timestamp": "nan"}),
            lambda headers: headers.update({"Webhook-Timestamp": "9" * 400}),
            lambda headers: headers.update({"Webhook-Signature": "v1"}),
            lambda headers: headers.update({"Webhook-Signature": "v1,!!!"}),
            lambda headers: headers.update({"Webhook-Signature": "v1,"}),
            lambda headers: headers.update({"Webhook-Signature": "a,b,c"}),
        ],
    )
    def test_believes_nothing_unproven(self, spoil: Callable[[dict[str, str]], Any]) -> None:
        headers = till.signed(SECRET, BODY)
        spoil(headers)

        with pytest.raises(Forged):
            Signed().read(secret=SECRET, headers=headers, body=BODY)

    @pytest.mark.parametrize("age", [301, -301])
    def test_believes_nothing_old_or_of_the_future(self, age: float) -> None:
        with pytest.raises(Forged):
            Signed().read(secret=SECRET, headers=till.signed(SECRET, BODY, age=age), body=BODY)

    def test_believes_no_other_body_and_no_other_secret(self) -> None:
        headers = till.signed(SECRET, BODY)

        for secret, said in ((SECRET, BODY + b" "), ("whsec_AAAA", BODY), (SECRET, b"\xff")):
            with pytest.raises(Forged):
                Signed().read(secret=secret, headers=headers, body=said)

    @pytest.mark.parametrize(
        "said",
        [
            b"",
            b"[]",
            b"null",
            b"[" * 5000,
            b'{"type": "payment.paid"}',
            b'{"type": "payment.paid", "data": 1}',
            body(amount=50),
            body(amount="-50"),
            body(amount="5e1"),
            body(amount="0.000000001"),
            body(amount="9" * 30),
            body(reference=None),
            body(currency=704),
            body(type=7),
        ],
    )
    def test_cannot_read_what_is_no_payment(self, said: bytes) -> None:
        with pytest.raises(Malformed):
            Signed().read(secret=SECRET, headers=till.signed(SECRET, said), body=said)

    @pytest.mark.parametrize("event_id", ["x" * 201, "a\x00b"])
    def test_takes_no_name_that_cannot_be_kept(self, event_id: str) -> None:
        headers = till.signed(SECRET, BODY, event_id=event_id)

        with pytest.raises(Malformed):
            Signed().read(secret=SECRET, headers=headers, body=BODY)


class TestTable:
    def test_names_it(self) -> None:
        assert isinstance(GATEWAYS["signed"], Signed)
