"""R8: gateways that tell each payment many times, in any order, and people who forge them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pytest
from django.db import connection
from django.test import Client

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Code, Transfer
from relaypanel.payments import incoming, methods
from relaypanel.payments.incoming import Outcome
from relaypanel.payments.models import GatewayEvent, PaymentMethod, State, TopUp
from tests import cast
from tests.cast import NOW
from tests.faults import size
from tests.payments import till

pytestmark = pytest.mark.django_db(transaction=True)

PAYMENTS: Final = size.of(short=8, full=100)
DELIVERIES: Final = size.of(short=10, full=40)
AT_ONCE: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    path: str
    body: bytes
    headers: Mapping[str, str]


def test_each_payment_is_credited_once() -> None:
    method, secret, wanted = _asked_for()
    calls = [_told(method, secret, one) for one in wanted for _ in range(DELIVERIES)]

    statuses = _deliver(calls)

    assert statuses == {200: len(calls)}
    assert _credits() == PAYMENTS
    assert till.balance(_alice()) == money.text(sum(one.amount_e8 for one in wanted))
    assert till.books_agree()
    print(  # noqa: T201
        f"webhooks: {PAYMENTS} payments x {DELIVERIES} deliveries, {_credits()} credits, "
        f"answers {dict(statuses)}"
    )


def test_nothing_forged_is_credited() -> None:
    method, secret, wanted = _asked_for()
    forged = [
        spoil(_told(method, secret, one), method, one) for one in wanted[:8] for spoil in FORGERIES
    ]
    known = set(FORGERIES)

    statuses = _deliver(forged)

    assert len(known) >= 30
    assert all(400 <= status < 500 for status in statuses), statuses
    assert _credits() == 0
    assert not GatewayEvent.objects.exists()
    assert not TopUp.objects.exclude(state=State.REQUESTED).exists()
    print(f"webhooks: {len(known)} forgeries, {_credits()} credits, answers {dict(statuses)}")  # noqa: T201


def test_looking_before_writing_credits_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin: it looks whether the event is known, and then pays."""
    monkeypatch.setattr(incoming, "receive", _look_then_pay)
    method, secret, wanted = _asked_for()
    calls = [_told(method, secret, one) for one in wanted for _ in range(DELIVERIES)]

    _deliver(calls)

    assert _credits() > PAYMENTS
    print(f"webhooks, twin: {_credits()} credits for {PAYMENTS} payments")  # noqa: T201


def _asked_for() -> tuple[PaymentMethod, str, list[TopUp]]:
    method, secret = till.gateway()
    method.refresh_from_db()
    alice = cast.alice().user
    wanted = [
        TopUp(
            user=alice,
            method=method,
            reference=f"RP{at:08d}",
            amount_e8=(at + 1) * money.ONE_E8,
            owed_e8=(at + 1) * money.ONE_E8,
            owed_currency="USD",
            requested_at=NOW,
            expires_at=NOW,
        )
        for at in range(PAYMENTS)
    ]
    return method, secret, TopUp.objects.bulk_create(wanted)


def _alice() -> User:
    return User.objects.get(username="alice")


def _credits() -> int:
    return Transfer.objects.filter(code=Code.DEPOSIT).count()


def _deliver(calls: list[Call]) -> Counter[int]:
    shuffled = random.Random(7).sample(calls, len(calls))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = pool.map(_post_all, (shuffled[start::AT_ONCE] for start in range(AT_ONCE)))
        return sum(parts, Counter[int]())


def _post_all(calls: list[Call]) -> Counter[int]:
    client = Client()
    statuses: Counter[int] = Counter()
    for call in calls:
        answer = client.post(
            call.path, call.body, content_type="application/json", headers=dict(call.headers)
        )
        statuses[answer.status_code] += 1
    connection.close()
    return statuses


def _told(method: PaymentMethod, secret: str, wanted: TopUp) -> Call:
    body = till.message(wanted)
    headers = till.signed(secret, body, event_id=f"evt_{wanted.reference}")
    return Call(path=f"/payments/hooks/{method.pk}", body=body, headers=headers)


