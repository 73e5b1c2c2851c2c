"""Any program of the owner's that can sign: a bot that reads the bank account, a script, a till.

It signs as Standard Webhooks does (https://www.standardwebhooks.com) and says

    {"type": "payment.paid", "data": {"reference": "RP7K3QXM9T", "amount": "50", "currency": "USD"}}
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from relaypanel import money
from relaypanel.payments.gateways.interface import Forged, Malformed, Payment

_PAID = "payment.paid"


class _Data(msgspec.Struct):
    reference: str
    amount: str
    currency: str


class _Message(msgspec.Struct):
    type: str
    data: msgspec.Raw


class Signed:
    def read(self, *, secret: str, headers: Mapping[str, str], body: bytes) -> Payment | None:
        event_id = _proven(secret, headers, body)
        try:
            message = msgspec.json.decode(body, type=_Message)
            if message.type != _PAID:
                return None
            data = msgspec.json.decode(message.data, type=_Data)
            amount_e8 = money.parse(data.amount)
        except (ValueError, RecursionError):
            raise Malformed from None
        return Payment(
            event_id=event_id,
            reference=data.reference,
            amount_e8=amount_e8,
            currency=data.currency,
        )


def _proven(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return the message's ID, once its signature and its age are proven."""
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        # What is not a signature at all comes out of the library as a ValueError.
        Webhook(secret).verify(body, lower, json_parse=False)
    except (WebhookVerificationError, ValueError):
        raise Forged from None
    event_id = lower["webhook-id"]
    if len(event_id) > 200 or not event_id.isprintable():
        raise Malformed
    return event_id
