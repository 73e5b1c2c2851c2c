"""The demo shop: people with money, and services that a simulated provider fulfils."""

from __future__ import annotations

import base64
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction

from relaypanel import clock, errors, money
from relaypanel.accounts import audit_log, keys, rights, throttle, users
from relaypanel.accounts.models import Role, StaffRole, User
from relaypanel.catalogue import intake
from relaypanel.catalogue.models import Category, Platform, Service
from relaypanel.contract import OrderType
from relaypanel.ledger import book, chart, members
from relaypanel.ledger.models import Code
from relaypanel.payments import currencies, topup
from relaypanel.payments.models import PaymentMethod, TopUp
from relaypanel.providers import dialect, pricelist, refresh, registry
from relaypanel.providers.models import Provider
from relaypanel.simulator import catalogue as simulated
from relaypanel.tickets import desk
from relaypanel.tickets import staff as ticket_desk

PROVIDER: Final = "Simulated provider"
# Where `relaypanel simulator` listens unless told otherwise.
SIMULATOR_URL: Final = "http://127.0.0.1:8099/api/v2"
# One of those that each panel begins with.
STAFF_ROLE: Final = "Manager"
API_PATH: Final = "/api/v2"
MARKUP_PERCENT: Final = Decimal(20)
BALANCE_E8: Final = 100_000 * money.ONE_E8
OTHER_BALANCE_E8: Final = 1 * money.ONE_E8


