"""The ways to add money: what customers choose from, and their secrets."""

from __future__ import annotations

import base64
import secrets

from django.db import transaction

from relaypanel import vault
from relaypanel.payments.models import PaymentMethod


def on_offer() -> list[PaymentMethod]:
    """Return the methods that customers may choose, in the order of their owner."""
    rows = PaymentMethod.objects.filter(is_on=True).select_related("currency")
    return list(rows.order_by("position", "pk"))


def renew_secret(method: PaymentMethod) -> str:
    """Return a new signing secret for the method's gateway; the old one is dead at the commit."""
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    with transaction.atomic():
        PaymentMethod.objects.filter(pk=method.pk).update(
            secret_sealed=vault.seal(secret, place=_place(method))
        )
    return secret


def secret_of(method: PaymentMethod) -> str:
    """Return the signing secret, or "" if there is none.  Raises vault.Unreadable."""
    sealed = method.secret_sealed
    return vault.unseal(sealed, place=_place(method)) if sealed else ""


def _place(method: PaymentMethod) -> str:
    return f"payment-method:{method.pk}"
