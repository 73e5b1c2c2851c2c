"""The ways to add money: what customers choose from, and their secrets."""

from __future__ import annotations

import base64
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from relaypanel import errors, money, vault
from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import Actor
from relaypanel.payments import vietqr
from relaypanel.payments.gateways.table import GATEWAYS
from relaypanel.payments.models import WHOLE_BP, Currency, PaymentMethod


class NoSuchMethod(errors.Refused):
    code = "no_such_payment_method"


class MethodNameNeeded(errors.Refused):
    """A name has 1 to 80 characters."""

    code = "payment_method_name_needed"


class MethodBoundsOutOfOrder(errors.Refused):
    """The least is above zero and not above the most, which an account can hold."""

    code = "payment_method_bounds"


class BonusTooLarge(errors.Refused):
    """A bonus is at most the amount."""

    code = "payment_method_bonus"


class NoSuchCurrency(errors.Refused):
    """Nobody has said what it is worth."""

    code = "payment_method_currency"


class BadBankAccount(errors.Refused):
    """Both the bank's number and the account, in signs that banks know, or neither."""

    code = "payment_method_bank"


class NoSuchProgram(errors.Refused):
    """No gateway has this name."""

    code = "payment_method_gateway"


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What the owner says of a method; texts may be empty, a currency of None is the panel's."""

    name: str
    min_e8: int
    max_e8: int
    instructions: str = ""
    currency_id: str | None = None
    bonus_bp: int = 0
    is_on: bool = True
    bank_bin: str = ""
    bank_account: str = ""
    bank_holder: str = ""
    gateway: str = ""

    def check(self) -> None:
        """Raise what stands in the way."""
        if not 0 < len(self.name.strip()) <= 80:
            raise MethodNameNeeded("a name has 1 to 80 characters")
        if not 1 <= self.min_e8 <= self.max_e8 <= money.MAX_E8:
            raise MethodBoundsOutOfOrder("the least is above zero and not above the most")
        if not 0 <= self.bonus_bp <= WHOLE_BP:
            raise BonusTooLarge("a bonus is at most 100 percent")
        if self.currency_id and not Currency.objects.filter(pk=self.currency_id).exists():
            raise NoSuchCurrency
        if (self.bank_bin or self.bank_account) and not vietqr.is_account(
            bank_bin=self.bank_bin, account=self.bank_account
        ):
            raise BadBankAccount("the bank has six digits, and an account belongs to it")
        if len(self.bank_holder) > 80:
            raise BadBankAccount("the account's holder has at most 80 characters")
        if self.gateway and self.gateway not in GATEWAYS:
            raise NoSuchProgram


def save(*, method_id: int | None, terms: Terms, by: Actor, now: datetime) -> PaymentMethod:
    """Return a new method, the last of all, or the changed one.

    What was asked for before keeps its amounts.  Raises NoSuchMethod and what Terms.check raises.
    """
    terms.check()
    with transaction.atomic():
        method = PaymentMethod(position=_last() + 1) if method_id is None else _held(method_id)
        before = {} if method_id is None else _told(method)
        for name, value in asdict(terms).items():
            setattr(method, name, value)
        method.save(update_fields=None if method_id is None else list(asdict(terms)))
        act = "payment_method.add" if method_id is None else "payment_method.change"
        _write(act, method, before, by=by, now=now)
    return method


def move(*, method_id: int, up: bool, by: Actor, now: datetime) -> None:
    """Let it change places with its neighbour; at the end of the row it stays.

    Raises NoSuchMethod.
    """
    with transaction.atomic():
        row = list(PaymentMethod.objects.select_for_update(no_key=True).order_by("position", "pk"))
        here = next((at for at, one in enumerate(row) if one.pk == method_id), None)
        if here is None:
            raise NoSuchMethod
        there = here + (-1 if up else 1)
        if not 0 <= there < len(row):
            return
        method, before = row[here], {"place": here + 1}
        row[here], row[there] = row[there], row[here]
        # Places are written anew, because those of older methods may all be the same.
        for position, one in enumerate(row, start=1):
            PaymentMethod.objects.filter(pk=one.pk).update(position=position)
        audit_log.record(
            by=by,
            act="payment_method.move",
            subject=("payment_method", method.pk),
            before=before,
            after={"place": there + 1},
            now=now,
        )


def everything() -> list[PaymentMethod]:
    """Return all methods, those that are off too, in the order of their owner."""
    return list(PaymentMethod.objects.select_related("currency").order_by("position", "pk"))


def one(method_id: int) -> PaymentMethod | None:
    return PaymentMethod.objects.filter(pk=method_id).first()


def on_offer() -> list[PaymentMethod]:
    """Return the methods that customers may choose, in the order of their owner."""
    rows = PaymentMethod.objects.filter(is_on=True).select_related("currency")
    return list(rows.order_by("position", "pk"))


def renew_secret(method: PaymentMethod) -> str:
    """Return a new signing secret for the method's gateway; the old one is dead at the commit.

    Who asked for it is written down by the caller.
    """
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


def _last() -> int:
    last: int | None = PaymentMethod.objects.aggregate(last=Max("position"))["last"]
    return last or 0


def _held(method_id: int) -> PaymentMethod:
    rows = PaymentMethod.objects.select_for_update(no_key=True)
    method = rows.filter(pk=method_id).first()
    if method is None:
        raise NoSuchMethod
    return method


def _told(method: PaymentMethod) -> dict[str, Any]:
    return {
        "name": method.name,
        "min": money.text(method.min_e8),
        "max": money.text(method.max_e8),
        "bonus_bp": method.bonus_bp,
        "currency": method.currency_id or "",
        "is_on": method.is_on,
        "instructions": method.instructions,
        "bank_bin": method.bank_bin,
        "bank_account": method.bank_account,
        "bank_holder": method.bank_holder,
        "gateway": method.gateway,
    }


def _write(
    act: str, method: PaymentMethod, before: dict[str, Any], *, by: Actor, now: datetime
) -> None:
    audit_log.record(
        by=by,
        act=act,
        subject=("payment_method", method.pk),
        before=before,
        after=_told(method),
        now=now,
    )


def _place(method: PaymentMethod) -> str:
    return f"payment-method:{method.pk}"