class NotADemo(errors.Refused):
    """The database holds a real shop, which demo people and money would spoil."""

    code = "not_a_demo"

    def __init__(self) -> None:
        super().__init__(
            "This database has providers of its own, so it is left alone. "
            "Point DATABASE_URL at another one for a demo."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    username: str
    password: str
    api_key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Colleague(Person):
    """`totp_secret` is the seed of the authenticator app that the desk asks for."""

    totp_secret: str


def fill(*, balance_e8: int, other_balance_e8: int, now: datetime) -> dict[str, Person]:
    """Make the demo shop or bring it back in shape, and return its people by their part.

    Everybody gets a new password, and staff a new second factor; keys and orders of an earlier
    demo stay.  Raises NotADemo.
    """
    with transaction.atomic():
        _stock(now)
        people = {
            "customer": _person("demo_customer", balance_e8, now),
            "other": _person("demo_other", other_balance_e8, now),
            "staff": _colleague("demo_staff", Role.STAFF, now),
            "owner": _colleague("demo_owner", Role.OWNER, now),
        }
        _pay_in("demo_customer", now)
        _ask("demo_customer", answered_by="demo_staff", now=now)
        return people


def prepare(*, simulator_url: str) -> str:
    """Make the demo shop unless it is there, and let it order from `simulator_url`.

    Returns the API key of the demo's customer.
    """
    if not Provider.objects.filter(name=PROVIDER).exists():
        fill(balance_e8=BALANCE_E8, other_balance_e8=OTHER_BALANCE_E8, now=clock.now())
    Provider.objects.filter(name=PROVIDER).update(url=simulator_url)
    return keys.reveal(users.named("demo_customer"))


def _stock(now: datetime) -> None:
    if Provider.objects.exclude(name=PROVIDER).exists():
        raise NotADemo
    provider = Provider.objects.filter(name=PROVIDER).first() or registry.add(
        name=PROVIDER,
        url=SIMULATOR_URL,
        key=secrets.token_hex(16),
        currency=settings.CURRENCY,
        poll_seconds=1,
    )
    told = msgspec.json.encode([simulated.row(offer) for offer in simulated.SERVICES])
    listings, _ = pricelist.read(dialect.decode(told))
    refresh.record(provider_id=provider.pk, listings=listings, now=now)
    intake.add_services(provider, markup_percent=MARKUP_PERCENT, upstream_ids=None, now=now)
    # A demo that makes one wait for a day shows no refill.
    Service.objects.filter(routes__upstream__provider=provider).update(refill_after_hours=0)
    _by_hand()
    _ways_to_pay()


def _by_hand() -> None:
    """Put up one service that no provider fulfils, to be moved by `order set-status`."""
    platform, _ = Platform.objects.get_or_create(name="Làm tay ✍️", defaults={"position": 10**6})
    category, _ = Category.objects.get_or_create(platform=platform, name="Done by staff")
    Service.objects.get_or_create(
        category=category,
        name="Thiết kế ảnh bìa theo yêu cầu 🎨 | làm tay",
        defaults={
            "description": "Staff fulfil this by hand: relaypanel order set-status ID STATUS.",
            "type": OrderType.DEFAULT,
            "rate_e8": money.parse("250.5"),
            "max": 1000,
            "cancel": True,
            "position": 10**6,
        },
    )


def _colleague(username: str, role: Role, now: datetime) -> Colleague:
    person = _person(username, 0, now)
    user = users.named(username)
    staff_role = StaffRole.objects.filter(name=STAFF_ROLE).first()
    rights.appoint(
        user_id=user.pk,
        role=role,
        staff_role_id=staff_role.pk if staff_role else None,
        by=audit_log.CONSOLE,
        now=now,
    )
    secret = base64.b32encode(secrets.token_bytes(20)).decode()
    Authenticator.objects.update_or_create(
        user=user,
        type=Authenticator.Type.TOTP,
        defaults={"data": {"secret": get_adapter().encrypt(secret)}},
    )
    return Colleague(**asdict(person), totp_secret=secret)


def _ways_to_pay() -> None:
    """Let customers pay in the panel's currency by hand, and in dong with a VietQR code."""
    currencies.set_rate(code="VND", per_unit_e8=money.parse("25400"))
    bounds = {"min_e8": money.parse("1"), "max_e8": money.parse("5000")}
    PaymentMethod.objects.get_or_create(
        name="Chuyển khoản ngân hàng (VietQR)",
        defaults={
            "currency_id": "VND",
            "bank_bin": "970436",
            "bank_account": "1023456789",
            "bank_holder": "NGUYEN VAN DEMO",
            "instructions": "A demo: send nothing. The account is not real.",
            "bonus_bp": 250,
            **bounds,
        },
    )
    PaymentMethod.objects.get_or_create(
        name="USDT (TRC-20)",
        defaults={
            "instructions": "A demo: send nothing. A real panel shows its address here.",
            "position": 1,
            **bounds,
        },
    )


def _pay_in(username: str, now: datetime) -> None:
    """Let two top-ups wait for money."""
    user = users.named(username)
    if TopUp.objects.filter(user=user).exists():
        return
    method = PaymentMethod.objects.get(currency="VND")
    for amount_e8 in (20 * money.ONE_E8, 50 * money.ONE_E8):
        topup.request(user_id=user.pk, method_id=method.pk, amount_e8=amount_e8, now=now)


def _person(username: str, balance_e8: int, now: datetime) -> Person:
    password = secrets.token_urlsafe(12)
    user = User.objects.filter(username=username).first()
    if user is None:
        member = members.enrol(username=username, password=password, role=Role.CUSTOMER, now=now)
        user, api_key = member.user, member.api_key
    else:
        user.set_password(password)
        user.save(update_fields=["password"])
        api_key = keys.reveal(user)
    # A demo is for trials, and those of a machine are quick.
    throttle.set_limit(user, 0)
    _set_balance(user, balance_e8, now)
    return Person(username=username, password=password, api_key=api_key)


def _set_balance(user: User, balance_e8: int, now: datetime) -> None:
    """Bring a balance to what is asked by a movement, as all money moves."""
    missing_e8 = balance_e8 - book.lock([user.pk])[user.pk]
    if missing_e8 == 0:
        return
    sides = (chart.CASH, chart.customer(user.pk))
    debit, credit = sides if missing_e8 > 0 else sides[::-1]
    book.post(
        book.Posting(
            key=f"demo:{user.pk}:{now.isoformat()}",
            debit=debit,
            credit=credit,
            amount_e8=abs(missing_e8),
            code=Code.DEPOSIT if missing_e8 > 0 else Code.WITHDRAWAL,
            reason="demo balance",
        ),
        now=now,
    )


def _ask(username: str, *, answered_by: str, now: datetime) -> None:
    """Let the customer have asked something once, so that there is a ticket to look at."""
    user, colleague = users.named(username), users.named(answered_by)
    if user.tickets.exists():
        return
    ticket = desk.open_ticket(
        user_id=user.pk,
        subject="Đơn chạy chậm 🐢",
        text="Chào shop, đơn của mình hơn một giờ rồi mà chưa lên.\nNhờ shop kiểm tra giúp.",
        now=now,
    )
    words = "Chào bạn, đơn đang chạy rồi ạ. Thường xong trong hai giờ."
    ticket_desk.answer(ticket_id=ticket.pk, author_id=colleague.pk, text=words, now=now)
