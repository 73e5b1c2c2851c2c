"""Money that comes in, where a test begins."""

from __future__ import annotations

from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook

from relaypanel import clock, money
from relaypanel.accounts.models import User
from relaypanel.ledger import audit as ledger_audit
from relaypanel.ledger import book
from relaypanel.payments import audit, methods, topup
from relaypanel.payments.models import PaymentMethod, TopUp
from tests.cast import NOW


def method(**fields: Any) -> PaymentMethod:
    settings: dict[str, Any] = {
        "name": "Bank transfer",
        "min_e8": money.parse("1"),
        "max_e8": money.parse("1000"),
    }
    return PaymentMethod.objects.create(**settings | fields)


def gateway(**fields: Any) -> tuple[PaymentMethod, str]:
    """Return a method that a program may confirm, and its secret."""
    made = method(gateway="signed", **fields)
    return made, methods.renew_secret(made)


def requested(user: User, amount: str = "50", *, by: PaymentMethod | None = None) -> TopUp:
    chosen = by or PaymentMethod.objects.first() or method()
    return topup.request(
        user_id=user.pk, method_id=chosen.pk, amount_e8=money.parse(amount), now=NOW
    )


def balance(user: User) -> str:
    return money.text(book.balance(user.pk))


def books_agree() -> bool:
    return ledger_audit.prove() == [] and audit.prove() == []


def message(wanted: TopUp, **data: Any) -> bytes:
    """Return what a gateway says of a payment of this top-up."""
    told = {
        "reference": wanted.reference,
        "amount": money.text(wanted.owed_e8),
        "currency": wanted.owed_currency,
    }
    return msgspec.json.encode({"type": "payment.paid", "data": told | data})


def signed(secret: str, body: bytes, *, event_id: str = "evt_1", age: float = 0) -> dict[str, str]:
    """Return the headers that prove a body, signed so many seconds ago."""
    at = clock.now().timestamp() - age
    moment = clock.now().fromtimestamp(int(at), tz=NOW.tzinfo)
    return {
        "Webhook-Id": event_id,
        "Webhook-Timestamp": str(int(at)),
        "Webhook-Signature": Webhook(secret).sign(event_id, moment, body.decode()),
    }
