"""Somebody who may not see money, on every page of the desk: no amount is on any of them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from relaypanel import clock, money
from relaypanel.accounts import admin_keys
from relaypanel.accounts.audit_log import CONSOLE, Actor
from relaypanel.accounts.models import Role, Scope, Section, User
from relaypanel.accounts.rights import Level
from relaypanel.catalogue import agreed, pricing_rules
from relaypanel.catalogue.models import Service
from relaypanel.catalogue.pricing_rules import Rule
from relaypanel.ledger import adjust
from relaypanel.orders.models import Order, Status
from relaypanel.providers import answers, refresh
from relaypanel.providers.answers import Listing
from relaypanel.providers.models import Provider
from relaypanel.reports import books, days, proof
from relaypanel.staff import urls
from relaypanel.storefront import profile
from relaypanel.tickets import desk as tickets
from tests import cast
from tests.catalogue.lists import LIKES, sell, sync
from tests.orders import scene
from tests.staff import people

pytestmark = pytest.mark.django_db

PATTERNS: list[URLPattern] = [one for one in urls.urlpatterns if one.name != "absent"]
# Every amount of the shop has these digits, which nothing else has.
DIGITS = "7313"
RATE = "4.7313"
ALL_BUT_MONEY = {one: Level.EDIT for one in [*Section] if one != Section.MONEY}
_AMOUNT = re.compile(r"\$\s?\d|" + DIGITS)
# The end of a key, and tokens: of thousands drawn one does have the digits.
_RANDOM = re.compile(r"••••\w+|\w{64}")


def a_shop() -> dict[str, int]:
    """Fill a shop in which money is everywhere, and return the IDs of what is in it."""
    provider = cast.provider(name="upstream")
    first = replace(LIKES, rate_e8=money.parse(RATE))
    service, other = sell(provider, first, replace(first, upstream_id="2", name="Views"))
    alice = cast.alice(balance="27313").user
    orders = [_order(alice, service, status) for status in (Status.COMPLETED, Status.PENDING)]
    lost = _order(alice, other, Status.UNCONFIRMED)
    _agree(alice, service)
    _move_prices(provider, first)
    ticket = tickets.open_ticket(
        user_id=alice.pk,
        subject="Where is it?",
        text="?",
        order_ids=[orders[0].pk],
        now=clock.now(),
    )
    admin_keys.issue(
        name="bot", user=cast.carol().user, scopes=[Scope.ORDERS_READ], by=CONSOLE, now=clock.now()
    )
    days.look(now=clock.now())
    books.look(now=clock.now())
    proof.prove(now=clock.now())
    return {
        "order_id": lost.pk,
        "user_id": alice.pk,
        "service_id": service.pk,
        "provider_id": provider.pk,
        "ticket_id": ticket.pk,
    }


def _order(alice: User, service: Service, status: Status) -> Order:
    order = scene.placed_by(alice, service)
    return scene.standing(order, status, cost_e8=money.parse("1.7313"))


def _agree(alice: User, service: Service) -> None:
    """Agree a rate, and leave a large adjustment to a second person."""
    now, rita = clock.now(), people.person("rita", Role.OWNER)
    agreed.set_rate(user_id=alice.pk, service_id=service.pk, rate="3.7313", by=CONSOLE, now=now)
    adjust.ask(
        user_id=alice.pk,
        amount_e8=money.parse("57313"),
        reason="a gift",
        alone_max_e8=0,
        by=Actor(user_id=rita.pk, address=None),
        now=now,
    )
    limit_e8 = money.parse("67313")
    wanted = replace(profile.current(), adjust_alone_max_e8=limit_e8)
    profile.save(wanted=wanted, by=CONSOLE, now=now)


def _move_prices(provider: Provider, first: Listing) -> None:
    """Let one rate move too far, and something new be listed; and have money there."""
    now = clock.now()
    pricing_rules.set_for_provider(
        provider, Rule(percent_e2=2_000, fixed_e8=money.parse("0.7313"), auto_import=False)
    )
    dear = replace(first, rate_e8=money.parse("97.313"))
    sync(provider, dear, replace(first, upstream_id="3", name="New"))
    refresh.record_balance(
        provider_id=provider.pk,
        balance=answers.Balance(amount_e8=money.parse("87313"), currency="USD"),
        now=now,
    )


def address(pattern: URLPattern, ids: dict[str, int]) -> str:
    names = pattern.pattern.converters
    return reverse(f"staff:{pattern.name}", kwargs={name: ids.get(name, 1) for name in names})


def amounts(client: Client, path: str) -> list[str]:
    """Return what looks like money on a page, with what stands around it."""
    reply = client.get(path)
    if reply.status_code != 200:
        return []
    text = _RANDOM.sub("", b"".join(reply).decode())
    return [text[max(0, found.start() - 60) : found.end() + 20] for found in _AMOUNT.finditer(text)]


class TestWhoMayNotSeeMoney:
    def test_sees_none_on_any_page(self) -> None:
        ids = a_shop()
        client = people.staff("erik", ALL_BUT_MONEY)

        seen = {one.name: amounts(client, address(one, ids)) for one in PATTERNS}

        assert {name: found for name, found in seen.items() if found} == {}

    def test_looks_at_pages_that_do_show_money_to_others(self) -> None:
        """What the test above proves: the same shop shows amounts to those who may see them."""
        ids = a_shop()
        client = people.owner()

        shown = {str(one.name) for one in PATTERNS if amounts(client, address(one, ids))}

        assert shown >= {"overview", "orders", "order", "user", "users", "services", "service"}
        assert shown >= {"provider", "price-list", "price-list-import", "quarantine", "audit-log"}
        assert shown >= {"books", "books-csv", "books-days", "books-days-csv"}