def _look_then_pay(
    *, method_id: int, headers: Mapping[str, str], body: bytes, **_: object
) -> Outcome:
    event_id = headers["Webhook-Id"]
    wanted = TopUp.objects.get(reference=msgspec.json.decode(body)["data"]["reference"])
    if GatewayEvent.objects.filter(event_id=event_id).exists():
        return Outcome.KNOWN
    book.post(
        book.Posting(
            key=f"gateway:{event_id}:{random.random()}",
            debit=chart.CASH,
            credit=chart.customer(wanted.user_id),
            amount_e8=wanted.amount_e8,
            code=Code.DEPOSIT,
        ),
        now=NOW,
    )
    GatewayEvent.objects.get_or_create(
        method_id=method_id, event_id=event_id, defaults={"topup": wanted, "at": NOW}
    )
    return Outcome.PAID


Forgery = Callable[[Call, PaymentMethod, TopUp], Call]


def _headers(**changes: str | None) -> Forgery:
    """Return a call with other headers; None takes one out."""

    def spoil(call: Call, _: PaymentMethod, __: TopUp) -> Call:
        named = {f"Webhook-{name.title()}": value for name, value in changes.items()}
        headers = {**call.headers, **named}
        kept = {name: value for name, value in headers.items() if value is not None}
        return Call(path=call.path, body=call.body, headers=kept)

    return spoil


def _body(change: Callable[[bytes], bytes]) -> Forgery:
    """Return a call with another body under the signature of the first."""

    def spoil(call: Call, _: PaymentMethod, __: TopUp) -> Call:
        return Call(path=call.path, body=change(call.body), headers=call.headers)

    return spoil


def _signed_by(secret: str) -> Forgery:
    def spoil(call: Call, method: PaymentMethod, _: TopUp) -> Call:
        return Call(path=call.path, body=call.body, headers=till.signed(secret, call.body))

    return spoil


def _of_age(seconds: float) -> Forgery:
    def spoil(call: Call, method: PaymentMethod, _: TopUp) -> Call:
        headers = till.signed(methods.secret_of(method), call.body, age=seconds)
        return Call(path=call.path, body=call.body, headers=headers)

    return spoil


def _at(path: str) -> Forgery:
    def spoil(call: Call, _: PaymentMethod, __: TopUp) -> Call:
        return Call(path=path, body=call.body, headers=call.headers)

    return spoil


def _truly_signed(**data: Any) -> Forgery:
    """Return a call that the gateway itself has signed, about what is not our row."""

    def spoil(call: Call, method: PaymentMethod, wanted: TopUp) -> Call:
        body = till.message(wanted, **data)
        return Call(path=call.path, body=body, headers=till.signed(methods.secret_of(method), body))

    return spoil


def _replace(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda body: body.replace(old, new)


FORGERIES: Final[tuple[Forgery, ...]] = (
    _headers(id=None, timestamp=None, signature=None),
    _headers(id=None),
    _headers(timestamp=None),
    _headers(signature=None),
    _headers(signature=""),
    _headers(signature="v1,"),
    _headers(signature="v1"),
    _headers(signature="v1,AAAA"),
    _headers(signature="v1,%%%"),
    _headers(signature="v2,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
    _headers(signature="v1,a,b v1,c,d"),
    _headers(id="evt_another"),
    _headers(timestamp="0"),
    _headers(timestamp="nan"),
    _headers(timestamp="soon"),
    _headers(timestamp="9" * 300),
    _of_age(600),
    _of_age(-600),
    _signed_by("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    _body(_replace(b"amount", b"Amount")),
    _body(_replace(b'":"', b'": "')),
    _body(lambda body: body + b"\n"),
    _body(lambda body: b""),
    _body(lambda body: b"\xff" + body),
    _body(lambda body: b"[" * 50_000),
    _body(lambda body: body * 1000),
    _at("/payments/hooks/999999"),
    _truly_signed(amount="1000"),
    _truly_signed(amount="-1"),
    _truly_signed(amount="1e1"),
    _truly_signed(amount=1),
    _truly_signed(amount="0.000000001"),
    _truly_signed(currency="VND"),
    _truly_signed(currency=None),
    _truly_signed(reference="RPXXXXXXXX"),
    _truly_signed(reference=""),
    _truly_signed(reference={"$ne": None}),
)
