"""What a gateway says: proven first, then held against our own row, then paid once.

Nothing in a message is believed but which of our top-ups it is about; amount and currency must be
the row's.  The event, the state and the money are one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

import structlog
from django.db import IntegrityError, transaction

from relaypanel import errors, vault
from relaypanel.payments import methods, topup
from relaypanel.payments.gateways.interface import Forged, Payment
from relaypanel.payments.gateways.table import GATEWAYS
from relaypanel.payments.models import GatewayEvent, PaymentMethod, State, TopUp

log = structlog.get_logger(__name__)


class NoSuchGateway(errors.Refused):
    """No method has this number and a gateway."""

    code = "no_such_gateway"


class DoesNotMatch(errors.Refused):
    """It is about no top-up of this method, or not of this amount in this currency."""

    code = "does_not_match"


class Outcome(Enum):
    PAID = "paid"
    # It was paid before: told again, or staff were quicker.
    KNOWN = "known"
    # It is about something else than a payment.
    IGNORED = "ignored"


def receive(*, method_id: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Outcome:
    """Return what became of a message.

    Raises NoSuchGateway, interface.Forged, interface.Malformed and DoesNotMatch.
    """
    method = PaymentMethod.objects.filter(pk=method_id).exclude(gateway="").first()
    gateway = GATEWAYS.get(method.gateway) if method else None
    if method is None or gateway is None:
        raise NoSuchGateway
    payment = gateway.read(secret=_secret(method), headers=headers, body=body)
    if payment is None:
        return Outcome.IGNORED
    return _settle(method, payment, now=now)


def _secret(method: PaymentMethod) -> str:
    """Return the secret; without one nothing can be proven, and nothing is believed."""
    try:
        secret = methods.secret_of(method)
    except vault.Unreadable:
        secret = ""
    if not secret:
        raise Forged
    return secret


def _settle(method: PaymentMethod, payment: Payment, *, now: datetime) -> Outcome:
    wanted = _matching(method, payment)
    try:
        with transaction.atomic():
            # The same event told twice at once waits here, and then finds the first.
            GatewayEvent.objects.create(
                method=method, event_id=payment.event_id, topup=wanted, at=now
            )
            return _confirm(wanted, now=now)
    except IntegrityError:
        if GatewayEvent.objects.filter(method=method, event_id=payment.event_id).exists():
            return Outcome.KNOWN
        raise


def _matching(method: PaymentMethod, payment: Payment) -> TopUp:
    wanted = TopUp.objects.filter(method=method, reference=payment.reference).first()
    if wanted is None:
        raise DoesNotMatch
    if (payment.amount_e8, payment.currency) != (wanted.owed_e8, wanted.owed_currency):
        log.warning("payment_does_not_match", topup=wanted.pk, message=payment.event_id)
        raise DoesNotMatch
    return wanted


def _confirm(wanted: TopUp, *, now: datetime) -> Outcome:
    try:
        topup.confirm(topup_id=wanted.pk, by=topup.GATEWAY, now=now)
    except topup.AlreadyDecided as decided:
        if decided.state is State.REJECTED:
            # Staff said that no money came, and now it has: they look again.
            log.warning("payment_of_a_rejected_topup", topup=wanted.pk)
        return Outcome.KNOWN
    return Outcome.PAID
