"""The people and things of the tests: Alice buys, Bob is a stranger, Carol is staff."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

from relaypanel import money
from relaypanel.accounts.models import Role, User
from relaypanel.catalogue.models import Category, Platform, Route, Service
from relaypanel.contract import TYPES, OrderType
from relaypanel.ledger import book, chart, members
from relaypanel.ledger.models import Code
from relaypanel.providers import registry
from relaypanel.providers.models import Provider, UpstreamService

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

_numbers = itertools.count(1)


def alice(*, balance: str = "0") -> members.Enrolled:
    return _member("alice", Role.CUSTOMER, balance)


def bob(*, balance: str = "0") -> members.Enrolled:
    return _member("bob", Role.CUSTOMER, balance)


def carol() -> members.Enrolled:
    return _member("carol", Role.STAFF, "0")


def fund(user: User, amount: str) -> None:
    book.post(
        book.Posting(
            key=f"test:deposit:{next(_numbers)}",
            debit=chart.CASH,
            credit=chart.customer(user.id),
            amount_e8=money.parse(amount),
            code=Code.DEPOSIT,
        ),
        now=NOW,
    )


def service(*, type: OrderType = OrderType.DEFAULT, rate: str = "0.9", **fields: Any) -> Service:
    platform, _ = Platform.objects.get_or_create(name="Dịch vụ Facebook")
    category, _ = Category.objects.get_or_create(platform=platform, name="FB Like 👍")
    settings: dict[str, Any] = {"min": 10, "max": 10_000, "rate_per": TYPES[type].rate_per}
    settings |= {"name": f"Service {next(_numbers)} 🇻🇳"} | fields
    return Service.objects.create(
        category=category, type=type.value, rate_e8=money.parse(rate), **settings
    )


def provider(*, name: str = "upstream", **fields: Any) -> Provider:
    added = registry.add(name=name, url="https://upstream.example/api/v2", key="its-key")
    Provider.objects.filter(pk=added.pk).update(**fields)
    added.refresh_from_db()
    return added


def route(service: Service, provider: Provider, *, upstream_id: str = "77") -> UpstreamService:
    """Let `provider` fulfil `service`."""
    upstream, _ = UpstreamService.objects.get_or_create(
        provider=provider,
        upstream_id=upstream_id,
        defaults={
            "name": service.name,
            "type": service.type,
            "rate_e8": service.rate_e8 // 2,
            "min": service.min,
            "max": service.max,
            "refill": service.refill_days is not None,
            "cancel": service.cancel,
            "dripfeed": service.dripfeed,
            "seen_at": NOW,
        },
    )
    Route.objects.create(service=service, upstream=upstream)
    return upstream


def _member(username: str, role: Role, balance: str) -> members.Enrolled:
    member = members.enrol(username=username, password=None, role=role, now=NOW)
    if balance != "0":
        fund(member.user, balance)
    return member
